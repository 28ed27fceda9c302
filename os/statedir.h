/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A state directory: sm/, sm.bak/, `state` and `state.boot` under the lock of
 * STATE/.lock (doc/formats.md).
 */
#ifndef NFS_RECLAIM_OS_STATEDIR_H
#define NFS_RECLAIM_OS_STATEDIR_H

#include <stdint.h>
#include <sys/stat.h>

#include "lib/statenum.h"

#define STATEDIR_SMALL_MAX    4096 /* bytes of state, state.boot, a pid file */
#define STATEDIR_LOCK_WAIT_MS 10000u /* a turn holds a lock for moments */

/* Descriptors, -1 where not open. */
struct statedir {
	int dir;
	int sm;
	int bak;
	int lock;
};

/*
 * Opens the directory @path, nothing in it.
 * Errors: -errno; statedir_close() is wanted even then.
 * Owns:   statedir_close() ends it.
 */
int statedir_open(struct statedir *dir, const char *path);

/*
 * Opens sm/ and sm.bak/, made (0700, of statedir_owner()) where they are
 * missing.
 * Errors: -errno.
 */
int statedir_open_records(struct statedir *dir);

/*
 * Tells whose the records in the directory @path are: the owner of sm/, where
 * there is none that of sm.bak/, else that of @path itself.
 * Errors: -errno where @path cannot be opened.
 */
int statedir_owner(const char *path, struct stat *owner);

/*
 * Takes the lock LOCK_SH or LOCK_EX (flock) on @fd, which may be held for a
 * moment: by a turn, or by one that looks whether a statd lives here.
 * Errors: -EBUSY after STATEDIR_LOCK_WAIT_MS, -errno.
 */
int statedir_wait_lock(int fd, int operation);

/*
 * Takes STATE/.lock, made where it is missing (0600).  Nothing that the turn
 * changes may be looked at before.
 * Errors: as statedir_wait_lock().
 */
int statedir_lock(struct statedir *dir);

/*
 * Closes what is open, which ends the lock.
 */
void statedir_close(struct statedir *dir);

/*
 * Reads the file `state` in the directory @dir into *number, 0 on error.
 * Errors: -ENOENT where it is missing or empty, -EBADMSG where it is shorter
 *         than a number or holds none, -errno.
 * Source: contract.md 3.1.
 */
int statedir_number_at(int dir, uint32_t *number);

/*
 * Returns a phrase for an error of statedir_number_at(), for the log.
 * Owns:   static.
 */
const char *statedir_number_error(int error);

/*
 * Reads `state` into *number; 0 where it is missing or no usable number, which
 * is logged.
 * Errors: -errno where it cannot be read; logged, too.
 */
int statedir_read_number(const struct statedir *dir, uint32_t *number);

/*
 * Makes @number the content of `state`, durably; owner and mode stay.
 * Errors: -errno; the old number is there then.
 */
int statedir_write_number(const struct statedir *dir, uint32_t number);

/*
 * Reads `state.boot`; a missing or damaged one (which is logged) says nothing:
 * all zero.
 */
void statedir_read_bootrec(const struct statedir *dir, struct bootrec *rec);

/*
 * Makes @rec the content of `state.boot`, durably.
 * Errors: -errno; the old content is there then.
 */
int statedir_write_bootrec(const struct statedir *dir,
			   const struct bootrec *rec);

#endif
