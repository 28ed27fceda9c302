/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk that a system test tells what to do, for LD_PRELOAD: the flushes,
 * fsync() and fdatasync(), and read().  In the directory that DISKSHIM names,
 *   hold-file, hold-directory   flushes of that kind wait while it is there
 *   fail-file, fail-directory   the next such flush takes it away and fails
 *   bad-NAME                    what is called NAME cannot be read
 *   log                         gets one line "held KIND", "failed KIND" or
 *                               "done KIND" for each, as it happens
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define PATH_SIZE 512
#define STEP_NS	  20000000L /* between two looks */

static void path_of(const char *what, const char *kind,
		    char out[static PATH_SIZE])
{
	const char *dir = getenv("DISKSHIM");

	(void)snprintf(out, PATH_SIZE, "%s/%s%s", dir != NULL ? dir : "", what,
		       kind);
}

/* One write to a file opened to append: lines of two threads do not mix. */
static void note(const char *what, const char *kind)
{
	char path[PATH_SIZE], line[64];
	int len = snprintf(line, sizeof(line), "%s %s\n", what, kind);
	int fd;

	path_of("log", "", path);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (fd < 0 || write(fd, line, (size_t)len) != len)
		abort();
	close(fd);
}

static void wait_while_held(const char *kind)
{
	const struct timespec step = {.tv_nsec = STEP_NS};
	char path[PATH_SIZE];

	path_of("hold-", kind, path);
	if (access(path, F_OK) != 0)
		return;
	note("held", kind);
	while (access(path, F_OK) == 0)
		nanosleep(&step, NULL);
}

static int flush(int fd, long call)
{
	char path[PATH_SIZE];
	const char *kind;
	struct stat st;
	int status;

	if (fstat(fd, &st) != 0)
		return -1;
	kind = S_ISDIR(st.st_mode) ? "directory" : "file";
	wait_while_held(kind);
	path_of("fail-", kind, path);
	if (unlink(path) == 0) {
		note("failed", kind);
		errno = EIO;
		return -1;
	}
	status = (int)syscall(call, fd);
	if (status == 0)
		note("done", kind);
	return status;
}

int fsync(int fd)
{
	return flush(fd, SYS_fsync);
}

int fdatasync(int fd)
{
	return flush(fd, SYS_fdatasync);
}

/* Tells whether what @fd is open on has a name that is marked. */
static bool is_bad(int fd)
{
	char link[32], path[PATH_SIZE], target[PATH_SIZE];
	const char *name;
	ssize_t len;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, target, sizeof(target) - 1);
	if (len <= 0)
		return false;
	target[len] = '\0';
	name = strrchr(target, '/');
	if (!name)
		return false;
	path_of("bad-", name + 1, path);
	return access(path, F_OK) == 0;
}

ssize_t read(int fd, void *out, size_t size)
{
	if (is_bad(fd)) {
		errno = EIO;
		return -1;
	}
	return syscall(SYS_read, fd, out, size);
}
