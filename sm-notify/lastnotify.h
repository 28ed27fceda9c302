/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /run/nfs-reclaim/last-notify: the run and each of its peers, one JSON object
 * per line (doc/formats.md), for whoever wants to know who was told.
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_LASTNOTIFY_H
#define NFS_RECLAIM_SM_NOTIFY_LASTNOTIFY_H

#include <stdint.h>

#include "os/loop.h"
#include "sm-notify/notify.h"

#define LASTNOTIFY_DIR	"notify" /* below RUNDIR_PATH */
#define LASTNOTIFY_FILE "last-notify"

struct lastnotify;

/* About the run. */
struct lastnotify_config {
	int dir;	       /* where the file goes; taken */
	struct notify *notify; /* borrowed */
	const char *mode;      /* "boot", "force", "copy" */
	const char *directory; /* STATE */
	const char *source;    /* -v, or NULL */
	uint32_t number;
};

/*
 * Begins to write about @config->notify.
 * Owns:   lastnotify_free() ends it; the strings are borrowed for as long.
 */
struct lastnotify *lastnotify_new(const struct lastnotify_config *config);

/*
 * Writes the file now, and has lastnotify_poke() write it from @loop.
 */
void lastnotify_start(struct lastnotify *last, struct loop *loop);

/*
 * Has the file written soon, where something has changed; at most once a
 * second, and less often where there is much to write.
 */
void lastnotify_poke(struct lastnotify *last);

/*
 * Writes the file for the last time: the run ended, "done", "given up" or
 * "stopped".  The loop is not used any more.
 */
void lastnotify_end(struct lastnotify *last, const char *how);

/*
 * Frees @last; the file stays.  NULL is fine.
 */
void lastnotify_free(struct lastnotify *last);

#endif
