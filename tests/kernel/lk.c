/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Takes a write lock on a file, as an application of a laboratory machine.
 *
 *   lk hold FILE   takes it, says "granted" or why not, keeps it until killed
 *   lk wait FILE   the same, but waits for it
 *   lk try FILE    takes it, says so, gives it back
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int usage(void)
{
	fputs("usage: lk hold|wait|try FILE\n", stderr);
	return 2;
}

static int is_held(int fd, int command)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(fd, command, &lock) == 0) {
		puts("granted");
		fflush(stdout);
		return 1;
	}
	puts(errno == EACCES ? "EAGAIN" : strerrorname_np(errno));
	return 0;
}

int main(int argc, char **argv)
{
	int fd;

	if (argc != 3)
		return usage();
	fd = open(argv[2], O_RDWR | O_CREAT, 0666);
	if (fd < 0) {
		printf("open: %s\n", strerrorname_np(errno));
		return 1;
	}
	if (!is_held(fd, strcmp(argv[1], "wait") == 0 ? F_SETLKW : F_SETLK))
		return 1;
	while (strcmp(argv[1], "try") != 0)
		pause();
	return 0;
}
