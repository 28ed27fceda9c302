/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asking peers: how often, how many at a time, and whose answer counts.
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
#include "statd/question.h"
#include "tests/unit/peer_world.h"

static int setup(void **state)
{
	return world_setup(state, VERIFY_CHECK_ASK);
}

static void monitored_peer_is_asked_for_its_number(void **state)
{
	struct world *w = *state;
	const struct rig_out *send;
	struct rpcmsg_call call;

	rig_mon(&w->rig, PEER, 'c');
	/* What lockd waits for comes first. */
	assert_int_equal(w->rig.outs[w->rig.out_count - 1].out.kind,
			 NSM_OUT_SEND);
	send = rig_get(&w->rig, NSM_OUT_SEND, 0);
	assert_int_equal(send->out.send.source, NSM_FROM_ANY);
	assert_int_equal(send->out.send.peer.port, PORTMAP_PORT);
	rig_answer_port(&w->rig, send, w->port);
	send = rig_get(&w->rig, NSM_OUT_SEND, 0);
	assert_non_null(send);
	assert_int_equal(send->out.send.peer.port, w->port);
	assert_int_equal(rpcmsg_parse_call(send->bytes, send->out.len, &call),
			 RPCMSG_CALL_OK);
	assert_int_equal(call.prog, SM_PROGRAM);
	assert_int_equal(call.proc, SM_PROC_STAT);
	assert_memory_equal(call.args,
			    "\0\0\0\x09"
			    "127.0.0.1\0\0\0",
			    16);
	world_run(w);
	assert_int_equal(w->asked, 1);
	/* Nothing is left to be asked. */
	assert_true(nsm_deadline_ms(w->rig.nsm) == UINT64_MAX);
}

static void silent_peer_is_asked_again_ever_more_rarely(void **state)
{
	struct world *w = *state;
	uint64_t asked_ms = 0, gap_ms = 0;
	unsigned int tries = 0;

	w->is_silent = true;
	rig_mon(&w->rig, PEER, 'c');
	for (; tries < 12; tries++) {
		asked_ms = w->rig.now_ms;
		do {
			rig_tick(&w->rig);
		} while (rig_count(&w->rig, NSM_OUT_SEND) == 0);
		gap_ms = w->rig.now_ms - asked_ms;
		assert_in_range(gap_ms, QUESTION_WAIT_FIRST_MS,
				QUESTION_WAIT_MAX_MS * 3 / 2);
	}
	assert_in_range(gap_ms, QUESTION_WAIT_MAX_MS,
			QUESTION_WAIT_MAX_MS * 3 / 2);
	rig_unmon(&w->rig, PEER);
	assert_true(nsm_deadline_ms(w->rig.nsm) == UINT64_MAX);
}

static void window_holds_questions_back(void **state)
{
	struct world *w = *state;
	size_t asked = 0, i;
	char addr[32];

	w->is_silent = true;
	for (i = 0; i < QUESTION_OPEN_MAX + 20; i++) {
		snprintf(addr, sizeof(addr), "198.51.100.%zu", i);
		rig_mon(&w->rig, addr, 'c');
		asked += rig_count(&w->rig, NSM_OUT_SEND);
	}
	assert_int_equal(asked, QUESTION_OPEN_MAX);
	/* Who goes away makes room. */
	rig_unmon(&w->rig, "198.51.100.0");
	assert_int_equal(rig_count(&w->rig, NSM_OUT_SEND), 1);
	rig_tick(&w->rig);
	assert_int_equal(rig_count(&w->rig, NSM_OUT_SEND), 19);
}

