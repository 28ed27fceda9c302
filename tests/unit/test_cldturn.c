/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Grace periods: who may reclaim, and until when (contract.md 6.5, 8.7).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/cld_rig.h"

static const char *const none[] = {NULL};

static int begin(void **state)
{
	(void)state;
	rig_begin(5, 0, false);
	return 0;
}

/* As far as the records are in; returns the id of what is out. */
static uint64_t start(uint32_t xid, const char *const *ids)
{
	uint64_t id;

	rig_ask(xid, UPCALL_GRACE_START, NULL);
	id = rig_expect_store(CLD_START);
	rig_expect(CLD_OUT_LOAD);
	assert_int_equal(rig_out.load.id, id);
	rig_stored(id, 0);
	rig_clients(CLD_IN_CLIENTS, id, ids);
	return id;
}

static void expect_record(uint32_t xid, const char *id)
{
	rig_expect(CLD_OUT_RECORD);
	assert_int_equal(rig_message.status, -EINPROGRESS);
	assert_int_equal(rig_message.command, UPCALL_GRACE_START);
	assert_int_equal(rig_message.xid, xid);
	assert_int_equal(rig_message.client.id_len, strlen(id));
	assert_memory_equal(rig_message.client.id, id, strlen(id));
}

static void refuse_record(void)
{
	const struct cld_in in = {.kind = CLD_IN_SEND_FAILED,
				  .send_failed.reason = "a test"};

	cld_input(rig, rig_now_ms, &in);
}

static void nfsd_is_told_who_may_reclaim(void **state)
{
	uint64_t id;

	(void)state;
	rig_ask(7, UPCALL_GRACE_START, NULL);
	id = rig_expect_store(CLD_START);
	assert_int_equal(rig_out.store.current, 6);
	assert_int_equal(rig_out.store.recovery, 5);
	rig_expect(CLD_OUT_LOAD);
	assert_int_equal(rig_out.load.epoch, 5);
	rig_clients(CLD_IN_CLIENTS, id, (const char *const[]){"A", "B", NULL});
	rig_expect_nothing(); /* nothing before it is durable */
	rig_stored(id, 0);
	expect_record(7, "A");
	expect_record(7, "B");
	rig_expect_answer(7, 0);
	rig_expect_nothing();
}

static void a_start_in_grace_changes_no_epoch(void **state)
{
	uint64_t id;

	(void)state;
	start(1, none);
	rig_expect_answer(1, 0);
	rig_ask(2, UPCALL_GRACE_START, NULL);
	id = rig_expect_store(CLD_START);
	assert_int_equal(rig_out.store.current, 6);
	assert_int_equal(rig_out.store.recovery, 5);
	rig_expect(CLD_OUT_LOAD);
	assert_int_equal(rig_out.load.epoch, 5);
	rig_stored(id, 0);
	rig_clients(CLD_IN_CLIENTS, id, none);
	rig_expect_answer(2, 0);
}

static void a_record_not_taken_is_sent_again(void **state)
{
	(void)state;
	start(1, (const char *const[]){"A", "B", "C", NULL});
	expect_record(1, "A");
	expect_record(1, "B");
	refuse_record();
	expect_record(1, "C");
	rig_expect_nothing();
	rig_wait();
	expect_record(1, "B");
	rig_expect_answer(1, 0);
}

static void one_that_is_never_taken_costs_one(void **state)
{
	(void)state;
	start(1, (const char *const[]){"A", "B", NULL});
	expect_record(1, "A");
	for (unsigned int pass = 0; pass < CLD_SEND_PASSES; pass++) {
		if (pass > 0) {
			rig_expect_nothing();
			rig_wait();
		}
		expect_record(1, "B");
		refuse_record();
	}
	rig_expect_answer(1, 0);
}

