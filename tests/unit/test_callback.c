/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Telling the lock manager: until it answered, from where it was asked, and
 * without a timer when nothing is pending.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/portmap.h"
#include "lib/rpcmsg.h"
#include "proto/sm_inter.h"
#include "statd/callback.h"
#include "tests/unit/nsm_rig.h"

#define LOCKD_PORT 4045

static int setup(void **state)
{
	static struct rig rig;

	rig_init(&rig);
	rig_monitor(&rig, "192.0.2.7", 'c');
	*state = &rig;
	return 0;
}

static int teardown(void **state)
{
	rig_fini(*state);
	return 0;
}

static void asks_for_the_port_then_calls(void **state)
{
	struct rig *rig = *state;
	struct rig_out call;
	uint64_t reply_to = rig_notify(rig, "192.0.2.7", "peer", 5);
	const struct rig_out *send = rig_get(rig, NSM_OUT_SEND, 0);
	struct rpcmsg_call parsed;
	struct sm_status status = {0};
	XDR xdr;

	assert_non_null(send);
	assert_int_equal(send->out.send.peer.port, PORTMAP_PORT);
	assert_true(addr_is_loopback(&send->out.send.peer));
	/* The sender hears nothing before lockd has answered. */
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
	assert_int_equal(rig_run_lockd(rig, &call), 1);
	assert_true(rig_is_answered(rig, reply_to));

	assert_int_equal(rpcmsg_parse_call(call.bytes, call.out.len, &parsed),
			 RPCMSG_CALL_OK);
	assert_int_equal(parsed.prog, 100021);
	assert_int_equal(parsed.vers, 3);
	assert_int_equal(parsed.proc, 16);
	xdrmem_create(&xdr, (char *)parsed.args, (u_int)parsed.args_len,
		      XDR_DECODE);
	assert_true(xdr_sm_status(&xdr, &status));
	assert_memory_equal(status.mon_name.sm_string_val, "192.0.2.7", 9);
	assert_int_equal(status.state, 5);
	assert_memory_equal(status.priv, "cccccccccccccccc", 16);
	xdr_free((xdrproc_t)xdr_sm_status, (char *)&status);
	xdr_destroy(&xdr);
	assert_true(nsm_deadline_ms(rig->nsm) == UINT64_MAX);
}

static void repeats_with_growing_pauses(void **state)
{
	struct rig *rig = *state;
	static const uint64_t pauses_ms[] = {1000,  2000,  4000, 8000,
					     16000, 30000, 30000};
	uint64_t before_ms = rig->now_ms;
	size_t i;

	rig_notify(rig, "192.0.2.7", "peer", 5);
	for (i = 0; i < sizeof(pauses_ms) / sizeof(pauses_ms[0]); i++) {
		rig_tick(rig);
		assert_int_equal(rig->now_ms - before_ms, pauses_ms[i]);
		before_ms = rig->now_ms;
		assert_int_equal(rig_count(rig, NSM_OUT_SEND), 1);
	}
	/* Never given up (contract.md M-1). */
	assert_int_equal(rig_run_lockd(rig, NULL), 1);
}

static void call_is_repeated_under_its_xid(void **state)
{
	struct rig *rig = *state;
	struct rig_out first, second;
	struct rpcmsg_call a, b;

	rig_notify(rig, "192.0.2.7", "peer", 5);
	rig_answer_port(rig, rig_get(rig, NSM_OUT_SEND, 0), LOCKD_PORT);
	first = *rig_get(rig, NSM_OUT_SEND, 0);
	rig_tick(rig);
	rig_answer_port(rig, rig_get(rig, NSM_OUT_SEND, 0), LOCKD_PORT);
	second = *rig_get(rig, NSM_OUT_SEND, 0);
	rpcmsg_parse_call(first.bytes, first.out.len, &a);
	rpcmsg_parse_call(second.bytes, second.out.len, &b);
	assert_int_equal(a.xid, b.xid);
	/* So an answer to the first is an answer. */
	rig_answer_void(rig, &first, "127.0.0.1", 0);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 1);
}

