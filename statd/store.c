/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One worker thread writes; the loop's thread only queues jobs and hands their
 * results to the core.  All that is queued when the worker looks is one batch:
 * every file is written and its write-back started, then each is flushed, then
 * the directory once.  The worker calls nothing but the file calls of
 * os/durable, touches only its batch and store::claims, and logs nothing.
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
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "lib/list.h"
#include "lib/log.h"
#include "lib/record.h"
#include "lib/xalloc.h"
#include "os/durable.h"
#include "os/statedir.h"
#include "statd/claim.h"

#define UNREADABLE_LOGGED 20 /* files of sm/, at start */
#define RECORD_MODE	  0600
#define MEMO_DIR	  ".reclaim"
#define MEMO_DIR_MODE	  0700
#define MEMO_NAME_SIZE	  21 /* any number */
#define MEMO_DIGITS_MAX	  18 /* see MEMOS_NUMBER_MAX */

enum job_kind { JOB_PUT, JOB_REMOVE, JOB_MEMO, JOB_MEMO_REMOVE };

struct job {
	struct link link; /* store::queue, ::finished, or the worker's batch */
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
	struct loop *loop;
	store_done *done;
	void *ctx;
	int dir;   /* STATE */
	int sm;	   /* locked, shared, for life */
	int memos; /* sm/.reclaim, -1: there is none */
	int wake_fd;
	struct loop_watch *watch;
	struct stat number_stat; /* of `state` when it was read */
	uint32_t number;
	bool is_number_bad; /* and that was logged */
	pthread_t worker;
	bool has_worker;
	pthread_mutex_t lock; /* queue, finished, is_ending */
	pthread_cond_t wanted;
	struct link queue;    /* job::link */
	struct link finished; /* job::link */
	bool is_ending;
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
static void batch_run(struct store *store, struct link *batch)
{
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
static void batch_take(struct store *store, struct link *batch)
{
	unsigned int count = 0;

	while (!list_is_empty(&store->queue) && count++ < STORE_BATCH_MAX) {
		struct link *first = store->queue.next;

		if (has_file_of(batch, container_of(first, struct job, link)))
			return;
		list_remove(first);
		list_append(batch, first);
	}
}

static void list_move(struct link *to, struct link *from)
{
	struct link *link;

	while ((link = list_take_first(from)) != NULL)
		list_append(to, link);
}

static void *worker_main(void *arg)
{
	struct store *store = arg;
	struct link batch;

	list_init(&batch);
	pthread_mutex_lock(&store->lock);
	for (;;) {
		while (list_is_empty(&store->queue) && !store->is_ending)
			pthread_cond_wait(&store->wanted, &store->lock);
		if (list_is_empty(&store->queue))
			break;
		batch_take(store, &batch);
		pthread_mutex_unlock(&store->lock);
		batch_run(store, &batch);
		pthread_mutex_lock(&store->lock);
		list_move(&store->finished, &batch);
		/* A full counter wakes the loop as well as one more would. */
		(void)eventfd_write(store->wake_fd, 1);
	}
	pthread_mutex_unlock(&store->lock);
	return NULL;
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

static void hand_out(struct store *store)
{
	struct link finished, *link;

	list_init(&finished);
	pthread_mutex_lock(&store->lock);
	list_move(&finished, &store->finished);
	pthread_mutex_unlock(&store->lock);
	while ((link = list_take_first(&finished)) != NULL) {
		struct job *job = container_of(link, struct job, link);

		log_claim(job);
		if (job->kind == JOB_PUT)
			store->done(store->ctx, STORE_RECORDS, job->id,
				    job->error);
		if (job->kind == JOB_MEMO)
			store->done(store->ctx, STORE_MEMO, job->id,
				    job->error);
		job_free(job);
	}
}

static void on_wake(void *ctx, int fd, unsigned int events)
{
	eventfd_t count;

	(void)events; /* only LOOP_READ is watched */
	if (eventfd_read(fd, &count) == 0)
		hand_out(ctx);
}

static void queue_job(struct store *store, struct job *job)
{
	pthread_mutex_lock(&store->lock);
	list_append(&store->queue, &job->link);
	pthread_cond_signal(&store->wanted);
	pthread_mutex_unlock(&store->lock);
}

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
	queue_job(store, job);
}

void store_remove(struct store *store, const char *file)
{
	struct job *job = xzalloc(sizeof(*job));

	job->kind = JOB_REMOVE;
	job->dir = store->sm;
	job->name = xstrdup(file);
	queue_job(store, job);
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
	queue_job(store, job);
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
	store->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return store->wake_fd < 0 ? -errno : 0;
}

struct store *store_open(struct loop *loop, const char *state_dir,
			 store_done *done, void *ctx, int *error)
{
	struct store *store = xzalloc(sizeof(*store));

	store->loop = loop;
	store->done = done;
	store->ctx = ctx;
	store->dir = store->sm = store->memos = store->wake_fd = -1;
	list_init(&store->queue);
	list_init(&store->finished);
	claims_init(&store->claims);
	pthread_mutex_init(&store->lock, NULL);
	pthread_cond_init(&store->wanted, NULL);
	*error = open_files(store, state_dir);
	if (*error != 0) {
		store_free(store);
		return NULL;
	}
	store->watch =
		loop_watch(loop, store->wake_fd, LOOP_READ, on_wake, store);
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

/* Signals are the loop's: the worker takes none. */
int store_start(struct store *store)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&store->worker, NULL, worker_main, store);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	store->has_worker = error == 0;
	return -error;
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

/* What a result that was handed out at the end has queued comes too late. */
static void queue_free(struct store *store)
{
	struct link *link;

	while ((link = list_take_first(&store->queue)) != NULL)
		job_free(container_of(link, struct job, link));
}

void store_free(struct store *store)
{
	if (store == NULL)
		return;
	if (store->has_worker) {
		pthread_mutex_lock(&store->lock);
		store->is_ending = true;
		pthread_cond_signal(&store->wanted);
		pthread_mutex_unlock(&store->lock);
		pthread_join(store->worker, NULL);
		hand_out(store);
	}
	queue_free(store);
	claims_fini(&store->claims);
	loop_unwatch(store->watch);
	if (store->wake_fd >= 0)
		close(store->wake_fd);
	if (store->memos >= 0)
		close(store->memos);
	if (store->sm >= 0)
		close(store->sm);
	if (store->dir >= 0)
		close(store->dir);
	pthread_cond_destroy(&store->wanted);
	pthread_mutex_destroy(&store->lock);
	free(store);
}
