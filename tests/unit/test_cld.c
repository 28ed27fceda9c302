/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Records of single clients, and what cannot be obeyed (contract.md 6.4, 8.7).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/cld_rig.h"

static int begin(void **state)
{
	(void)state;
	rig_begin(5, 0, false);
	return 0;
}

static void a_client_is_recorded_before_the_answer(void **state)
{
	uint64_t id;

	(void)state;
	rig_ask(1, UPCALL_CREATE, "A");
	id = rig_expect_store(CLD_CREATE);
	assert_int_equal(rig_out.store.current, 5);
	assert_int_equal(rig_out.store.count, 1);
	assert_memory_equal(rig_out.store.clients[0].id, "A", 1);
	rig_expect_nothing();
	rig_stored(id, 0);
	rig_expect_answer(1, 0);
	rig_ask(2, UPCALL_REMOVE, "A");
	id = rig_expect_store(CLD_REMOVE);
	rig_expect_nothing();
	rig_stored(id, 0);
	rig_expect_answer(2, 0);
	assert_false(cld_is_owing(rig));
}

static void what_failed_is_answered_and_owed(void **state)
{
	uint64_t id;

	(void)state;
	rig_ask(1, UPCALL_CREATE, "A");
	rig_stored(rig_expect_store(CLD_CREATE), -ENOSPC);
	rig_expect_answer(1, -EREMOTEIO);
	assert_true(cld_is_owing(rig));
	rig_wait();
	rig_stored(rig_expect_store(CLD_CREATE), -ENOSPC);
	rig_expect_nothing();
	rig_wait();
	id = rig_expect_store(CLD_CREATE);
	assert_memory_equal(rig_out.store.clients[0].id, "A", 1);
	rig_stored(id, 0);
	rig_expect_nothing();
	assert_false(cld_is_owing(rig));
	assert_true(cld_deadline_ms(rig) == UINT64_MAX);
}

static void a_later_word_about_a_client_counts(void **state)
{
	uint64_t create;

	(void)state;
	rig_ask(1, UPCALL_CREATE, "A");
	rig_stored(rig_expect_store(CLD_CREATE), -ENOSPC);
	rig_expect_answer(1, -EREMOTEIO);
	rig_ask(2, UPCALL_REMOVE, "A");
	rig_stored(rig_expect_store(CLD_REMOVE), 0);
	rig_expect_answer(2, 0);
	assert_false(cld_is_owing(rig));
	/* The same while the older one is being written. */
	rig_ask(3, UPCALL_CREATE, "A");
	create = rig_expect_store(CLD_CREATE);
	rig_ask(4, UPCALL_REMOVE, "A");
	rig_stored(create, -ENOSPC);
	rig_stored(rig_expect_store(CLD_REMOVE), 0);
	rig_expect_answer(3, -EREMOTEIO);
	rig_expect_answer(4, 0);
	assert_false(cld_is_owing(rig));
}

static void the_version_is_answered_at_once(void **state)
{
	(void)state;
	rig_ask(1, UPCALL_GET_VERSION, NULL);
	rig_expect_answer(1, 0);
	assert_int_equal(rig_message.offered, 2);
}

static void feed(const void *bytes, size_t len)
{
	const struct cld_in in = {
		.kind = CLD_IN_REQUEST,
		.request = {.reply_to = 9, .bytes = bytes, .len = len}};

	cld_input(rig, rig_now_ms, &in);
	rig_expect(CLD_OUT_REPLY);
	assert_int_equal(rig_out.reply.reply_to, 9);
}

static void what_cannot_be_read_is_refused(void **state)
{
	struct upcall upcall = {.version = 2, .command = 77, .xid = 3};
	uint8_t bytes[UPCALL_SIZE_MAX];
	size_t len = upcall_encode(&upcall, bytes);

	(void)state;
	feed(bytes, len);
	assert_int_equal(rig_message.status, -EOPNOTSUPP);
	bytes[0] = 3; /* a version of tomorrow */
	feed(bytes, len);
	assert_int_equal(rig_message.status, -EOPNOTSUPP);
	assert_int_equal(rig_out.reply.len, len);
	bytes[0] = 2;
	bytes[1] = UPCALL_CREATE; /* without an id */
	feed(bytes, len);
	assert_int_equal(rig_message.status, -EINVAL);
	feed(bytes, 7);
	assert_int_equal(rig_out.reply.len, 0);
	rig_expect_nothing();
}

static void a_pipe_that_went_away_gets_no_answer(void **state)
{
	const struct cld_in closed = {.kind = CLD_IN_CLOSED};
	uint64_t id;

	(void)state;
	rig_ask(1, UPCALL_CREATE, "A");
	id = rig_expect_store(CLD_CREATE);
	cld_input(rig, rig_now_ms, &closed);
	rig_stored(id, -EIO);
	rig_expect_nothing();
	assert_true(cld_is_owing(rig)); /* nfsd believes in it */
	rig_wait();
	rig_stored(rig_expect_store(CLD_CREATE), 0);
	rig_expect_nothing();
}