static void only_the_peer_itself_can_answer(void **state)
{
	struct world *w = *state;
	struct rig_out send;
	struct addr from;

	rig_mon(&w->rig, PEER, 'c');
	rig_answer_port(&w->rig, rig_get(&w->rig, NSM_OUT_SEND, 0), w->port);
	send = *rig_get(&w->rig, NSM_OUT_SEND, 0);
	from = send.out.send.peer;
	from.port++;
	rig_answer_stat(&w->rig, &send, &from, 9);
	assert_true(addr_parse(STRANGER, &from));
	from.port = w->port;
	rig_answer_stat(&w->rig, &send, &from, 9);
	from = send.out.send.peer;
	send.out.send.source = NSM_FROM_LOOPBACK; /* at the other socket */
	rig_answer_stat(&w->rig, &send, &from, 9);
	send.out.send.source = NSM_FROM_ANY;
	send.bytes[3] ^= 1;
	rig_answer_stat(&w->rig, &send, &from, 9);
	/* The question is open still. */
	assert_true(nsm_deadline_ms(w->rig.nsm) != UINT64_MAX);
	send.bytes[3] ^= 1;
	rig_answer_stat(&w->rig, &send, &from, 9);
	assert_true(nsm_deadline_ms(w->rig.nsm) == UINT64_MAX);
}

/* Two my_names: two records, one peer. */
static void one_question_serves_all_records_of_an_address(void **state)
{
	struct world *w = *state;
	const char *lines = "0100007f 000186b5 00000003 00000010 "
			    "64646464646464646464646464646464 " PEER " me\n"
			    "0100007f 000186b5 00000003 00000010 "
			    "65656565656565656565656565656565 " PEER " me2\n";
	struct nsm_in in = {.kind = NSM_IN_FILE,
			    .bytes = (const uint8_t *)lines,
			    .len = strlen(lines),
			    .file.name = PEER};

	rig_feed(&w->rig, &in);
	assert_int_equal(rig_count(&w->rig, NSM_OUT_SEND), 0);
	in.kind = NSM_IN_LOADED;
	rig_feed(&w->rig, &in);
	assert_int_equal(rig_count(&w->rig, NSM_OUT_SEND), 1);
	world_run(w);
	assert_int_equal(w->asked, 1);
	assert_true(nsm_deadline_ms(w->rig.nsm) == UINT64_MAX);
	/* Both know the baseline: a name alone delivers for neither. */
	assert_int_equal(world_notify(w, STRANGER, 700, PEER, 99), 0);
	w->number = 7;
	assert_int_equal(world_notify(w, STRANGER, 700, PEER, 7), 2);
}

static void name_is_asked_once_it_has_addresses(void **state)
{
	struct world *w = *state;
	struct addr addrs[2];
	struct nsm_in in = {.kind = NSM_IN_RESOLVED,
			    .resolved = {.addrs = addrs, .count = 2}};

	w->is_silent = true;
	rig_mon(&w->rig, "client.example", 'c');
	assert_int_equal(rig_count(&w->rig, NSM_OUT_SEND), 0);
	in.resolved.id = rig_get(&w->rig, NSM_OUT_RESOLVE, 0)->out.resolve.id;
	assert_true(addr_parse("2001:db8::7", &addrs[0]));
	assert_true(addr_parse(PEER, &addrs[1]));
	rig_feed(&w->rig, &in);
	assert_int_equal(
		rig_get(&w->rig, NSM_OUT_SEND, 0)->out.send.peer.family,
		ADDR_V6);
	/* Silent over IPv6: then over IPv4. */
	do {
		rig_tick(&w->rig);
	} while (rig_count(&w->rig, NSM_OUT_SEND) == 0);
	assert_int_equal(
		rig_get(&w->rig, NSM_OUT_SEND, 0)->out.send.peer.family,
		ADDR_V4);
	w->is_silent = false;
	world_run(w);
	assert_int_equal(w->asked, 1);
	assert_true(nsm_deadline_ms(w->rig.nsm) == UINT64_MAX);
}

static bool is_asked(const struct rig *rig, const struct addr *addr)
{
	size_t i, count = rig_count(rig, NSM_OUT_SEND);

	for (i = 0; i < count; i++)
		if (addr_is_same_host(
			    &rig_get(rig, NSM_OUT_SEND, i)->out.send.peer,
			    addr))
			return true;
	return false;
}

/*
 * Many names of one silent address: one is asked, and those that wait for its
 * answer give their places in the window back.
 */
