/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where an nfsdcld works, and that it works there alone: one for each network
 * namespace, since nfsd has one pipe in each, and one for each storage
 * directory.
 */
#ifndef NFS_RECLAIM_CLTRACK_PLACE_H
#define NFS_RECLAIM_CLTRACK_PLACE_H

#include <limits.h>

#include "cltrack/slots.h"

struct place {
	char storage_dir[PATH_MAX]; /* absolute */
	char lock_path[PATH_MAX];   /* in there */
	int lock_fd;
	struct slots *slots;
};

/*
 * Makes the storage directory (0700) where it is missing, and takes both locks.
 * What is wrong is logged, with whoever holds it.
 * ORDER:  as root: not everything on the way need be root's.
 * Return: 0, or -errno.
 * Owns:   place_close() ends *place, also after an error.
 */
int place_open(struct place *place, const char *storage_dir);

/*
 * Lets go of both locks.
 */
void place_close(struct place *place);

#endif
