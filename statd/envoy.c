/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns a notifier and the records it tells.  sm.bak/ is sm-notify's, so nothing
 * is removed there: what was told is noted in sm/.reclaim/parked, and the next
 * sm-notify removes it.
 */
#include "statd/envoy.h"

#include <inttypes.h>
#include <stdlib.h>

#include "lib/record.h"
#include "lib/rpcmsg.h"
#include "lib/xalloc.h"
#include "sm-notify/notify.h"

/*
 * Marks the ids of our RESOLVEs among those of statd/names.c; those of
 * statd/aliases.c have the bit above.
 */
#define RESOLVE_BIT   (UINT64_C(1) << 62)
#define RESOLVE_SHIFT 24 /* the envoy above, the notifier's own id below */
#define RESOLVE_MASK  ((UINT64_C(1) << RESOLVE_SHIFT) - 1)
#define PACKETS	      10000u /* a second: no limit for one peer */

struct envoy {
	struct effects *out; /* borrowed */
	struct notify *notify;
	struct buf lines; /* the records that it tells */
	uint64_t id;
	uint32_t number; /* announced */
	enum envoy_state state;
};

/* With the number: "sm-notify -f" may be raising it, unseen by us as yet. */
static void note_told(struct envoy *e)
{
	struct record_lines lines = {.bytes = e->lines.bytes,
				     .len = e->lines.len};
	const uint8_t *line;
	struct record rec;
	struct buf text;
	size_t len;

	buf_init(&text, RECORD_LINE_MAX);
	while (record_lines_next(&lines, &line, &len)) {
		if (record_parse(line, len, &rec) != RECORD_OK)
			continue;
		buf_clear(&text);
		buf_addf(&text, "told %" PRIu32 " %s %s", e->number,
			 rec.mon_name, rec.my_name);
		effects_note(e->out, buf_text(&text));
		record_fini(&rec);
	}
	buf_fini(&text);
}

static void carry_send(struct envoy *e, const struct notify_out *out)
{
	struct buf message;

	buf_init(&message, RPCMSG_SIZE_MAX);
	buf_add(&message, out->bytes, out->len);
	effects_send(e->out, 0, NSM_FROM_ANY, &out->send.peer, &message);
}

static void carry_done(struct envoy *e, const struct notify_out *out)
{
	e->state = out->done.untold == 0 ? ENVOY_TOLD : ENVOY_FAILED;
	if (e->state == ENVOY_TOLD)
		note_told(e);
}

static void drain(struct envoy *e)
{
	struct notify_out out;

	while (notify_output(e->notify, &out)) {
		switch (out.kind) {
		case NOTIFY_OUT_SEND:
			carry_send(e, &out);
			break;
		case NOTIFY_OUT_RESOLVE:
			effects_resolve(e->out,
					RESOLVE_BIT | e->id << RESOLVE_SHIFT |
						out.resolve.id,
					out.resolve.name);
			break;
		case NOTIFY_OUT_DONE:
			carry_done(e, &out);
			break;
		case NOTIFY_OUT_CALL: /* who answers over TCP alone is parked */
		case NOTIFY_OUT_HANG_UP:
		case NOTIFY_OUT_TOLD:
		case NOTIFY_OUT_REWRITE:
		case NOTIFY_OUT_READ: /* its only file is in memory */
		case NOTIFY_OUT_ANSWER:
		case NOTIFY_OUT_LOG:
			break;
		}
	}
}

struct envoy *envoy_new(const struct envoy_rooms *rooms, uint64_t now_ms,
			uint64_t id, const struct ctl_subject *subject,
			const struct nsm_in *in)
{
	struct notify_config config = {.number = rooms->number,
				       .name = rooms->name,
				       .give_up_ms = UINT64_MAX,
				       .packets_per_second = PACKETS};
	const struct ctl_request request = {.verb = rooms->is_in_grace
							    ? CTL_TELL_IN_GRACE
							    : CTL_TELL,
					    .subject = *subject};
	const struct notify_in steps[] = {
		{.kind = NOTIFY_IN_FILE,
		 .bytes = in->bytes,
		 .len = in->len,
		 .file.name = ""},
		{.kind = NOTIFY_IN_REQUEST, .request.request = &request},
		{.kind = NOTIFY_IN_START,
		 .is_grace_over = !in->untold.facts.is_grace},
	};
	struct envoy *e = xzalloc(sizeof(*e));
	size_t i;

	for (i = 0; i < sizeof(config.seed); i++)
		config.seed[i] = (uint8_t)prng_u32(rooms->rng);
	e->out = rooms->out;
	e->id = id;
	e->number = rooms->number;
	e->notify = notify_new(&config);
	buf_init(&e->lines, RECORD_FILE_MAX);
	buf_add(&e->lines, in->bytes, in->len);
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		notify_input(e->notify, now_ms, &steps[i]);
	drain(e);
	return e;
}

void envoy_free(struct envoy *e)
{
	if (e == NULL)
		return;
	notify_free(e->notify);
	buf_fini(&e->lines);
	free(e);
}

/* Whether @in is one for @e, which @to is made of then. */
static bool translate(const struct envoy *e, const struct nsm_in *in,
		      struct notify_in *to)
{
	*to = (struct notify_in){.bytes = in->bytes,
				 .len = in->len,
				 .is_grace_over = in->is_grace_over};
	switch (in->kind) {
	case NSM_IN_ANSWER:
		to->kind = NOTIFY_IN_ANSWER;
		to->answer.from = in->answer.from;
		return true;
	case NSM_IN_RESOLVED:
		to->kind = NOTIFY_IN_RESOLVED;
		to->resolved.id = in->resolved.id & RESOLVE_MASK;
		to->resolved.addrs = in->resolved.addrs;
		to->resolved.count = in->resolved.count;
		return (in->resolved.id & ~RESOLVE_BIT) >> RESOLVE_SHIFT ==
		       e->id;
	case NSM_IN_TIMER:
		to->kind = NOTIFY_IN_TIMER;
		return true;
	default:
		return false;
	}
}

void envoy_feed(struct envoy *e, uint64_t now_ms, const struct nsm_in *in)
{
	struct notify_in to;

	if (!translate(e, in, &to))
		return;
	notify_input(e->notify, now_ms, &to);
	drain(e);
}

enum envoy_state envoy_state(const struct envoy *e)
{
	return e->state;
}

bool envoy_is_resolve(uint64_t id)
{
	return id >> 62 == RESOLVE_BIT >> 62;
}

uint64_t envoy_deadline_ms(const struct envoy *e)
{
	return notify_deadline_ms(e->notify);
}
