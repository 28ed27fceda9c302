/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nfsdcld's core: any upcalls, any answers of the database and of nfsd, in any
 * order.  Each upcall has one answer, and none of an earlier pipe has; success
 * is said only after a STORE of that kind succeeded; records can be read; the
 * clock never stands still; and once the disk works again, nothing is owed.
 *
 * Input: three bytes, the epochs and the kind of kernel, then operations of one
 * byte and what they read.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cltrack/cld.h"
#include "cltrack/upcall.h"
#include "fuzz/input.h"

#define STEPS_MAX   300
#define JOBS_MAX    1024 /* STOREs, LOADs and LOOKs that did not end */
#define CLIENTS_MAX 4
#define ROUNDS_MAX  4000 /* of the end; a few for each step */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct job {
	enum cld_out_kind kind;
	enum cld_op op;
	uint64_t id;
	bool is_last_first_time;
};

struct asked {
	uint8_t command;
	bool is_open;	     /* no answer yet */
	unsigned int stored; /* how many STOREs had succeeded before */
};

struct world {
	struct cld *cld;
	uint64_t now_ms;
	struct input in;
	struct job jobs[JOBS_MAX]; /* a ring */
	size_t job_first;
	size_t job_count;
	struct asked asked[STEPS_MAX + 1]; /* by reply_to */
	uint64_t asked_count;
	unsigned int stored[CLD_DONE + 1]; /* how many have succeeded */
	bool was_in_grace;
	bool is_sent; /* a RECORD came last */
};

/* --- what comes out ------------------------------------------------------- */

static enum cld_op op_of(uint8_t command)
{
	static const enum cld_op ops[] = {
		[UPCALL_CREATE] = CLD_CREATE,
		[UPCALL_REMOVE] = CLD_REMOVE,
		[UPCALL_CHECK] = CLD_CHECK,
		[UPCALL_GRACE_DONE] = CLD_DONE,
		[UPCALL_GRACE_START] = CLD_START,
	};

	return ops[command];
}

static void note_reply(struct world *w, const struct cld_out *out)
{
	struct upcall answer;
	struct asked *asked;

	require(out->reply.reply_to > 0 &&
		out->reply.reply_to <= w->asked_count);
	asked = &w->asked[out->reply.reply_to];
	require(asked->is_open);
	asked->is_open = false;
	require(out->reply.len <= UPCALL_SIZE_MAX);
	if (out->reply.len == 0)
		return;
	/* An answer names no client, so it is not whole; it has a header. */
	(void)upcall_decode(out->reply.bytes, out->reply.len, &answer);
	if (answer.status != 0)
		return;
	if (asked->command == UPCALL_GRACE_DONE)
		require(w->stored[CLD_DONE] > 0 || !w->was_in_grace);
	else if (asked->command <= UPCALL_GRACE_START)
		require(w->stored[op_of(asked->command)] > asked->stored);
}

static void note_record(const struct world *w, const struct cld_out *out)
{
	struct upcall record;

	require(out->reply.reply_to <= w->asked_count);
	require(w->asked[out->reply.reply_to].is_open);
	require(upcall_decode(out->reply.bytes, out->reply.len, &record) ==
		UPCALL_OK);
	require(record.status == -EINPROGRESS && record.client.id_len > 0);
}

static void require_store(const struct cld_store *store)
{
	require(store->id != 0);
	require((store->op != CLD_START && store->op != CLD_DONE) ||
		store->current != store->recovery);
	require(store->op == CLD_START || store->op == CLD_DONE ||
		store->count == 1);
	for (size_t i = 0; i < store->count; i++)
		require(store->clients[i].id_len > 0 &&
			store->clients[i].id_len <= CLIENT_ID_MAX);
}

static void add_job(struct world *w, const struct cld_out *out)
{
	struct job *job = &w->jobs[(w->job_first + w->job_count++) % JOBS_MAX];

	require(w->job_count <= JOBS_MAX);
	*job = (struct job){.kind = out->kind};
	if (out->kind == CLD_OUT_STORE) {
		require_store(&out->store);
		job->id = out->store.id;
		job->op = out->store.op;
	} else if (out->kind == CLD_OUT_LOAD) {
		job->id = out->load.id;
	} else {
		job->id = out->look.id;
	}
}

static void require_text(const char *text)
{
	require(strlen(text) <= LOG_TEXT_MAX);
	for (; *text != '\0'; text++)
		require(*text >= 0x20 && *text <= 0x7e);
}

