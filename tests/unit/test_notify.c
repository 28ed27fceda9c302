/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sm-notify's core against peers that answer, lie, sleep and die, on a clock
 * that this file turns.  The last tests are whole worlds of random peers; they
 * print their seed and obey SEED=.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/buf.h"
#include "lib/portmap.h"
#include "lib/prng.h"
#include "lib/rpcmsg.h"
#include "lib/xalloc.h"
#include "sm-notify/notify.h"

#define PROG_PORTMAP 100000u
#define PROG_STATUS  100024u
#define STATD_PORT   4045
#define PRIV	     "00000000000000000000000000000000"
#define LINE(mon, my) \
	"0100007f 000186b5 00000003 00000010 " PRIV " " mon " " my "\n"

/* A notifier, its clock, and the effect that was taken last. */
struct world {
	struct notify *n;
	uint64_t now_ms;
	struct notify_out out;
	unsigned int warnings;
	char last_log[256];
};

static struct world world_new(const char *name, uint64_t give_up_ms,
			      uint32_t packets_per_second)
{
	struct notify_config config = {
		.seed = "0123456789abcde",
		.number = 7,
		.name = name,
		.give_up_ms = give_up_ms,
		.packets_per_second = packets_per_second,
	};

	return (struct world){.n = notify_new(&config), .now_ms = 1000};
}

static struct world world_default(void)
{
	return world_new(NULL, UINT64_MAX, 10000);
}

static void feed(struct world *w, const struct notify_in *in)
{
	notify_input(w->n, w->now_ms, in);
}

static void feed_file(struct world *w, const char *name, const char *text)
{
	struct notify_in in = {.kind = NOTIFY_IN_FILE,
			       .bytes = (const uint8_t *)text,
			       .len = strlen(text),
			       .file.name = name};

	feed(w, &in);
}

static void feed_kind(struct world *w, enum notify_in_kind kind)
{
	struct notify_in in = {.kind = kind};

	feed(w, &in);
}

/* Takes the next effect that is no log line. */
static bool take(struct world *w)
{
	while (notify_output(w->n, &w->out)) {
		if (w->out.kind != NOTIFY_OUT_LOG)
			return true;
		snprintf(w->last_log, sizeof(w->last_log), "%s",
			 w->out.log.text);
		if (w->out.log.level != LOG_TRACE)
			w->warnings++;
	}
	return false;
}

static void expect(struct world *w, enum notify_out_kind kind)
{
	assert_true(take(w));
	assert_int_equal(w->out.kind, kind);
}

static void expect_nothing(struct world *w)
{
	assert_false(take(w));
}

/* The clock goes to the next deadline, at which the core is woken. */
static void sleep_until_due(struct world *w)
{
	uint64_t at_ms = notify_deadline_ms(w->n);

	assert_true(at_ms != UINT64_MAX);
	assert_true(at_ms > w->now_ms);
	w->now_ms = at_ms;
	feed_kind(w, NOTIFY_IN_TIMER);
}

/* Sleeps until there is an effect. */
static void sleep_until_effect(struct world *w)
{
	for (unsigned int i = 0; i < 10000; i++) {
		sleep_until_due(w);
		if (take(w))
			return;
	}
	fail_msg("nothing happens any more");
}

/* What was sent: a copy, since the effect is only lent. */
struct sent {
	uint64_t id;
	struct addr peer;
	struct rpcmsg_call call;
	char name[64]; /* of SM_NOTIFY */
	uint32_t number;
};

