/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sm-notify's core: any record file, then any sequence of answers, look-ups,
 * requests, failures and waits, and of files that could not be read at first.
 * Nothing breaks, the clock never stands still, nobody becomes untold (but by
 * such a file) or unparked again, each request has one answer, and nothing
 * follows the end.
 *
 * Input: two bytes length and a record file, then operations of one byte and
 * what they read.  A file that begins with "parked" and LF is fed as what was
 * parked before, too.  "late" cannot be read at first; what READ finds follows
 * the operation 255.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/input.h"
#include "lib/buf.h"
#include "lib/rpcmsg.h"
#include "sm-notify/notify.h"

#define SENT_MAX      8
#define STEPS_MAX     400
#define REPLY_LEN_MAX 512
#define REQUESTS_MAX  STEPS_MAX
#define CALLS_MAX     64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A SEND that may still be answered. */
struct sent {
	uint64_t id;
	struct addr peer;
	uint32_t xid;
};

/* A CALL that nothing came of yet. */
struct open_call {
	uint64_t id;
	uint32_t xid;
	bool is_open;
};

struct world {
	struct notify *n;
	uint64_t now_ms;
	struct input in;
	size_t file_len;
	struct sent sent[SENT_MAX]; /* the last ones, round and round */
	unsigned int sent_count;
	struct open_call calls[CALLS_MAX]; /* by id, the last ones */
	uint64_t resolve_id;
	uint64_t request_id; /* of the last one */
	size_t untold;
	size_t parked;
	bool is_answered[REQUESTS_MAX + 1];
	bool is_reading; /* a READ has no answer yet */
	bool is_grace_over;
	bool is_done;
};

static void note_sent(struct world *w, const struct notify_out *out)
{
	struct rpcmsg_call call;
	struct sent *sent = &w->sent[w->sent_count++ % SENT_MAX];

	require(rpcmsg_parse_call(out->bytes, out->len, &call) ==
		RPCMSG_CALL_OK);
	require(out->send.peer.family != ADDR_NONE);
	require(out->send.peer.port != 0);
	*sent = (struct sent){out->send.id, out->send.peer, call.xid};
}

static void note_answer(struct world *w, const struct notify_out *out)
{
	require(out->answer.id > 0 && out->answer.id <= w->request_id);
	require(!w->is_answered[out->answer.id]);
	w->is_answered[out->answer.id] = true;
}

/* One call per peer at a time. */
static void note_call(struct world *w, const struct notify_out *out)
{
	struct rpcmsg_call call;
	struct open_call *open = &w->calls[out->send.id % CALLS_MAX];

	require(rpcmsg_parse_call(out->bytes, out->len, &call) ==
		RPCMSG_CALL_OK);
	require(out->send.peer.port != 0);
	require(!open->is_open || open->id != out->send.id);
	*open = (struct open_call){out->send.id, call.xid, true};
}

static void forget_call(struct world *w, uint64_t id)
{
	struct open_call *open = &w->calls[id % CALLS_MAX];

	require(open->id != id || open->is_open);
	open->is_open = false;
}

static void require_told(const struct world *w, size_t at)
{
	struct notify_peer peer;

	require(notify_peer(w->n, at, &peer));
	require(peer.why == NOTIFY_TOLD && peer.told_ms == w->now_ms);
	require(peer.tries > 0 && peer.addr.family != ADDR_NONE);
}

static void note_read(struct world *w, const struct notify_out *out)
{
	require(!w->is_reading && !strcmp(out->read.file, "late"));
	w->is_reading = true;
}

/* The disk takes what is written, or not. */
static void note_rewrite(struct world *w, const struct notify_out *out)
{
	struct notify_in in = {.kind = NOTIFY_IN_STUCK};
	char file[64];

	require(out->len <= w->file_len + 1);
	require(strlen(out->rewrite.file) < sizeof(file));
	strcpy(file, out->rewrite.file);
	in.file.name = file;
	if (input_byte(&w->in) % 4 == 3)
		notify_input(w->n, w->now_ms, &in);
}

