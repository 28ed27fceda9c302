/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads what an sm-notify left in /run, and adds to it that its work was taken
 * over.  What follows from that is os/bootturn's business.
 */
#include "os/bootmark.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <linux/magic.h>

#include "lib/buf.h"
#include "os/durable.h"
#include "os/statedir.h"

int bootmark_read(const char *path, struct pidrec *rec)
{
	struct buf bytes;
	int error;

	*rec = (struct pidrec){0};
	buf_init(&bytes, STATEDIR_SMALL_MAX);
	error = durable_read(AT_FDCWD, path, &bytes);
	if (error == 0)
		pidrec_parse(bytes.bytes, bytes.len, rec);
	buf_fini(&bytes);
	return error;
}

bool bootmark_is_same_file(const char *a, const char *b)
{
	struct stat sa, sb;

	return stat(a, &sa) == 0 && stat(b, &sb) == 0 &&
	       sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

/*
 * Whether @mark stands in for a lost state.boot.  Not for one of another boot:
 * on shared storage that is of another machine, which had the directory since
 * this one wrote @mark, and whose peers are to be told.
 */
static bool is_ours(const struct pidrec *mark,
		    const struct bootturn_place *place, int dir,
		    const struct bootrec *rec)
{
	struct stat st;

	if (rec->key[0] != '\0' && strcmp(rec->key, BOOTREC_NO_KEY) != 0)
		return false;
	return strcmp(mark->key, place->key) == 0 && fstat(dir, &st) == 0 &&
	       mark->device == st.st_dev && mark->inode == st.st_ino;
}

enum bootmark bootmark_find(const struct bootturn_place *place, int dir,
			    const struct bootrec *rec)
{
	struct pidrec mark;
	struct statfs fs;

	if (bootmark_read(place->notify_pid, &mark) != 0)
		return BOOTMARK_NONE;
	if (mark.has_key)
		return is_ours(&mark, place, dir, rec) ? BOOTMARK_OURS
						       : BOOTMARK_NONE;
	/* On a disk it may be of any boot. */
	if (mark.pid == 0 || statfs(place->notify_pid, &fs) != 0 ||
	    fs.f_type != TMPFS_MAGIC ||
	    !bootmark_is_same_file(place->state_dir, place->default_dir))
		return BOOTMARK_NONE;
	return BOOTMARK_NFS_UTILS;
}

int bootmark_write(const struct bootturn_place *place, int dir)
{
	struct pidrec rec;
	char text[BOOTREC_LEN_MAX];
	struct stat st;
	bool is_written;
	size_t len;
	int fd;

	if (bootmark_read(place->notify_pid, &rec) != 0 || fstat(dir, &st) != 0)
		return -EIO;
	rec.has_key = true;
	memcpy(rec.key, place->key, sizeof(rec.key));
	rec.device = st.st_dev;
	rec.inode = st.st_ino;
	len = pidrec_format(&rec, text);
	fd = open(place->notify_pid, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* ORDER: write, then cut.  An empty file would say that nobody ran. */
	is_written = write(fd, text, len) == (ssize_t)len &&
		     ftruncate(fd, (off_t)len) == 0;
	close(fd);
	return is_written ? 0 : -EIO;
}
