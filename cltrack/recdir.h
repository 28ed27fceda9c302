/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The recovery directory of old kernels: one empty directory for each client,
 * named by the MD5 of its id, 32 hex digits in lower case.  The kernel may
 * still know a client by that name.
 * Source: contract.md 6.1, 6.2, 6.5.
 */
#ifndef NFS_RECLAIM_CLTRACK_RECDIR_H
#define NFS_RECLAIM_CLTRACK_RECDIR_H

#include <stdbool.h>

#define RECDIR_NAME_LEN 32

/*
 * Calls @visit for the name of each client in the directory @path; it returns 0
 * to go on or -errno to stop.  What is no such directory is passed over.
 * Errors: -errno of the directory or of @visit, not logged.
 */
int recdir_each(const char *path, int (*visit)(void *arg, const char *name),
		void *arg);

/*
 * Tells whether there is a directory @path.
 */
bool recdir_has(const char *path);

/*
 * Removes the empty directories of clients in the directory @path, and nothing
 * else; what cannot be removed is logged.
 * Errors: -errno of the directory, not logged.
 */
int recdir_clean(const char *path);

#endif
