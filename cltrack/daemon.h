/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the core of nfsdcld lives in: pipe, database, holder.  Carries the
 * core's effects out and feeds back what came of them.  It decides nothing
 * about clients; that is cltrack/cld.c.
 */
#ifndef NFS_RECLAIM_CLTRACK_DAEMON_H
#define NFS_RECLAIM_CLTRACK_DAEMON_H

#include "cltrack/place.h"
#include "cltrack/settings.h"
#include "os/loop.h"

struct daemon;

/*
 * Opens the database in @place, imports into it what other trackers left, and
 * begins to listen to nfsd.
 * ORDER:  after capabilities are given up: it starts a child and a thread.
 * Return: NULL where that cannot be; the reason was logged.
 * Owns:   daemon_free() ends it; @place and @settings are borrowed.
 */
struct daemon *daemon_new(struct loop *loop, const struct settings *settings,
			  struct place *place);

/*
 * Writes one page about the core to the log.
 */
void daemon_log_status(const struct daemon *daemon);

/*
 * Finishes what is queued for the disk, leaves the database as one file, and
 * ends the holder; NULL is fine.
 */
void daemon_free(struct daemon *daemon);

#endif
