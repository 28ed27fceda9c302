/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os/worker: batches in order, results in the loop, nothing lost at the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <unistd.h>
#include <cmocka.h>

#include "os/worker.h"

#define JOBS 5

struct job {
	struct link link;
	int number;
	bool was_run;
};

struct world {
	struct loop *loop;
	struct worker *worker;
	pthread_t loop_thread;
	struct job jobs[JOBS];
	int batches[JOBS]; /* how many jobs each had */
	int batch_count;
	int done[JOBS];
	int done_count;
	int dropped;
	int rests_wanted;
	_Atomic int rests; /* the worker counts, the test looks */
	int put_when_done; /* once: this job */
	bool puts_again;   /* what is done, for ever */
};

/* Two at most. */
static void take(void *ctx, struct link *queue, struct link *batch)
{
	(void)ctx;
	for (int i = 0; i < 2 && !list_is_empty(queue); i++)
		list_append(batch, list_take_first(queue));
}

static void run(void *ctx, struct link *batch)
{
	struct world *w = ctx;
	struct link *pos;
	int count = 0;

	assert_false(pthread_equal(pthread_self(), w->loop_thread));
	list_for_each (pos, batch) {
		container_of(pos, struct job, link)->was_run = true;
		count++;
	}
	w->batches[w->batch_count++] = count;
}

static bool rest(void *ctx)
{
	struct world *w = ctx;

	return ++w->rests < w->rests_wanted;
}

static void done(void *ctx, struct link *link)
{
	struct job *job = container_of(link, struct job, link);
	struct world *w = ctx;

	assert_true(pthread_equal(pthread_self(), w->loop_thread));
	assert_true(job->was_run);
	w->done[w->done_count++] = job->number;
	if (w->put_when_done != 0)
		worker_put(w->worker, &w->jobs[w->put_when_done].link);
	w->put_when_done = 0;
	if (w->puts_again) {
		job->was_run = false;
		worker_put(w->worker, &job->link);
	}
	if (w->done_count == JOBS)
		loop_stop(w->loop);
}

static void drop(void *ctx, struct link *link)
{
	struct world *w = ctx;

	assert_false(container_of(link, struct job, link)->was_run);
	w->dropped++;
}

static void world_init(struct world *w, bool has_rest)
{
	const struct worker_calls calls = {
		.take = take,
		.run = run,
		.rest = has_rest ? rest : NULL,
		.done = done,
		.drop = drop,
	};
	int error = 1;

	*w = (struct world){.loop = loop_new(), .loop_thread = pthread_self()};
	for (int i = 0; i < JOBS; i++)
		w->jobs[i].number = i;
	w->worker = worker_new(w->loop, &calls, w, &error);
	assert_non_null(w->worker);
}

static void put(struct world *w, int count)
{
	for (int i = 0; i < count; i++)
		worker_put(w->worker, &w->jobs[i].link);
}

static void world_end(struct world *w)
{
	worker_free(w->worker);
	loop_free(w->loop);
}

static void expect_done(const struct world *w, int count)
{
	assert_int_equal(w->done_count, count);
	for (int i = 0; i < count; i++)
		assert_int_equal(w->done[i], i);
}

static void test_batches_in_order(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, false);
	put(&w, JOBS);
	assert_int_equal(worker_start(w.worker), 0);
	loop_run(w.loop);
	expect_done(&w, JOBS);
	assert_int_equal(w.batch_count, 3);
	assert_int_equal(w.batches[0], 2);
	assert_int_equal(w.batches[2], 1);
	world_end(&w);
	assert_int_equal(w.dropped, 0);
}

/*
 * All that is queued is done, and handed out without a turn of the loop; so is
 * what that queues.
 */
static void test_end_finishes(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, false);
	assert_int_equal(worker_start(w.worker), 0);
	put(&w, JOBS - 1);
	w.put_when_done = JOBS - 1;
	world_end(&w);
	expect_done(&w, JOBS);
	assert_int_equal(w.dropped, 0);
}

/* A job that always causes another does not keep us alive. */
static void test_end_ends(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, false);
	assert_int_equal(worker_start(w.worker), 0);
	w.puts_again = true;
	put(&w, 1);
	/* The loop does not run: nothing is handed out before the end. */
	world_end(&w);
	assert_int_equal(w.done_count, WORKER_END_ROUNDS);
	assert_int_equal(w.dropped, 1);
}

static void test_never_started(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, false);
	put(&w, 3);
	world_end(&w);
	assert_int_equal(w.batch_count, 0);
	assert_int_equal(w.done_count, 0);
	assert_int_equal(w.dropped, 3);
	worker_free(NULL);
}

/* It rests once it is quiet, as often as it wants, and works on then. */
static void test_rests(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, true);
	w.rests_wanted = 2;
	assert_int_equal(worker_start(w.worker), 0);
	while (w.rests < 2)
		usleep(10000);
	put(&w, JOBS);
	loop_run(w.loop);
	expect_done(&w, JOBS);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_batches_in_order),
		cmocka_unit_test(test_end_finishes),
		cmocka_unit_test(test_end_ends),
		cmocka_unit_test(test_never_started),
		cmocka_unit_test(test_rests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
