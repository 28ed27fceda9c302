/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Records of single clients, and what cannot be obeyed (contract.md 6.4, 8.7).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
