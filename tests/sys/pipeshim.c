/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For LD_PRELOAD: opens a socket as if it were a file, so that a program can be
 * given a stand-in for a file of rpc_pipefs (nfsd.py).  Each open is a
 * connection of its own that begins with one message, "r" or "w", for how it
 * was opened.  Messages keep their bounds, a read where there is none returns
 * 0, and no write fails because too much was written, as in rpc_pipefs;
 * otherwise it is only a socket.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

int open(const char *path, int flags, ...);
int open64(const char *path, int flags, ...);

static int open_socket(const char *path, int flags)
{
	const char *how = (flags & O_ACCMODE) == O_RDONLY ? "r" : "w";
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int type = SOCK_SEQPACKET | SOCK_CLOEXEC;
	int fd;

	if (strlen(path) >= sizeof(to.sun_path))
		abort();
	memcpy(to.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, type, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0 ||
	    send(fd, how, 1, 0) != 1 ||
	    ((flags & O_NONBLOCK) && fcntl(fd, F_SETFL, O_NONBLOCK) != 0)) {
		close(fd);
		errno = ENOENT; /* nobody serves it: the file is gone */
		return -1;
	}
	return fd;
}

static bool is_ours(int fd)
{
	int type = 0, error = errno;
	socklen_t len = sizeof(type);
	bool is_socket = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0;

	errno = error;
	return is_socket && type == SOCK_SEQPACKET;
}

/*
 * Whoever did not ask for O_NONBLOCK does not wait either.  The end of the
 * other side, which is a 0 here, is what EPIPE is there.
 */
ssize_t read(int fd, void *out, size_t size)
{
	ssize_t got;

	if (!is_ours(fd))
		return syscall(SYS_read, fd, out, size);
	got = recv(fd, out, size, MSG_DONTWAIT);
	if (got > 0)
		return got;
	if (got < 0 && errno == EAGAIN)
		return 0;
	errno = EPIPE;
	return -1;
}

/* nfsd has no buffer that could be full; that of a socket is waited for. */
ssize_t write(int fd, const void *bytes, size_t size)
{
	struct pollfd ready = {.fd = fd, .events = POLLOUT};
	ssize_t put;

	do {
		put = syscall(SYS_write, fd, bytes, size);
		if (put >= 0 || errno != EAGAIN || !is_ours(fd))
			return put;
	} while (poll(&ready, 1, -1) == 1);
	return -1;
}

static int open_any(const char *path, int flags, mode_t mode)
{
	struct stat info;

	if (stat(path, &info) == 0 && S_ISSOCK(info.st_mode))
		return open_socket(path, flags);
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode = 0;

	va_start(args, flags);
	if (flags & O_CREAT)
		mode = va_arg(args, mode_t);
	va_end(args);
	return open_any(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode = 0;

	va_start(args, flags);
	if (flags & O_CREAT)
		mode = va_arg(args, mode_t);
	va_end(args);
	return open_any(path, flags, mode);
}
