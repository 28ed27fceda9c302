/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk that promises no more than POSIX does: bytes survive a power failure
 * after fsync of the file, a name after fsync of its directory, and of the
 * rest any part may survive, a file's bytes torn.
 */
#include "tests/sim/sim.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/xalloc.h"

void disk_init(struct disk *disk)
{
	*disk = (struct disk){0};
	list_init(&disk->inodes);
}

void disk_fini(struct disk *disk)
{
	struct link *link;
	struct inode *inode;
	int i;

	for (i = 0; i < DISK_DIRS; i++) {
		free(disk->dirs[i].now.all);
		free(disk->dirs[i].durable.all);
		free(disk->dirs[i].pending.all);
	}
	while ((link = list_take_first(&disk->inodes)) != NULL) {
		inode = container_of(link, struct inode, in_disk);
		free(inode->bytes);
		free(inode);
	}
}

static void dirents_append(struct dirents *set, const char *name,
			   struct inode *inode)
{
	struct dirent *entry;

	if (set->count == set->size) {
		set->size = set->size > 0 ? set->size * 2 : 8;
		set->all =
			xreallocarray(set->all, set->size, sizeof(set->all[0]));
	}
	entry = &set->all[set->count++];
	assert(strlen(name) < sizeof(entry->name));
	strcpy(entry->name, name);
	entry->inode = inode;
}

static struct dirent *dirents_find(const struct dirents *set, const char *name)
{
	size_t i;

	for (i = 0; i < set->count; i++) {
		if (strcmp(set->all[i].name, name) == 0)
			return &set->all[i];
	}
	return NULL;
}

/* Makes @name mean @inode (NULL: nothing) in @set. */
static void dirents_set(struct dirents *set, const char *name,
			struct inode *inode)
{
	struct dirent *entry = dirents_find(set, name);

	if (entry != NULL && inode != NULL)
		entry->inode = inode;
	else if (entry != NULL)
		*entry = set->all[--set->count];
	else if (inode != NULL)
		dirents_append(set, name, inode);
}

static void dirents_copy(struct dirents *to, const struct dirents *from)
{
	size_t i;

	to->count = 0;
	for (i = 0; i < from->count; i++)
		dirents_append(to, from->all[i].name, from->all[i].inode);
}

static void change(struct disk *disk, enum disk_dir dir, const char *name,
		   struct inode *inode)
{
	/* First: @name may lie in the very entry that goes. */
	dirents_append(&disk->dirs[dir].pending, name, inode);
	dirents_set(&disk->dirs[dir].now, name, inode);
	disk->changes++;
}

static struct inode *inode_new(struct disk *disk)
{
	struct inode *inode = xzalloc(sizeof(*inode));

	list_append(&disk->inodes, &inode->in_disk);
	return inode;
}

struct inode *disk_create(struct disk *disk, enum disk_dir dir,
			  const char *name)
{
	struct inode *inode;

	if (disk_find(disk, dir, name) != NULL)
		return NULL;
	inode = inode_new(disk);
	change(disk, dir, name, inode);
	return inode;
}

void disk_write(struct disk *disk, struct inode *inode, const void *bytes,
		size_t len)
{
	assert(!inode->is_synced);
	free(inode->bytes);
	inode->bytes = xmemdup(bytes, len);
	inode->len = len;
	disk->changes++;
}

void disk_sync(struct disk *disk, struct inode *inode)
{
	inode->is_synced = !inode->is_lost;
	disk->changes++;
}

void disk_fail_sync(struct disk *disk, struct inode *inode)
{
	inode->is_lost = true;
	disk->changes++;
}

int disk_error(struct host *h, enum disk_op op)
{
	struct disk *disk = &h->disk;
	unsigned int percent =
		op == DISK_READ ? disk->read_percent : disk->error_percent;
	int error = 0;

	if (op == DISK_WRITE && disk->full_until_ms > h->sim->now_ms &&
	    !h->sim->is_calm)
		error = -ENOSPC;
	else if (sim_mishap(h->sim, percent))
		error = -EIO;
	if (error == 0)
		return 0;
	trace(h->sim, h, "disk: error %d of operation %d", error, (int)op);
	disk->errors++;
	return error;
}

void disk_fill(struct host *h)
{
	trace(h->sim, h, "the disk is full for a while");
	h->disk.full_until_ms =
		h->sim->now_ms + sim_between(h->sim, 100, 15000);
}

void disk_slow(struct host *h)
{
	trace(h->sim, h, "the disk is slow for a while");
	h->disk.slow_until_ms =
		h->sim->now_ms + sim_between(h->sim, 1000, DISK_SLOW_MS);
}