/* Stops after a RECORD, which may fail, where @is_careful. */
static void drain(struct world *w, bool is_careful)
{
	struct cld_out out;

	w->is_sent = false;
	while (!w->is_sent && cld_output(w->cld, &out)) {
		if (out.kind == CLD_OUT_REPLY) {
			note_reply(w, &out);
		} else if (out.kind == CLD_OUT_RECORD) {
			note_record(w, &out);
			w->is_sent = is_careful;
		} else if (out.kind == CLD_OUT_LOG) {
			require_text(out.log.text);
		} else if (out.kind != CLD_OUT_CLEAN) {
			add_job(w, &out);
		}
	}
}

/* --- what goes in --------------------------------------------------------- */

static void feed(struct world *w, const struct cld_in *in)
{
	cld_input(w->cld, w->now_ms, in);
	drain(w, (w->now_ms & 1) != 0);
}

static void feed_request(struct world *w, const uint8_t *bytes, size_t len,
			 uint8_t flags)
{
	struct cld_in in = {.kind = CLD_IN_REQUEST,
			    .request = {.bytes = bytes,
					.len = len,
					.is_repeat = (flags & 1) != 0,
					.is_grace = (flags & 2) != 0}};

	in.request.reply_to = ++w->asked_count;
	w->asked[w->asked_count] =
		(struct asked){.command = len > 1 ? bytes[1] : UINT8_MAX,
			       .is_open = true};
	feed(w, &in);
}

/* One that nfsd would send. */
static void feed_upcall(struct world *w)
{
	static const uint8_t hash[CLIENT_PRINCHASH_LEN];
	uint8_t what = input_byte(&w->in);
	uint8_t flags = input_byte(&w->in);
	uint8_t id[] = "client A";
	struct upcall upcall = {.version = (what & 8) != 0 ? 1 : 2,
				.command = what & 7,
				.xid = what};
	uint8_t bytes[UPCALL_SIZE_MAX];

	if (upcall.command <= UPCALL_CHECK) {
		id[7] = (uint8_t)('A' + (what >> 6));
		upcall.client = (struct client){.id = id, .id_len = 8};
		if (upcall.version == 2 && (flags & 4) != 0) {
			upcall.client.princhash = hash;
			upcall.client.princhash_len = sizeof(hash);
		}
	}
	feed_request(w, bytes, upcall_encode(&upcall, bytes), flags);
}

/* Any bytes, as much of them as there may be. */
static void feed_bytes(struct world *w)
{
	size_t fill = (size_t)input_byte(&w->in) * 5;
	size_t len = input_byte(&w->in);
	uint8_t *bytes = calloc(1, fill + len + 1);
	const uint8_t *given = input_bytes(&w->in, &len);

	require(bytes != NULL);
	if (len > 0)
		memcpy(bytes, given, len);
	feed_request(w, bytes, fill + len, 0);
	free(bytes);
}

static void feed_clients(struct world *w, struct cld_in in, uint8_t how)
{
	static const uint8_t bytes[CLIENT_ID_MAX + 8] = "client A";
	uint8_t ids[CLIENTS_MAX][8];
	struct client clients[CLIENTS_MAX];

	in.clients.clients = clients;
	in.clients.count = how % (CLIENTS_MAX + 1);
	for (size_t i = 0; i < in.clients.count; i++) {
		uint8_t what = input_byte(&w->in);

		memcpy(ids[i], bytes, sizeof(ids[i]));
		ids[i][7] = (uint8_t)('A' + (what & 3));
		clients[i] = (struct client){.id = ids[i], .id_len = 8};
		clients[i].princhash = bytes;
		clients[i].princhash_len = what >> 4 & 1 ? what >> 2 : 0;
		if (what >> 5 == 7) { /* damaged, or the longest */
			clients[i].id = bytes;
			clients[i].id_len = what & 16 ? 0 : CLIENT_ID_MAX;
			clients[i].id_len += what & 1;
		}
	}
	feed(w, &in);
}

