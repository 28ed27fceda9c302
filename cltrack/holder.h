/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A child that keeps nfsd's pipe open while nobody serves it.  Without, nfsd
 * gives up 30 s after a crash of the daemon, ends the grace period, and no
 * client may reclaim (contract.md 11).
 *
 * It never reads, and it does not stay for long: it ends when the pipe goes,
 * when the next nfsdcld has the pipe open and says so, when the daemon ends in
 * peace, and HOLDER_S seconds after a daemon that did not.
 */
#ifndef NFS_RECLAIM_CLTRACK_HOLDER_H
#define NFS_RECLAIM_CLTRACK_HOLDER_H

#define HOLDER_S 300 /* without a daemon */

struct holder;

/*
 * Starts the child, which holds nothing yet: the pipe @pipe_path, on holder_
 * hold().  While it is alone it has a record lock on @lock_path, by which the
 * next daemon finds it.
 * ORDER:  after capabilities are given up, before the first thread.
 * Return: NULL where it cannot be started, which was logged.
 * Owns:   holder_end() ends it.
 */
struct holder *holder_start(const char *pipe_path, const char *lock_path);

/*
 * Has the child open the pipe; we have done so.  Ends the one that a daemon
 * before us has left behind.  @holder may be NULL.
 */
void holder_hold(struct holder *holder, const char *lock_path);

/*
 * Has the child close the pipe.  @holder may be NULL.
 */
void holder_release(struct holder *holder);

/*
 * Ends the child, now; NULL is fine.
 */
void holder_end(struct holder *holder);

#endif
