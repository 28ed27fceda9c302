/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cltrack/scribe: what becomes of each STORE in the database.  What is queued
 * before the thread starts is one batch; results are handed out at the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>

#include "cltrack/scribe.h"
#include "tests/os/sql_rig.h"

#define RESULTS_MAX 8

static struct loop *loop;
static struct cldb *db;
static struct scribe *scribe;
static struct cld_in results[RESULTS_MAX];
static size_t result_count;

static const struct client a = {.id = (const uint8_t *)"a", .id_len = 1};
static const struct client b = {.id = (const uint8_t *)"b", .id_len = 1};
static const struct client bad = {(const uint8_t *)"c", 1,
				  (const uint8_t *)"short", 5};

static void on_done(void *ctx, const struct cld_in *in)
{
	(void)ctx;
	assert_true(result_count < RESULTS_MAX);
	results[result_count++] = *in; /* its lists end with the call */
}

static void begin(void)
{
	const struct scribe_config config = {.clients_dir = "/nowhere",
					     .done = on_done};
	int error;

	result_count = 0;
	scribe = scribe_new(loop, db, &config, &error);
	assert_non_null(scribe);
}

static int setup(void **state)
{
	const struct sql_rig *rig;

	if (sql_rig_setup(state) != 0)
		return -1;
	rig = *state;
	loop = loop_new();
	assert_int_equal(cldb_open(rig->dir, CLDB_WAL, &db), 0);
	begin();
	return 0;
}

static int teardown(void **state)
{
	cldb_close(db);
	loop_free(loop);
	return sql_rig_teardown(state);
}

/* In epoch 2, with the table of 1. */
static void queue(enum cld_op op, const struct client *client)
{
	const struct cld_out out = {.kind = CLD_OUT_STORE,
				    .store = {.id = 1,
					      .op = op,
					      .current = 2,
					      .recovery = 1,
					      .clients = client,
					      .count = client != NULL}};

	scribe_do(scribe, &out);
}

static void finish(void)
{
	assert_int_equal(scribe_start(scribe), 0);
	scribe_free(scribe);
}

static void assert_result(size_t at, int error)
{
	assert_true(at < result_count);
	assert_int_equal(results[at].kind, CLD_IN_STORED);
	assert_int_equal(results[at].stored.error, error);
}

static bool has(uint64_t epoch, const struct client *client)
{
	return cldb_has(db, epoch, client->id, client->id_len) == 1;
}

/* In a grace period nobody else gets what it had. */
static void a_removal_leaves_the_old_table(void **state)
{
	(void)state;
	assert_int_equal(cldb_create(db, 1, &a), 0);
	assert_int_equal(cldb_grace_start(db, 2, 1), 0);
	queue(CLD_CREATE, &a);
	queue(CLD_REMOVE, &a);
	finish();
	assert_result(0, 0);
	assert_result(1, 0);
	assert_false(has(2, &a));
	assert_true(has(1, &a));
}

static void a_check_asks_the_old_table(void **state)
{
	(void)state;
	assert_int_equal(cldb_create(db, 1, &a), 0);
	assert_int_equal(cldb_grace_start(db, 2, 1), 0);
	queue(CLD_CHECK, &a);
	queue(CLD_CHECK, &b);
	finish();
	assert_result(0, 0);
	assert_result(1, -ENOENT);
	assert_true(has(2, &a));
	assert_false(has(2, &b));
}

static void one_that_fails_takes_no_other_with_it(void **state)
{
	(void)state;
	assert_int_equal(cldb_grace_start(db, 2, 1), 0);
	queue(CLD_CREATE, &a);
	queue(CLD_CREATE, &bad);
	queue(CLD_CREATE, &b);
	finish();
	assert_result(0, 0);
	assert_result(1, -EINVAL);
	assert_result(2, 0);
	assert_true(has(2, &a));
	assert_true(has(2, &b));
}

static void an_end_carries_over_or_does_nothing(void **state)
{
	struct cldb_epochs epochs;

	(void)state;
	assert_int_equal(cldb_create(db, 1, &a), 0);
	assert_int_equal(cldb_grace_start(db, 2, 1), 0);
	queue(CLD_DONE, &bad);
	finish();
	assert_result(0, -EINVAL);
	assert_true(has(1, &a));
	begin();
	queue(CLD_DONE, &a);
	finish();
	assert_result(0, 0);
	assert_true(has(2, &a));
	assert_int_equal(cldb_epochs(db, &epochs), 0);
	assert_int_equal(epochs.current, 2);
	assert_int_equal(epochs.recovery, 0);
	assert_true(epochs.is_first_time); /* nobody said it is over */
}

static int note_hash(void *arg, const struct client *client)
{
	*(size_t *)arg = client->princhash_len;
	return 0;
}

/* It came with a newer word. */
static void who_is_there_already_is_not_carried_over(void **state)
{
	const struct client hashed = {
		(const uint8_t *)"a", 1,
		(const uint8_t *)"0123456789abcdef0123456789abcdef",
		CLIENT_PRINCHASH_LEN};
	size_t len = 0;

	(void)state;
	assert_int_equal(cldb_create(db, 1, &a), 0);
	assert_int_equal(cldb_grace_start(db, 2, 1), 0);
	queue(CLD_CREATE, &hashed);
	queue(CLD_DONE, &a);
	finish();
	assert_result(1, 0);
	assert_int_equal(cldb_clients(db, 2, note_hash, &len), 0);
	assert_int_equal(len, CLIENT_PRINCHASH_LEN);
}

/* Whom the end that is owed carries over may reclaim in the next epoch. */
static void a_start_ends_what_is_owed(void **state)
{
	const struct cld_out out = {.kind = CLD_OUT_STORE,
				    .store = {.id = 1,
					      .op = CLD_START,
					      .current = 3,
					      .recovery = 2,
					      .ended = 1,
					      .clients = &a,
					      .count = 1}};
	struct cldb_epochs epochs;

	(void)state;
	assert_int_equal(cldb_create(db, 1, &a), 0);
	assert_int_equal(cldb_create(db, 1, &b), 0);
	assert_int_equal(cldb_grace_start(db, 2, 1), 0);
	scribe_do(scribe, &out);
	finish();
	assert_result(0, 0);
	assert_int_equal(cldb_epochs(db, &epochs), 0);
	assert_int_equal(epochs.current, 3);
	assert_int_equal(epochs.recovery, 2);
	assert_true(has(2, &a));
	assert_false(has(2, &b));
	assert_false(has(3, &a));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_removal_leaves_the_old_table),
		CASE(a_check_asks_the_old_table),
		CASE(one_that_fails_takes_no_other_with_it),
		CASE(an_end_carries_over_or_does_nothing),
		CASE(who_is_there_already_is_not_carried_over),
		CASE(a_start_ends_what_is_owed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
