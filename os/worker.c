/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two lists under one lock: what is queued, and what is finished.  A batch
 * belongs to the worker alone, a job that was handed out to the loop alone.
 */
#include "os/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <sys/eventfd.h>

#include "lib/xalloc.h"

struct worker {
	struct worker_calls calls;
	void *ctx;
	int wake_fd;
	struct loop_watch *watch;
	pthread_t thread;
	bool has_thread;
	bool is_restless;     /* the worker's: rest() is to be called */
	pthread_mutex_t lock; /* queue, finished, is_ending */
	pthread_cond_t wanted;
	struct link queue;
	struct link finished;
	bool is_ending;
};

static void list_move(struct link *to, struct link *from)
{
	struct link *link;

	while ((link = list_take_first(from)) != NULL)
		list_append(to, link);
}

/* --- in the worker -------------------------------------------------------- */

static void await_job(struct worker *worker)
{
	struct timespec until;

	if (!worker->is_restless) {
		pthread_cond_wait(&worker->wanted, &worker->lock);
		return;
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &until); /* cannot fail */
	until.tv_sec += WORKER_QUIET_S;
	if (pthread_cond_timedwait(&worker->wanted, &worker->lock, &until) !=
	    ETIMEDOUT)
		return;
	pthread_mutex_unlock(&worker->lock);
	worker->is_restless = worker->calls.rest(worker->ctx);
	pthread_mutex_lock(&worker->lock);
}

static void *worker_main(void *arg)
{
	struct worker *worker = arg;
	struct link batch;

	list_init(&batch);
	pthread_mutex_lock(&worker->lock);
	for (;;) {
		while (list_is_empty(&worker->queue) && !worker->is_ending)
			await_job(worker);
		if (list_is_empty(&worker->queue))
			break;
		worker->calls.take(worker->ctx, &worker->queue, &batch);
		pthread_mutex_unlock(&worker->lock);
		worker->calls.run(worker->ctx, &batch);
		worker->is_restless = worker->calls.rest != NULL;
		pthread_mutex_lock(&worker->lock);
		list_move(&worker->finished, &batch);
		/* A full counter wakes the loop as well as one more would. */
		(void)eventfd_write(worker->wake_fd, 1);
	}
	pthread_mutex_unlock(&worker->lock);
	return NULL;
}

/* --- in the loop ---------------------------------------------------------- */

static void hand_out(struct worker *worker)
{
	struct link finished, *link;

	list_init(&finished);
	pthread_mutex_lock(&worker->lock);
	list_move(&finished, &worker->finished);
	pthread_mutex_unlock(&worker->lock);
	while ((link = list_take_first(&finished)) != NULL)
		worker->calls.done(worker->ctx, link);
}

static void on_wake(void *ctx, int fd, unsigned int events)
{
	eventfd_t count;

	(void)events; /* only LOOP_READ is watched */
	if (eventfd_read(fd, &count) == 0)
		hand_out(ctx);
}

/* Timed waits are on the clock that nobody sets. */
static void init_wanted(struct worker *worker)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&worker->wanted, &attributes);
	pthread_condattr_destroy(&attributes);
}

struct worker *worker_new(struct loop *loop, const struct worker_calls *calls,
			  void *ctx, int *error)
{
	struct worker *worker = xzalloc(sizeof(*worker));

	worker->calls = *calls;
	worker->ctx = ctx;
	list_init(&worker->queue);
	list_init(&worker->finished);
	pthread_mutex_init(&worker->lock, NULL);
	init_wanted(worker);
	worker->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (worker->wake_fd < 0) {
		*error = -errno;
		worker_free(worker);
		return NULL;
	}
	worker->watch =
		loop_watch(loop, worker->wake_fd, LOOP_READ, on_wake, worker);
	return worker;
}

int worker_start(struct worker *worker)
{
	sigset_t all, before;
	int error;

	worker->is_restless = worker->calls.rest != NULL;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&worker->thread, NULL, worker_main, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	worker->has_thread = error == 0;
	return -error;
}

void worker_put(struct worker *worker, struct link *job)
{
	pthread_mutex_lock(&worker->lock);
	list_append(&worker->queue, job);
	pthread_cond_signal(&worker->wanted);
	pthread_mutex_unlock(&worker->lock);
}

static void end_thread(struct worker *worker)
{
	pthread_mutex_lock(&worker->lock);
	worker->is_ending = true;
	pthread_cond_signal(&worker->wanted);
	pthread_mutex_unlock(&worker->lock);
	pthread_join(worker->thread, NULL);
	hand_out(worker);
}

/*
 * A result may queue what waited for it: the newest content of a file is
 * written once the write before it has ended.
 */
static void do_the_last(struct worker *worker)
{
	unsigned int round;

	end_thread(worker);
	for (round = 1; round < WORKER_END_ROUNDS; round++) {
		if (list_is_empty(&worker->queue) || worker_start(worker) != 0)
			return;
		end_thread(worker);
	}
}

void worker_free(struct worker *worker)
{
	struct link *link;

	if (worker == NULL)
		return;
	if (worker->has_thread)
		do_the_last(worker);
	while ((link = list_take_first(&worker->queue)) != NULL)
		worker->calls.drop(worker->ctx, link);
	loop_unwatch(worker->watch);
	if (worker->wake_fd >= 0)
		close(worker->wake_fd);
	pthread_cond_destroy(&worker->wanted);
	pthread_mutex_destroy(&worker->lock);
	free(worker);
}