static void waiting_for_another_question_keeps_no_place(void **state)
{
	struct world *w = *state;
	struct addr addr;
	struct nsm_in in = {.kind = NSM_IN_RESOLVED,
			    .resolved = {.addrs = &addr, .count = 1}};
	char name[32];
	size_t i;

	w->is_silent = true;
	assert_true(addr_parse(PEER, &addr));
	for (i = 0; i < QUESTION_OPEN_MAX + 10; i++) {
		snprintf(name, sizeof(name), "client%zu.example", i);
		rig_mon(&w->rig, name, 'c');
		in.resolved.id =
			rig_get(&w->rig, NSM_OUT_RESOLVE, 0)->out.resolve.id;
		rig_feed(&w->rig, &in);
	}
	rig_mon(&w->rig, "198.51.100.1", 'd');
	assert_true(addr_parse("198.51.100.1", &addr));
	for (i = 0; i < QUESTION_OPEN_MAX && !is_asked(&w->rig, &addr); i++)
		rig_tick(&w->rig);
	assert_true(is_asked(&w->rig, &addr));
}

/* Answers @send, which may be a copy, with @status and @results. */
static void answer(struct rig *rig, const struct rig_out *send,
		   enum rpcmsg_status status, const char *results, size_t len)
{
	struct nsm_in in = {.kind = NSM_IN_ANSWER,
			    .answer.from = send->out.send.peer,
			    .answer.to = NSM_FROM_ANY};
	struct rpcmsg_call call;
	struct buf message;

	rpcmsg_parse_call(send->bytes, send->out.len, &call);
	buf_init(&message, RPCMSG_SIZE_MAX);
	rpcmsg_add_reply(&message, call.xid, status, 1);
	buf_add(&message, results, len);
	in.bytes = message.bytes;
	in.len = message.len;
	rig_feed(rig, &in);
	buf_fini(&message);
}

/* The next SM_STAT, after rpcbind was asked and has answered. */
static struct rig_out next_question(struct world *w)
{
	struct rig_out send;

	while (rig_count(&w->rig, NSM_OUT_SEND) == 0)
		rig_tick(&w->rig);
	send = *rig_get(&w->rig, NSM_OUT_SEND, 0);
	assert_int_equal(send.out.send.peer.port, PORTMAP_PORT);
	rig_answer_port(&w->rig, &send, w->port);
	assert_int_equal(rig_count(&w->rig, NSM_OUT_SEND), 1);
	return *rig_get(&w->rig, NSM_OUT_SEND, 0);
}

/* The peer is asked again until one makes sense. */
static void answers_without_sense_are_none(void **state)
{
	static const struct {
		enum rpcmsg_status status;
		const char *results;
		size_t len;
	} bad[] = {
		{RPCMSG_PROC_UNAVAIL, "\0\0\0\0\0\0\0\5", 8},
		{RPCMSG_SUCCESS, "\0\0\0\0\0\0\0", 7},
		{RPCMSG_SUCCESS, "\0\0\0\0\0\0\0\0", 8},
	};
	struct world *w = *state;
	struct rig_out send;

	rig_mon(&w->rig, PEER, 'c');
	send = *rig_get(&w->rig, NSM_OUT_SEND, 0);
	/* A port in a refusal is none. */
	answer(&w->rig, &send, RPCMSG_PROC_UNAVAIL, "\0\0\x80\xe8", 4);
	assert_int_equal(rig_count(&w->rig, NSM_OUT_SEND), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		send = next_question(w);
		answer(&w->rig, &send, bad[i].status, bad[i].results,
		       bad[i].len);
		assert_true(nsm_deadline_ms(w->rig.nsm) != UINT64_MAX);
	}
	/* COMPAT: "no such name" comes with the number all the same. */
	send = next_question(w);
	answer(&w->rig, &send, RPCMSG_SUCCESS, "\0\0\0\1\0\0\0\5", 8);
	assert_true(nsm_deadline_ms(w->rig.nsm) == UINT64_MAX);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)
	const struct CMUnitTest tests[] = {
		TEST(monitored_peer_is_asked_for_its_number),
		TEST(silent_peer_is_asked_again_ever_more_rarely),
		TEST(window_holds_questions_back),
		TEST(only_the_peer_itself_can_answer),
		TEST(one_question_serves_all_records_of_an_address),
		TEST(name_is_asked_once_it_has_addresses),
		TEST(waiting_for_another_question_keeps_no_place),
		TEST(answers_without_sense_are_none),
	};

	return cmocka_run_group_tests_name("question", tests, NULL, NULL);
}
