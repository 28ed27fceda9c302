/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two passes.  The first gives every file of sm/ its place in sm.bak/: a hard
 * link where the name is free, a merged copy where it is taken.  The second
 * removes from sm/ what has its place.
 *
 * ORDER: sm.bak/ is flushed between the two.  Remove first, and a power
 * failure can leave a record in neither directory: that peer is never told.
 */
#define _GNU_SOURCE
#include "os/retire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "lib/buf.h"
#include "lib/log.h"
#include "lib/record.h"
#include "os/durable.h"

struct pass {
	int sm;
	int bak;
	enum retire_how how;
	struct retire_count *count;
};

static void log_unmerged(const char *name, int error)
{
	struct buf text;

	buf_init(&text, LOG_TEXT_MAX / 2);
	buf_add_escaped(&text, name, strlen(name));
	log_line(LOG_ERROR,
		 "sm/%s: its records cannot be brought into sm.bak (%s); it "
		 "stays, and its peers are not told",
		 buf_text(&text), strerror(-error));
	buf_fini(&text);
}

/* A file of one inode in both directories. */
static bool is_linked(const struct pass *pass, const char *name)
{
	struct stat a, b;

	return fstatat(pass->sm, name, &a, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstatat(pass->bak, name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Gives sm/@name a second name in sm.bak/, where a crash may have left one. */
static int link_file(const struct pass *pass, const char *name)
{
	if (linkat(pass->sm, name, pass->bak, name, 0) == 0 ||
	    is_linked(pass, name))
		return 0;
	return -EEXIST; /* or a file system without links */
}

/*
 * Adds the lines of sm/@name to sm.bak/@name, which may be there.
 * Errors: -ENOENT where there is no sm/@name any more.
 */
static int merge_file(const struct pass *pass, const char *name)
{
	struct buf from, into;
	int error;

	buf_init(&from, RECORD_FILE_MAX);
	buf_init(&into, RECORD_FILE_MAX);
	error = durable_read(pass->sm, name, &from);
	if (error == 0) {
		error = durable_read(pass->bak, name, &into);
		if (error == -ENOENT)
			error = 0; /* the place in sm.bak/ is free */
	}
	if (error == 0) {
		record_merge(&into, from.bytes, from.len);
		if (into.is_overflowed)
			error = -EFBIG;
	}
	if (error == 0)
		error = durable_replace(pass->bak, name, into.bytes, into.len,
					RECORD_MODE);
	buf_fini(&from);
	buf_fini(&into);
	return error;
}

static int give_place(void *ctx, const char *name)
{
	struct pass *pass = ctx;
	int error = -EEXIST;

	/* Two names for one inode are no copy: who writes one changes both. */
	if (pass->how == RETIRE_MOVE)
		error = link_file(pass, name);
	if (error != 0)
		error = merge_file(pass, name);
	if (error == -ENOENT)
		return 0; /* a copy beside a statd, which has forgotten it */
	if (error == 0) {
		pass->count->retired++;
		return 0;
	}
	log_unmerged(name, error);
	pass->count->unmerged++;
	return 0;
}

/* Whether every line of sm/@name is in sm.bak/@name. */
static bool has_place(const struct pass *pass, const char *name)
{
	struct buf from, into;
	size_t before;
	bool is_there;

	buf_init(&from, RECORD_FILE_MAX);
	buf_init(&into, 2 * RECORD_FILE_MAX);
	is_there = durable_read(pass->sm, name, &from) == 0 &&
		   durable_read(pass->bak, name, &into) == 0;
	if (is_there) {
		record_merge(&into, NULL, 0); /* a last LF counts as nothing */
		before = into.len;
		record_merge(&into, from.bytes, from.len);
		is_there = into.len == before && !into.is_overflowed;
	}
	buf_fini(&from);
	buf_fini(&into);
	return is_there;
}

static int remove_placed(void *ctx, const char *name)
{
	struct pass *pass = ctx;

	if (!is_linked(pass, name) && !has_place(pass, name))
		return 0; /* unmerged, and said so */
	return unlinkat(pass->sm, name, 0) == 0 ? 0 : -errno;
}

int retire_records(int sm, int bak, enum retire_how how,
		   struct retire_count *count)
{
	struct pass pass = {.sm = sm, .bak = bak, .how = how, .count = count};
	int error;

	*count = (struct retire_count){0};
	error = durable_each(sm, give_place, &pass);
	if (error == 0)
		error = durable_sync(bak);
	if (error != 0 || how == RETIRE_COPY)
		return error;
	error = durable_each(sm, remove_placed, &pass);
	return error == 0 ? durable_sync(sm) : error;
}
