/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One thread beside the loop that does what may take long.  The loop's thread
 * queues jobs; the worker takes as many as it likes at once (a batch), and
 * their results are handed out in the loop, in the order of the jobs.
 *
 * ORDER:  a job is handed out only after its whole batch was done: that is
 *         where it becomes durable.
 */
#ifndef NFS_RECLAIM_OS_WORKER_H
#define NFS_RECLAIM_OS_WORKER_H

#include <stdbool.h>

#include "lib/list.h"
#include "os/loop.h"

struct worker;

struct worker_calls {
	/*
	 * In the worker, with the queue locked: moves the next batch, one job
	 * at least, from the front of @queue to @batch.  Must be quick.
	 */
	void (*take)(void *ctx, struct link *queue, struct link *batch);
	/* In the worker: does the jobs of @batch, and leaves them there. */
	void (*run)(void *ctx, struct link *batch);
	/*
	 * In the worker, WORKER_QUIET_S after its start or its last batch; true
	 * where it is to be called again if it stays quiet.  May be NULL.
	 */
	bool (*rest)(void *ctx);
	/* In the loop: @job is done.  Owns: it. */
	void (*done)(void *ctx, struct link *job);
	/* In the loop, at the end: @job was not done.  Owns: it. */
	void (*drop)(void *ctx, struct link *job);
};

#define WORKER_QUIET_S 1

/*
 * Returns a worker without its thread; jobs may be queued.
 * Errors: NULL, and *error = -errno.
 * Owns:   copies @calls, borrows @ctx; worker_free() ends it.
 */
struct worker *worker_new(struct loop *loop, const struct worker_calls *calls,
			  void *ctx, int *error);

/*
 * Starts the thread.  It takes no signals: those are the loop's.
 * ORDER:  after capabilities are given up: a thread keeps its own.
 * Errors: -errno.
 */
int worker_start(struct worker *worker);

/*
 * Queues @job.
 * Range:  nothing is refused here; the caller bounds its jobs.
 * Owns:   takes it.
 */
void worker_put(struct worker *worker, struct link *job);

#define WORKER_END_ROUNDS 3

/*
 * Does what is queued, ends the thread, and hands the results out; what these
 * queue as well, up to WORKER_END_ROUNDS in all.  The rest is dropped, as are
 * all jobs where no thread was started.  NULL is fine.
 */
void worker_free(struct worker *worker);

#endif
