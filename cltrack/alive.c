/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads, and decides nothing: what it means to hold state is in cldturn.c.
 */
#include "cltrack/alive.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "cltrack/clientinfo.h"

#define FILE_FLAGS (O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)

/* Reads at most @size bytes of @name in @dir; how many, or -errno. */
static ssize_t read_start(int dir, const char *name, uint8_t *out, size_t size)
{
	int fd = openat(dir, name, FILE_FLAGS);
	size_t len = 0;
	ssize_t got;

	if (fd < 0)
		return -errno;
	do {
		got = read(fd, out + len, size - len);
		if (got > 0)
			len += (size_t)got;
	} while ((got > 0 && len < size) || (got < 0 && errno == EINTR));
	if (got < 0)
		got = -errno;
	close(fd);
	return got < 0 ? got : (ssize_t)len;
}

static int read_client(int dir, struct clientlist *list)
{
	uint8_t text[CLIENTINFO_SIZE_MAX];
	struct clientinfo info;
	uint8_t any;
	ssize_t got = read_start(dir, "info", text, sizeof(text));

	if (got < 0)
		return (int)got;
	if (!clientinfo_parse(text, (size_t)got, &info) || info.minor != 0 ||
	    !info.is_confirmed)
		return 0;
	got = read_start(dir, "states", &any, sizeof(any));
	if (got > 0)
		clientlist_add(list, &(struct client){.id = info.id,
						      .id_len = info.id_len});
	return got < 0 ? (int)got : 0;
}

static bool is_number(const char *name)
{
	return name[strspn(name, "0123456789")] == '\0';
}

/* Clients come and go; that one is gone is no error. */
static int read_entry(int dir, const char *name, struct clientlist *list)
{
	int fd = openat(dir, name,
			O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int error = fd < 0 ? -errno : read_client(fd, list);

	if (fd >= 0)
		close(fd);
	return error == -ENOENT ? 0 : error;
}

int alive_read(const char *path, struct clientlist *list)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	unsigned int count = 0;
	int first = 0;

	if (dir == NULL)
		return -errno;
	while (errno = 0, (entry = readdir(dir)) != NULL) {
		int error;

		if (!is_number(entry->d_name))
			continue;
		error = count++ < ALIVE_MAX
				? read_entry(dirfd(dir), entry->d_name, list)
				: -E2BIG;
		if (first == 0)
			first = error;
		if (count > ALIVE_MAX)
			break;
	}
	if (first == 0 && entry == NULL)
		first = -errno;
	closedir(dir);
	return first;
}
