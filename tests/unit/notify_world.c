/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words of notify_world.h.  Every packet is read back as a peer would read
 * it, and every answer is made as a peer would make it.
 */
#include "tests/unit/notify_world.h"

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

struct world world_with(struct notify_config config)
{
	memcpy(config.seed, "0123456789abcde", sizeof(config.seed));
	config.number = NUMBER;
	return (struct world){.n = notify_new(&config), .now_ms = START_MS};
}

struct world world_new(const char *name, uint64_t give_up_ms,
		       uint32_t packets_per_second)
{
	return world_with((struct notify_config){
		.name = name,
		.give_up_ms = give_up_ms,
		.packets_per_second = packets_per_second,
	});
}

struct world world_default(void)
{
	return world_new(NULL, UINT64_MAX, 10000);
}

static void feed(struct world *w, const struct notify_in *in)
{
	struct notify_in now = *in;

	now.is_grace_over = w->is_grace_over && notify_wants_grace(w->n, in);
	notify_input(w->n, w->now_ms, &now);
}

static void feed_any_file(struct world *w, const char *name, const char *text,
			  bool is_too_old)
{
	struct notify_in in = {.kind = NOTIFY_IN_FILE,
			       .bytes = (const uint8_t *)text,
			       .len = strlen(text),
			       .file.name = name,
			       .file.is_too_old = is_too_old};

	feed(w, &in);
}

void feed_file(struct world *w, const char *name, const char *text)
{
	feed_any_file(w, name, text, false);
}

void feed_old_file(struct world *w, const char *name, const char *text)
{
	feed_any_file(w, name, text, true);
}

void feed_kind(struct world *w, enum notify_in_kind kind)
{
	struct notify_in in = {.kind = kind};

	feed(w, &in);
}

static void feed_call_failed(struct world *w, uint64_t id)
{
	struct notify_in in = {.kind = NOTIFY_IN_CALL_FAILED, .call.id = id};

	feed(w, &in);
}

static void note_told(struct world *w)
{
	struct notify_peer peer;

	assert_true(notify_peer(w->n, w->out.told.at, &peer));
	assert_int_equal(peer.why, NOTIFY_TOLD);
	snprintf(w->last_told, sizeof(w->last_told), "%s", peer.mon_name);
}

bool take(struct world *w)
{
	while (notify_output(w->n, &w->out)) {
		if (w->out.kind == NOTIFY_OUT_TOLD) {
			note_told(w);
			continue;
		}
		if (w->out.kind == NOTIFY_OUT_CALL && !w->has_streams) {
			feed_call_failed(w, w->out.send.id);
			continue;
		}
		if (w->out.kind != NOTIFY_OUT_LOG)
			return true;
		snprintf(w->last_log, sizeof(w->last_log), "%s",
			 w->out.log.text);
		if (w->out.log.level != LOG_TRACE)
			w->warnings++;
	}
	return false;
}

void expect(struct world *w, enum notify_out_kind kind)
{
	assert_true(take(w));
	assert_int_equal(w->out.kind, kind);
}

void expect_nothing(struct world *w)
{
	assert_false(take(w));
}

/* The clock goes to the next deadline, at which the core is woken. */
void sleep_until_due(struct world *w)
{
	uint64_t at_ms = notify_deadline_ms(w->n);

	assert_true(at_ms != UINT64_MAX);
	assert_true(at_ms > w->now_ms);
	w->now_ms = at_ms;
	feed_kind(w, NOTIFY_IN_TIMER);
}

/* Sleeps until there is an effect. */
void sleep_until_effect(struct world *w)
{
	for (unsigned int i = 0; i < 10000; i++) {
		sleep_until_due(w);
		if (take(w))
			return;
	}
	fail_msg("nothing happens any more");
}

