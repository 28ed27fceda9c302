/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files that survive a power failure.  Creating and replacing follow design
 * decision 5: what was never acknowledged may be torn; what was acknowledged
 * is only ever replaced by a rename of a file that is already on the disk.
 */
#ifndef NFS_RECLAIM_OS_DURABLE_H
#define NFS_RECLAIM_OS_DURABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/buf.h"

#define DURABLE_NAME_SIZE 256 /* any file name, with its NUL */

/*
 * Reads the regular file @name in @dir whole.
 * Errors: -errno; -EFBIG where it does not fit into @out, -ELOOP or -EINVAL
 *         where it is no regular file.  Never waits (O_NONBLOCK, O_NOFOLLOW).
 */
int durable_read(int dir, const char *name, struct buf *out);

/*
 * Reads the first bytes, at most @size, of the regular file @name in @dir.
 * Return: how many there were, or -errno as durable_read(), but for -EFBIG.
 */
ssize_t durable_read_start(int dir, const char *name, void *out, size_t size);

/*
 * Returns a phrase for an error of the two, for the log.
 * Owns:   static.
 */
const char *durable_read_error(int error);

/*
 * Creates @name in @dir with @len bytes and @mode; the file is on the disk
 * afterwards, its name only after durable_sync().  Where we are root and may,
 * it belongs to the owner of @dir. Errors: -errno, -EEXIST where the name is
 * taken, -ENAMETOOLONG; a file that was made but not completed is removed
 * again.
 */
int durable_create(int dir, const char *name, const void *bytes, size_t len,
		   mode_t mode);

/*
 * Makes @name in @dir hold exactly @len bytes: temporary file, fsync, rename.
 * The old or the new content is there after a crash, whole; the new one for
 * certain only after durable_sync().  Where we are root and may, it belongs to
 * the owner of the file that is replaced, else of @dir.
 * Range:  the temporary name does not depend on @name, so any one up to
 *         NAME_MAX works (contract.md D-8); see durable_is_temporary().
 * Errors: -errno; the old content is then still there.
 */
int durable_replace(int dir, const char *name, const void *bytes, size_t len,
		    mode_t mode);

/*
 * Makes @name in @dir hold exactly @len bytes, as durable_replace() does but
 * without any flush: the old or the new content is there, whole, if this
 * process dies at any moment; a power failure may leave anything.
 * Errors: -errno; the old content is then still there.
 */
int durable_swap(int dir, const char *name, const void *bytes, size_t len,
		 mode_t mode);

enum durable_how {
	DURABLE_NEW,
	DURABLE_REPLACE,
	DURABLE_ASIDE, /* what has the name, even a directory, moves first */
	DURABLE_SWAP,  /* a replacement that is not durable at all, but whole */
};

/*
 * A create or replace in two steps, so that many share the disk's time.  The
 * first four fields are the caller's.
 */
struct durable_file {
	int dir;
	const char *name;
	enum durable_how how;
	mode_t mode;
	int fd;
	char made[DURABLE_NAME_SIZE]; /* what lies in @dir until the end */
};

/*
 * Writes the @len bytes at @bytes and lets the disk begin.
 * Errors: as durable_create() and durable_replace(); nothing is left behind.
 * Owns:   durable_finish() ends it after 0.
 */
int durable_begin(struct durable_file *file, const void *bytes, size_t len);

/*
 * Waits until the bytes are on the disk, and puts a replacement in its place.
 * Errors: -errno; nothing is left behind, and an old content is still there.
 */
int durable_finish(struct durable_file *file);

/*
 * Writes the name, in the same directory, that DURABLE_ASIDE gives to what is
 * in the way of @file: ".unreadable-" and 16 hex digits.  Nobody removes it.
 */
void durable_aside_name(const struct durable_file *file,
			char out[static DURABLE_NAME_SIZE]);

/*
 * Tells whether @name is one that durable_replace() gives to its temporary
 * files: in a directory of ours, one of a crash, to be removed.
 */
bool durable_is_temporary(const char *name);

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

/*
 * The same for every name without a leading dot that is no regular file (a
 * directory but lost+found, a link, a FIFO): what durable_each() passes over.
 */
int durable_each_odd(int dir, int (*visit)(void *ctx, const char *name),
		     void *ctx);

/*
 * Removes the temporary files that a crash left in @dir.  The caller sees to it
 * that nobody is replacing a file there.
 * Errors: -errno.
 */
int durable_clean(int dir);

#endif
