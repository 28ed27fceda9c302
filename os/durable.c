/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The four steps from which every promise to remember is made: create, write,
 * flush, name.  Nothing here decides what is written; nothing is logged.
 *
 * ORDER: the bytes reach the disk before the rename that makes them valid.
 * Rename first, and a power failure leaves an empty file under a name that was
 * acknowledged before (design decision 5).
 */
#define _GNU_SOURCE
#include "os/durable.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "lib/xalloc.h"

#define TEMP_PREFIX  ".reclaim-"
#define TEMP_SUFFIX  ".new"
#define TEMP_HEX_LEN 16
#define ASIDE_PREFIX ".unreadable-"
#define READ_CHUNK   4096

static int read_all(int fd, struct buf *out)
{
	uint8_t chunk[READ_CHUNK];
	ssize_t got;

	while ((got = read(fd, chunk, sizeof(chunk))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		buf_add(out, chunk, (size_t)got);
		if (out->is_overflowed)
			return -EFBIG;
	}
	return 0;
}

/* A descriptor, or -errno. */
static int open_regular(int dir, const char *name)
{
	/* SAFETY: a FIFO or a link planted under the name stops nobody. */
	int fd = openat(dir, name,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	int error;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0)
		error = -errno;
	else if (!S_ISREG(st.st_mode))
		error = -EINVAL;
	else
		return fd;
	close(fd);
	return error;
}

int durable_read(int dir, const char *name, struct buf *out)
{
	int fd = open_regular(dir, name);
	int error;

	if (fd < 0)
		return fd;
	error = read_all(fd, out);
	close(fd);
	return error;
}

ssize_t durable_read_start(int dir, const char *name, void *out, size_t size)
{
	int fd = open_regular(dir, name);
	ssize_t got;

	if (fd < 0)
		return fd;
	do
		got = read(fd, out, size);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		got = -errno;
	close(fd);
	return got;
}

const char *durable_read_error(int error)
{
	if (error == -EINVAL || error == -ELOOP)
		return "it is no regular file";
	return strerror(-error);
}

static int write_all(int fd, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	while (len > 0) {
		ssize_t done = write(fd, at, len);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		at += done;
		len -= (size_t)done;
	}
	return 0;
}

/* Gives @fd, a new file in @dir, to the owner of @model, else of @dir. */
static int set_owner(int fd, int dir, const char *model)
{
	struct stat st;

	if (geteuid() != 0)
		return 0;
	if (fstatat(dir, model, &st, AT_SYMLINK_NOFOLLOW) != 0 &&
	    fstat(dir, &st) != 0)
		return -errno;
	/* EPERM: root without capabilities (os/sandbox) keeps what it makes. */
	if (fchown(fd, st.st_uid, st.st_gid) != 0 && errno != EPERM)
		return -errno;
	return 0;
}

static int temp_name(char out[static DURABLE_NAME_SIZE])
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	(void)snprintf(out, DURABLE_NAME_SIZE,
		       TEMP_PREFIX "%016llx" TEMP_SUFFIX,
		       (unsigned long long)random);
	return 0;
}

bool durable_is_temporary(const char *name)
{
	size_t prefix_len = strlen(TEMP_PREFIX);

	return strncmp(name, TEMP_PREFIX, prefix_len) == 0 &&
	       strspn(name + prefix_len, "0123456789abcdef") == TEMP_HEX_LEN &&
	       strcmp(name + prefix_len + TEMP_HEX_LEN, TEMP_SUFFIX) == 0;
}

static void abandon(struct durable_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
	unlinkat(file->dir, file->made, 0);
}