static uint32_t be32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
	       (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Reads the SEND in w->out. */
struct sent sent_read(const struct world *w)
{
	struct sent sent = {.id = w->out.send.id, .peer = w->out.send.peer};
	size_t len;

	assert_true(w->out.kind == NOTIFY_OUT_SEND ||
		    w->out.kind == NOTIFY_OUT_CALL);
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

struct sent expect_send(struct world *w)
{
	expect(w, NOTIFY_OUT_SEND);
	return sent_read(w);
}

/* Makes the answer to @sent; @port for rpcbind. */
static void add_answer(struct buf *reply, const struct sent *sent,
		       enum rpcmsg_status status, uint16_t port)
{
	char uaddr[64];

	rpcmsg_add_reply(reply, sent->call.xid, status, 1);
	if (status != RPCMSG_SUCCESS || sent->call.prog != PROG_PORTMAP)
		return;
	if (sent->peer.family == ADDR_V4) {
		buf_add_be32(reply, port);
		return;
	}
	snprintf(uaddr, sizeof(uaddr), "::1.%u.%u", port >> 8, port & 255u);
	buf_add_be32(reply, (uint32_t)strlen(uaddr));
	buf_add(reply, uaddr, strlen(uaddr));
	buf_add(reply, "\0\0\0", (4 - strlen(uaddr) % 4) % 4);
}

void answer_from(struct world *w, const struct sent *sent,
		 const struct addr *from, enum rpcmsg_status status,
		 uint16_t port)
{
	struct notify_in in = {.kind = NOTIFY_IN_ANSWER,
			       .answer.from = *from,
			       .answer.to = w->own};
	struct buf reply;

	buf_init(&reply, 1024);
	add_answer(&reply, sent, status, port);
	in.bytes = reply.bytes;
	in.len = reply.len;
	feed(w, &in);
	buf_fini(&reply);
}

void answer_call(struct world *w, const struct sent *sent, int status,
		 uint16_t port)
{
	struct notify_in in = {.kind = NOTIFY_IN_CALL_ANSWER,
			       .call.id = sent->id};
	struct buf reply;

	if (status < 0) {
		feed_call_failed(w, sent->id);
		return;
	}
	buf_init(&reply, 1024);
	add_answer(&reply, sent, (enum rpcmsg_status)status, port);
	in.bytes = reply.bytes;
	in.len = reply.len;
	feed(w, &in);
	buf_fini(&reply);
}

void answer(struct world *w, const struct sent *sent)
{
	answer_from(w, sent, &sent->peer, RPCMSG_SUCCESS, STATD_PORT);
}

struct sent expect_getport(struct world *w, const char *address)
{
	struct sent sent = expect_send(w);
	char text[ADDR_TEXT_SIZE];

	assert_string_equal(addr_format(&sent.peer, text), address);
	assert_int_equal(sent.call.prog, PROG_PORTMAP);
	assert_int_equal(sent.peer.port, PORTMAP_PORT);
	return sent;
}

struct sent expect_notify(struct world *w, const char *address,
			  const char *name)
{
	struct sent sent = expect_send(w);
	char text[ADDR_TEXT_SIZE];

	assert_string_equal(addr_format(&sent.peer, text), address);
	assert_int_equal(sent.call.prog, PROG_STATUS);
	assert_int_equal(sent.peer.port, STATD_PORT);
	assert_string_equal(sent.name, name);
	assert_int_equal(sent.number, NUMBER);
	return sent;
}

void expect_rewrite(struct world *w, const char *file, const char *text)
{
	expect(w, NOTIFY_OUT_REWRITE);
	assert_string_equal(w->out.rewrite.file, file);
	assert_int_equal(w->out.len, strlen(text));
	assert_memory_equal(w->out.bytes, text, strlen(text));
}

void expect_done(struct world *w, size_t told, size_t untold)
{
	expect(w, NOTIFY_OUT_DONE);
	assert_int_equal(w->out.done.told, told);
	assert_int_equal(w->out.done.untold, untold);
	assert_int_equal(notify_untold_count(w->n), untold);
	assert_true(notify_deadline_ms(w->n) == UINT64_MAX);
	expect_nothing(w);
}

void resolve(struct world *w, uint64_t id, const char *const *addrs,
	     size_t count)
{
	struct addr list[NOTIFY_ADDRS_MAX + 4];
	struct notify_in in = {.kind = NOTIFY_IN_RESOLVED,
			       .resolved.id = id,
			       .resolved.addrs = list,
			       .resolved.count = count,
			       .resolved.is_late = w->is_late};

	for (size_t i = 0; i < count; i++)
		assert_true(addr_parse(addrs[i], &list[i]));
	feed(w, &in);
}

void feed_peers(struct world *w, unsigned int count)
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

void fail_send(struct world *w, uint64_t id)
{
	struct notify_in in = {.kind = NOTIFY_IN_SEND_FAILED};

	in.send_failed.id = id;
	in.send_failed.error = -101;
	feed(w, &in);
}

void fail_rewrite(struct world *w, const char *file)
{
	struct notify_in in = {.kind = NOTIFY_IN_STUCK, .file.name = file};

	feed(w, &in);
}

bool is_to(const struct sent *sent, const char *address)
{
	struct addr addr;

	assert_true(addr_parse(address, &addr));
	return addr_is_same_host(&sent->peer, &addr);
}

void request(struct world *w, uint64_t id, const char *text)
{
	struct ctl_request parsed;
	struct notify_in in = {.kind = NOTIFY_IN_REQUEST,
			       .request = {.id = id, .request = &parsed}};

	assert_true(ctl_parse_request(text, strlen(text), &parsed));
	feed(w, &in);
}

void feed_parked(struct world *w, const char *text)
{
	struct notify_in in = {.kind = NOTIFY_IN_PARKED,
			       .bytes = (const uint8_t *)text,
			       .len = strlen(text)};

	feed(w, &in);
}

void expect_answer(struct world *w, uint64_t id, enum ctl_word word)
{
	expect(w, NOTIFY_OUT_ANSWER);
	assert_int_equal(w->out.answer.id, id);
	assert_int_equal(w->out.answer.word, word);
}