static void drain(struct world *w)
{
	struct notify_out out;

	while (notify_output(w->n, &out)) {
		require(!w->is_done);
		if (out.kind == NOTIFY_OUT_SEND)
			note_sent(w, &out);
		else if (out.kind == NOTIFY_OUT_CALL)
			note_call(w, &out);
		else if (out.kind == NOTIFY_OUT_HANG_UP)
			forget_call(w, out.hang_up.id);
		else if (out.kind == NOTIFY_OUT_RESOLVE)
			w->resolve_id = out.resolve.id;
		else if (out.kind == NOTIFY_OUT_REWRITE)
			note_rewrite(w, &out);
		else if (out.kind == NOTIFY_OUT_READ)
			note_read(w, &out);
		else if (out.kind == NOTIFY_OUT_TOLD)
			require_told(w, out.told.at);
		else if (out.kind == NOTIFY_OUT_LOG)
			require(strlen(out.log.text) <= LOG_TEXT_MAX);
		else if (out.kind == NOTIFY_OUT_ANSWER)
			note_answer(w, &out);
		else
			w->is_done = true;
	}
}

static void feed(struct world *w, const struct notify_in *in)
{
	struct notify_in now = *in;

	now.is_grace_over = w->is_grace_over && notify_wants_grace(w->n, in);
	notify_input(w->n, w->now_ms, &now);
	drain(w);
	require(notify_untold_count(w->n) <= w->untold);
	w->untold = notify_untold_count(w->n);
	require(notify_parked_count(w->n) >= w->parked);
	w->parked = notify_parked_count(w->n);
	require(notify_deadline_ms(w->n) > w->now_ms);
	require(w->is_done == (notify_deadline_ms(w->n) == UINT64_MAX) ||
		w->untold > 0);
}

static void feed_file(struct world *w)
{
	struct notify_in in = {.kind = NOTIFY_IN_FILE, .file.name = "peer"};

	in.len = input_byte(&w->in);
	in.len = in.len << 8 | input_byte(&w->in);
	in.bytes = input_bytes(&w->in, &in.len);
	w->file_len += in.len;
	if (in.len > 7 && memcmp(in.bytes, "parked\n", 7) == 0) {
		in.kind = NOTIFY_IN_PARKED;
		notify_input(w->n, w->now_ms, &in);
		in.kind = NOTIFY_IN_FILE;
	}
	notify_input(w->n, w->now_ms, &in);
	in.kind = NOTIFY_IN_UNREAD;
	in.file.name = "late";
	notify_input(w->n, w->now_ms, &in);
	drain(w);
	w->untold = notify_untold_count(w->n);
}

/* What came of the READ; of the first one that finds the file, its lines. */
static void feed_late(struct world *w)
{
	struct notify_in in = {.kind = NOTIFY_IN_FILE, .file.name = "late"};
	uint8_t byte = input_byte(&w->in);

	if (byte < 8)
		in.kind = byte < 4 ? NOTIFY_IN_UNREAD : NOTIFY_IN_GONE;
	if (!w->is_reading)
		return;
	w->is_reading = false;
	in.len = byte;
	in.bytes = input_bytes(&w->in, &in.len);
	w->file_len += in.len;
	w->untold = SIZE_MAX;
	feed(w, &in);
}

static void feed_answer(struct world *w, bool is_raw)
{
	const struct sent *sent = &w->sent[input_byte(&w->in) % SENT_MAX];
	struct notify_in in = {.kind = NOTIFY_IN_ANSWER,
			       .answer.from = sent->peer,
			       .answer.to = {.family = ADDR_V4,
					     .bytes = {192, 0, 2, 1}}};
	size_t len = input_byte(&w->in);
	const uint8_t *bytes = input_bytes(&w->in, &len);
	struct buf reply;

	buf_init(&reply, REPLY_LEN_MAX);
	buf_add_be32(&reply, sent->xid);
	if (!is_raw) {
		reply.len = 0;
		rpcmsg_add_reply(&reply, sent->xid, RPCMSG_SUCCESS, 1);
	}
	buf_add(&reply, bytes, len);
	in.bytes = reply.bytes;
	in.len = reply.len;
	feed(w, &in);
	buf_fini(&reply);
}

/* What comes of a CALL; with the right xid, or anything. */
static void feed_call(struct world *w, bool is_answered)
{
	struct open_call *open = &w->calls[input_byte(&w->in) % CALLS_MAX];
	struct notify_in in = {.kind = is_answered ? NOTIFY_IN_CALL_ANSWER
						   : NOTIFY_IN_CALL_FAILED,
			       .call.id = open->id};
	size_t len = input_byte(&w->in);
	const uint8_t *bytes = input_bytes(&w->in, &len);
	struct buf reply;

	if (!open->is_open)
		return;
	open->is_open = false;
	buf_init(&reply, REPLY_LEN_MAX);
	if (len % 4 == 0)
		rpcmsg_add_reply(&reply, open->xid, RPCMSG_SUCCESS, 1);
	buf_add(&reply, bytes, len);
	in.bytes = reply.bytes;
	in.len = reply.len;
	feed(w, &in);
	buf_fini(&reply);
}

