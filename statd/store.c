/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One worker (os/worker) writes; the loop's thread only queues jobs and hands
 * their results to the core.  All that is queued when the worker looks is one
 * batch: every file is written and its write-back started, then each is
 * flushed, then the directory once.  The worker calls nothing but the file
 * calls of os/durable, touches only its batch and store::claims, and logs
 * nothing.
 *
 * ORDER: a result leaves only after the flush of the directory.  Hand it out
 * before, and lockd is told of a record whose name a power failure removes
 * (contract.md D-1).
 */
#define _GNU_SOURCE
#include "statd/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "lib/list.h"
#include "lib/log.h"
#include "lib/record.h"
#include "lib/xalloc.h"
#include "os/durable.h"
#include "os/statedir.h"
#include "os/worker.h"
#include "statd/claim.h"

#define UNREADABLE_LOGGED 20 /* files of sm/, at start */
#define RECORD_MODE	  0600
#define MEMO_DIR	  ".reclaim"
#define MEMO_DIR_MODE	  0700
#define MEMO_NAME_SIZE	  21 /* any number */
#define MEMO_DIGITS_MAX	  18 /* see MEMOS_NUMBER_MAX */

enum job_kind { JOB_PUT, JOB_REMOVE, JOB_MEMO, JOB_MEMO_REMOVE };

struct job {
	struct link link; /* the worker's */
	enum job_kind kind;
	uint64_t id;
	int dir;
	char *name;
	uint8_t *bytes;
	size_t len;
	struct durable_file file;
	struct claim_report report;
	int error; /* 0 or -errno */
};

struct store {
	store_done *done;
	void *ctx;
	int dir;		 /* STATE */
	int sm;			 /* locked, shared, for life */
	int memos;		 /* sm/.reclaim, -1: there is none */
	struct stat number_stat; /* of `state` when it was read */
	uint32_t number;
	bool is_number_bad; /* and that was logged */
	struct worker *worker;
	struct claims claims; /* the worker's */
};

static void job_free(struct job *job)
{
	free(job->name);
	free(job->bytes);
	free(job);
}

static void job_begin(struct store *store, struct job *job)
{
	switch (job->kind) {
	case JOB_PUT:
		job->file.dir = job->dir;
		job->file.name = job->name;
		job->file.mode = RECORD_MODE;
		job->error = claims_begin(&store->claims, &job->file,
					  job->bytes, job->len, &job->report);
		break;
	case JOB_REMOVE:
		claims_remove(&store->claims, job->dir, job->name);
		break;
	case JOB_MEMO:
		/* ORDER: no flush, see statd/memos.c. */
		job->error = job->dir < 0 ? -ENOENT
					  : durable_swap(job->dir, job->name,
							 job->bytes, job->len,
							 RECORD_MODE);
		break;
	case JOB_MEMO_REMOVE:
		(void)unlinkat(job->dir, job->name, 0);
		break;
	}
}

/* The three passes over @batch. */
static void batch_run(void *ctx, struct link *batch)
{
	struct store *store = ctx;
	struct link *pos;
	bool has_put = false;
	int error = 0;

	list_for_each (pos, batch)
		job_begin(store, container_of(pos, struct job, link));
	list_for_each (pos, batch) {
		struct job *job = container_of(pos, struct job, link);

		if (job->kind != JOB_PUT || job->error != 0)
			continue;
		job->error = claims_finish(&store->claims, &job->file);
		if (job->error != 0)
			job->report.what = CLAIM_NONE;
		has_put = true;
	}
	if (has_put)
		error = durable_sync(store->sm);
	list_for_each (pos, batch) {
		struct job *job = container_of(pos, struct job, link);

		if (job->kind == JOB_PUT && job->error == 0)
			job->error = error;
	}
}

static bool has_file_of(const struct link *batch, const struct job *job)
{
	struct link *pos;

	list_for_each (pos, batch) {
		const struct job *other = container_of(pos, struct job, link);

		if (other->dir == job->dir &&
		    strcmp(other->name, job->name) == 0)
			return true;
	}
	return false;
}

/* Moves jobs to @batch up to the cap, or to a second one on the same file. */
static void batch_take(void *ctx, struct link *queue, struct link *batch)
{
	unsigned int count = 0;

	(void)ctx;
	while (!list_is_empty(queue) && count++ < STORE_BATCH_MAX) {
		struct link *first = queue->next;

		if (has_file_of(batch, container_of(first, struct job, link)))
			return;
		list_remove(first);
		list_append(batch, first);
	}
}