/* The first of what is under way ends, with an error or not. */
static void end_job(struct world *w, uint8_t how)
{
	struct job job = w->jobs[w->job_first];
	struct cld_in in = {.kind = CLD_IN_STORED};

	if (w->job_count == 0)
		return;
	w->job_first = (w->job_first + 1) % JOBS_MAX;
	w->job_count--;
	if (job.kind == CLD_OUT_STORE) {
		in.stored.id = job.id;
		in.stored.error = how & 0x80 ? -ENOSPC : 0;
		in.stored.reason = "no room";
		w->stored[job.op] += in.stored.error == 0;
		feed(w, &in);
		return;
	}
	in.kind = job.kind == CLD_OUT_LOAD ? CLD_IN_CLIENTS : CLD_IN_ALIVE;
	in.clients.id = job.id;
	in.clients.error = how & 0x80 ? -EIO : 0;
	in.clients.reason = "bad disk";
	feed_clients(w, in, how & 0x7f);
}

/* The end of something that was never begun. */
static void feed_stray(struct world *w)
{
	uint64_t id = UINT64_MAX - input_byte(&w->in);
	struct cld_in in = {.kind = CLD_IN_STORED,
			    .stored = {.id = id, .reason = "stray"}};

	feed(w, &in);
	in = (struct cld_in){.kind = id & 1 ? CLD_IN_CLIENTS : CLD_IN_ALIVE,
			     .clients = {.id = id, .reason = "stray"}};
	feed_clients(w, in, 1);
}

static void feed_closed(struct world *w)
{
	const struct cld_in in = {.kind = CLD_IN_CLOSED};

	/* What is queued may be an answer; it comes out before. */
	drain(w, false);
	cld_input(w->cld, w->now_ms, &in);
	for (uint64_t i = 1; i <= w->asked_count; i++)
		w->asked[i].is_open = false;
	drain(w, false);
}

static void feed_timer(struct world *w)
{
	const struct cld_in in = {.kind = CLD_IN_TIMER};
	uint64_t due_ms = cld_deadline_ms(w->cld);

	if (due_ms == UINT64_MAX)
		return;
	if (due_ms > w->now_ms)
		w->now_ms = due_ms;
	feed(w, &in);
	drain(w, false);
	require(cld_deadline_ms(w->cld) > w->now_ms);
}

static void step(struct world *w)
{
	const struct cld_in failed = {.kind = CLD_IN_SEND_FAILED,
				      .send_failed.reason = "full"};

	switch (input_byte(&w->in) % 9) {
	case 0:
	case 1:
		feed_upcall(w);
		break;
	case 2:
		feed_bytes(w);
		break;
	case 3:
	case 4:
		end_job(w, input_byte(&w->in));
		break;
	case 5:
		feed_stray(w);
		break;
	case 6:
		if (w->is_sent)
			feed(w, &failed);
		else
			drain(w, true);
		break;
	case 7:
		if (input_byte(&w->in) < 32)
			feed_closed(w);
		break;
	default:
		w->now_ms += input_byte(&w->in);
		feed_timer(w);
		break;
	}
}

/* The disk works, nfsd takes its records: all is answered, nothing owed. */
static void finish(struct world *w)
{
	struct buf page;

	w->in.size = 0;
	for (unsigned int i = 0; i < ROUNDS_MAX; i++) {
		drain(w, false);
		if (w->job_count > 0)
			end_job(w, 0);
		else if (cld_deadline_ms(w->cld) != UINT64_MAX)
			feed_timer(w);
		else
			break;
	}
	drain(w, false);
	require(w->job_count == 0 && !cld_is_owing(w->cld));
	require(cld_deadline_ms(w->cld) == UINT64_MAX);
	for (uint64_t i = 1; i <= w->asked_count; i++)
		require(!w->asked[i].is_open);
	buf_init(&page, 4096);
	cld_status(w->cld, &page);
	require(!page.is_overflowed);
	buf_fini(&page);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *w = calloc(1, sizeof(*w));
	struct cld_in in = {.kind = CLD_IN_EPOCHS};
	struct cld_config config = {.seed = "fuzz"};

	require(w != NULL);
	w->in.data = data;
	w->in.size = size;
	w->now_ms = 1;
	in.epochs.current = 1 + (uint64_t)input_byte(&w->in);
	in.epochs.recovery = in.epochs.current - 1;
	config.has_old_kernel = (input_byte(&w->in) & 1) != 0;
	in.epochs.is_first_time = (input_byte(&w->in) & 1) != 0;
	if (in.epochs.current % 2 != 0)
		in.epochs.recovery = 0;
	w->was_in_grace = in.epochs.recovery != 0;
	w->cld = cld_new(&config);
	feed(w, &in);
	while (w->in.size > 0 && w->asked_count < STEPS_MAX)
		step(w);
	finish(w);
	cld_free(w->cld);
	free(w);
	return 0;
}
