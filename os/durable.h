/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files that survive a power failure.  Creating and replacing follow design
 * decision 5: what was never acknowledged may be torn; what was acknowledged
 * is only ever replaced by a rename of a file that is already on the disk.
 */
#ifndef NFS_RECLAIM_OS_DURABLE_H
#define NFS_RECLAIM_OS_DURABLE_H

#include <stddef.h>
#include <sys/types.h>

#include "lib/buf.h"

/*
 * Reads the regular file @name in @dir whole.
 * Errors: -errno; -EFBIG where it does not fit into @out, -ELOOP or -EINVAL
 *         where it is no regular file.  Never waits (O_NONBLOCK, O_NOFOLLOW).
 */
int durable_read(int dir, const char *name, struct buf *out);

/*
 * Creates @name in @dir with @len bytes and @mode; the file is on the disk
 * afterwards, its name only after durable_sync().
 * Errors: -errno, -EEXIST where the name is taken; a file that was made but not
 *         completed is removed again.
 */
int durable_create(int dir, const char *name, const void *bytes, size_t len,
		   mode_t mode);

/*
 * Makes @name in @dir hold exactly @len bytes: temporary file, fsync, rename.
 * The old or the new content is there after a crash, whole; the new one for
 * certain only after durable_sync().  Owner and group stay those of a file
 * that is replaced.
 * Range:  the temporary name is ".N.new" with a name of its own, so any @name
 *         up to NAME_MAX works (contract.md D-8).
 * Errors: -errno; the old content is then still there.
 */
int durable_replace(int dir, const char *name, const void *bytes, size_t len,
		    mode_t mode);

/*
 * Makes names that were created, replaced, removed or moved in @dir durable.
 * Errors: -errno.
 */
int durable_sync(int dir);

/*
 * Calls @visit for every regular file in @dir whose name has no leading dot.
 * @visit returns 0 to go on or -errno to stop.
 * Errors: -errno of the directory or of @visit.  An error is never an empty
 *         directory (contract.md D-13).
 */
int durable_each(int dir, int (*visit)(void *ctx, const char *name), void *ctx);

#endif