static void an_old_kernel_asks_about_each_client(void **state)
{
	uint64_t id;

	(void)state;
	rig_begin(5, 0, true);
	rig_ask_in_grace(1, UPCALL_CHECK, "A");
	id = rig_expect_store(CLD_START);
	assert_int_equal(rig_out.store.current, 6);
	assert_int_equal(rig_out.store.recovery, 5);
	rig_expect(CLD_OUT_LOAD);
	rig_expect_nothing();
	rig_stored(id, 0);
	rig_clients(CLD_IN_CLIENTS, id, (const char *const[]){"A", NULL});
	id = rig_expect_store(CLD_CHECK);
	assert_int_equal(rig_out.store.recovery, 5);
	rig_stored(id, 0);
	rig_expect_answer(1, 0);
	rig_ask_in_grace(2, UPCALL_CHECK, "B");
	rig_stored(rig_expect_store(CLD_CHECK), -ENOENT);
	rig_expect_answer(2, -EACCES);
	assert_false(cld_is_owing(rig));
}

static void an_old_kernel_may_ask_nothing_in_grace(void **state)
{
	uint64_t id;

	(void)state;
	rig_begin(5, 0, true);
	rig_ask(1, UPCALL_GRACE_DONE, NULL);
	rig_stored(rig_expect_store(CLD_START), 0);
	rig_expect(CLD_OUT_LOOK);
	id = rig_out.look.id;
	rig_expect(CLD_OUT_LOAD);
	rig_clients(CLD_IN_CLIENTS, id, (const char *const[]){"A", NULL});
	rig_failed(CLD_IN_ALIVE, id, -ENOENT);
	id = rig_expect_store(CLD_DONE);
	assert_int_equal(rig_out.store.current, 6);
	assert_int_equal(rig_out.store.recovery, 5);
	rig_stored(id, 0);
	rig_expect_answer(1, 0);
}

static void the_page_counts(void **state)
{
	struct buf page;

	(void)state;
	rig_ask(1, UPCALL_CREATE, "A");
	rig_stored(rig_expect_store(CLD_CREATE), -ENOSPC);
	rig_expect_answer(1, -EREMOTEIO);
	buf_init(&page, 4096);
	cld_status(rig, &page);
	assert_non_null(strstr(buf_text(&page), "Create 1"));
	assert_non_null(
		strstr(buf_text(&page), "failed 1, owed to the disk 1"));
	buf_fini(&page);
}

/* LOG lines of errors among the effects that are waiting. */
static unsigned int count_errors(void)
{
	struct cld_out out;
	unsigned int count = 0;

	while (cld_output(rig, &out))
		count += out.kind == CLD_OUT_LOG && out.log.level == LOG_ERROR;
	return count;
}

/* One client that cannot be recorded; nobody looks at the answer. */
static void fail_create(uint32_t xid)
{
	char id[16];

	snprintf(id, sizeof(id), "client %u", xid);
	rig_ask(xid, UPCALL_CREATE, id);
	rig_stored(rig_expect_store(CLD_CREATE), -ENOSPC);
}

static void complaints_are_few_in_a_minute(void **state)
{
	unsigned int errors = 0;
	struct cld_out out;
	bool is_said = false;

	(void)state;
	for (uint32_t xid = 1; xid <= 30; xid++) {
		fail_create(xid);
		errors += count_errors();
	}
	assert_int_equal(errors, 20);
	rig_now_ms += 60000;
	fail_create(31);
	while (cld_output(rig, &out))
		is_said |=
			out.kind == CLD_OUT_LOG &&
			strcmp(out.log.text, "10 more errors like these") == 0;
	assert_true(is_said);
}

static void what_is_owed_is_tried_twice_a_minute_in_the_end(void **state)
{
	uint64_t before_ms;
	unsigned int tries;

	(void)state;
	rig_ask(1, UPCALL_CREATE, "A");
	for (tries = 0; tries < 9; tries++) {
		rig_stored(rig_expect_store(CLD_CREATE), -ENOSPC);
		(void)count_errors();
		before_ms = rig_now_ms;
		rig_wait();
		assert_true(rig_now_ms - before_ms ==
			    (tries < 5 ? 1000u << tries : 30000u));
	}
}

/* Each is tried when its own time has come. */
static void others_go_on_resting(void **state)
{
	(void)state;
	fail_create(1);
	(void)count_errors();
	rig_now_ms += 400;
	fail_create(2);
	(void)count_errors();
	rig_wait();
	rig_expect(CLD_OUT_STORE);
	assert_memory_equal(rig_out.store.clients[0].id, "client 1", 8);
	rig_expect_nothing();
	rig_wait();
	rig_expect(CLD_OUT_STORE);
	assert_memory_equal(rig_out.store.clients[0].id, "client 2", 8);
}

