/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk that promises no more than POSIX does: bytes survive a power failure
 * after fsync of the file, a name after fsync of its directory, and of the
 * rest any part may survive, a file's bytes torn.  Beneath: the store worker
 * of rpc.statd, which makes batches of changes durable at a later time.
 */
#include "tests/sim/sim.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
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
	inode->is_synced = true;
	disk->changes++;
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

bool disk_survives(const struct disk *disk, enum disk_dir dir,
		   disk_match *match, void *ctx)
{
	const struct dir *d = &disk->dirs[dir];
	size_t i;

	for (i = 0; i < d->durable.count; i++) {
		/* Nobody reads a temporary file. */
		if (d->durable.all[i].name[0] != '.' &&
		    name_survives(d, d->durable.all[i].name, match, ctx))
			return true;
	}
	return false;
}

static void tear(struct inode *inode, struct prng *rng)
{
	if (!inode->is_synced && inode->len > 0)
		inode->len = prng_below(rng, inode->len + 1);
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

/* --- the store worker -------------------------------------------------- */

static void store_stage(struct sim *s, struct event *e);

void store_init(struct store *store)
{
	list_init(&store->queued);
	list_init(&store->batch);
	store->stage = STORE_IDLE;
}

static void free_jobs(struct link *head)
{
	struct link *link;
	struct store_job *job;

	while ((link = list_take_first(head)) != NULL) {
		job = container_of(link, struct store_job, in_queue);
		free(job->bytes);
		free(job);
	}
}

void store_kill(struct store *store)
{
	free_jobs(&store->queued);
	free_jobs(&store->batch);
	store->stage = STORE_IDLE;
}

/* Has the next stage of the worker of @h begin after a while. */
static void store_go(struct host *h, enum store_stage stage)
{
	struct sim *s = h->sim;
	uint64_t wait_ms = sim_between(s, 0, sim_mishap(s, 2) ? 5000 : 20);

	h->statd.store.stage = stage;
	sim_after(s, wait_ms, store_stage, h)->life = h->statd.life;
}

static struct store_job *queue_job(struct host *h, enum disk_dir dir,
				   const char *file)
{
	struct store_job *job = xzalloc(sizeof(*job));

	job->dir = dir;
	assert(strlen(file) < sizeof(job->file));
	strcpy(job->file, file);
	list_append(&h->statd.store.queued, &job->in_queue);
	if (h->statd.store.stage == STORE_IDLE)
		store_go(h, STORE_WRITE);
	return job;
}

void store_put(struct host *h, const struct nsm_out *out)
{
	struct store_job *job = queue_job(h, DISK_SM, out->store.file);

	job->id = out->store.id;
	job->is_new = out->store.is_new;
	job->bytes = xmemdup(out->bytes, out->len);
	job->len = out->len;
}

void store_remove(struct host *h, const char *file)
{
	queue_job(h, DISK_SM, file)->is_removal = true;
}

void store_memo(struct host *h, const struct nsm_out *out)
{
	char file[SIM_NAME_SIZE];
	struct store_job *job;

	snprintf(file, sizeof(file), "%llu",
		 (unsigned long long)out->memo.number);
	job = queue_job(h, DISK_MEMO, file);
	job->id = out->memo.id;
	job->is_removal = out->len == 0;
	job->bytes = xmemdup(out->bytes, out->len);
	job->len = out->len;
}

static bool is_in_batch(const struct store *store, const struct store_job *job)
{
	struct link *pos;

	list_for_each (pos, &store->batch) {
		const struct store_job *other =
			container_of(pos, struct store_job, in_queue);

		if (other->dir == job->dir &&
		    strcmp(other->file, job->file) == 0)
			return true;
	}
	return false;
}

/* Takes what is queued, up to a file that the batch has already. */
static void take_batch(struct store *store)
{
	struct link *pos;
	struct link *after;

	list_for_each_safe (pos, after, &store->queued) {
		struct store_job *job =
			container_of(pos, struct store_job, in_queue);

		if (is_in_batch(store, job))
			break;
		list_remove(pos);
		list_append(&store->batch, pos);
	}
}

static void temp_name(const struct store_job *job, char out[SIM_NAME_SIZE])
{
	assert(strlen(job->file) + 6 < SIM_NAME_SIZE);
	strcpy(out, ".");
	strcat(out, job->file);
	strcat(out, ".new");
}

/* Whole at every moment, but not flushed. */
static void write_memo(struct host *h, struct store_job *job, const char *temp)
{
	disk_unlink(&h->disk, DISK_MEMO, temp); /* of a killed life */
	disk_write(&h->disk, disk_create(&h->disk, DISK_MEMO, temp), job->bytes,
		   job->len);
	if (!host_survives(h, PROGRAM_STATD))
		return;
	disk_rename(&h->disk, DISK_MEMO, temp, job->file);
	callout_memo_written(h, job);
}

static void write_job(struct host *h, struct store_job *job)
{
	char temp[SIM_NAME_SIZE];

	temp_name(job, temp);
	if (job->is_removal) {
		disk_unlink(&h->disk, job->dir, job->file);
		return;
	}
	if (sim_mishap(h->sim, 1)) {
		job->error = -ENOSPC;
		if (job->dir == DISK_MEMO)
			callout_memo_written(h, job);
		return;
	}
	if (job->dir == DISK_MEMO) {
		write_memo(h, job, temp);
		return;
	}
	if (!job->is_new)
		disk_unlink(&h->disk, DISK_SM, temp); /* of a killed life */
	job->inode =
		disk_create(&h->disk, DISK_SM, job->is_new ? job->file : temp);
	if (job->inode == NULL) {
		job->error = -EEXIST;
		return;
	}
	disk_write(&h->disk, job->inode, job->bytes, job->len);
}

static void flush_job(struct host *h, struct store_job *job)
{
	char temp[SIM_NAME_SIZE];

	temp_name(job, temp);
	if (job->inode == NULL)
		return;
	if (sim_mishap(h->sim, 1)) {
		job->error = -EIO;
		disk_unlink(&h->disk, DISK_SM, job->is_new ? job->file : temp);
		return;
	}
	disk_sync(&h->disk, job->inode);
	if (!job->is_new)
		disk_rename(&h->disk, DISK_SM, temp, job->file);
}

/* A lost removal is one notice too many: not worth a flush. */
static bool has_write(const struct store *store)
{
	struct link *pos;

	list_for_each (pos, &store->batch) {
		const struct store_job *job =
			container_of(pos, struct store_job, in_queue);

		if (!job->is_removal && job->dir == DISK_SM)
			return true;
	}
	return false;
}

static void report_jobs(struct host *h)
{
	struct store *store = &h->statd.store;
	uint32_t life = h->statd.life;
	struct link *link;

	while ((link = list_take_first(&store->batch)) != NULL) {
		struct store_job *job =
			container_of(link, struct store_job, in_queue);
		struct nsm_in in = {.kind = NSM_IN_STORED};
		bool is_removal = job->is_removal;

		if (job->dir == DISK_MEMO)
			in.kind = NSM_IN_MEMO_STORED;
		in.stored.id = job->id;
		in.stored.error = job->error;
		free(job->bytes);
		free(job);
		if (is_removal)
			continue;
		trace(h->sim, h, "statd <- %s %llu error %d",
		      in.kind == NSM_IN_STORED ? "STORED" : "MEMO_STORED",
		      (unsigned long long)in.stored.id, in.stored.error);
		statd_input(h, &in);
		if (h->statd.core == NULL || h->statd.life != life)
			return;
	}
	store->stage = STORE_IDLE;
	if (!list_is_empty(&store->queued))
		store_go(h, STORE_WRITE);
}

static void store_stage(struct sim *s, struct event *e)
{
	struct host *h = e->host;
	struct store *store = &h->statd.store;
	struct link *pos;

	(void)s;
	if (h->statd.core == NULL || e->life != h->statd.life)
		return;
	if (store->stage == STORE_SYNC_DIR) {
		if (has_write(store))
			disk_sync_dir(&h->disk, DISK_SM);
		report_jobs(h);
		return;
	}
	if (store->stage == STORE_WRITE)
		take_batch(store);
	list_for_each (pos, &store->batch) {
		struct store_job *job =
			container_of(pos, struct store_job, in_queue);

		if (!host_survives(h, PROGRAM_STATD))
			return;
		if (store->stage == STORE_WRITE)
			write_job(h, job);
		else
			flush_job(h, job);
		if (h->statd.core == NULL || e->life != h->statd.life)
			return;
	}
	store_go(h, store->stage + 1);
}
