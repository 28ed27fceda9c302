/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The notifier core: hands what happens to the room whose business it is, and
 * ends the run when all is said or time is up.
 *
 * It decides nothing about one peer (talk.c).
 */
#include "sm-notify/notify.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/prng.h"
#include "lib/xalloc.h"
#include "proto/sm_inter.h"
#include "sm-notify/lookup.h"
#include "sm-notify/outbox.h"
#include "sm-notify/own.h"
#include "sm-notify/report.h"
#include "sm-notify/request.h"
#include "sm-notify/talk.h"
#include "sm-notify/targetset.h"

struct notify {
	uint64_t give_up_ms;
	bool is_started;
	bool is_over; /* nobody is left to tell, or time is up */
	bool is_done;
	struct prng rng;
	struct target_set set;
	struct outbox box;
	struct lookups lookups;
	struct requests requests;
	struct talk talk;
};

struct notify *notify_new(const struct notify_config *config)
{
	struct notify *n = xzalloc(sizeof(*n));
	uint8_t key[SIPHASH_KEY_SIZE];
	uint64_t half;

	assert(!config->name || strlen(config->name) <= SM_MAXSTRLEN);
	n->give_up_ms = config->give_up_ms;
	prng_init(&n->rng, config->seed);
	outbox_init(&n->box);
	lookups_init(&n->lookups, &n->box);
	requests_init(&n->requests, &n->set, &n->box, config->number);
	talk_init(&n->talk,
		  &(struct talk_rooms){
			  .out = &n->box,
			  .set = &n->set,
			  .lookups = &n->lookups,
			  .requests = &n->requests,
			  .rng = &n->rng,
		  },
		  config->number, config->packets_per_second);
	for (size_t i = 0; i < sizeof(key); i += sizeof(half)) {
		half = prng_u64(&n->rng);
		memcpy(key + i, &half, sizeof(half));
	}
	target_set_init(&n->set, key, config);
	return n;
}

void notify_free(struct notify *n)
{
	if (!n)
		return;
	requests_fini(&n->requests);
	outbox_fini(&n->box);
	talk_fini(&n->talk);
	target_set_fini(&n->set);
	free(n);
}

/* --- inputs -------------------------------------------------------------- */

/* Takes up those who have something to be told. */
static void begin_fresh(struct notify *n)
{
	struct target *t;

	while ((t = target_set_take_fresh(&n->set)))
		talk_begin(&n->talk, t);
}

static void on_file(struct notify *n, const struct notify_in *in)
{
	struct target_text text = {
		.name = in->file.name,
		.bytes = in->bytes,
		.len = in->len,
		.is_too_old = in->file.is_too_old,
	};
	struct target_report report;

	/* After the start only what was asked for. */
	if (n->is_started &&
	    !unread_take(&n->set.unread, text.name, &text.is_too_old))
		return;
	target_set_add_file(&n->set, &text, &report);
	if (report.unparsable > 0)
		outbox_log(&n->box, LOG_WARN, "sm.bak/", in->file.name,
			   ": a line cannot be understood; it stays there");
	if (!n->is_started)
		return;
	outbox_log(&n->box, LOG_NOTE, "sm.bak/", in->file.name,
		   " can be read now");
	begin_fresh(n);
}

static void on_gone(struct notify *n, const struct notify_in *in)
{
	bool is_too_old;

	unread_take(&n->set.unread, in->file.name, &is_too_old);
}

static void on_start(struct notify *n)
{
	n->is_started = true;
	requests_start(&n->requests);
	report_parked(&n->box, &n->set);
	begin_fresh(n);
	unread_begin(&n->set.unread, n->talk.now_ms);
}

static void on_send_failed(struct notify *n, const struct notify_in *in)
{
	struct target *t = target_set_get(&n->set, in->send_failed.id);

	if (t)
		talk_send_failed(&n->talk, t);
}

static void on_call(struct notify *n, const struct notify_in *in)
{
	struct target *t = target_set_get(&n->set, in->call.id);

	if (!t)
		return;
	if (in->kind == NOTIFY_IN_CALL_ANSWER)
		talk_call_answered(&n->talk, t, in->bytes, in->len);
	else
		streams_failed(&n->talk.streams, t);
}