static void none_taken_is_an_error(void **state)
{
	(void)state;
	start(1, (const char *const[]){"A", NULL});
	for (unsigned int pass = 0; pass < CLD_SEND_PASSES; pass++) {
		if (pass > 0) {
			rig_expect_nothing();
			rig_wait();
		}
		expect_record(1, "A");
		refuse_record();
	}
	rig_expect_answer(1, -EREMOTEIO);
}

static void a_start_is_tried_again_then_refused(void **state)
{
	(void)state;
	rig_ask(1, UPCALL_GRACE_START, NULL);
	for (unsigned int i = 0; i < CLD_TURN_TRIES; i++) {
		if (i > 0)
			rig_wait();
		rig_stored(rig_expect_store(CLD_START), -ENOSPC);
		rig_expect(CLD_OUT_LOAD);
	}
	rig_expect_answer(1, -EREMOTEIO);
	/* Nothing happened: the next one begins the same epoch. */
	rig_ask(2, UPCALL_GRACE_START, NULL);
	rig_expect_store(CLD_START);
	assert_int_equal(rig_out.store.current, 6);
}

static void a_start_holds_back_and_an_end_does_not(void **state)
{
	uint64_t id;

	(void)state;
	rig_ask(1, UPCALL_GRACE_START, NULL);
	id = rig_expect_store(CLD_START);
	rig_expect(CLD_OUT_LOAD);
	rig_ask(2, UPCALL_CREATE, "A");
	rig_expect_nothing();
	rig_stored(id, 0);
	rig_clients(CLD_IN_CLIENTS, id, none);
	rig_expect_answer(1, 0);
	rig_stored(rig_expect_store(CLD_CREATE), 0);
	assert_int_equal(rig_out.store.current, 6);
	rig_expect_answer(2, 0);
	rig_ask(3, UPCALL_GRACE_DONE, NULL);
	rig_expect(CLD_OUT_LOOK);
	rig_expect(CLD_OUT_LOAD);
	rig_ask(4, UPCALL_CREATE, "B");
	rig_stored(rig_expect_store(CLD_CREATE), 0);
	rig_expect_answer(4, 0);
}

/* GraceDone up to its STORE. */
static uint64_t end(uint32_t xid, const char *const *table,
		    const char *const *alive)
{
	uint64_t id;

	rig_ask(xid, UPCALL_GRACE_DONE, NULL);
	rig_expect(CLD_OUT_LOOK);
	id = rig_out.look.id;
	rig_expect(CLD_OUT_LOAD);
	rig_clients(CLD_IN_CLIENTS, id, table);
	rig_clients(CLD_IN_ALIVE, id, alive);
	return rig_expect_store(CLD_DONE);
}

static void remove_client(uint32_t xid, const char *id)
{
	rig_ask(xid, UPCALL_REMOVE, id);
	rig_stored(rig_expect_store(CLD_REMOVE), 0);
	rig_expect_answer(xid, 0);
}

static void who_holds_state_is_carried_over(void **state)
{
	uint64_t id;

	(void)state;
	rig_begin(6, 5, false);
	remove_client(1, "C");
	id = end(2, (const char *const[]){"A", "B", "C", NULL},
		 (const char *const[]){"A", "C", "D", NULL});
	assert_int_equal(rig_out.store.current, 6);
	assert_int_equal(rig_out.store.recovery, 5);
	assert_int_equal(rig_out.store.count, 1);
	assert_memory_equal(rig_out.store.clients[0].id, "A", 1);
	rig_expect_nothing();
	rig_stored(id, 0);
	rig_expect_answer(2, 0);
	/* It is over, and once more is no more. */
	rig_ask_again(3, UPCALL_GRACE_DONE, NULL);
	rig_expect_answer(3, 0);
}

