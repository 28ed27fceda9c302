/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One worker (os/worker); the loop's thread only queues jobs.
 * A batch that fails is done again, a job at a time, so that one that cannot be
 * stored takes no other with it.
 *
 * ORDER: a result leaves only after the commit.  A job in the middle of a
 * transaction has not happened yet.
 */
#include "cltrack/scribe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cltrack/alive.h"
#include "cltrack/clientlist.h"
#include "lib/list.h"
#include "lib/xalloc.h"
#include "os/worker.h"

struct job {
	struct link link; /* the worker's, or a batch */
	enum cld_out_kind kind;
	struct cld_store store;	   /* STORE; its id: of LOAD and LOOK as well */
	struct clientlist clients; /* STORE: its own; LOAD, LOOK: the result */
	int error;
};

struct scribe {
	struct scribe_config config;
	struct cldb *db;
	struct worker *worker;
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
static void batch_take(void *ctx, struct link *queue, struct link *batch)
{
	unsigned int count = 0;

	(void)ctx;
	while (!list_is_empty(queue) && count < SCRIBE_BATCH_MAX) {
		struct link *first = queue->next;
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

static void do_batch(void *ctx, struct link *batch)
{
	struct scribe *scribe = ctx;
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
		break;
	}
}

/* It is quiet: the database becomes one file again. */
static bool settle(void *ctx)
{
	const struct scribe *scribe = ctx;

	return cldb_settle(scribe->db) == -EBUSY;
}

/* --- in the loop ---------------------------------------------------------- */

static void hand_out(const struct scribe *scribe, const struct job *job)
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

static void job_done(void *ctx, struct link *link)
{
	struct job *job = container_of(link, struct job, link);

	hand_out(ctx, job);
	job_free(job);
}

static void job_drop(void *ctx, struct link *link)
{
	(void)ctx;
	job_free(container_of(link, struct job, link));
}

static const struct worker_calls worker_calls = {
	.take = batch_take,
	.run = do_batch,
	.rest = settle,
	.done = job_done,
	.drop = job_drop,
};

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
	worker_put(scribe->worker, &job->link);
}

struct scribe *scribe_new(struct loop *loop, struct cldb *db,
			  const struct scribe_config *config, int *error)
{
	struct scribe *scribe = xzalloc(sizeof(*scribe));

	scribe->config = *config;
	scribe->db = db;
	scribe->worker = worker_new(loop, &worker_calls, scribe, error);
	if (scribe->worker != NULL)
		return scribe;
	free(scribe);
	return NULL;
}

int scribe_start(struct scribe *scribe)
{
	return worker_start(scribe->worker);
}

void scribe_free(struct scribe *scribe)
{
	if (scribe == NULL)
		return;
	worker_free(scribe->worker);
	free(scribe);
}
