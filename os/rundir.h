/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /run/nfs-reclaim: what the programs show of themselves while the host is up.
 */
#ifndef NFS_RECLAIM_OS_RUNDIR_H
#define NFS_RECLAIM_OS_RUNDIR_H

#include <sys/types.h>

#define RUNDIR_PATH "/run/nfs-reclaim"

/*
 * Makes the directory @path (0755, root's) and in it @sub, which belongs to
 * @uid and @gid and which everybody may read, and a link RUNDIR/@file to
 * @sub/@file; what is there already is put right.  For root, before that is
 * given up: who replaces a file must own its directory, and RUNDIR is root's.
 * Return: a descriptor of @sub.
 * Errors: -errno.
 */
int rundir_open(const char *path, const char *sub, const char *file, uid_t uid,
		gid_t gid);

/*
 * Makes @len bytes the content of @file (0644) in @dir, at once: readers see
 * the old or the new content.  Nothing is flushed; /run is memory.
 * Errors: -errno; the old content is there then.
 */
int rundir_replace(int dir, const char *file, const void *bytes, size_t len);

#endif
