/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mounts of this process, read again when they have changed.
 */
#ifndef NFS_RECLAIM_OS_MOUNTS_H
#define NFS_RECLAIM_OS_MOUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/mounts.h"

#define MOUNTS_READ_MS 1000u /* they are read no more often */

struct mountwatch;

/*
 * Reads the servers of NFS mounts, as they are now, into *out; none where the
 * table cannot be read.
 */
void mounts_read(struct mounts *out);

/*
 * Watches /proc/self/mountinfo.  Where that cannot be, nothing is mounted.
 * Owns:   mountwatch_free() ends it.
 */
struct mountwatch *mountwatch_new(void);

/*
 * Reads the servers of NFS mounts into *out, where they may have changed since
 * the last time and that is MOUNTS_READ_MS ago.  Never waits.
 * Return: false where *out was not touched.
 */
bool mountwatch_read(struct mountwatch *watch, uint64_t now_ms,
		     struct mounts *out);

/*
 * Ends @watch; NULL is fine.
 */
void mountwatch_free(struct mountwatch *watch);

#endif