static void on_resolved(struct notify *n, const struct notify_in *in)
{
	struct target *t = target_set_get(&n->set, in->resolved.id);

	if (t)
		talk_resolved(&n->talk, t, in);
}

/* --- the whole ----------------------------------------------------------- */

static void end(struct notify *n)
{
	requests_end(&n->requests);
	report_untold(&n->box, &n->set);
	outbox_done(&n->box, n->talk.told, notify_untold_count(n));
	n->is_done = true;
}

/* Has every file rewritten that lost a line. */
static void flush_files(struct notify *n)
{
	const char *file = stuck_next(&n->set.stuck, n->talk.now_ms);
	struct buf content;

	if (file)
		target_set_rewrite(&n->set, file);
	/* What is left is never more than what was read, and one LF. */
	buf_init(&content, SIZE_MAX - 1);
	while ((file = target_set_take_dirty(&n->set, &content)))
		outbox_rewrite(&n->box, file, &content);
	buf_fini(&content);
}

static void go_on(struct notify *n)
{
	const char *file;

	talk_send(&n->talk);
	file = unread_next(&n->set.unread, n->talk.now_ms);
	if (file)
		outbox_read(&n->box, file);
}

static void dispatch(struct notify *n, const struct notify_in *in)
{
	switch (in->kind) {
	case NOTIFY_IN_PARKED:
		requests_load(&n->requests, in->bytes, in->len);
		break;
	case NOTIFY_IN_FILE:
		on_file(n, in);
		break;
	case NOTIFY_IN_UNREAD:
		unread_note(&n->set.unread, n->talk.now_ms, in->file.name,
			    in->file.is_too_old);
		break;
	case NOTIFY_IN_GONE:
		on_gone(n, in);
		break;
	case NOTIFY_IN_STUCK:
		stuck_note(&n->set.stuck, n->talk.now_ms, in->file.name);
		break;
	case NOTIFY_IN_START:
		on_start(n);
		break;
	case NOTIFY_IN_ANSWER:
		talk_answer(&n->talk, in);
		break;
	case NOTIFY_IN_CALL_ANSWER:
	case NOTIFY_IN_CALL_FAILED:
		on_call(n, in);
		break;
	case NOTIFY_IN_SEND_FAILED:
		on_send_failed(n, in);
		break;
	case NOTIFY_IN_RESOLVED:
		on_resolved(n, in);
		break;
	case NOTIFY_IN_REQUEST:
		requests_take(&n->requests, in->request.id,
			      in->request.request);
		break;
	case NOTIFY_IN_CANCEL:
		requests_cancel(&n->requests, in->request.id);
		break;
	case NOTIFY_IN_TIMER:
		break;
	}
}

bool notify_wants_grace(const struct notify *n, const struct notify_in *in)
{
	return requests_want_grace(&n->requests) ||
	       (in->kind == NOTIFY_IN_REQUEST &&
		in->request.request->verb == CTL_TELL_IN_GRACE);
}

/*
 * ORDER: nothing that comes of @in is sent to whoever may be told in grace
 * alone, whether they had asked before or ask with it; but an answer counts.
 */
static void take(struct notify *n, const struct notify_in *in)
{
	if (in->is_grace_over)
		requests_grace_over(&n->requests);
	dispatch(n, in);
	if (in->is_grace_over)
		requests_grace_over(&n->requests);
}

void notify_input(struct notify *n, uint64_t now_ms, const struct notify_in *in)
{
	if (n->is_done)
		return;
	n->talk.now_ms = now_ms;
	/* ORDER: an answer that came counts, though its time is up, too. */
	take(n, in);
	if (!n->is_started)
		return;
	talk_obey(&n->talk);
	talk_expire(&n->talk);
	flush_files(n);
	n->is_over = n->talk.active == 0 || now_ms >= n->give_up_ms;
	if (!n->is_over)
		go_on(n);
}