static void log_claim(const struct job *job)
{
	char aside[DURABLE_NAME_SIZE];
	struct buf name;

	if (job->report.what == CLAIM_NONE)
		return;
	buf_init(&name, LOG_TEXT_MAX / 2);
	buf_add_escaped(&name, job->name, strlen(job->name));
	durable_aside_name(&job->file, aside);
	if (job->report.what == CLAIM_MERGED)
		log_line(LOG_WARN,
			 "sm/%s was not made by rpc.statd; its lines are kept",
			 buf_text(&name));
	else
		log_line(LOG_ERROR,
			 "sm/%s: %s; it is kept as sm/%s, and its peers are "
			 "not told",
			 buf_text(&name), durable_read_error(job->report.error),
			 aside);
	buf_fini(&name);
}

static void job_done(void *ctx, struct link *link)
{
	struct job *job = container_of(link, struct job, link);
	const struct store *store = ctx;

	log_claim(job);
	if (job->kind == JOB_PUT)
		store->done(store->ctx, STORE_RECORDS, job->id, job->error);
	if (job->kind == JOB_MEMO)
		store->done(store->ctx, STORE_MEMO, job->id, job->error);
	job_free(job);
}

/* What the results of the last round at the end have queued comes too late. */
static void job_drop(void *ctx, struct link *link)
{
	(void)ctx;
	job_free(container_of(link, struct job, link));
}

static const struct worker_calls worker_calls = {
	.take = batch_take,
	.run = batch_run,
	.done = job_done,
	.drop = job_drop,
};

void store_put(struct store *store, uint64_t id, const char *file, bool is_new,
	       const uint8_t *bytes, size_t len)
{
	struct job *job = xzalloc(sizeof(*job));

	job->kind = JOB_PUT;
	job->id = id;
	job->dir = store->sm;
	job->name = xstrdup(file);
	job->bytes = xmemdup(bytes, len);
	job->len = len;
	job->file.how = is_new ? DURABLE_NEW : DURABLE_REPLACE;
	worker_put(store->worker, &job->link);
}

void store_remove(struct store *store, const char *file)
{
	struct job *job = xzalloc(sizeof(*job));

	job->kind = JOB_REMOVE;
	job->dir = store->sm;
	job->name = xstrdup(file);
	worker_put(store->worker, &job->link);
}

void store_memo(struct store *store, uint64_t id, uint64_t number,
		const uint8_t *bytes, size_t len)
{
	struct job *job = xzalloc(sizeof(*job));
	char name[MEMO_NAME_SIZE];

	(void)snprintf(name, sizeof(name), "%" PRIu64, number);
	job->kind = len > 0 ? JOB_MEMO : JOB_MEMO_REMOVE;
	job->id = id;
	job->dir = store->memos;
	job->name = xstrdup(name);
	job->bytes = len > 0 ? xmemdup(bytes, len) : NULL;
	job->len = len;
	worker_put(store->worker, &job->link);
}

/*
 * Where sm-notify or a statd that stayed root made the directory, it is root's.
 * SAFETY: nobody but root could have moved a directory of root's there.
 */
static int own_memos(const struct store *store)
{
	struct stat sm, memos;

	if (fstat(store->sm, &sm) != 0 || fstat(store->memos, &memos) != 0)
		return -errno;
	if (geteuid() != 0 || memos.st_uid != 0 || sm.st_uid == 0)
		return 0;
	return fchown(store->memos, sm.st_uid, sm.st_gid) == 0 ? 0 : -errno;
}

static void open_memos(struct store *store)
{
	int error = 0;

	if (mkdirat(store->sm, MEMO_DIR, MEMO_DIR_MODE) != 0 && errno != EEXIST)
		error = -errno;
	if (error == 0)
		store->memos =
			openat(store->sm, MEMO_DIR,
			       O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (error == 0)
		error = store->memos < 0 ? -errno : own_memos(store);
	if (error == 0)
		error = durable_clean(store->memos);
	if (error != 0)
		log_line(LOG_WARN,
			 "sm/" MEMO_DIR ": %s; what is under way is not kept "
			 "over a restart of rpc.statd",
			 strerror(-error));
}

static int open_files(struct store *store, const char *state_dir)
{
	int error;

	store->dir = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->dir < 0)
		return -errno;
	store->sm =
		openat(store->dir, "sm", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->sm < 0)
		return -errno;
	error = statedir_wait_lock(store->sm, LOCK_SH);
	if (error != 0)
		return error;
	/* Whatever is wrong with it, store_load() will say. */
	(void)durable_clean(store->sm);
	open_memos(store);
	return 0;
}

