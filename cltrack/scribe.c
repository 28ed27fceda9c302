/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One worker; the loop's thread only queues jobs and hands out their results.
 * A batch that fails is done again, a job at a time, so that one that cannot be
 * stored takes no other with it.
 *
 * ORDER: a result leaves only after the commit.  A job in the middle of a
 * transaction has not happened yet.
 */
#include "cltrack/scribe.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/eventfd.h>

#include "cltrack/alive.h"
#include "cltrack/clientlist.h"
#include "lib/list.h"
#include "lib/xalloc.h"

#define QUIET_S 1 /* then the database is one file again */

struct job {
	struct link link; /* scribe::queue, ::finished, or a batch */
	enum cld_out_kind kind;
	struct cld_store store;	   /* STORE; its id: of LOAD and LOOK as well */
	struct clientlist clients; /* STORE: its own; LOAD, LOOK: the result */
	int error;
};

struct scribe {
	struct scribe_config config;
	struct cldb *db;
	int wake_fd;
	struct loop_watch *watch;
	pthread_t worker;
	bool has_worker;
	pthread_mutex_t lock; /* queue, finished, is_ending */
	pthread_cond_t wanted;
	struct link queue;    /* job::link */
	struct link finished; /* job::link */
	bool is_ending;
	bool is_settled; /* the worker's */
};

static void job_free(struct job *job)
{
	clientlist_fini(&job->clients);
	free(job);
}

/* --- in the worker -------------------------------------------------------- */

static int add_client(void *arg, const struct client *client)
{
	if (client->id_len > 0)
		clientlist_add(arg, client);
	return 0;
}

static int store_check(struct cldb *db, const struct cld_store *store)
{
	const struct client *client = store->clients;
	int has = cldb_has(db, store->recovery, client->id, client->id_len);

	if (has <= 0)
		return has == 0 ? -ENOENT : has;
	return cldb_create(db, store->current, client);
}

static int store_done(struct cldb *db, const struct cld_store *store)
{
	int error = 0;

	for (size_t i = 0; i < store->count && error >= 0; i++) {
		const struct client *client = &store->clients[i];

		error = cldb_has(db, store->current, client->id,
				 client->id_len);
		if (error == 0)
			error = cldb_create(db, store->current, client);
	}
	if (error >= 0)
		error = cldb_grace_done(db, store->recovery);
	if (error == 0 && store->is_last_first_time)
		error = cldb_set_first_time(db, false);
	return error;
}

static int store_start(struct cldb *db, const struct cld_store *store)
{
	struct cld_store end = *store;
	int error = 0;

	if (store->ended != 0) {
		end.current = store->recovery;
		end.recovery = store->ended;
		error = store_done(db, &end);
	}
	return error != 0
		       ? error
		       : cldb_grace_start(db, store->current, store->recovery);
}

static int store_run(struct cldb *db, const struct cld_store *store)
{
	switch (store->op) {
	case CLD_CREATE:
		return cldb_create(db, store->current, store->clients);
	case CLD_REMOVE:
		return cldb_remove(db, store->current, store->clients->id,
				   store->clients->id_len);
	case CLD_CHECK:
		return store_check(db, store);
	case CLD_START:
		return store_start(db, store);
	case CLD_DONE:
		return store_done(db, store);
	}
	return -EINVAL;
}

/* Whether the transaction is of no use after this. */
static bool job_has_failed(struct scribe *scribe, struct job *job)
{
	if (job->kind == CLD_OUT_LOAD) {
		clientlist_fini(&job->clients);
		job->error = cldb_clients(scribe->db, job->store.recovery,
					  add_client, &job->clients);
		return false;
	}
	job->error = store_run(scribe->db, &job->store);
	return job->error != 0 &&
	       !(job->store.op == CLD_CHECK && job->error == -ENOENT);
}

static void fail_batch(struct link *batch, int error)
{
	struct link *pos;

	list_for_each (pos, batch)
		container_of(pos, struct job, link)->error = error;
}

