/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Directories and files that live as long as the boot.  A program that has
 * given up root writes in a directory of its own, below the one of root that
 * everybody knows.
 */
#include "os/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/stat.h>

#define DIR_MODE  0755
#define FILE_MODE 0644

/* Opens the directory @name in @at, made where it is missing. */
static int open_dir(int at, const char *name, int *fd)
{
	if (mkdirat(at, name, DIR_MODE) != 0 && errno != EEXIST)
		return -errno;
	*fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return *fd < 0 ? -errno : 0;
}

/* The umask has no say, nor has what stood there before. */
static int own_dir(int fd, uid_t uid, gid_t gid)
{
	if (fchown(fd, uid, gid) != 0 || fchmod(fd, DIR_MODE) != 0)
		return -errno;
	return 0;
}

static int make_link(int dir, const char *sub, const char *file)
{
	char target[PATH_MAX];

	snprintf(target, sizeof(target), "%s/%s", sub, file);
	if (symlinkat(target, dir, file) == 0 || errno == EEXIST)
		return 0;
	return -errno;
}

int rundir_open(const char *path, const char *sub, const char *file, uid_t uid,
		gid_t gid)
{
	int dir = -1, fd = -1;
	int error = open_dir(AT_FDCWD, path, &dir);

	if (error == 0)
		error = own_dir(dir, geteuid(), getegid());
	if (error == 0)
		error = open_dir(dir, sub, &fd);
	if (error == 0)
		error = own_dir(fd, uid, gid);
	if (error == 0)
		error = make_link(dir, sub, file);
	if (dir >= 0)
		close(dir);
	if (error == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return error;
}

static int write_all(int fd, const char *bytes, size_t len)
{
	ssize_t put;

	while (len > 0) {
		put = write(fd, bytes, len);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return put < 0 ? -errno : -EIO;
		bytes += put;
		len -= (size_t)put;
	}
	return 0;
}

int rundir_replace(int dir, const char *file, const void *bytes, size_t len)
{
	char made[NAME_MAX + 1];
	int fd, error;

	snprintf(made, sizeof(made), ".%.200s.new", file);
	fd = openat(dir, made,
		    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		    FILE_MODE);
	if (fd < 0)
		return -errno;
	error = write_all(fd, bytes, len);
	if (error == 0 && fchmod(fd, FILE_MODE) != 0)
		error = -errno;
	close(fd);
	if (error == 0 && renameat(dir, made, dir, file) != 0)
		error = -errno;
	if (error != 0)
		(void)unlinkat(dir, made, 0);
	return error;
}