static uint32_t be32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
	       (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Reads the SEND in w->out. */
static struct sent sent_read(const struct world *w)
{
	struct sent sent = {.id = w->out.send.id, .peer = w->out.send.peer};
	size_t len;

	assert_int_equal(w->out.kind, NOTIFY_OUT_SEND);
	assert_int_equal(rpcmsg_parse_call(w->out.bytes, w->out.len,
					   &sent.call),
			 RPCMSG_CALL_OK);
	if (sent.call.prog != PROG_STATUS)
		return sent;
	assert_int_equal(sent.call.vers, 1);
	assert_int_equal(sent.call.proc, 6);
	len = be32(sent.call.args);
	assert_true(len < sizeof(sent.name));
	memcpy(sent.name, sent.call.args + 4, len);
	sent.number = be32(sent.call.args + 4 + (len + 3) / 4 * 4);
	assert_int_equal(sent.call.args_len, 4 + (len + 3) / 4 * 4 + 4);
	return sent;
}

static struct sent expect_send(struct world *w)
{
	expect(w, NOTIFY_OUT_SEND);
	return sent_read(w);
}

/* Answers @sent from @from; @port for rpcbind. */
static void answer_from(struct world *w, const struct sent *sent,
			const struct addr *from, enum rpcmsg_status status,
			uint16_t port)
{
	struct notify_in in = {.kind = NOTIFY_IN_ANSWER, .answer.from = *from};
	char uaddr[64];
	struct buf reply;

	buf_init(&reply, 1024);
	rpcmsg_add_reply(&reply, sent->call.xid, status, 1);
	if (status == RPCMSG_SUCCESS && sent->call.prog == PROG_PORTMAP) {
		if (sent->peer.family == ADDR_V4) {
			buf_add_be32(&reply, port);
		} else {
			snprintf(uaddr, sizeof(uaddr), "::1.%u.%u", port >> 8,
				 port & 255u);
			buf_add_be32(&reply, (uint32_t)strlen(uaddr));
			buf_add(&reply, uaddr, strlen(uaddr));
			buf_add(&reply, "\0\0\0", (4 - strlen(uaddr) % 4) % 4);
		}
	}
	in.bytes = reply.bytes;
	in.len = reply.len;
	feed(w, &in);
	buf_fini(&reply);
}

static void answer(struct world *w, const struct sent *sent)
{
	answer_from(w, sent, &sent->peer, RPCMSG_SUCCESS, STATD_PORT);
}

static struct sent expect_getport(struct world *w, const char *address)
{
	struct sent sent = expect_send(w);
	char text[ADDR_TEXT_SIZE];

	assert_string_equal(addr_format(&sent.peer, text), address);
	assert_int_equal(sent.call.prog, PROG_PORTMAP);
	assert_int_equal(sent.peer.port, PORTMAP_PORT);
	return sent;
}

static struct sent expect_notify(struct world *w, const char *address,
				 const char *name)
{
	struct sent sent = expect_send(w);
	char text[ADDR_TEXT_SIZE];

	assert_string_equal(addr_format(&sent.peer, text), address);
	assert_int_equal(sent.call.prog, PROG_STATUS);
	assert_int_equal(sent.peer.port, STATD_PORT);
	assert_string_equal(sent.name, name);
	assert_int_equal(sent.number, 7);
	return sent;
}

static void expect_rewrite(struct world *w, const char *file, const char *text)
{
	expect(w, NOTIFY_OUT_REWRITE);
	assert_string_equal(w->out.rewrite.file, file);
	assert_int_equal(w->out.len, strlen(text));
	assert_memory_equal(w->out.bytes, text, strlen(text));
}

static void expect_done(struct world *w, size_t told, size_t untold)
{
	expect(w, NOTIFY_OUT_DONE);
	assert_int_equal(w->out.done.told, told);
	assert_int_equal(w->out.done.untold, untold);
	assert_int_equal(notify_untold_count(w->n), untold);
	assert_true(notify_deadline_ms(w->n) == UINT64_MAX);
	expect_nothing(w);
}

static void resolve(struct world *w, uint64_t id, const char *const *addrs,
		    size_t count)
{
	struct addr list[NOTIFY_ADDRS_MAX + 4];
	struct notify_in in = {.kind = NOTIFY_IN_RESOLVED,
			       .resolved.id = id,
			       .resolved.addrs = list,
			       .resolved.count = count};

	for (size_t i = 0; i < count; i++)
		assert_true(addr_parse(addrs[i], &list[i]));
	feed(w, &in);
}

/* --- one peer ------------------------------------------------------------ */

static void test_nobody(void **state)
{
	struct world w = world_default();

	(void)state;
	assert_true(notify_deadline_ms(w.n) == UINT64_MAX);
	feed_kind(&w, NOTIFY_IN_START);
	expect_done(&w, 0, 0);
	feed_kind(&w, NOTIFY_IN_TIMER);
	expect_nothing(&w);
	notify_free(w.n);
	notify_free(NULL);
}

/* A numeric peer is told with full and short name, and nobody is looked up. */
static void test_told(void **state)
{
	static const char *const peers[] = {"192.0.2.10", "2001:db8::10"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct world w = world_default();
		char text[512];
		struct sent sent;

		snprintf(text, sizeof(text), LINE("%s", "srv.example.com"),
			 peers[i]);
		feed_file(&w, peers[i], text);
		expect_nothing(&w);
		assert_int_equal(notify_untold_count(w.n), 1);
		feed_kind(&w, NOTIFY_IN_START);
		sent = expect_getport(&w, peers[i]);
		assert_int_equal(sent.call.vers, i == 0 ? 2 : 3);
		expect_nothing(&w);
		answer(&w, &sent);
		sent = expect_notify(&w, peers[i], "srv.example.com");
		answer(&w, &sent);
		sent = expect_notify(&w, peers[i], "srv");
		expect_nothing(&w);
		answer(&w, &sent);
		expect_rewrite(&w, peers[i], "");
		expect_done(&w, 1, 0);
		assert_int_equal(w.warnings, 0);
		notify_free(w.n);
	}
}

/* N-2: an address is not cut; a name without a dot has one form. */
static void test_one_form(void **state)
{
	static const char *const names[] = {"192.0.2.1", "2001:db8::1", "srv"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct world w = world_default();
		char text[512];
		struct sent sent;

		snprintf(text, sizeof(text), LINE("192.0.2.10", "%s"),
			 names[i]);
		feed_file(&w, "f", text);
		feed_kind(&w, NOTIFY_IN_START);
		sent = expect_send(&w);
		answer(&w, &sent);
		sent = expect_notify(&w, "192.0.2.10", names[i]);
		answer(&w, &sent);
		expect_rewrite(&w, "f", "");
		expect_done(&w, 1, 0);
		notify_free(w.n);
	}
}

/* S-2: only the right xid from the address and port that was asked counts. */
static void test_forged_answers(void **state)
{
	struct world w = world_default();
	struct sent sent;
	struct sent forged;
	struct addr from;

	(void)state;
	feed_file(&w, "f", LINE("192.0.2.10", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	sent = expect_send(&w);
	answer(&w, &sent);
	sent = expect_notify(&w, "192.0.2.10", "srv");
	forged = sent;
	forged.call.xid++;
	answer(&w, &forged);
	from = sent.peer;
	from.bytes[3]++;
	answer_from(&w, &sent, &from, RPCMSG_SUCCESS, 0);
	from = sent.peer;
	from.port++;
	answer_from(&w, &sent, &from, RPCMSG_SUCCESS, 0);
	expect_nothing(&w);
	answer(&w, &sent);
	expect_rewrite(&w, "f", "");
	expect_done(&w, 1, 0);
	notify_free(w.n);
}

/* An RPC error is silence, and the port is asked again. */
static void test_rpc_error(void **state)
{
	struct world w = world_default();
	struct sent sent;

	(void)state;
	feed_file(&w, "f", LINE("192.0.2.10", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	sent = expect_send(&w);
	answer(&w, &sent);
	sent = expect_notify(&w, "192.0.2.10", "srv");
	answer_from(&w, &sent, &sent.peer, RPCMSG_PROG_UNAVAIL, 0);
	expect_nothing(&w);
	assert_int_equal(notify_untold_count(w.n), 1);
	sleep_until_effect(&w);
	sent = sent_read(&w);
	assert_int_equal(sent.call.prog, PROG_PORTMAP);
	answer(&w, &sent);
	sent = expect_notify(&w, "192.0.2.10", "srv");
	notify_free(w.n);
}

/* 2, 4, 8 .. 120 s, each a quarter sooner or later; nobody gives up. */
static void test_back_off(void **state)
{
	struct world w = world_default();
	uint64_t wait_ms = NOTIFY_WAIT_FIRST_MS;

	(void)state;
	feed_file(&w, "192.0.2.10", LINE("192.0.2.10", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	expect_getport(&w, "192.0.2.10");
	for (unsigned int i = 0; i < 20; i++) {
		uint64_t before_ms = w.now_ms;

		sleep_until_effect(&w);
		assert_int_equal(sent_read(&w).call.prog, PROG_PORTMAP);
		assert_in_range(w.now_ms - before_ms, wait_ms * 3 / 4,
				wait_ms * 5 / 4);
		wait_ms = wait_ms * 2 > NOTIFY_WAIT_MAX_MS ? NOTIFY_WAIT_MAX_MS
							   : wait_ms * 2;
	}
	notify_free(w.n);
}

/* B-10: each address in turn, the port asked again, after 4 silent sends. */
static void test_addresses_in_turn(void **state)
{
	static const char *const addrs[] = {"192.0.2.1", "192.0.2.2"};
	struct world w = world_default();
	char text[ADDR_TEXT_SIZE];
	struct sent sent;

	(void)state;
	feed_file(&w, "f", LINE("peer.example.com", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	expect(&w, NOTIFY_OUT_RESOLVE);
	assert_string_equal(w.out.resolve.name, "peer.example.com");
	resolve(&w, w.out.resolve.id, addrs, 2);
	sent = expect_getport(&w, "192.0.2.1");
	for (unsigned int i = 1; i < 4; i++) {
		sleep_until_effect(&w);
		sent = sent_read(&w);
		assert_string_equal(addr_format(&sent.peer, text), addrs[0]);
	}
	sleep_until_effect(&w);
	sent = sent_read(&w);
	assert_string_equal(addr_format(&sent.peer, text), addrs[1]);
	answer(&w, &sent);
	expect_notify(&w, "192.0.2.2", "srv");
	for (unsigned int i = 1; i < NOTIFY_SILENT_TRIES; i++) {
		sleep_until_effect(&w);
		assert_int_equal(sent_read(&w).peer.port, STATD_PORT);
	}
	/* All have been tried: perhaps the name has others by now. */
	sleep_until_effect(&w);
	assert_int_equal(w.out.kind, NOTIFY_OUT_RESOLVE);
	expect_getport(&w, "192.0.2.1");
	notify_free(w.n);
}

/* A form that stays silent is left after 4 tries once the other was heard. */
static void test_silent_form(void **state)
{
	struct world w = world_default();
	unsigned int tries = 0;
	struct sent sent;

	(void)state;
	feed_file(&w, "192.0.2.10", LINE("192.0.2.10", "srv.example.com"));
	feed_kind(&w, NOTIFY_IN_START);
	sent = expect_send(&w);
	answer(&w, &sent);
	/* Silent twice each before the short one is heard: counts for nothing.
	 */
	sent = expect_notify(&w, "192.0.2.10", "srv.example.com");
	sleep_until_effect(&w);
	assert_string_equal(sent_read(&w).name, "srv");
	sleep_until_effect(&w);
	assert_string_equal(sent_read(&w).name, "srv.example.com");
	sleep_until_effect(&w);
	sent = sent_read(&w);
	assert_string_equal(sent.name, "srv");
	answer(&w, &sent);
	expect(&w, NOTIFY_OUT_SEND);
	do {
		sent = sent_read(&w);
		if (sent.call.prog == PROG_STATUS) {
			assert_string_equal(sent.name, "srv.example.com");
			tries++;
		} else {
			answer(&w, &sent);
		}
		sleep_until_effect(&w);
	} while (w.out.kind == NOTIFY_OUT_SEND);
	assert_int_equal(tries, NOTIFY_SILENT_TRIES);
	assert_int_equal(w.out.kind, NOTIFY_OUT_REWRITE);
	assert_int_equal(w.out.len, 0);
	expect_done(&w, 1, 0);
	notify_free(w.n);
}

/* rpcbind without statd: not before 90 s, then as ever. */
static void test_no_statd(void **state)
{
	struct world w = world_default();
	struct sent sent;
	uint64_t before_ms;

	(void)state;
	feed_file(&w, "192.0.2.10", LINE("192.0.2.10", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	sent = expect_send(&w);
	answer_from(&w, &sent, &sent.peer, RPCMSG_SUCCESS, 0);
	before_ms = w.now_ms;
	sleep_until_effect(&w);
	sent = sent_read(&w);
	assert_in_range(w.now_ms - before_ms, 90000, 150000);
	answer(&w, &sent);
	expect_notify(&w, "192.0.2.10", "srv");
	notify_free(w.n);
}

/* B-9: nfs-utils' file name helps only where the address stays silent. */
static void test_file_name_helps(void **state)
{
	static const char *const addrs[] = {"192.0.2.10", "192.0.2.99"};
	struct world w = world_default();
	char text[ADDR_TEXT_SIZE];
	struct sent sent;

	(void)state;
	feed_file(&w, "peer.example.com", LINE("192.0.2.10", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	for (unsigned int i = 0; i < NOTIFY_SILENT_TRIES; i++) {
		if (i > 0)
			sleep_until_effect(&w);
		else
			expect(&w, NOTIFY_OUT_SEND);
		sent = sent_read(&w);
		assert_string_equal(addr_format(&sent.peer, text), addrs[0]);
	}
	sleep_until_effect(&w);
	assert_int_equal(w.out.kind, NOTIFY_OUT_RESOLVE);
	assert_string_equal(w.out.resolve.name, "peer.example.com");
	resolve(&w, w.out.resolve.id, addrs, 2);
	for (unsigned int i = 0; i < NOTIFY_SILENT_TRIES; i++) {
		if (i > 0)
			sleep_until_effect(&w);
		else
			expect(&w, NOTIFY_OUT_SEND);
		sent = sent_read(&w);
		assert_string_equal(addr_format(&sent.peer, text), addrs[0]);
	}
	sleep_until_effect(&w);
	if (w.out.kind == NOTIFY_OUT_RESOLVE)
		expect(&w, NOTIFY_OUT_SEND);
	sent = sent_read(&w);
	assert_string_equal(addr_format(&sent.peer, text), addrs[1]);
	answer(&w, &sent);
	sent = expect_notify(&w, addrs[1], "srv");
	answer(&w, &sent);
	expect_rewrite(&w, "peer.example.com", "");
	expect_done(&w, 1, 0);
	notify_free(w.n);
}

/* A host name that does not resolve is asked for again, and said once. */
static void test_unresolved(void **state)
{
	static const char *const addrs[] = {"2001:db8::1"};
	struct world w = world_default();
	struct sent sent;

	(void)state;
	feed_file(&w, "f", LINE("peer", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	expect(&w, NOTIFY_OUT_RESOLVE);
	for (unsigned int i = 0; i < 5; i++) {
		resolve(&w, w.out.resolve.id, addrs, 0);
		expect_nothing(&w);
		sleep_until_effect(&w);
		assert_int_equal(w.out.kind, NOTIFY_OUT_RESOLVE);
	}
	assert_int_equal(w.warnings, 1);
	resolve(&w, w.out.resolve.id, addrs, 1);
	sent = expect_getport(&w, "2001:db8::1");
	/* An answer nobody waits for changes nothing. */
	resolve(&w, sent.id, addrs, 1);
	resolve(&w, 0, addrs, 1);
	resolve(&w, 99, addrs, 1);
	expect_nothing(&w);
	notify_free(w.n);
}

static void test_send_failed(void **state)
{
	struct world w = world_default();
	struct notify_in in = {.kind = NOTIFY_IN_SEND_FAILED};
	uint64_t before_ms = w.now_ms;

	(void)state;
	feed_file(&w, "f", LINE("192.0.2.10", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	in.send_failed.id = expect_send(&w).id;
	in.send_failed.error = -101;
	feed(&w, &in);
	in.send_failed.id = 77;
	feed(&w, &in);
	expect_nothing(&w);
	sleep_until_effect(&w);
	assert_int_equal(w.out.kind, NOTIFY_OUT_SEND);
	assert_in_range(w.now_ms - before_ms, 1500, 2500);
	notify_free(w.n);
}

/* An answer that comes long after the send, but before the next, counts. */
static void test_late_answer(void **state)
{
	struct world w = world_default();
	struct sent sent;

	(void)state;
	feed_file(&w, "192.0.2.10", LINE("192.0.2.10", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	expect_send(&w);
	for (unsigned int i = 0; i < 6; i++)
		sleep_until_effect(&w);
	sent = sent_read(&w);
	w.now_ms += 60000;
	answer(&w, &sent);
	sent = expect_notify(&w, "192.0.2.10", "srv");
	answer(&w, &sent);
	expect_rewrite(&w, "192.0.2.10", "");
	expect_done(&w, 1, 0);
	notify_free(w.n);
}

/* --- files --------------------------------------------------------------- */

/* Several names, several files, one peer: each name once, lines as they go. */
static void test_files(void **state)
{
	struct world w = world_default();
	struct sent sent;

	(void)state;
	feed_file(&w, "a", LINE("192.0.2.10", "one") LINE("192.0.2.10", "two"));
	feed_file(&w, "b", LINE("192.0.2.10", "one"));
	assert_int_equal(notify_untold_count(w.n), 1);
	feed_kind(&w, NOTIFY_IN_START);
	sent = expect_send(&w);
	answer(&w, &sent);
	sent = expect_notify(&w, "192.0.2.10", "one");
	answer(&w, &sent);
	expect_rewrite(&w, "a", LINE("192.0.2.10", "two"));
	expect_rewrite(&w, "b", "");
	sent = expect_notify(&w, "192.0.2.10", "two");
	answer(&w, &sent);
	expect_rewrite(&w, "a", "");
	expect_done(&w, 1, 0);
	notify_free(w.n);
}

/* Names differ in case only: one peer, one question. */
static void test_case_folded(void **state)
{
	struct world w = world_default();

	(void)state;
	feed_file(&w, "a", LINE("Peer.Example.COM", "srv"));
	feed_file(&w, "b", LINE("peer.example.com", "srv"));
	assert_int_equal(notify_untold_count(w.n), 1);
	feed_kind(&w, NOTIFY_IN_START);
	expect(&w, NOTIFY_OUT_RESOLVE);
	expect_nothing(&w);
	notify_free(w.n);
}

/* -v: one name for all, and a line without my_name is no obstacle. */
static void test_announced_name(void **state)
{
	struct world w = world_new("float.example.com", UINT64_MAX, 10000);
	struct sent sent;

	(void)state;
	feed_file(&w, "a", LINE("192.0.2.10", "one") LINE("192.0.2.10", ""));
	feed_kind(&w, NOTIFY_IN_START);
	sent = expect_send(&w);
	answer(&w, &sent);
	sent = expect_notify(&w, "192.0.2.10", "float.example.com");
	answer(&w, &sent);
	sent = expect_notify(&w, "192.0.2.10", "float");
	answer(&w, &sent);
	expect_rewrite(&w, "a", "");
	expect_done(&w, 1, 0);
	notify_free(w.n);
}

/* D-7: what cannot be understood stays, is said once, and blocks nobody. */
static void test_bad_lines(void **state)
{
	static const char nameless[] = LINE("192.0.2.11", "");
	struct world w = world_default();
	char rest[1024];
	struct sent sent;

	(void)state;
	snprintf(rest, sizeof(rest), "rubbish\n%sno less\n", nameless);
	snprintf(w.last_log, sizeof(w.last_log), "%s", "");
	feed_file(&w, "a\x1b",
		  "rubbish\n" LINE("192.0.2.10", "srv")
			  LINE("192.0.2.11", "") "no less\n");
	feed_file(&w, "b", "rubbish only");
	expect_nothing(&w);
	assert_int_equal(w.warnings, 3);
	feed_kind(&w, NOTIFY_IN_START);
	sent = expect_getport(&w, "192.0.2.10");
	answer(&w, &sent);
	sent = expect_notify(&w, "192.0.2.10", "srv");
	answer(&w, &sent);
	expect_rewrite(&w, "a\x1b", rest);
	expect_done(&w, 1, 1);
	notify_free(w.n);
}

/* SAFETY: a name from outside is never written to a log as it is. */
static void test_log_is_escaped(void **state)
{
	struct world w = world_new(NULL, 0, 10000);

	(void)state;
	feed_file(&w, "f", LINE("pe\x1b[31mer", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	while (take(&w))
		;
	assert_null(strchr(w.last_log, 0x1b));
	assert_non_null(strstr(w.last_log, "pe\\x1b[31mer"));
	notify_free(w.n);
}

/* --- many ---------------------------------------------------------------- */

static void feed_peers(struct world *w, unsigned int count)
{
	char file[64];
	char text[512];

	for (unsigned int i = 0; i < count; i++) {
		snprintf(file, sizeof(file), "10.%u.%u.%u", i >> 16,
			 i >> 8 & 255, i & 255);
		snprintf(text, sizeof(text), LINE("%s", "srv.example.com"),
			 file);
		feed_file(w, file, text);
	}
}

static void test_give_up(void **state)
{
	struct world w = world_new(NULL, 61000, 10000);

	(void)state;
	feed_peers(&w, 25);
	feed_kind(&w, NOTIFY_IN_START);
	do {
		while (take(&w) && w.out.kind == NOTIFY_OUT_SEND)
			;
		if (w.out.kind != NOTIFY_OUT_DONE)
			sleep_until_due(&w);
	} while (w.out.kind != NOTIFY_OUT_DONE);
	assert_int_equal(w.now_ms, 61000);
	assert_int_equal(w.out.done.told, 0);
	assert_int_equal(w.out.done.untold, 25);
	assert_int_equal(w.warnings, 21);
	assert_string_equal(w.last_log, "5 more peers could not be notified");
	expect_nothing(&w);
	feed_kind(&w, NOTIFY_IN_TIMER);
	expect_nothing(&w);
	notify_free(w.n);
}

/* Counts the SENDs that are waiting to be taken; answers them if told to. */
static unsigned int drain(struct world *w, bool is_answered)
{
	unsigned int count = 0;

	while (take(w)) {
		struct sent sent;

		if (w->out.kind != NOTIFY_OUT_SEND)
			continue;
		count++;
		sent = sent_read(w);
		if (is_answered)
			answer(w, &sent);
	}
	return count;
}

/* Silence keeps the window as it is; it never opens by time alone. */
static void test_window_silent(void **state)
{
	struct world w = world_default();

	(void)state;
	feed_peers(&w, 1000);
	feed_kind(&w, NOTIFY_IN_START);
	assert_int_equal(drain(&w, false), NOTIFY_WINDOW_FIRST);
	sleep_until_due(&w);
	assert_int_equal(drain(&w, false), NOTIFY_WINDOW_FIRST);
	notify_free(w.n);
}

/* Answers open the window; once the living fall silent it closes again. */
static void test_window_moves(void **state)
{
	struct world w = world_new(NULL, UINT64_MAX, 1000000);
	struct sent first[NOTIFY_WINDOW_FIRST];
	unsigned int opened;
	unsigned int count = 0;

	(void)state;
	feed_peers(&w, 1000);
	feed_kind(&w, NOTIFY_IN_START);
	while (count < NOTIFY_WINDOW_FIRST)
		first[count++] = expect_send(&w);
	for (unsigned int i = 0; i < count; i++)
		answer(&w, &first[i]);
	opened = drain(&w, false);
	assert_int_equal(opened, 2 * NOTIFY_WINDOW_FIRST);
	/* 64 calls to peers that had answered are lost: halved, once. */
	w.now_ms += 5000;
	feed_kind(&w, NOTIFY_IN_TIMER);
	assert_int_equal(drain(&w, false), NOTIFY_WINDOW_FIRST);
	for (unsigned int i = 0; i < 10; i++) {
		w.now_ms += 5000;
		feed_kind(&w, NOTIFY_IN_TIMER);
		count = drain(&w, false);
	}
	assert_in_range(count, NOTIFY_WINDOW_MIN, NOTIFY_WINDOW_FIRST);
	notify_free(w.n);
}

static void test_packets_per_second(void **state)
{
	struct world w = world_new(NULL, UINT64_MAX, 100);
	uint64_t start_ms = w.now_ms;
	unsigned int sent = 0;

	(void)state;
	feed_peers(&w, 2000);
	feed_kind(&w, NOTIFY_IN_START);
	while (w.now_ms < start_ms + 10000) {
		sent += drain(&w, true);
		assert_true(sent <= 10 + (w.now_ms - start_ms) / 10);
		sleep_until_due(&w);
	}
	assert_true(sent > 990);
	notify_free(w.n);
}

/* --- random worlds ------------------------------------------------------- */

#define PEERS_MAX  10000
#define FLYING_MAX 20000
#define DELAY_MS   400

/* What the peer at 10.x.y.z knows, and how it behaves. */
struct peer {
	bool is_dead;
	bool knows_full;
	bool knows_short;
	bool is_told; /* its file is gone */
};

/* An answer on its way to us. */
struct flying {
	uint64_t at_ms;
	struct sent sent;
};

struct many {
	struct world w;
	struct prng rng;
	unsigned int loss; /* of 100 */
	unsigned int count;
	struct peer peers[PEERS_MAX];
	struct flying flying[FLYING_MAX];
	unsigned int flying_count;
	unsigned int packets;
};

static bool is_lost(struct many *m)
{
	return prng_below(&m->rng, 100) < m->loss;
}

static void peer_hears(struct many *m, const struct sent *sent)
{
	const uint8_t *a = sent->peer.bytes;
	struct peer *peer = &m->peers[a[1] << 16 | a[2] << 8 | a[3]];

	m->packets++;
	if (peer->is_dead || is_lost(m))
		return;
	peer->knows_full |= !strcmp(sent->name, "srv.example.com");
	peer->knows_short |= !strcmp(sent->name, "srv");
	if (is_lost(m))
		return;
	assert_true(m->flying_count < FLYING_MAX);
	m->flying[m->flying_count++] = (struct flying){
		.at_ms = m->w.now_ms + prng_below(&m->rng, DELAY_MS),
		.sent = *sent,
	};
}

/* ORDER: the file goes only when the peer has heard both names. */
static void file_goes(struct many *m)
{
	struct addr addr;
	struct peer *peer;

	assert_int_equal(m->w.out.len, 0);
	assert_true(addr_parse(m->w.out.rewrite.file, &addr));
	peer = &m->peers[addr.bytes[1] << 16 | addr.bytes[2] << 8 |
			 addr.bytes[3]];
	assert_false(peer->is_told);
	assert_true(peer->knows_full || peer->knows_short);
	if (m->loss == 0)
		assert_true(peer->knows_full && peer->knows_short);
	peer->is_told = true;
}

/* Carries out what is waiting. */
static void many_drain(struct many *m)
{
	struct sent sent;

	while (take(&m->w)) {
		if (m->w.out.kind == NOTIFY_OUT_SEND) {
			sent = sent_read(&m->w);
			peer_hears(m, &sent);
		} else if (m->w.out.kind == NOTIFY_OUT_REWRITE) {
			file_goes(m);
		} else {
			assert_int_equal(m->w.out.kind, NOTIFY_OUT_DONE);
			assert_int_equal(m->w.out.done.untold, 0);
		}
	}
}

/* The clock goes to the next answer or deadline. */
static void many_step(struct many *m)
{
	uint64_t at_ms = notify_deadline_ms(m->w.n);
	unsigned int next = m->flying_count;
	struct flying arrived;

	for (unsigned int i = 0; i < m->flying_count; i++) {
		if (m->flying[i].at_ms < at_ms) {
			at_ms = m->flying[i].at_ms;
			next = i;
		}
	}
	assert_true(at_ms != UINT64_MAX && at_ms >= m->w.now_ms);
	m->w.now_ms = at_ms;
	if (next == m->flying_count) {
		feed_kind(&m->w, NOTIFY_IN_TIMER);
		return;
	}
	arrived = m->flying[next];
	m->flying[next] = m->flying[--m->flying_count];
	answer(&m->w, &arrived.sent);
}

/* Runs until the living are told; says how long that took. */
static uint64_t many_run(struct many *m, unsigned int dead_of_100)
{
	unsigned int living = 0;

	feed_peers(&m->w, m->count);
	for (unsigned int i = 0; i < m->count; i++) {
		m->peers[i].is_dead = prng_below(&m->rng, 100) < dead_of_100;
		living += !m->peers[i].is_dead;
	}
	feed_kind(&m->w, NOTIFY_IN_START);
	many_drain(m);
	while (notify_untold_count(m->w.n) > m->count - living) {
		many_step(m);
		many_drain(m);
	}
	for (unsigned int i = 0; i < m->count; i++)
		assert_int_equal(m->peers[i].is_told, !m->peers[i].is_dead);
	return m->w.now_ms - 1000;
}

static void many_free(struct many *m)
{
	notify_free(m->w.n);
	free(m);
}

static struct many *many_new(uint64_t seed, unsigned int count,
			     unsigned int loss)
{
	struct many *m = xzalloc(sizeof(*m));
	uint8_t key[SIPHASH_KEY_SIZE] = {0};

	memcpy(key, &seed, sizeof(seed));
	prng_init(&m->rng, key);
	m->w = world_new(NULL, UINT64_MAX, 10000);
	m->count = count;
	m->loss = loss;
	return m;
}

static uint64_t seed_get(void)
{
	const char *text = getenv("SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : 20260721;

	print_message("SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

/* Whatever is lost, each living peer is told in the end, and no other. */
static void test_random_loss(void **state)
{
	uint64_t seed = seed_get();

	(void)state;
	for (unsigned int i = 0; i < 20; i++) {
		struct many *m = many_new(seed + i, 1 + 13 * i, 3 * i);

		many_run(m, 5 * i);
		many_free(m);
	}
}

/* B-7: ten thousand living peers take three packets each, and no more. */
static void test_ten_thousand(void **state)
{
	struct many *m = many_new(seed_get(), PEERS_MAX, 0);

	(void)state;
	assert_in_range(many_run(m, 0), 3000, 10000);
	assert_int_equal(m->packets, 3 * PEERS_MAX);
	many_free(m);
}

/* Nine of ten are gone: the others hear of it within lockd's 50 s of grace. */
static void test_mostly_dead(void **state)
{
	struct many *m = many_new(seed_get(), PEERS_MAX, 0);
	uint64_t took_ms = many_run(m, 90);

	(void)state;
	print_message("told after %llu virtual ms\n",
		      (unsigned long long)took_ms);
	assert_in_range(took_ms, 0, 50000);
	many_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_one_form),
		cmocka_unit_test(test_forged_answers),
		cmocka_unit_test(test_rpc_error),
		cmocka_unit_test(test_back_off),
		cmocka_unit_test(test_addresses_in_turn),
		cmocka_unit_test(test_silent_form),
		cmocka_unit_test(test_no_statd),
		cmocka_unit_test(test_file_name_helps),
		cmocka_unit_test(test_unresolved),
		cmocka_unit_test(test_send_failed),
		cmocka_unit_test(test_late_answer),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_case_folded),
		cmocka_unit_test(test_announced_name),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_log_is_escaped),
		cmocka_unit_test(test_give_up),
		cmocka_unit_test(test_window_silent),
		cmocka_unit_test(test_window_moves),
		cmocka_unit_test(test_packets_per_second),
		cmocka_unit_test(test_random_loss),
		cmocka_unit_test(test_ten_thousand),
		cmocka_unit_test(test_mostly_dead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