static void whom_nobody_shows_is_not_carried(void **state)
{
	uint64_t id;

	(void)state;
	rig_begin(6, 5, false);
	rig_ask(1, UPCALL_GRACE_DONE, NULL);
	rig_expect(CLD_OUT_LOOK);
	id = rig_out.look.id;
	rig_expect(CLD_OUT_LOAD);
	rig_failed(CLD_IN_ALIVE, id, -EIO);
	rig_clients(CLD_IN_CLIENTS, id, (const char *const[]){"A", NULL});
	id = rig_expect_store(CLD_DONE);
	assert_int_equal(rig_out.store.count, 0);
	rig_stored(id, 0);
	rig_expect_answer(1, 0);
}

/* All tries of GraceDone but the first; then it is owed. */
static void fail_end(uint32_t xid, const char *const *alive)
{
	for (unsigned int i = 1; i < CLD_TURN_TRIES; i++) {
		uint64_t id;

		rig_expect_nothing();
		rig_wait();
		rig_expect(CLD_OUT_LOOK);
		id = rig_out.look.id;
		rig_expect(CLD_OUT_LOAD);
		rig_clients(CLD_IN_CLIENTS, id, alive);
		rig_clients(CLD_IN_ALIVE, id, alive);
		rig_stored(rig_expect_store(CLD_DONE), -ENOSPC);
	}
	rig_expect_answer(xid, -EREMOTEIO);
	assert_true(cld_is_owing(rig));
}

static void an_end_that_fails_is_owed(void **state)
{
	(void)state;
	rig_begin(6, 5, false);
	rig_stored(end(1, none, none), -ENOSPC);
	fail_end(1, none);
	rig_wait();
	rig_stored(rig_expect_store(CLD_DONE), 0);
	rig_expect_nothing();
	assert_false(cld_is_owing(rig));
}

/* Others may have had its locks since. */
static void an_owed_end_carries_nobody_removed(void **state)
{
	static const char *const both[] = {"A", "B", NULL};

	(void)state;
	rig_begin(6, 5, false);
	rig_stored(end(1, both, both), -ENOSPC);
	fail_end(1, both);
	remove_client(2, "A");
	rig_wait();
	rig_expect_store(CLD_DONE);
	assert_int_equal(rig_out.store.count, 1);
	assert_memory_equal(rig_out.store.clients[0].id, "B", 1);
}

/* It was removed in a life of nfsd that is over. */
static void who_came_back_after_a_restart_is_carried(void **state)
{
	static const char *const ids[] = {"A", NULL};

	(void)state;
	rig_begin(6, 5, false);
	remove_client(1, "A");
	start(2, ids);
	expect_record(2, "A");
	rig_expect_answer(2, 0);
	end(3, ids, ids);
	assert_int_equal(rig_out.store.count, 1);
}

/* SAFETY: one of them may not be carried, and it is not known which. */
static void too_many_removed_are_all_suspect(void **state)
{
	static const char *const ids[] = {"A", NULL};
	char id[16];

	(void)state;
	rig_begin(6, 5, false);
	for (uint32_t i = 0; i <= CLD_REMOVED_MAX; i++) {
		snprintf(id, sizeof(id), "%u", i);
		remove_client(i + 1, id);
	}
	end(1, ids, ids);
	assert_int_equal(rig_out.store.count, 0);
}

/* Whom it is about may not reclaim by that table any more. */
static void what_is_owed_to_a_table_ends_with_it(void **state)
{
	uint64_t create, id;

	(void)state;
	rig_ask(1, UPCALL_CREATE, "A");
	rig_stored(rig_expect_store(CLD_CREATE), -ENOSPC);
	rig_expect_answer(1, -EREMOTEIO);
	rig_ask(2, UPCALL_GRACE_START, NULL);
	create = rig_expect_store(CLD_CREATE);
	id = rig_expect_store(CLD_START);
	rig_expect(CLD_OUT_LOAD);
	rig_stored(create, -ENOSPC);
	rig_stored(id, 0);
	rig_clients(CLD_IN_CLIENTS, id, none);
	rig_expect_answer(2, 0);
	rig_stored(end(3, none, none), 0);
	rig_expect_answer(3, 0);
	start(4, none);
	rig_expect_answer(4, 0);
	rig_wait();
	rig_expect_nothing();
	assert_false(cld_is_owing(rig));
}

