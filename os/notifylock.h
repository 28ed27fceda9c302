/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /run/sm-notify.pid: that sm-notify ran in this boot, on which directory, and
 * whether one is running (design section 4).  The lock, not the number in it,
 * says that somebody lives.
 */
#ifndef NFS_RECLAIM_OS_NOTIFYLOCK_H
#define NFS_RECLAIM_OS_NOTIFYLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "os/bootturn.h"

/* The pid file of sm-notify, held for as long as it notifies. */
struct notify_lock {
	int fd;	      /* -1: not held */
	bool is_made; /* this run found no pid file and made it */
};

enum notify_lock_status {
	NOTIFY_LOCK_HELD,    /* we are the one running sm-notify */
	NOTIFY_LOCK_RUNNING, /* another one is; *pid is its process, or 0 */
};

/*
 * Takes the pid file @place->notify_pid: makes it where there is none, writes
 * our pid, key and directory, and locks it.
 * Errors: -errno.
 * Owns:   notify_lock_release() ends it.
 */
int notify_lock_take(const struct bootturn_place *place,
		     struct notify_lock *lock, enum notify_lock_status *status,
		     int32_t *pid);

/*
 * Writes the pid of this process into the file that @lock holds (after a
 * fork).
 * Errors: -errno.
 */
int notify_lock_set_pid(const struct bootturn_place *place,
			struct notify_lock *lock);

/*
 * Lets go of the pid file; it stays, as the mark of this boot.
 */
void notify_lock_release(struct notify_lock *lock);

#endif
