/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which clients of NFSv4.0 nfsd holds state for now, as it shows them in
 * /proc/fs/nfsd/clients (Linux 5.3 and later).
 */
#ifndef NFS_RECLAIM_CLTRACK_ALIVE_H
#define NFS_RECLAIM_CLTRACK_ALIVE_H

#include "cltrack/clientlist.h"

#define ALIVE_DIR "/proc/fs/nfsd/clients"
#define ALIVE_MAX 65536u /* entries that are looked at */

/*
 * Adds to @list each confirmed client of minor version 0 with an open, a lock
 * or a delegation, from the directories in @dir.  One that cannot be read, or
 * goes away meanwhile, is left out.
 * Errors: -errno of @dir, of the first entry that could not be read, or -E2BIG;
 *         *list has the others.
 * Owns:   clientlist_fini() ends @list.
 */
int alive_read(const char *path, struct clientlist *list);

#endif
