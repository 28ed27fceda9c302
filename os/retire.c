/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two passes.  The first gives every file of sm/ its place in sm.bak/: a hard
 * link where the name is free, a merged copy where it is taken, the same under
 * a spare name where what has the name cannot be merged.  The second removes
 * from sm/ what has its place.
 *
 * ORDER: sm.bak/ is flushed between the two.  Remove first, and a power
 * failure can leave a record in neither directory: that peer is never told.
 */
#define _GNU_SOURCE
#include "os/retire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "lib/buf.h"
#include "lib/log.h"
#include "lib/record.h"
#include "lib/siphash.h"
#include "os/durable.h"

#define SPARE_PREFIX "unmerged-"
#define SPARE_SIZE   (sizeof(SPARE_PREFIX) + 16)

struct pass {
	int sm;
	int bak;
	int ages; /* sm.bak/.reclaim, or -1 */
	enum retire_how how;
	struct retire_count *count;
};

/* Always the same for one @name, so that a turn can be done again. */
static void spare_name(const char *name, char out[static SPARE_SIZE])
{
	static const uint8_t key[SIPHASH_KEY_SIZE];

	(void)snprintf(out, SPARE_SIZE, SPARE_PREFIX "%016llx",
		       (unsigned long long)siphash(key, name, strlen(name)));
}

/* @spare: the name under which sm.bak/ has it, NULL: it stays. */
static void log_unmerged(const char *name, int error, const char *spare)
{
	struct buf text;

	buf_init(&text, LOG_TEXT_MAX / 2);
	buf_add_escaped(&text, name, strlen(name));
	if (spare != NULL)
		log_line(LOG_WARN,
			 "sm/%s: sm.bak has what it cannot be merged with "
			 "under that name (%s); it is sm.bak/%s now",
			 buf_text(&text), durable_read_error(error), spare);
	else
		log_line(LOG_ERROR,
			 "sm/%s: its records cannot be brought into sm.bak "
			 "(%s); it stays, and its peers are not told",
			 buf_text(&text), durable_read_error(error));
	buf_fini(&text);
}

/* One inode, sm/@name and sm.bak/@to. */
static bool is_linked(const struct pass *pass, const char *name, const char *to)
{
	struct stat a, b;

	return fstatat(pass->sm, name, &a, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstatat(pass->bak, to, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Links sm/@name as sm.bak/@to, where a crash may have left one. */
static int link_file(const struct pass *pass, const char *name, const char *to)
{
	if (linkat(pass->sm, name, pass->bak, to, 0) == 0 ||
	    is_linked(pass, name, to))
		return 0;
	return -EEXIST; /* or a file system without links */
}

/*
 * Adds the lines of sm/@name to sm.bak/@to, which may be there.
 * Errors: -ENOENT where there is no sm/@name any more.
 */
static int merge_file(const struct pass *pass, const char *name, const char *to)
{
	struct buf from, into;
	int error;

	buf_init(&from, RECORD_FILE_MAX);
	buf_init(&into, RECORD_FILE_MAX);
	error = durable_read(pass->sm, name, &from);
	if (error == 0) {
		error = durable_read(pass->bak, to, &into);
		if (error == -ENOENT)
			error = 0; /* the place in sm.bak/ is free */
	}
	if (error == 0) {
		record_merge(&into, from.bytes, from.len);
		if (into.is_overflowed)
			error = -EFBIG;
	}
	if (error == 0)
		error = durable_replace(pass->bak, to, into.bytes, into.len,
					RECORD_MODE);
	buf_fini(&from);
	buf_fini(&into);
	return error;
}

static int place_as(const struct pass *pass, const char *name, const char *to)
{
	int error = -EEXIST;

	/*
	 * ORDER: the age goes first.  Left to a fresh record, it would keep a
	 * peer from being told that has done nothing wrong.
	 */
	if (pass->ages >= 0)
		(void)unlinkat(pass->ages, name, 0);
	/* Two names for one inode are no copy: who writes one changes both. */
	if (pass->how == RETIRE_MOVE)
		error = link_file(pass, name, to);
	return error == 0 ? 0 : merge_file(pass, name, to);
}

static int give_place(void *ctx, const char *name)
{
	struct pass *pass = ctx;
	char spare[SPARE_SIZE];
	int error = place_as(pass, name, name);

	if (error == -ENOENT)
		return 0; /* a copy beside a statd, which has forgotten it */
	spare_name(name, spare);
	if (error != 0 && place_as(pass, name, spare) == 0) {
		log_unmerged(name, error, spare);
		error = 0;
	}
	if (error == 0) {
		pass->count->retired++;
		return 0;
	}
	log_unmerged(name, error, NULL);
	pass->count->unmerged++;
	return 0;
}

/* Whether every line of sm/@name is in sm.bak/@to. */
static bool has_place(const struct pass *pass, const char *name, const char *to)
{
	struct buf from, into;
	size_t before;
	bool is_there;

	if (is_linked(pass, name, to))
		return true;
	buf_init(&from, RECORD_FILE_MAX);
	buf_init(&into, 2 * RECORD_FILE_MAX);
	is_there = durable_read(pass->sm, name, &from) == 0 &&
		   durable_read(pass->bak, to, &into) == 0;
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
	char spare[SPARE_SIZE];

	spare_name(name, spare);
	if (!has_place(pass, name, name) && !has_place(pass, name, spare))
		return 0; /* unmerged, and said so */
	return unlinkat(pass->sm, name, 0) == 0 ? 0 : -errno;
}

int retire_records(int sm, int bak, enum retire_how how,
		   struct retire_count *count)
{
	struct pass pass = {.sm = sm, .bak = bak, .how = how, .count = count};
	int error;

	*count = (struct retire_count){0};
	/* SAFETY: the directory is another user's; a link would lead away. */
	pass.ages = openat(bak, ".reclaim",
			   O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	error = durable_each(sm, give_place, &pass);
	if (pass.ages >= 0)
		close(pass.ages);
	if (error == 0)
		error = durable_sync(bak);
	if (error != 0 || how == RETIRE_COPY)
		return error;
	error = durable_each(sm, remove_placed, &pass);
	return error == 0 ? durable_sync(sm) : error;
}
