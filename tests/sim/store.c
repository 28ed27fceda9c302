/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store worker of rpc.statd, which makes batches of changes durable at a
 * later time (statd/store.c).
 */
#include "tests/sim/sim.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/record.h"
#include "lib/xalloc.h"

static void store_stage(struct sim *s, struct event *e);

void store_init(struct store *store)
{
	list_init(&store->queued);
	list_init(&store->batch);
	list_init(&store->claims);
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

static void claim_free(struct store_claim *claim);

void store_kill(struct store *store)
{
	while (!list_is_empty(&store->claims))
		claim_free(container_of(store->claims.next, struct store_claim,
					in_claims));
	free_jobs(&store->queued);
	free_jobs(&store->batch);
	store->stage = STORE_IDLE;
}

/* Has the next stage of the worker of @h begin after a while. */
static void store_go(struct host *h, enum store_stage stage)
{
	struct sim *s = h->sim;
	uint64_t wait_ms =
		sim_between(s, 0, sim_mishap(s, 2) ? 5000 : STORE_STAGE_MS);

	if (h->disk.slow_until_ms > s->now_ms && stage != STORE_WRITE &&
	    !s->is_calm)
		wait_ms = sim_between(s, 0, DISK_SLOW_MS);

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
	if (h->statd.store.stage == STORE_IDLE) {
		h->statd.store.since_ms = h->sim->now_ms;
		store_go(h, STORE_WRITE);
	}
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

static bool are_removals(const struct link *head)
{
	struct link *pos;

	list_for_each (pos, head) {
		const struct store_job *job =
			container_of(pos, struct store_job, in_queue);

		if (job->dir != DISK_MEMO || !job->is_removal)
			return false;
	}
	return true;
}

bool store_is_removing(const struct store *store)
{
	return are_removals(&store->queued) && are_removals(&store->batch);
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

/* --- files of others: statd/claim.c ------------------------------------- */

static struct store_claim *claim_find(struct store *store, const char *file)
{
	struct link *pos;

	list_for_each (pos, &store->claims) {
		struct store_claim *claim =
			container_of(pos, struct store_claim, in_claims);

		if (strcmp(claim->file, file) == 0)
			return claim;
	}
	return NULL;
}

static struct store_claim *claim_get(struct store *store, const char *file)
{
	struct store_claim *claim = claim_find(store, file);

	if (claim != NULL)
		return claim;
	claim = xzalloc(sizeof(*claim));
	strcpy(claim->file, file);
	buf_init(&claim->kept, RECORD_FILE_MAX);
	list_append(&store->claims, &claim->in_claims);
	return claim;
}

static void claim_free(struct store_claim *claim)
{
	list_remove(&claim->in_claims);
	buf_fini(&claim->kept);
	free(claim);
}

/* The file is there, and not ours: its lines stay behind those of @job. */
static int meet(struct host *h, struct store_job *job)
{
	const struct inode *old = disk_find(&h->disk, DISK_SM, job->file);
	struct store_claim *claim = claim_get(&h->statd.store, job->file);
	struct buf content;

	claim->is_ours = false;
	buf_clear(&claim->kept);
	buf_init(&content, RECORD_FILE_MAX);
	buf_add(&content, job->bytes, job->len);
	record_merge(&content, old->bytes, old->len);
	buf_add(&claim->kept, content.bytes + job->len, content.len - job->len);
	buf_fini(&content);
	return 0;
}

/* --- jobs -------------------------------------------------------------- */

/* What was made of @job goes, where the disk lets it. */
static void abandon(struct host *h, const struct store_job *job)
{
	char temp[SIM_NAME_SIZE];

	temp_name(job, temp);
	if (disk_error(h, DISK_NAME) == 0)
		disk_unlink(&h->disk, job->dir,
			    job->is_direct ? job->file : temp);
	if (job->is_direct)
		claim_get(&h->statd.store, job->file)->is_ours = false;
}

/* Whole at every moment, but not flushed. */
static void write_memo(struct host *h, struct store_job *job, const char *temp)
{
	disk_unlink(&h->disk, DISK_MEMO, temp); /* of a killed life */
	disk_write(&h->disk, disk_create(&h->disk, DISK_MEMO, temp), job->bytes,
		   job->len);
	if (!host_survives(h, PROGRAM_STATD))
		return;
	job->error = disk_error(h, DISK_NAME);
	if (job->error == 0)
		disk_rename(&h->disk, DISK_MEMO, temp, job->file);
	else
		abandon(h, job);
	callout_memo_written(h, job);
}

/* As claims_begin(): new under its own name, else beside it. */
static void write_record(struct host *h, struct store_job *job,
			 const char *temp)
{
	struct store_claim *claim = claim_find(&h->statd.store, job->file);
	struct buf content;

	job->is_direct = job->is_new || (claim != NULL && !claim->is_ours);
	if (job->is_direct && disk_find(&h->disk, DISK_SM, job->file) != NULL) {
		job->error = meet(h, job);
		claim = claim_find(&h->statd.store, job->file);
		job->is_direct = false;
	}
	buf_init(&content, 2 * RECORD_FILE_MAX);
	buf_add(&content, job->bytes, job->len);
	if (!job->is_direct && claim != NULL)
		buf_add(&content, claim->kept.bytes, claim->kept.len);
	disk_unlink(&h->disk, DISK_SM, temp); /* of a killed life */
	job->inode = disk_create(&h->disk, DISK_SM,
				 job->is_direct ? job->file : temp);
	disk_write(&h->disk, job->inode, content.bytes, content.len);
	buf_fini(&content);
	job->error = disk_error(h, DISK_WRITE);
	if (job->error != 0)
		abandon(h, job);
}

static void remove_record(struct host *h, const struct store_job *job)
{
	struct store_claim *claim = claim_find(&h->statd.store, job->file);

	if (disk_error(h, DISK_NAME) != 0)
		return; /* one notice too many */
	if (claim == NULL)
		disk_unlink(&h->disk, job->dir, job->file);
	else if (!claim->is_ours)
		claim_free(claim);
	else
		retire_file(h, DISK_SM, job->file, claim->kept.bytes,
			    claim->kept.len);
}

static void write_job(struct host *h, struct store_job *job)
{
	char temp[SIM_NAME_SIZE];

	temp_name(job, temp);
	if (job->is_removal && job->dir == DISK_MEMO) {
		if (disk_error(h, DISK_NAME) == 0)
			disk_unlink(&h->disk, job->dir, job->file);
	} else if (job->is_removal) {
		remove_record(h, job);
	} else if (job->dir == DISK_SM) {
		write_record(h, job, temp);
	} else {
		job->error = disk_error(h, DISK_WRITE);
		if (job->error == 0)
			write_memo(h, job, temp);
		else
			callout_memo_written(h, job);
	}
}

static void flush_job(struct host *h, struct store_job *job)
{
	struct store_claim *claim;
	char temp[SIM_NAME_SIZE];

	if (job->inode == NULL || job->error != 0)
		return;
	temp_name(job, temp);
	job->error = disk_error(h, DISK_FLUSH);
	if (job->error != 0)
		disk_fail_sync(&h->disk, job->inode);
	else
		disk_sync(&h->disk, job->inode);
	if (job->error == 0 && !job->is_direct)
		job->error = disk_error(h, DISK_NAME);
	if (job->error != 0) {
		abandon(h, job);
		return;
	}
	if (!job->is_direct)
		disk_rename(&h->disk, DISK_SM, temp, job->file);
	claim = claim_find(&h->statd.store, job->file);
	if (claim == NULL)
		return;
	claim->is_ours = true;
	if (claim->kept.len == 0)
		claim_free(claim);
}

/* An error of the directory is one of all whose names are in it. */
static void flush_names(struct host *h)
{
	int error = disk_error(h, DISK_FLUSH_DIR);
	struct link *pos;

	if (error == 0)
		disk_sync_dir(&h->disk, DISK_SM);
	list_for_each (pos, &h->statd.store.batch) {
		struct store_job *job =
			container_of(pos, struct store_job, in_queue);

		if (job->dir == DISK_SM && job->error == 0)
			job->error = error;
	}
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
		h->op.has_failed_store |= in.stored.error != 0;
		if (in.stored.error != 0)
			h->locks.disk_failed_ms = h->sim->now_ms;
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
			flush_names(h);
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
