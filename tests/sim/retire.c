/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * As os/durable and os/retire: files that replace others, and all of one
 * directory into another, with places to die and errors of the disk between
 * any two steps.
 */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <string.h>

#include "lib/buf.h"

/* Who dies where @dir is written. */
static enum program writer(const struct host *h, enum disk_dir dir)
{
	if (dir >= DISK_COPY)
		return PROGRAM_ERRAND;
	return h->op.is_rewriting ? PROGRAM_NOTIFIER : PROGRAM_TURN;
}

/* What exits.c does not see to itself. */
static bool is_refused(struct host *h, enum disk_dir dir, enum disk_op op)
{
	return writer(h, dir) == PROGRAM_TURN && disk_error(h, op) != 0;
}

static bool give_up(struct host *h, enum disk_dir dir, const char *temp)
{
	disk_unlink(&h->disk, dir, temp);
	return false;
}

bool retire_sync_dir(struct host *h, enum disk_dir dir)
{
	if (is_refused(h, dir, DISK_FLUSH_DIR))
		return false;
	disk_sync_dir(&h->disk, dir);
	return host_survives(h, writer(h, dir));
}

bool retire_file(struct host *h, enum disk_dir dir, const char *name,
		 const void *bytes, size_t len)
{
	enum program who = writer(h, dir);
	char temp[SIM_NAME_SIZE + 8];
	struct inode *inode;

	snprintf(temp, sizeof(temp), ".%s.new", name);
	disk_unlink(&h->disk, dir, temp);
	inode = disk_create(&h->disk, dir, temp);
	if (!host_survives(h, who))
		return false;
	disk_write(&h->disk, inode, bytes, len);
	if (is_refused(h, dir, DISK_WRITE))
		return give_up(h, dir, temp);
	if (!host_survives(h, who))
		return false;
	/* ORDER: never rename an unsynced file over a synced one. */
	if (is_refused(h, dir, DISK_FLUSH)) {
		disk_fail_sync(&h->disk, inode);
		return give_up(h, dir, temp);
	}
	disk_sync(&h->disk, inode);
	if (!host_survives(h, who))
		return false;
	if (is_refused(h, dir, DISK_NAME))
		return give_up(h, dir, temp);
	disk_rename(&h->disk, dir, temp, name);
	return host_survives(h, who);
}

/*
 * One that cannot be brought into sm.bak/ stays where it is, and its peer is
 * not told in this boot: the next turn tries again.
 */
static void refuse(struct host *h, const char *file)
{
	size_t i;

	trace(h->sim, h, "turn: sm/%s cannot be merged", file);
	for (i = 0; i < h->lockd.pair_count; i++)
		if (strcmp(h->lockd.pairs[i].mon_name, file) == 0)
			h->lockd.pairs[i].is_refused = true;
}

static bool is_refused_file(const struct host *h, const char *file)
{
	size_t i;

	for (i = 0; i < h->lockd.pair_count; i++)
		if (strcmp(h->lockd.pairs[i].mon_name, file) == 0 &&
		    h->lockd.pairs[i].is_refused)
			return true;
	return false;
}

static bool merge_copy(struct host *h, enum disk_dir to,
		       const struct dirent *entry)
{
	const struct inode *old = disk_find(&h->disk, to, entry->name);
	uint64_t errors = h->disk.errors;
	struct buf merged;
	bool is_alive;

	buf_init(&merged, RECORD_FILE_MAX);
	if (old != NULL)
		buf_add(&merged, old->bytes, old->len);
	record_merge(&merged, entry->inode->bytes, entry->inode->len);
	is_alive = retire_file(h, to, entry->name, merged.bytes, merged.len);
	buf_fini(&merged);
	if (is_alive || h->disk.errors == errors)
		return is_alive;
	refuse(h, entry->name);
	return true;
}

/* A second name where that can be had, else a merged copy. */
static bool merge_file(struct host *h, enum disk_dir from, enum disk_dir to,
		       const struct dirent *entry)
{
	if (disk_find(&h->disk, to, entry->name) != NULL ||
	    is_refused(h, to, DISK_NAME))
		return merge_copy(h, to, entry);
	disk_link(&h->disk, from, to, entry->name);
	return host_survives(h, writer(h, to));
}

static bool copy_all(struct host *h, enum disk_dir from, enum disk_dir to)
{
	const struct dirents *files = &h->disk.dirs[from].now;
	size_t i;

	for (i = 0; i < h->lockd.pair_count; i++)
		h->lockd.pairs[i].is_refused = false;
	for (i = 0; i < files->count; i++) {
		if (files->all[i].name[0] != '.' &&
		    !merge_file(h, from, to, &files->all[i]))
			return false;
	}
	return retire_sync_dir(h, to);
}

static void note_unmerged(struct host *h)
{
	size_t i;

	for (i = 0; i < h->lockd.pair_count; i++)
		h->lockd.pairs[i].is_unmerged = h->lockd.pairs[i].is_refused;
}

/*
 * What -n brings into sm.bak/ before the turn is in sm/ as well, where it may
 * have to stay: a turn that could not merge it, and failed when all but its
 * last flush was done, does not come to it again.
 */
bool retire_copy(struct host *h, enum disk_dir from, enum disk_dir to)
{
	if (!copy_all(h, from, to))
		return false;
	if (from == DISK_SM && h->is_turned)
		note_unmerged(h);
	return true;
}

bool retire_move(struct host *h, enum disk_dir from, enum disk_dir to)
{
	struct dirents *files = &h->disk.dirs[from].now;
	size_t i;

	/* ORDER: @to is durable before anything leaves @from. */
	if (!copy_all(h, from, to))
		return false;
	if (from == DISK_SM)
		note_unmerged(h);
	for (i = 0; i < files->count;) {
		if (is_refused_file(h, files->all[i].name)) {
			i++;
			continue;
		}
		if (is_refused(h, from, DISK_NAME))
			return false;
		disk_unlink(&h->disk, from, files->all[i].name);
		if (!host_survives(h, writer(h, to)))
			return false;
	}
	if (from == DISK_SM)
		h->has_old_records = files->count > 0;
	return retire_sync_dir(h, from);
}