/*
 * Goes on where all that was to be done is done.
 * ORDER: first the line leaves its file, then whoever waits hears: only now is
 * it known what became of each REWRITE.
 */
static void settle(struct notify *n)
{
	if (stuck_settle(&n->set.stuck, n->talk.now_ms))
		requests_note(&n->requests);
	requests_settle(&n->requests);
	if (n->is_over)
		end(n);
}

bool notify_output(struct notify *n, struct notify_out *out)
{
	if (outbox_take(&n->box, out))
		return true;
	if (n->is_started && !n->is_done)
		settle(n);
	return outbox_take(&n->box, out);
}

uint64_t notify_deadline_ms(const struct notify *n)
{
	uint64_t unread_ms = unread_deadline_ms(&n->set.unread);
	uint64_t stuck_ms = stuck_deadline_ms(&n->set.stuck);
	uint64_t at_ms;

	if (!n->is_started || n->is_done)
		return UINT64_MAX;
	at_ms = talk_deadline_ms(&n->talk);
	at_ms = at_ms < unread_ms ? at_ms : unread_ms;
	at_ms = at_ms < stuck_ms ? at_ms : stuck_ms;
	return at_ms < n->give_up_ms ? at_ms : n->give_up_ms;
}

void notify_foretell(struct notify *n)
{
	assert(!n->is_started);
	requests_start(&n->requests);
}

size_t notify_untold_count(const struct notify *n)
{
	return n->set.count - n->talk.told - n->set.aside;
}

size_t notify_aside_count(const struct notify *n)
{
	return n->set.aside;
}

size_t notify_unread_count(const struct notify *n)
{
	return unread_count(&n->set.unread);
}

bool notify_is_puzzled(const struct notify *n)
{
	return n->set.is_puzzled;
}

bool notify_has_nobody(const struct notify *n)
{
	return !notify_is_puzzled(n) && !n->set.has_told &&
	       n->set.count == n->set.aside;
}

/* --- for whoever watches -------------------------------------------------- */

uint64_t notify_changes(const struct notify *n)
{
	return n->talk.changes;
}

static enum notify_why why_of(const struct target *t)
{
	if (t->why == NOTIFY_TOLD || target_is_aside(t) || !t->is_parked)
		return t->why;
	return NOTIFY_PARKED;
}

bool notify_peer(const struct notify *n, size_t at, struct notify_peer *out)
{
	const struct target *t = target_set_get(&n->set, at + 1);

	if (!t)
		return false;
	*out = (struct notify_peer){
		.mon_name = t->mon_name,
		.host = t->host,
		.why = why_of(t),
		.tries = t->tries,
		.told_ms = t->told_ms,
		.is_stream = t->why == NOTIFY_TOLD ? t->is_stream_acked
						   : t->stream.was_tried,
	};
	if (t->addr_count > 0)
		out->addr = *target_addr(t);
	return true;
}

size_t notify_sources(const struct notify *n, const struct addr *used,
		      struct addr out[static NOTIFY_SOURCES_MAX - 1])
{
	return own_others(n->set.own, n->set.own_count, used, out);
}

void notify_peer_names(const struct notify *n, size_t at,
		       void (*visit)(void *ctx, const char *name, size_t len),
		       void *ctx)
{
	const struct target *t = target_set_get(&n->set, at + 1);
	const struct link *lists[] = {&t->told_names, &t->names};
	const struct target_name *name;
	struct link *link;
	unsigned int form;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		list_for_each (link, lists[i]) {
			name = container_of(link, struct target_name, in_names);
			for (form = 0; form < name->sayings.forms; form++)
				visit(ctx, name->text,
				      name->sayings.lens[form]);
		}
	}
}

size_t notify_parked_count(const struct notify *n)
{
	size_t count = 0;

	for (size_t i = 0; i < n->set.count; i++)
		count += n->set.targets[i]->is_parked &&
			 !target_is_aside(n->set.targets[i]);
	return count;
}

void notify_add_left(const struct notify *n, struct buf *line)
{
	report_add_left(line, &n->set);
}
