/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The commands of nfsdcltrack, one per call of the program.  The kernel names
 * the client in an argument and says the rest in the environment:
 *
 *   NFSDCLTRACK_GRACE_START          when nfsd started, in seconds
 *   NFSDCLTRACK_CLIENT_HAS_SESSION   Y from version 4.1 on
 *   NFSDCLTRACK_LEGACY_RECDIR        what an older kernel made for the client
 *   NFSDCLTRACK_LEGACY_TOPDIR        where it made all of them
 * Source: contract.md 6.2.
 */
#ifndef NFS_RECLAIM_CLTRACK_COMMAND_H
#define NFS_RECLAIM_CLTRACK_COMMAND_H

/*
 * Does the command @name with @argument (NULL: none) on the database in the
 * directory @dir.
 * Return: 0 or -errno, which has been logged: -ENOSYS where there is no such
 *         command, -EINVAL for a missing or bad argument, -EACCES, -EPERM,
 *         -EREMOTEIO by command.
 */
int command_run(const char *dir, const char *name, const char *argument);

#endif