static void feed_resolved(struct world *w)
{
	struct addr addrs[NOTIFY_ADDRS_MAX + 1];
	struct notify_in in = {.kind = NOTIFY_IN_RESOLVED,
			       .resolved.id = w->resolve_id,
			       .resolved.addrs = addrs};

	in.resolved.count = input_byte(&w->in) % (NOTIFY_ADDRS_MAX + 2);
	in.resolved.is_late = in.resolved.count % 4 == 3;
	for (size_t i = 0; i < in.resolved.count; i++) {
		uint8_t byte = input_byte(&w->in);

		addrs[i] = (struct addr){.family = byte % 3,
					 .bytes = {[3] = byte}};
	}
	feed(w, &in);
}

/* Asks for one of the peers that the corpus knows, or for any. */
static void feed_request(struct world *w)
{
	static const char *const peers[] = {"192.0.2.10 192.0.2.10",
					    "peer.example", "x 10.0.0.1",
					    "y 0.0.0.1 0.0.0.2"};
	struct ctl_request request = {0};
	struct notify_in in = {.kind = NOTIFY_IN_REQUEST,
			       .request.request = &request};
	uint8_t byte = input_byte(&w->in);
	size_t len = byte >> 4;

	if (byte >= 0x80) {
		const uint8_t *bytes = input_bytes(&w->in, &len);

		if (!ctl_parse_subject(bytes, len, &request.subject))
			return;
	} else {
		require(ctl_parse_subject(peers[byte >> 4 & 3],
					  strlen(peers[byte >> 4 & 3]),
					  &request.subject));
	}
	request.verb = byte % 4;
	in.request.id = ++w->request_id;
	feed(w, &in);
	if (w->is_answered[w->request_id])
		return;
	require(ctl_is_tell(request.verb));
	if (byte % 8 != 3)
		return;
	in.kind = NOTIFY_IN_CANCEL;
	feed(w, &in);
	w->is_answered[w->request_id] = true;
}

static void step(struct world *w)
{
	struct notify_in in = {.kind = NOTIFY_IN_TIMER};

	uint8_t what = input_byte(&w->in);

	if (what == 254)
		w->is_grace_over = true;
	if (what == 255) {
		feed_late(w);
		return;
	}
	switch (what % 9) {
	case 0:
		w->now_ms = notify_deadline_ms(w->n);
		feed(w, &in);
		break;
	case 1:
		feed_answer(w, false);
		break;
	case 2:
		feed_answer(w, true);
		break;
	case 3:
		feed_resolved(w);
		break;
	case 4:
		feed_request(w);
		break;
	case 5:
		in.kind = NOTIFY_IN_SEND_FAILED;
		in.send_failed.id = input_byte(&w->in);
		in.send_failed.error = -1;
		feed(w, &in);
		break;
	case 6:
		feed_call(w, true);
		break;
	case 7:
		feed_call(w, false);
		break;
	default:
		w->now_ms += 16u * input_byte(&w->in);
		feed(w, &in);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct notify_own own[] = {
		{{.family = ADDR_V4, .bytes = {192, 0, 2, 1}}, 2},
		{{.family = ADDR_V4, .bytes = {192, 0, 2, 2}}, 2},
		{{.family = ADDR_V6, .bytes = {0x20, 1}}, 2},
	};
	struct notify_config config = {
		.own = own,
		.own_count = 3,
		.number = 5,
		.give_up_ms = 900000,
		.packets_per_second = 10000,
	};
	struct world w = {.in = {data, size}, .now_ms = 1};
	struct notify_in start = {.kind = NOTIFY_IN_START};

	w.n = notify_new(&config);
	feed_file(&w);
	feed(&w, &start);
	for (unsigned int i = 0; i < STEPS_MAX && !w.is_done; i++) {
		if (w.in.size == 0 || notify_deadline_ms(w.n) == UINT64_MAX)
			break;
		step(&w);
	}
	for (uint64_t i = 1; w.is_done && i <= w.request_id; i++)
		require(w.is_answered[i]);
	notify_free(w.n);
	return 0;
}