struct store *store_open(struct loop *loop, const char *state_dir,
			 store_done *done, void *ctx, int *error)
{
	struct store *store = xzalloc(sizeof(*store));

	store->done = done;
	store->ctx = ctx;
	store->dir = store->sm = store->memos = -1;
	claims_init(&store->claims);
	*error = open_files(store, state_dir);
	if (*error == 0)
		store->worker = worker_new(loop, &worker_calls, store, error);
	if (*error != 0) {
		store_free(store);
		return NULL;
	}
	return store;
}

struct load {
	struct store *store;
	store_found *found;
	void *ctx;
	unsigned int unreadable;
};

static void log_unreadable(struct load *load, const char *name, int error)
{
	struct buf escaped;

	if (load->unreadable++ >= UNREADABLE_LOGGED)
		return;
	buf_init(&escaped, LOG_TEXT_MAX / 2);
	buf_add_escaped(&escaped, name, strlen(name));
	log_line(LOG_ERROR,
		 "sm/%s: %s; it is left alone, and nobody is monitored for it",
		 buf_text(&escaped), durable_read_error(error));
	buf_fini(&escaped);
}

static int load_one(void *ctx, const char *name)
{
	struct load *load = ctx;
	struct buf bytes;
	int error;

	buf_init(&bytes, RECORD_FILE_MAX);
	error = durable_read(load->store->sm, name, &bytes);
	if (error == 0)
		load->found(load->ctx, name, bytes.bytes, bytes.len);
	else
		log_unreadable(load, name, error);
	buf_fini(&bytes);
	return 0;
}

static int load_odd(void *ctx, const char *name)
{
	log_unreadable(ctx, name, -EINVAL);
	return 0;
}

int store_load(struct store *store, store_found *found, void *ctx)
{
	struct load load = {.store = store, .found = found, .ctx = ctx};
	int error = durable_each(store->sm, load_one, &load);

	if (error == 0)
		error = durable_each_odd(store->sm, load_odd, &load);
	if (load.unreadable > UNREADABLE_LOGGED)
		log_line(LOG_ERROR, "sm: %u more cannot be read",
			 load.unreadable - UNREADABLE_LOGGED);
	return error;
}

struct memo_load {
	const struct store *store;
	store_found_memo *found;
	void *ctx;
};

/* Other names are others' (design decision 14). */
static int load_memo(void *ctx, const char *name)
{
	const struct memo_load *load = ctx;
	size_t len = strlen(name);
	struct buf bytes;

	if (strspn(name, "0123456789") != len || len > MEMO_DIGITS_MAX ||
	    name[0] == '0')
		return 0;
	buf_init(&bytes, RECORD_FILE_MAX);
	if (durable_read(load->store->memos, name, &bytes) != 0)
		buf_clear(&bytes);
	load->found(load->ctx, strtoull(name, NULL, 10), bytes.bytes,
		    bytes.len);
	buf_fini(&bytes);
	return 0;
}

void store_load_memos(struct store *store, store_found_memo *found, void *ctx)
{
	struct memo_load load = {.store = store, .found = found, .ctx = ctx};
	int error = 0;

	if (store->memos >= 0)
		error = durable_each(store->memos, load_memo, &load);
	if (error != 0)
		log_line(LOG_WARN, "cannot read sm/" MEMO_DIR ": %s",
			 strerror(-error));
}

int store_start(struct store *store)
{
	return worker_start(store->worker);
}

static bool is_unchanged(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev &&
	       a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Once when it cannot be used any more, and once when it can. */
static void log_number(struct store *store, int error)
{
	if (store->is_number_bad == (error != 0))
		return;
	store->is_number_bad = error != 0;
	if (error != 0)
		log_line(LOG_ERROR,
			 "state: %s; every SM_MON fails until it is mended",
			 statedir_number_error(error));
	else
		log_line(LOG_NOTE, "state can be used again: it is %u",
			 store->number);
}

uint32_t store_number(struct store *store)
{
	struct stat now;
	uint32_t number = 0;
	int error = 0;

	if (fstatat(store->dir, "state", &now, AT_SYMLINK_NOFOLLOW) != 0)
		error = -errno;
	else if (is_unchanged(&now, &store->number_stat))
		return store->number;
	if (error == 0)
		error = statedir_number_at(store->dir, &number);
	/* What could not be read now may be readable the next time. */
	store->number_stat = error == 0 ? now : (struct stat){0};
	store->number = number;
	log_number(store, error);
	return number;
}

void store_free(struct store *store)
{
	if (store == NULL)
		return;
	worker_free(store->worker);
	claims_fini(&store->claims);
	if (store->memos >= 0)
		close(store->memos);
	if (store->sm >= 0)
		close(store->sm);
	if (store->dir >= 0)
		close(store->dir);
	free(store);
}