static void too_many_at_a_time_are_refused(void **state)
{
	char id[16];

	(void)state;
	for (uint32_t xid = 1; xid <= CLD_REQUESTS_MAX; xid++) {
		snprintf(id, sizeof(id), "client %u", xid);
		rig_ask(xid, UPCALL_CREATE, id);
		rig_expect_store(CLD_CREATE);
	}
	rig_ask(5000, UPCALL_CREATE, "one more");
	rig_expect_answer(5000, -EREMOTEIO);
	rig_expect_nothing();
	/* What needs no room is answered. */
	rig_stored(1, 0);
	rig_expect_answer(1, 0);
	rig_ask(5001, UPCALL_CREATE, "one more");
	rig_expect_store(CLD_CREATE);
}

static void what_nobody_waits_for_any_more_is_not_begun(void **state)
{
	const struct cld_in closed = {.kind = CLD_IN_CLOSED};
	uint64_t id;

	(void)state;
	rig_ask(1, UPCALL_GRACE_START, NULL);
	id = rig_expect_store(CLD_START);
	rig_expect(CLD_OUT_LOAD);
	rig_ask(2, UPCALL_CREATE, "A");
	rig_expect_nothing();
	cld_input(rig, rig_now_ms, &closed);
	rig_stored(id, 0);
	rig_clients(CLD_IN_CLIENTS, id, (const char *const[]){"B", NULL});
	rig_expect_nothing();
	assert_false(cld_is_owing(rig));
}

/* An id that is of nothing any more, or of something else. */
static void strange_ends_are_ignored(void **state)
{
	uint64_t id;

	(void)state;
	rig_stored(4711, 0);
	rig_clients(CLD_IN_ALIVE, 4711, (const char *const[]){"A", NULL});
	rig_ask(1, UPCALL_CREATE, "A");
	id = rig_expect_store(CLD_CREATE);
	rig_clients(CLD_IN_CLIENTS, id, (const char *const[]){"A", NULL});
	rig_expect_nothing();
	rig_stored(id, -ENOSPC);
	rig_expect_answer(1, -EREMOTEIO);
	rig_stored(id, 0); /* twice */
	rig_expect_nothing();
	assert_true(cld_is_owing(rig));
}

static void an_old_kernel_that_says_it_starts_is_believed(void **state)
{
	(void)state;
	rig_begin(5, 0, true);
	rig_ask(1, UPCALL_GET_VERSION, NULL);
	rig_expect_answer(1, 0);
	rig_ask_in_grace(2, UPCALL_CREATE, "A");
	rig_expect_store(CLD_CREATE);
	assert_int_equal(rig_out.store.current, 5);
	/* Nor does one begin where nfsd is not in grace, or we are. */
	rig_begin(5, 0, true);
	rig_ask(3, UPCALL_CREATE, "A");
	rig_expect_store(CLD_CREATE);
	rig_begin(5, 4, true);
	rig_ask_in_grace(4, UPCALL_CREATE, "A");
	rig_expect_store(CLD_CREATE);
	assert_int_equal(rig_out.store.current, 5);
}

static void the_page_says_who_may_reclaim(void **state)
{
	struct buf page;

	(void)state;
	buf_init(&page, 4096);
	cld_status(rig, &page);
	assert_non_null(strstr(buf_text(&page), "epoch 5, no grace period\n"));
	rig_begin(6, 5, false);
	buf_clear(&page);
	cld_status(rig, &page);
	assert_non_null(strstr(buf_text(&page),
			       "epoch 6, clients of the one before may "
			       "reclaim\n"));
	buf_fini(&page);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, rig_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_client_is_recorded_before_the_answer),
		CASE(what_failed_is_answered_and_owed),
		CASE(a_later_word_about_a_client_counts),
		CASE(the_version_is_answered_at_once),
		CASE(what_cannot_be_read_is_refused),
		CASE(a_pipe_that_went_away_gets_no_answer),
		CASE(an_old_kernel_asks_about_each_client),
		CASE(an_old_kernel_may_ask_nothing_in_grace),
		CASE(the_page_counts),
		CASE(complaints_are_few_in_a_minute),
		CASE(what_is_owed_is_tried_twice_a_minute_in_the_end),
		CASE(others_go_on_resting),
		CASE(too_many_at_a_time_are_refused),
		CASE(what_nobody_waits_for_any_more_is_not_begun),
		CASE(strange_ends_are_ignored),
		CASE(an_old_kernel_that_says_it_starts_is_believed),
		CASE(the_page_says_who_may_reclaim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