/* Else who missed the grace period could reclaim in the next one. */
static void an_owed_end_comes_before_a_start(void **state)
{
	(void)state;
	rig_begin(6, 5, false);
	rig_stored(end(1, none, none), -ENOSPC);
	fail_end(1, none);
	rig_ask(2, UPCALL_GRACE_START, NULL);
	rig_expect_store(CLD_START);
	assert_int_equal(rig_out.store.ended, 5);
	assert_int_equal(rig_out.store.current, 7);
	assert_int_equal(rig_out.store.recovery, 6);
	rig_expect(CLD_OUT_LOAD);
	assert_int_equal(rig_out.load.epoch, 6);
	rig_stored(rig_out.load.id, 0);
	assert_false(cld_is_owing(rig));
}

/* Else one whose locks others have had could reclaim them. */
static void owed_removals_come_before_a_start(void **state)
{
	uint64_t removal, id;

	(void)state;
	rig_ask(1, UPCALL_REMOVE, "A");
	rig_stored(rig_expect_store(CLD_REMOVE), -ENOSPC);
	rig_expect_answer(1, -EREMOTEIO);
	rig_ask(2, UPCALL_GRACE_START, NULL);
	removal = rig_expect_store(CLD_REMOVE);
	assert_int_equal(rig_out.store.current, 5);
	id = rig_expect_store(CLD_START);
	rig_expect(CLD_OUT_LOAD);
	rig_stored(removal, -ENOSPC);
	rig_stored(id, 0);
	rig_clients(CLD_IN_CLIENTS, id, (const char *const[]){"A", "B", NULL});
	expect_record(2, "B");
	rig_expect_answer(2, 0);
}

static void others_data_goes_after_a_durable_end(void **state)
{
	uint64_t id;

	(void)state;
	rig_begin_first_time();
	id = end(1, none, none);
	assert_true(rig_out.store.is_last_first_time);
	rig_stored(id, -EIO);
	rig_expect_nothing(); /* no CLEAN */
	rig_wait();
	rig_expect(CLD_OUT_LOOK);
	id = rig_out.look.id;
	rig_expect(CLD_OUT_LOAD);
	rig_clients(CLD_IN_CLIENTS, id, none);
	rig_clients(CLD_IN_ALIVE, id, none);
	rig_stored(rig_expect_store(CLD_DONE), 0);
	rig_expect(CLD_OUT_CLEAN);
	rig_expect_answer(1, 0);
}

static void a_damaged_record_stops_no_other(void **state)
{
	const struct client clients[] = {
		{(const uint8_t *)"A", 1, (const uint8_t *)"short", 5},
		{(const uint8_t *)"B", 1, NULL, 0},
	};
	struct cld_in in = {.kind = CLD_IN_CLIENTS,
			    .clients = {.clients = clients, .count = 2}};

	(void)state;
	rig_ask(1, UPCALL_GRACE_START, NULL);
	in.clients.id = rig_expect_store(CLD_START);
	rig_expect(CLD_OUT_LOAD);
	rig_stored(in.clients.id, 0);
	cld_input(rig, rig_now_ms, &in);
	expect_record(1, "B");
	rig_expect_answer(1, 0);
}

static void a_pipe_may_go_while_records_are_sent(void **state)
{
	const struct cld_in closed = {.kind = CLD_IN_CLOSED};

	(void)state;
	start(1, (const char *const[]){"A", "B", NULL});
	expect_record(1, "A");
	cld_input(rig, rig_now_ms, &closed);
	rig_expect_nothing();
	start(2, (const char *const[]){"A", NULL});
	expect_record(2, "A");
	rig_expect_answer(2, 0);
}