static void forged_answers_do_not_count(void **state)
{
	struct rig *rig = *state;
	uint64_t reply_to = rig_notify(rig, "192.0.2.7", "peer", 5);
	struct rig_out call, wrong;

	rig_answer_port(rig, rig_get(rig, NSM_OUT_SEND, 0), LOCKD_PORT);
	call = *rig_get(rig, NSM_OUT_SEND, 0);
	rig_answer_void(rig, &call, "127.0.0.1", 1); /* another local port */
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
	rig_answer_void(rig, &call, "192.0.2.7", 0); /* the peer itself */
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
	wrong = call;
	wrong.bytes[3] ^= 1; /* another xid */
	rig_answer_void(rig, &wrong, "127.0.0.1", 0);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
	rig_answer_void(rig, &call, "127.0.0.1", 0);
	assert_true(rig_is_answered(rig, reply_to));
}

static void unregistered_lockd_is_looked_for_every_5_s(void **state)
{
	struct rig *rig = *state;
	uint64_t before_ms;
	unsigned int i;

	rig_monitor(rig, "192.0.2.8", 'd');
	rig_notify(rig, "192.0.2.7", "peer", 5);
	rig_notify(rig, "192.0.2.8", "other", 9);
	/* One look-up serves both events. */
	rig_tick(rig);
	assert_int_equal(rig_count(rig, NSM_OUT_SEND), 1);
	for (i = 0; i < 50; i++) {
		rig_answer_port(rig, rig_get(rig, NSM_OUT_SEND, 0), 0);
		assert_int_equal(rig_count(rig, NSM_OUT_LOG), i == 0 ? 1 : 0);
		before_ms = rig->now_ms;
		rig_tick(rig);
		assert_int_equal(rig->now_ms - before_ms,
				 CALLBACK_UNREGISTERED_MS);
		assert_int_equal(rig_count(rig, NSM_OUT_SEND), 1);
	}
	assert_int_equal(rig_run_lockd(rig, NULL), 2);
}

static void refusal_by_lockd_is_no_answer(void **state)
{
	struct rig *rig = *state;
	struct nsm_in in = {.kind = NSM_IN_ANSWER};
	struct rpcmsg_call parsed;
	struct rig_out call;
	struct buf message;

	rig_notify(rig, "192.0.2.7", "peer", 5);
	rig_answer_port(rig, rig_get(rig, NSM_OUT_SEND, 0), LOCKD_PORT);
	call = *rig_get(rig, NSM_OUT_SEND, 0);
	rpcmsg_parse_call(call.bytes, call.out.len, &parsed);
	buf_init(&message, RPCMSG_SIZE_MAX);
	rpcmsg_add_reply(&message, parsed.xid, RPCMSG_SYSTEM_ERR, 0);
	in.bytes = message.bytes;
	in.len = message.len;
	in.answer.from = call.out.send.peer;
	rig_feed(rig, &in);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
	buf_fini(&message);
	rig_tick(rig);
	assert_int_equal(rig_run_lockd(rig, NULL), 1);
}

static void window_holds_calls_back(void **state)
{
	struct rig *rig = *state;
	char name[32], addr[32];
	unsigned int i;

	for (i = 0; i < CALLBACK_IN_FLIGHT_MAX + 20; i++) {
		snprintf(addr, sizeof(addr), "198.51.100.%u", i);
		snprintf(name, sizeof(name), "host%u", i);
		rig_monitor(rig, addr, 'c');
		rig_notify(rig, addr, name, 5);
	}
	rig_tick(rig);
	rig_answer_port(rig, rig_get(rig, NSM_OUT_SEND, 0), LOCKD_PORT);
	assert_int_equal(rig_count(rig, NSM_OUT_SEND), CALLBACK_IN_FLIGHT_MAX);
	assert_int_equal(rig_run_lockd(rig, NULL), CALLBACK_IN_FLIGHT_MAX + 20);
	assert_true(nsm_deadline_ms(rig->nsm) == UINT64_MAX);
}

static void unmonitored_peer_is_not_called_for(void **state)
{
	struct rig *rig = *state;
	uint64_t reply_to = rig_notify(rig, "192.0.2.7", "peer", 5);

	rig_unmon(rig, "192.0.2.7");
	assert_true(rig_is_answered(rig, reply_to));
	assert_true(nsm_deadline_ms(rig->nsm) == UINT64_MAX);
}

