/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What makes a process a daemon: the background, the pid file, readiness, and
 * children with clean hands.
 */
#ifndef NFS_RECLAIM_OS_PROCESS_H
#define NFS_RECLAIM_OS_PROCESS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Goes to the background: forks, and the parent stays until the child calls
 * process_ready() and leaves with its status, or with 1 where the child ends
 * without.  In the child: new session, /, standard descriptors on /dev/null,
 * all others closed but those @count at @keep (-1 counts for none).
 * Return: in the child, a descriptor for process_ready().
 * Errors: -errno, in the process that called.
 * Source: contract.md 2.2 step 5.
 */
int process_background(const int *keep, size_t count);

/*
 * Says that the program is ready: 0 to the waiting parent (@ready_fd, -1 where
 * there is none), and READY=1 to $NOTIFY_SOCKET where it is set.  Closes
 * @ready_fd.
 */
void process_ready(int ready_fd);

/*
 * Gives a child another name in ps(1) and pgrep(1), so that it is not taken for
 * the daemon.
 * Range:  of @name 15 bytes count.
 */
void process_rename(const char *name);

/*
 * Opens, locks and fills the pid file @path: pid and LF.
 * Return: a descriptor that holds it;
 * Errors: -EWOULDBLOCK where a living process holds it; -errno.
 * Source: contract.md 2.2 step 8, S-13.
 */
int process_pidfile(const char *path);

/*
 * Empties the pid file @fd and closes it (COMPAT: nfs-utils truncates, too).
 */
void process_pidfile_end(int fd);

/*
 * Runs @argv (argv[0] is the path) with standard input on /dev/null and no
 * other descriptors of ours, without waiting.
 * Return: its pid.
 * Errors: -errno; a program that cannot be executed ends with status 127.
 */
int process_spawn(const char *const *argv);

#define PROCESS_CHILD_FD 3 /* a forked child's end of the pair */

/*
 * Forks a child that shares a socket pair of @type (SOCK_STREAM or
 * SOCK_SEQPACKET) with us and nothing else: its end is PROCESS_CHILD_FD, all
 * above is closed, the log is opened again.  No signal is blocked there, none
 * has a handler of ours, and those are ignored that are sent to all of a
 * daemon's processes and meant for the daemon (HUP, INT, TERM, USR1, USR2) or
 * speak of a socket (PIPE); the end of the socket says that we are gone.
 * Return: 0 in the child; its pid, with our end in *fd, which the caller
 *         closes.
 * Errors: -errno, in the parent.
 */
int process_fork_child(int type, int *fd);

/*
 * Waits until the child @pid ends.
 * Return: its exit status, 128 + signal.
 * Errors: -errno.
 */
int process_wait(int pid);

/*
 * Raises the soft limit of descriptors to at least @count where the hard limit
 * allows.
 * Return: how many there may be now, or @count where that is fewer.
 */
unsigned int process_allow_descriptors(unsigned int count);

/*
 * Fills @len bytes at @bytes with random ones; aborts where the kernel has
 * none.
 */
void process_random(void *bytes, uint32_t len);

#endif