/* The table cannot be read: nothing is stored, and it is asked for again. */
static void an_end_without_the_records_is_tried_again(void **state)
{
	uint64_t id;

	(void)state;
	rig_begin(6, 5, false);
	rig_ask(1, UPCALL_GRACE_DONE, NULL);
	for (unsigned int tries = 1; tries < CLD_TURN_TRIES; tries++) {
		rig_expect(CLD_OUT_LOOK);
		rig_expect(CLD_OUT_LOAD);
		rig_failed(CLD_IN_CLIENTS, rig_out.load.id, -EIO);
		rig_expect_nothing();
		rig_wait();
	}
	rig_expect(CLD_OUT_LOOK);
	rig_expect(CLD_OUT_LOAD);
	rig_failed(CLD_IN_CLIENTS, rig_out.load.id, -EIO);
	rig_expect_answer(1, -EREMOTEIO);
	assert_true(cld_is_owing(rig));
	rig_wait();
	rig_expect(CLD_OUT_LOOK);
	id = rig_out.look.id;
	rig_expect(CLD_OUT_LOAD);
	rig_clients(CLD_IN_CLIENTS, id, none);
	rig_clients(CLD_IN_ALIVE, id, none);
	rig_stored(rig_expect_store(CLD_DONE), 0);
	rig_expect_nothing();
	assert_false(cld_is_owing(rig));
}

static void the_principal_travels_with_its_client(void **state)
{
	static const uint8_t hash[CLIENT_PRINCHASH_LEN] = {1, [31] = 9};
	const struct client client = {(const uint8_t *)"A", 1, hash,
				      sizeof(hash)};
	struct cld_in in = {.kind = CLD_IN_CLIENTS,
			    .clients = {.clients = &client, .count = 1}};

	(void)state;
	rig_ask(1, UPCALL_GRACE_START, NULL);
	in.clients.id = rig_expect_store(CLD_START);
	rig_expect(CLD_OUT_LOAD);
	rig_stored(in.clients.id, 0);
	cld_input(rig, rig_now_ms, &in);
	expect_record(1, "A");
	assert_int_equal(rig_message.client.princhash_len, sizeof(hash));
	assert_memory_equal(rig_message.client.princhash, hash, sizeof(hash));
	rig_expect_answer(1, 0);
}

/* As the core is fed it before any record went out. */
static void a_failure_of_no_record_is_none(void **state)
{
	uint64_t id;

	(void)state;
	refuse_record();
	rig_ask(1, UPCALL_GRACE_START, NULL);
	id = rig_expect_store(CLD_START);
	rig_expect(CLD_OUT_LOAD);
	refuse_record();
	rig_stored(id, 0);
	rig_clients(CLD_IN_CLIENTS, id, (const char *const[]){"A", NULL});
	refuse_record();
	expect_record(1, "A");
	rig_expect_answer(1, 0);
	rig_expect_nothing();
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, rig_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(nfsd_is_told_who_may_reclaim),
		CASE(a_start_in_grace_changes_no_epoch),
		CASE(a_record_not_taken_is_sent_again),
		CASE(one_that_is_never_taken_costs_one),
		CASE(none_taken_is_an_error),
		CASE(a_start_is_tried_again_then_refused),
		CASE(a_start_holds_back_and_an_end_does_not),
		CASE(who_holds_state_is_carried_over),
		CASE(whom_nobody_shows_is_not_carried),
		CASE(an_end_that_fails_is_owed),
		CASE(an_owed_end_carries_nobody_removed),
		CASE(who_came_back_after_a_restart_is_carried),
		CASE(too_many_removed_are_all_suspect),
		CASE(what_is_owed_to_a_table_ends_with_it),
		CASE(an_owed_end_comes_before_a_start),
		CASE(owed_removals_come_before_a_start),
		CASE(others_data_goes_after_a_durable_end),
		CASE(a_damaged_record_stops_no_other),
		CASE(a_pipe_may_go_while_records_are_sent),
		CASE(an_end_without_the_records_is_tried_again),
		CASE(the_principal_travels_with_its_client),
		CASE(a_failure_of_no_record_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