static void newer_number_replaces_the_pending_one(void **state)
{
	struct rig *rig = *state;
	uint64_t first = rig_notify(rig, "192.0.2.7", "peer", 5), second;
	struct rig_out call, older;
	struct rpcmsg_call parsed;

	rig_answer_port(rig, rig_get(rig, NSM_OUT_SEND, 0), LOCKD_PORT);
	older = *rig_get(rig, NSM_OUT_SEND, 0);
	second = rig_notify(rig, "192.0.2.7", "peer", 7);
	/* lockd heard of 5; that does not tell it of 7. */
	rig_answer_void(rig, &older, "127.0.0.1", 0);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
	rig_tick(rig);
	assert_int_equal(rig_run_lockd(rig, &call), 1);
	rpcmsg_parse_call(call.bytes, call.out.len, &parsed);
	assert_int_equal(parsed.args[4 + 12 + 3], 7);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 2);
	assert_int_equal(rig_get(rig, NSM_OUT_REPLY, 0)->out.reply.reply_to,
			 first);
	assert_int_equal(rig_get(rig, NSM_OUT_REPLY, 1)->out.reply.reply_to,
			 second);
}

/* One in flight whose record goes leaves its place to the next. */
static void an_unmonitored_peer_makes_room(void **state)
{
	struct rig *rig = *state;
	char name[32], addr[32];
	unsigned int i;

	for (i = 0; i < CALLBACK_IN_FLIGHT_MAX + 2; i++) {
		snprintf(addr, sizeof(addr), "198.51.100.%u", i);
		snprintf(name, sizeof(name), "host%u", i);
		rig_monitor(rig, addr, 'c');
		if (i <= CALLBACK_IN_FLIGHT_MAX)
			rig_notify(rig, addr, name, 5);
	}
	rig_tick(rig);
	rig_answer_port(rig, rig_get(rig, NSM_OUT_SEND, 0), LOCKD_PORT);
	assert_int_equal(rig_count(rig, NSM_OUT_SEND), CALLBACK_IN_FLIGHT_MAX);
	rig_unmon(rig, "198.51.100.0");
	rig_notify(rig, addr, name, 5);
	assert_int_equal(rig_count(rig, NSM_OUT_SEND), 1);
	/* One that was not in flight leaves none. */
	rig_unmon(rig, addr);
	rig_notify(rig, "192.0.2.7", "peer", 5);
	assert_int_equal(rig_count(rig, NSM_OUT_SEND), 0);
}

static void an_rpcbind_that_refuses_is_asked_again(void **state)
{
	struct rig *rig = *state;
	struct nsm_in in = {.kind = NSM_IN_ANSWER};
	struct rpcmsg_call parsed;
	const struct rig_out *send;
	struct buf message;
	uint64_t before_ms = rig->now_ms;

	rig_notify(rig, "192.0.2.7", "peer", 5);
	send = rig_get(rig, NSM_OUT_SEND, 0);
	rpcmsg_parse_call(send->bytes, send->out.len, &parsed);
	buf_init(&message, RPCMSG_SIZE_MAX);
	rpcmsg_add_reply(&message, parsed.xid, RPCMSG_PROC_UNAVAIL, 0);
	buf_add_be32(&message, LOCKD_PORT); /* no result of a refusal */
	in.bytes = message.bytes;
	in.len = message.len;
	in.answer.from = send->out.send.peer;
	rig_feed(rig, &in);
	assert_int_equal(rig_count(rig, NSM_OUT_SEND), 0);
	buf_fini(&message);
	rig_tick(rig);
	assert_int_equal(rig->now_ms - before_ms, CALLBACK_UNREGISTERED_MS);
	assert_int_equal(rig_run_lockd(rig, NULL), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(asks_for_the_port_then_calls,
						setup, teardown),
		cmocka_unit_test_setup_teardown(repeats_with_growing_pauses,
						setup, teardown),
		cmocka_unit_test_setup_teardown(call_is_repeated_under_its_xid,
						setup, teardown),
		cmocka_unit_test_setup_teardown(forged_answers_do_not_count,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			unregistered_lockd_is_looked_for_every_5_s, setup,
			teardown),
		cmocka_unit_test_setup_teardown(refusal_by_lockd_is_no_answer,
						setup, teardown),
		cmocka_unit_test_setup_teardown(window_holds_calls_back, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			unmonitored_peer_is_not_called_for, setup, teardown),
		cmocka_unit_test_setup_teardown(
			newer_number_replaces_the_pending_one, setup, teardown),
		cmocka_unit_test_setup_teardown(an_unmonitored_peer_makes_room,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_rpcbind_that_refuses_is_asked_again, setup,
			teardown),
	};

	return cmocka_run_group_tests_name("callback", tests, NULL, NULL);
}