void disk_link(struct disk *disk, enum disk_dir from, enum disk_dir to,
	       const char *name)
{
	const struct dirent *entry = dirents_find(&disk->dirs[from].now, name);

	assert(entry != NULL && disk_find(disk, to, name) == NULL);
	change(disk, to, name, entry->inode);
}

void disk_rename(struct disk *disk, enum disk_dir dir, const char *from,
		 const char *to)
{
	struct dirent *entry = dirents_find(&disk->dirs[dir].now, from);
	struct inode *inode;

	assert(entry != NULL);
	inode = entry->inode;
	change(disk, dir, to, inode);
	change(disk, dir, from, NULL);
}

void disk_unlink(struct disk *disk, enum disk_dir dir, const char *name)
{
	if (disk_find(disk, dir, name) != NULL)
		change(disk, dir, name, NULL);
}

void disk_sync_dir(struct disk *disk, enum disk_dir dir)
{
	struct dir *d = &disk->dirs[dir];

	dirents_copy(&d->durable, &d->now);
	d->pending.count = 0;
	disk->changes++;
}

void disk_sync_all(struct disk *disk)
{
	struct link *pos;
	int dir;

	list_for_each (pos, &disk->inodes)
		container_of(pos, struct inode, in_disk)->is_synced = true;
	for (dir = 0; dir < DISK_DIRS; dir++)
		disk_sync_dir(disk, (enum disk_dir)dir);
}

const struct inode *disk_find(const struct disk *disk, enum disk_dir dir,
			      const char *name)
{
	struct dirent *entry = dirents_find(&disk->dirs[dir].now, name);

	return entry != NULL ? entry->inode : NULL;
}

/* Whether all that a power failure could make of @name matches. */
static bool name_survives(const struct dir *d, const char *name,
			  disk_match *match, void *ctx)
{
	const struct dirent *entry = dirents_find(&d->durable, name);
	size_t i;

	if (entry == NULL || !entry->inode->is_synced ||
	    !match(ctx, entry->inode->bytes, entry->inode->len))
		return false;
	for (i = 0; i < d->pending.count; i++) {
		entry = &d->pending.all[i];
		if (strcmp(entry->name, name) != 0)
			continue;
		if (entry->inode == NULL || !entry->inode->is_synced ||
		    !match(ctx, entry->inode->bytes, entry->inode->len))
			return false;
	}
	return true;
}

static bool is_any(void *ctx, const uint8_t *bytes, size_t len)
{
	(void)ctx;
	(void)bytes;
	return len > 0;
}

bool disk_keeps(const struct disk *disk, enum disk_dir dir, const char *name)
{
	return name_survives(&disk->dirs[dir], name, is_any, NULL);
}

bool disk_survives(const struct disk *disk, enum disk_dir dir,
		   const char *likely, disk_match *match, void *ctx)
{
	const struct dir *d = &disk->dirs[dir];
	size_t i;

	if (name_survives(d, likely, match, ctx))
		return true;
	for (i = 0; i < d->durable.count; i++) {
		/* Nobody reads a temporary file. */
		if (d->durable.all[i].name[0] != '.' &&
		    name_survives(d, d->durable.all[i].name, match, ctx))
			return true;
	}
	return false;
}

/* Any part of what was not flushed: its beginning, with zeros in it. */
static void tear(struct inode *inode, struct prng *rng)
{
	size_t from, to;

	if (!inode->is_synced && inode->len > 0) {
		if (prng_below(rng, 2) == 0) {
			to = prng_below(rng, inode->len + 1);
			from = prng_below(rng, to + 1);
			memset(inode->bytes + from, 0, to - from);
		} else {
			inode->len = prng_below(rng, inode->len + 1);
		}
	}
	inode->is_synced = true;
}

void disk_power_fail(struct disk *disk, struct prng *rng)
{
	struct link *pos;
	size_t i;
	int dir;

	list_for_each (pos, &disk->inodes)
		tear(container_of(pos, struct inode, in_disk), rng);
	for (dir = 0; dir < DISK_DIRS; dir++) {
		struct dir *d = &disk->dirs[dir];

		for (i = 0; i < d->pending.count; i++) {
			if (prng_below(rng, 2) == 0)
				dirents_set(&d->durable, d->pending.all[i].name,
					    d->pending.all[i].inode);
		}
		d->pending.count = 0;
		dirents_copy(&d->now, &d->durable);
	}
	disk->changes++;
}