int durable_begin(struct durable_file *file, const void *bytes, size_t len)
{
	bool is_new = file->how == DURABLE_NEW;
	int error = 0;

	file->fd = -1;
	if (strlen(file->name) >= sizeof(file->made))
		return -ENAMETOOLONG; /* cut, it would be another's name */
	if (is_new)
		(void)snprintf(file->made, sizeof(file->made), "%s",
			       file->name);
	else
		error = temp_name(file->made);
	if (error != 0)
		return error;
	file->fd = openat(file->dir, file->made,
			  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			  file->mode);
	if (file->fd < 0)
		return -errno;
	if (fchmod(file->fd, file->mode) != 0) /* whatever the umask */
		error = -errno;
	if (error == 0)
		error = set_owner(file->fd, file->dir,
				  file->how == DURABLE_REPLACE ? file->name
							       : ".");
	if (error == 0)
		error = write_all(file->fd, bytes, len);
	if (error != 0)
		abandon(file);
	else if (file->how != DURABLE_SWAP)
		/* Only a hint: the disk may begin while others are written. */
		(void)sync_file_range(file->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	return error;
}

void durable_aside_name(const struct durable_file *file,
			char out[static DURABLE_NAME_SIZE])
{
	(void)snprintf(out, DURABLE_NAME_SIZE, ASIDE_PREFIX "%.*s",
		       TEMP_HEX_LEN, file->made + strlen(TEMP_PREFIX));
}

/* Gives a flushed @file its name. */
static int name_file(const struct durable_file *file)
{
	char aside[DURABLE_NAME_SIZE];
	int error;

	if (file->how == DURABLE_NEW)
		return 0;
	durable_aside_name(file, aside);
	if (file->how == DURABLE_ASIDE &&
	    renameat(file->dir, file->name, file->dir, aside) != 0 &&
	    errno != ENOENT)
		return -errno;
	if (renameat(file->dir, file->made, file->dir, file->name) == 0)
		return 0;
	error = -errno;
	if (file->how == DURABLE_ASIDE)
		(void)renameat(file->dir, aside, file->dir, file->name);
	return error;
}

int durable_finish(struct durable_file *file)
{
	int error = 0;

	if (file->how != DURABLE_SWAP && fsync(file->fd) != 0)
		error = -errno;
	if (close(file->fd) != 0 && error == 0)
		error = -errno;
	file->fd = -1;
	/* ORDER: flushed above; see the top of this file. */
	if (error == 0)
		error = name_file(file);
	if (error != 0)
		abandon(file);
	return error;
}

static int put(struct durable_file *file, const void *bytes, size_t len)
{
	int error = durable_begin(file, bytes, len);

	return error == 0 ? durable_finish(file) : error;
}

int durable_create(int dir, const char *name, const void *bytes, size_t len,
		   mode_t mode)
{
	struct durable_file file = {
		.dir = dir, .name = name, .how = DURABLE_NEW, .mode = mode};

	return put(&file, bytes, len);
}

int durable_replace(int dir, const char *name, const void *bytes, size_t len,
		    mode_t mode)
{
	struct durable_file file = {
		.dir = dir, .name = name, .how = DURABLE_REPLACE, .mode = mode};

	return put(&file, bytes, len);
}

int durable_swap(int dir, const char *name, const void *bytes, size_t len,
		 mode_t mode)
{
	struct durable_file file = {
		.dir = dir, .name = name, .how = DURABLE_SWAP, .mode = mode};

	return put(&file, bytes, len);
}

int durable_sync(int dir)
{
	return fsync(dir) == 0 ? 0 : -errno;
}

/* Names of a directory, taken before anything in it is changed. */
struct names {
	char **names;
	size_t count;
	size_t size;
};

static void names_add(struct names *list, const char *name)
{
	if (list->count == list->size) {
		list->size = list->size == 0 ? 64 : list->size * 2;
		list->names = xreallocarray(list->names, list->size,
					    sizeof(list->names[0]));
	}
	list->names[list->count++] = xstrdup(name);
}

static void names_fini(struct names *list)
{
	while (list->count > 0)
		free(list->names[--list->count]);
	free(list->names);
}

/* A regular file, as far as can be told; not every file system tells d_type. */
static bool is_regular(int dir, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_REG;
	if (fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno != ENOENT; /* whoever reads it learns the error */
	return S_ISREG(st.st_mode);
}

static bool is_visible(int dir, const struct dirent *entry)
{
	return entry->d_name[0] != '.' && is_regular(dir, entry);
}

static bool is_odd(int dir, const struct dirent *entry)
{
	/* The root of a file system has this one, and nobody meant it. */
	return entry->d_name[0] != '.' &&
	       strcmp(entry->d_name, "lost+found") != 0 &&
	       !is_regular(dir, entry);
}

static bool is_left_over(int dir, const struct dirent *entry)
{
	(void)dir;
	return durable_is_temporary(entry->d_name);
}

static int names_read(struct names *list, int dir,
		      bool (*is_wanted)(int dir, const struct dirent *entry))
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;
	DIR *stream;
	int error;

	if (fd < 0)
		return -errno;
	stream = fdopendir(fd);
	if (stream == NULL) {
		error = -errno;
		close(fd);
		return error;
	}
	while (errno = 0, (entry = readdir(stream)) != NULL)
		if (is_wanted(dir, entry))
			names_add(list, entry->d_name);
	error = -errno;
	closedir(stream);
	return error;
}

static int visit_names(int dir,
		       bool (*is_wanted)(int dir, const struct dirent *entry),
		       int (*visit)(void *ctx, const char *name), void *ctx)
{
	struct names list = {0};
	int error = names_read(&list, dir, is_wanted);
	size_t i;

	for (i = 0; i < list.count && error == 0; i++)
		error = visit(ctx, list.names[i]);
	names_fini(&list);
	return error;
}

int durable_each(int dir, int (*visit)(void *ctx, const char *name), void *ctx)
{
	return visit_names(dir, is_visible, visit, ctx);
}

int durable_each_odd(int dir, int (*visit)(void *ctx, const char *name),
		     void *ctx)
{
	return visit_names(dir, is_odd, visit, ctx);
}

int durable_clean(int dir)
{
	struct names list = {0};
	int error = names_read(&list, dir, is_left_over);
	size_t i;

	for (i = 0; i < list.count && error == 0; i++)
		if (unlinkat(dir, list.names[i], 0) != 0 && errno != ENOENT)
			error = -errno;
	names_fini(&list);
	return error;
}