/* All or nothing; true where all jobs have their results. */
static bool batch_commit(struct scribe *scribe, struct link *batch)
{
	int error = cldb_begin(scribe->db);
	struct link *pos;

	if (error != 0) {
		fail_batch(batch, error);
		return true;
	}
	list_for_each (pos, batch) {
		if (!job_has_failed(scribe,
				    container_of(pos, struct job, link)))
			continue;
		cldb_rollback(scribe->db);
		return false;
	}
	error = cldb_commit(scribe->db);
	if (error == 0)
		return true;
	cldb_rollback(scribe->db);
	fail_batch(batch, error);
	return false;
}

static void batch_run(struct scribe *scribe, struct link *batch)
{
	bool is_alone = batch->next->next == batch;
	struct link each, *link, finished;

	if (batch_commit(scribe, batch) || is_alone)
		return;
	list_init(&finished);
	list_init(&each);
	while ((link = list_take_first(batch)) != NULL) {
		list_append(&each, link);
		(void)batch_commit(scribe, &each); /* its job knows */
		list_append(&finished, list_take_first(&each));
	}
	while ((link = list_take_first(&finished)) != NULL)
		list_append(batch, link);
}

static bool is_transaction(const struct job *job)
{
	return job->kind == CLD_OUT_STORE || job->kind == CLD_OUT_LOAD;
}

/* Up to what is none of the database's business, which comes alone. */
static void batch_take(struct scribe *scribe, struct link *batch)
{
	unsigned int count = 0;

	while (!list_is_empty(&scribe->queue) && count < SCRIBE_BATCH_MAX) {
		struct link *first = scribe->queue.next;
		bool is_one =
			!is_transaction(container_of(first, struct job, link));

		if (is_one && count > 0)
			return;
		list_remove(first);
		list_append(batch, first);
		count++;
		if (is_one)
			return;
	}
}

static void do_batch(struct scribe *scribe, struct link *batch)
{
	struct job *first = container_of(batch->next, struct job, link);

	switch (first->kind) {
	case CLD_OUT_LOOK:
		first->error =
			alive_read(scribe->config.clients_dir, &first->clients);
		break;
	case CLD_OUT_CLEAN:
		scribe->config.clean(scribe->config.ctx);
		break;
	default:
		batch_run(scribe, batch);
		scribe->is_settled = false;
		break;
	}
}

/* Waits for a job, and meanwhile makes the database one file again. */
static void await_job(struct scribe *scribe)
{
	struct timespec until;

	if (scribe->is_settled) {
		pthread_cond_wait(&scribe->wanted, &scribe->lock);
		return;
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &until); /* cannot fail */
	until.tv_sec += QUIET_S;
	if (pthread_cond_timedwait(&scribe->wanted, &scribe->lock, &until) !=
	    ETIMEDOUT)
		return;
	pthread_mutex_unlock(&scribe->lock);
	scribe->is_settled = cldb_settle(scribe->db) != -EBUSY;
	pthread_mutex_lock(&scribe->lock);
}

static void *worker_main(void *arg)
{
	struct scribe *scribe = arg;
	struct link batch, *link;

	list_init(&batch);
	pthread_mutex_lock(&scribe->lock);
	for (;;) {
		while (list_is_empty(&scribe->queue) && !scribe->is_ending)
			await_job(scribe);
		if (list_is_empty(&scribe->queue))
			break;
		batch_take(scribe, &batch);
		pthread_mutex_unlock(&scribe->lock);
		do_batch(scribe, &batch);
		pthread_mutex_lock(&scribe->lock);
		while ((link = list_take_first(&batch)) != NULL)
			list_append(&scribe->finished, link);
		/* A full counter wakes the loop as well as one more would. */
		(void)eventfd_write(scribe->wake_fd, 1);
	}
	pthread_mutex_unlock(&scribe->lock);
	return NULL;
}

/* --- in the loop ---------------------------------------------------------- */

