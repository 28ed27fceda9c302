/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See crash_rig.h.  Files are told by their inode numbers: SQLite removes its
 * journal and makes another under the same name.
 */
#define _GNU_SOURCE
#include "tests/os/crash_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/xalloc.h"

#define NAMES_MAX 16
#define FILES_MAX 256

struct entry {
	char name[64];
	ino_t inode;
};

struct names {
	struct entry entries[NAMES_MAX];
	size_t count;
};

/* The bytes of a file at its last flush. */
struct content {
	ino_t inode;
	char *bytes;
	size_t len;
};

struct model {
	const struct crash *crash;
	unsigned int at;
	struct names durable;
	struct content contents[FILES_MAX];
	size_t content_count;
};

static void path_of(const struct model *m, const char *name, char out[512])
{
	snprintf(out, 512, "%s/%s", m->crash->dir, name);
}

static struct content *content_of(struct model *m, ino_t inode)
{
	size_t i;

	for (i = 0; i < m->content_count; i++)
		if (m->contents[i].inode == inode)
			return &m->contents[i];
	return NULL;
}

/* Takes the bytes of @path, now, as those of @inode. */
static void take_content(struct model *m, const char *path, ino_t inode)
{
	struct content *content = content_of(m, inode);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return; /* removed, though it is open */
	if (content == NULL) {
		assert_true(m->content_count < FILES_MAX);
		content = &m->contents[m->content_count++];
		*content = (struct content){.inode = inode};
	}
	assert_int_equal(fstat(fd, &st), 0);
	content->len = (size_t)st.st_size;
	free(content->bytes);
	content->bytes = xzalloc(content->len + 1);
	assert_int_equal(read(fd, content->bytes, content->len), content->len);
	close(fd);
}

static void read_names(const struct model *m, struct names *names)
{
	DIR *stream = opendir(m->crash->dir);
	struct dirent *entry;

	names->count = 0;
	while (stream != NULL && (entry = readdir(stream)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		assert_true(names->count < NAMES_MAX);
		snprintf(names->entries[names->count].name, 64, "%.63s",
			 entry->d_name);
		names->entries[names->count++].inode = entry->d_ino;
	}
	if (stream != NULL)
		closedir(stream);
}

/* A new file may have the number of one that is gone. */
static void forget_new(struct model *m, const struct tracer_stop *stop)
{
	char path[TRACER_PATH_SIZE];
	struct content *content;
	struct stat st;

	tracer_fd_path(stop, (uint64_t)stop->result, path);
	if (stat(path, &st) != 0 || st.st_size != 0)
		return;
	content = content_of(m, st.st_ino);
	if (content != NULL)
		content->len = 0;
}

static void flushed(struct model *m, const struct tracer_stop *stop)
{
	char path[TRACER_PATH_SIZE];
	struct stat st;

	tracer_fd_path(stop, stop->args[0], path);
	if (strncmp(path, m->crash->dir, strlen(m->crash->dir)) != 0 ||
	    stat(path, &st) != 0)
		return;
	if (S_ISDIR(st.st_mode))
		read_names(m, &m->durable);
	else
		take_content(m, path, st.st_ino);
}

static bool watch(void *ctx, const struct tracer_stop *stop)
{
	struct model *m = ctx;

	if (!stop->is_done)
		return stop->count != m->at;
	if (stop->nr == SYS_openat && stop->result >= 0)
		forget_new(m, stop);
	else if ((stop->nr == SYS_fsync || stop->nr == SYS_fdatasync) &&
		 stop->result == 0)
		flushed(m, stop);
	return true;
}

/* --- after the power failure --- */

static bool is_lucky(const struct model *m)
{
	return m->crash->how == CRASH_POWER &&
	       prng_below(m->crash->rng, 2) == 0;
}

static const struct entry *find(const struct names *names, const char *name)
{
	size_t i;

	for (i = 0; i < names->count; i++)
		if (strcmp(names->entries[i].name, name) == 0)
			return &names->entries[i];
	return NULL;
}

/* Writes the flushed bytes of @inode, or none, to @name. */
static void put_content(struct model *m, const char *name, ino_t inode)
{
	const struct content *content = content_of(m, inode);
	char path[512];
	int fd;

	path_of(m, name, path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	if (content != NULL)
		assert_int_equal(write(fd, content->bytes, content->len),
				 content->len);
	close(fd);
}

/* What becomes of a name that is there, or was when it was last flushed. */
static void fall(struct model *m, const char *name, const struct entry *now,
		 const struct entry *then)
{
	bool is_changed = !now || !then || now->inode != then->inode;
	char path[512];

	path_of(m, name, path);
	/* SQLite makes this file anew (https://www.sqlite.org/walformat.html).
	 */
	if (strstr(name, "-shm") != NULL) {
		unlink(path);
		return;
	}
	if (is_changed && !is_lucky(m)) { /* the change is undone */
		if (now)
			unlink(path);
		if (then)
			put_content(m, name, then->inode);
		return;
	}
	if (now && !is_lucky(m))
		put_content(m, name, now->inode);
}

static void fail_power(struct model *m)
{
	struct names now;
	size_t i;

	read_names(m, &now);
	for (i = 0; i < now.count; i++)
		fall(m, now.entries[i].name, &now.entries[i],
		     find(&m->durable, now.entries[i].name));
	for (i = 0; i < m->durable.count; i++)
		if (!find(&now, m->durable.entries[i].name))
			fall(m, m->durable.entries[i].name, NULL,
			     &m->durable.entries[i]);
}

enum tracer_end crash_run(const struct crash *crash, unsigned int at)
{
	struct model *m = xzalloc(sizeof(*m));
	enum tracer_end end;
	char path[512];
	int status = 0;
	size_t i;

	m->crash = crash;
	m->at = at;
	/* What is there when it begins has been there for long. */
	read_names(m, &m->durable);
	for (i = 0; i < m->durable.count; i++) {
		path_of(m, m->durable.entries[i].name, path);
		take_content(m, path, m->durable.entries[i].inode);
	}
	end = tracer_run(crash->work, crash->ctx, watch, m, &status);
	if (end == TRACER_EXITED)
		assert_int_equal(status, 0);
	if (end == TRACER_KILLED && crash->how != CRASH_KILL)
		fail_power(m);
	for (i = 0; i < m->content_count; i++)
		free(m->contents[i].bytes);
	free(m);
	return end;
}
