/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which reply answers which call: xid, address and port must all be right.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "lib/rpccall.h"

#define CALLS 5000

struct fixture {
	struct prng rng;
	struct rpccalls calls;
	struct buf reply;
	struct addr peer;
};

static int setup(void **state)
{
	static const uint8_t seed[SIPHASH_KEY_SIZE] = {1, 2, 3};
	static struct fixture fixture;

	prng_init(&fixture.rng, seed);
	rpccalls_init(&fixture.calls, &fixture.rng);
	buf_init(&fixture.reply, RPCMSG_SIZE_MAX);
	assert_true(addr_parse("192.0.2.1", &fixture.peer));
	fixture.peer.port = 662;
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	rpccalls_fini(&fixture->calls);
	buf_fini(&fixture->reply);
	return 0;
}

/* Lets @from answer @xid; *found is the call it is about. */
static enum rpccall_match answer(struct fixture *fixture,
				 const struct addr *from, uint32_t xid,
				 struct rpccall **found)
{
	struct rpcmsg_reply reply;
	enum rpccall_match match;

	buf_clear(&fixture->reply);
	rpcmsg_add_reply(&fixture->reply, xid, RPCMSG_SUCCESS, 0);
	buf_add_be32(&fixture->reply, 77);
	match = rpccalls_match(&fixture->calls, from, fixture->reply.bytes,
			       fixture->reply.len, found, &reply);
	if (match != RPCCALL_STRANGER) {
		assert_int_equal(reply.xid, xid);
		assert_int_equal(reply.results_len, 4);
	}
	return match;
}

static void test_answer_counts_once(void **state)
{
	struct fixture *fixture = *state;
	struct rpccall call = {.is_open = 0}, *found;
	uint32_t xid = rpccalls_open(&fixture->calls, &call, &fixture->peer);

	assert_true(call.is_open);
	assert_int_equal(call.xid, xid);
	assert_int_equal(answer(fixture, &fixture->peer, xid ^ 1, &found),
			 RPCCALL_STRANGER);
	assert_int_equal(answer(fixture, &fixture->peer, xid, &found),
			 RPCCALL_MATCHED);
	assert_ptr_equal(found, &call);
	assert_false(call.is_open);
	assert_int_equal(answer(fixture, &fixture->peer, xid, &found),
			 RPCCALL_STRANGER);
	assert_null(found);
}

static void test_other_address_and_other_port(void **state)
{
	struct fixture *fixture = *state;
	struct rpccall call = {.is_open = 0}, *found;
	uint32_t xid = rpccalls_open(&fixture->calls, &call, &fixture->peer);
	struct addr other;

	assert_true(addr_parse("192.0.2.2", &other));
	other.port = fixture->peer.port;
	assert_int_equal(answer(fixture, &other, xid, &found),
			 RPCCALL_OTHER_ADDRESS);
	assert_ptr_equal(found, &call);
	other = fixture->peer;
	other.port++;
	assert_int_equal(answer(fixture, &other, xid, &found),
			 RPCCALL_OTHER_ADDRESS);
	assert_true(call.is_open);
	assert_int_equal(answer(fixture, &fixture->peer, xid, &found),
			 RPCCALL_MATCHED);
}

static void test_mapped_address_is_the_same_peer(void **state)
{
	struct fixture *fixture = *state;
	struct rpccall call = {.is_open = 0}, *found;
	uint32_t xid = rpccalls_open(&fixture->calls, &call, &fixture->peer);
	struct addr mapped;

	assert_true(addr_parse("::ffff:192.0.2.1", &mapped));
	mapped.port = fixture->peer.port;
	assert_int_equal(answer(fixture, &mapped, xid, &found),
			 RPCCALL_MATCHED);
}

static void test_bytes_that_are_no_reply(void **state)
{
	struct fixture *fixture = *state;
	struct rpccall call = {.is_open = 0}, *found;
	struct rpcmsg_reply reply;
	uint32_t xid = rpccalls_open(&fixture->calls, &call, &fixture->peer);

	rpcmsg_add_call(&fixture->reply, xid, 1, 2, 3);
	assert_int_equal(rpccalls_match(&fixture->calls, &fixture->peer,
					fixture->reply.bytes,
					fixture->reply.len, &found, &reply),
			 RPCCALL_STRANGER);
	assert_true(call.is_open);
	rpccalls_close(&fixture->calls, &call);
}

static void test_reopened_and_closed_calls_are_forgotten(void **state)
{
	struct fixture *fixture = *state;
	struct rpccall call = {.is_open = 0}, *found;
	uint32_t first = rpccalls_open(&fixture->calls, &call, &fixture->peer);
	uint32_t second = rpccalls_open(&fixture->calls, &call, &fixture->peer);

	assert_int_not_equal(first, second);
	assert_int_equal(answer(fixture, &fixture->peer, first, &found),
			 RPCCALL_STRANGER);
	assert_int_equal(fixture->calls.by_xid.count, 1);
	rpccalls_close(&fixture->calls, &call);
	rpccalls_close(&fixture->calls, &call);
	assert_int_equal(answer(fixture, &fixture->peer, second, &found),
			 RPCCALL_STRANGER);
}

static void test_many_calls_each_find_their_own(void **state)
{
	static struct rpccall many[CALLS];
	struct fixture *fixture = *state;
	struct rpccall *found;

	for (size_t i = 0; i < CALLS; i++)
		rpccalls_open(&fixture->calls, &many[i], &fixture->peer);
	for (size_t i = CALLS; i-- > 0;) {
		assert_int_equal(answer(fixture, &fixture->peer, many[i].xid,
					&found),
				 RPCCALL_MATCHED);
		assert_ptr_equal(found, &many[i]);
	}
	assert_int_equal(fixture->calls.by_xid.count, 0);
}

/* A generator that is put back would give the xid that is open once more. */
static void test_an_open_xid_is_not_taken_again(void **state)
{
	struct fixture *fixture = *state;
	struct rpccall first = {.is_open = 0}, second = {.is_open = 0};
	struct prng before = fixture->rng;
	uint32_t xid = rpccalls_open(&fixture->calls, &first, &fixture->peer);

	fixture->rng = before;
	assert_int_not_equal(
		rpccalls_open(&fixture->calls, &second, &fixture->peer), xid);
	rpccalls_close(&fixture->calls, &first);
	rpccalls_close(&fixture->calls, &second);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_answer_counts_once),
		CASE(test_other_address_and_other_port),
		CASE(test_mapped_address_is_the_same_peer),
		CASE(test_bytes_that_are_no_reply),
		CASE(test_reopened_and_closed_calls_are_forgotten),
		CASE(test_many_calls_each_find_their_own),
		CASE(test_an_open_xid_is_not_taken_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