static void job_done(struct scribe *scribe, const struct job *job)
{
	struct cld_in in = {.kind = CLD_IN_STORED};
	const char *reason = strerror(-job->error);

	if (job->kind == CLD_OUT_CLEAN)
		return;
	if (job->kind == CLD_OUT_STORE) {
		in.stored.id = job->store.id;
		in.stored.error = job->error;
		in.stored.reason = reason;
	} else {
		in.kind = job->kind == CLD_OUT_LOAD ? CLD_IN_CLIENTS
						    : CLD_IN_ALIVE;
		in.clients.id = job->store.id;
		in.clients.clients = job->clients.clients;
		in.clients.count = job->clients.count;
		in.clients.error = job->error;
		in.clients.reason = reason;
	}
	scribe->config.done(scribe->config.ctx, &in);
}

static void hand_out(struct scribe *scribe)
{
	struct link finished, *link;

	list_init(&finished);
	pthread_mutex_lock(&scribe->lock);
	while ((link = list_take_first(&scribe->finished)) != NULL)
		list_append(&finished, link);
	pthread_mutex_unlock(&scribe->lock);
	while ((link = list_take_first(&finished)) != NULL) {
		struct job *job = container_of(link, struct job, link);

		job_done(scribe, job);
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

void scribe_do(struct scribe *scribe, const struct cld_out *out)
{
	struct job *job = xzalloc(sizeof(*job));

	job->kind = out->kind;
	if (out->kind == CLD_OUT_STORE) {
		job->store = out->store;
		for (size_t i = 0; i < out->store.count; i++)
			clientlist_add(&job->clients, &out->store.clients[i]);
		job->store.clients = job->clients.clients;
	} else if (out->kind == CLD_OUT_LOAD) {
		job->store.id = out->load.id;
		job->store.recovery = out->load.epoch;
	} else if (out->kind == CLD_OUT_LOOK) {
		job->store.id = out->look.id;
	}
	pthread_mutex_lock(&scribe->lock);
	list_append(&scribe->queue, &job->link);
	pthread_cond_signal(&scribe->wanted);
	pthread_mutex_unlock(&scribe->lock);
}

/* Timed waits are on the clock that nobody sets. */
static void init_wanted(struct scribe *scribe)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&scribe->wanted, &attributes);
	pthread_condattr_destroy(&attributes);
}

struct scribe *scribe_new(struct loop *loop, struct cldb *db,
			  const struct scribe_config *config, int *error)
{
	struct scribe *scribe = xzalloc(sizeof(*scribe));

	scribe->config = *config;
	scribe->db = db;
	list_init(&scribe->queue);
	list_init(&scribe->finished);
	pthread_mutex_init(&scribe->lock, NULL);
	init_wanted(scribe);
	scribe->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (scribe->wake_fd < 0) {
		*error = -errno;
		scribe_free(scribe);
		return NULL;
	}
	scribe->watch =
		loop_watch(loop, scribe->wake_fd, LOOP_READ, on_wake, scribe);
	return scribe;
}

int scribe_start(struct scribe *scribe)
{
	sigset_t all, before;
	int error;

	/* Signals are for the loop's thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&scribe->worker, NULL, worker_main, scribe);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	scribe->has_worker = error == 0;
	return -error;
}

void scribe_free(struct scribe *scribe)
{
	struct link *link;

	if (scribe == NULL)
		return;
	if (scribe->has_worker) {
		pthread_mutex_lock(&scribe->lock);
		scribe->is_ending = true;
		pthread_cond_signal(&scribe->wanted);
		pthread_mutex_unlock(&scribe->lock);
		pthread_join(scribe->worker, NULL);
		hand_out(scribe);
	}
	while ((link = list_take_first(&scribe->queue)) != NULL)
		job_free(container_of(link, struct job, link));
	loop_unwatch(scribe->watch);
	if (scribe->wake_fd >= 0)
		close(scribe->wake_fd);
	pthread_cond_destroy(&scribe->wanted);
	pthread_mutex_destroy(&scribe->lock);
	free(scribe);
}
