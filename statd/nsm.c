/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The three calls of the core: hands each input to its room, and asks the rooms
 * when they want the timer.
 */
#include "statd/nsm.h"

#include <stdlib.h>

#include "lib/xalloc.h"
#include "statd/core.h"
#include "statd/envoy.h"
#include "statd/hawords.h"
#include "statd/memo.h"
#include "statd/recall.h"

struct nsm *nsm_new(const struct nsm_config *config)
{
	struct nsm *n = xzalloc(sizeof(*n));
	uint8_t key[SIPHASH_KEY_SIZE];
	size_t i;

	n->config = *config;
	prng_init(&n->rng, config->seed);
	for (i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)prng_u32(&n->rng);
	effects_init(&n->out);
	peers_init(&n->peers, key);
	callbacks_init(&n->callbacks, &n->out, &n->rng);
	questions_init(&n->questions, &n->out, &n->peers, &n->rng);
	memos_init(&n->memos, &n->out);
	doubts_init(&n->doubts, &n->out, &n->questions, &n->memos,
		    config->policy.notify_check);
	notices_init(&n->notices, &n->out, &n->peers, &n->callbacks,
		     &n->doubts);
	names_init(&n->names, &n->out, &n->peers);
	aliases_init(&n->aliases, &n->out, key);
	n->notices.aliases = &n->aliases;
	n->notices.names = &n->names;
	callouts_init(&n->callouts, &n->out, &n->peers, &n->memos, key);
	callouts_set_on(&n->callouts, config->policy.has_callout);
	n->notices.callouts = &n->callouts;
	late_init(&n->late, &n->out, &n->rng, config->name);
	monitor_init(&n->monitor,
		     &(struct monitor_rooms){.out = &n->out,
					     .peers = &n->peers,
					     .names = &n->names,
					     .notices = &n->notices,
					     .callouts = &n->callouts,

					     .late = &n->late});
	return n;
}

void nsm_free(struct nsm *n)
{
	if (n == NULL)
		return;
	monitor_drop_all(&n->monitor);
	notices_fini(&n->notices);
	monitor_fini(&n->monitor);
	callouts_fini(&n->callouts);
	aliases_fini(&n->aliases);
	late_fini(&n->late);
	names_fini(&n->names);
	doubts_fini(&n->doubts);
	questions_fini(&n->questions);
	callbacks_fini(&n->callbacks);
	peers_fini(&n->peers);
	effects_fini(&n->out);
	free(n);
}

/* An answer counts only at the socket that its question left from. */
static void input_answer(struct nsm *n, uint64_t now_ms,
			 const struct nsm_in *in)
{
	switch (in->answer.to) {
	case NSM_FROM_LOOPBACK:
		callbacks_answer(&n->callbacks, now_ms, &in->answer.from,
				 in->bytes, in->len);
		notices_finish(&n->notices);
		break;
	case NSM_FROM_ANY:
		questions_answer(&n->questions, now_ms, &in->answer.from,
				 in->bytes, in->len);
		notices_settle(&n->notices, now_ms);
		late_answer(&n->late, now_ms, in);
		break;
	}
}

static void input_resolved(struct nsm *n, uint64_t now_ms,
			   const struct nsm_in *in)
{
	struct peer *peer;

	if (envoy_is_resolve(in->resolved.id)) {
		late_answer(&n->late, now_ms, in);
		return;
	}
	if (in->resolved.id >= ALIASES_FIRST_ID) {
		aliases_resolved(&n->aliases, now_ms, in->resolved.id,
				 in->resolved.addrs, in->resolved.count);
		return;
	}
	peer = names_resolved(&n->names, now_ms, in->resolved.id,
			      in->resolved.addrs, in->resolved.count);
	if (peer == NULL)
		return;
	doubts_resume(&n->doubts, now_ms, peer);
	if (in->resolved.count == 0)
		return;
	late_found(&n->late, now_ms, peer);
	notices_meet(&n->notices, now_ms, peer);
}

static void input_timer(struct nsm *n, uint64_t now_ms, const struct nsm_in *in)
{
	callbacks_timer(&n->callbacks, now_ms);
	names_timer(&n->names, now_ms);
	questions_timer(&n->questions, now_ms);
	notices_settle(&n->notices, now_ms);
	late_timer(&n->late, now_ms, in);
	notices_timer(&n->notices, now_ms, names_is_first_open(&n->names));
	memos_timer(&n->memos, now_ms);
}

/* --- sm/.reclaim ------------------------------------------------------- */

static void input_memo(struct nsm *n, uint64_t now_ms, const struct nsm_in *in)
{
	uint64_t number = in->memo.number;

	if (number == 0 || number > MEMOS_NUMBER_MAX)
		return;
	if (memos_is_kind(in->bytes, in->len, "peer") &&
	    recall_load(&n->notices, now_ms, number, in->bytes, in->len))
		return;
	if (memos_is_kind(in->bytes, in->len, HAWORDS_MEMO) &&
	    callouts_load(&n->callouts, number, in->bytes, in->len))
		return;
	if (memos_is_kind(in->bytes, in->len, MEMO_NOTICE_WORD) &&
	    kept_load(&n->notices.kept, now_ms, number, in->bytes, in->len))
		return;
	effects_debug(&n->out, LOG_CLASS_GENERAL,
		      "sm/.reclaim/%llu is of no use and removed",
		      (unsigned long long)number);
	memos_discard(&n->memos, number);
}

static void input_loaded(struct nsm *n, uint64_t now_ms)
{
	struct link *pos;

	list_for_each (pos, &n->peers.all) {
		struct peer *peer = container_of(pos, struct peer, in_all);

		doubts_resume(&n->doubts, now_ms, peer);
		late_load(&n->late, now_ms, peer);
	}
	callouts_resume(&n->callouts, now_ms);
}

static void input_memo_stored(struct nsm *n, uint64_t now_ms,
			      const struct nsm_in *in)
{
	struct memo_slot *slot =
		memos_stored(&n->memos, now_ms, in->stored.id, in->stored.error,
			     in->stored.reason);

	if (slot == NULL)
		return;
	switch (slot->kind) {
	case MEMO_PEER:
		notices_kept(&n->notices, now_ms,
			     container_of(slot, struct peer, memo));
		break;
	case MEMO_CALLOUT:
		callouts_kept(slot, in->stored.error == 0);
		break;
	case MEMO_NOTICE:
		notices_memo_stored(&n->notices, slot, in->stored.error == 0);
		break;
	}
}

/* Writes what has changed, once per input. */
static void write_memos(struct nsm *n)
{
	struct memo_slot *slot;

	while ((slot = memos_take(&n->memos)) != NULL) {
		struct buf content;

		buf_init(&content, MEMO_SIZE_MAX);
		switch (slot->kind) {
		case MEMO_PEER:
			recall_format(container_of(slot, struct peer, memo),
				      &content);
			break;
		case MEMO_CALLOUT:
			break; /* never: written when it is made */
		case MEMO_NOTICE:
			kept_format(container_of(slot, struct kept_notice,
						 memo),
				    &content);
			break;
		}
		memos_write(&n->memos, slot, &content);
	}
}

static void dispatch_input(struct nsm *n, uint64_t now_ms,
			   const struct nsm_in *in)
{
	switch (in->kind) {
	case NSM_IN_FILE:
		monitor_load(&n->monitor, in->file.name, in->bytes, in->len);
		break;
	case NSM_IN_MEMO:
		input_memo(n, now_ms, in);
		break;
	case NSM_IN_LOADED:
		input_loaded(n, now_ms);
		break;
	case NSM_IN_MEMO_STORED:
		input_memo_stored(n, now_ms, in);
		break;
	case NSM_IN_NUMBER:
		monitor_set_number(&n->monitor, now_ms, in->number);
		break;
	case NSM_IN_CALL:
		procs_call(n, now_ms, in);
		break;
	case NSM_IN_STORED:
		monitor_stored(&n->monitor, now_ms, in->stored.id,
			       in->stored.error, in->stored.reason);
		break;
	case NSM_IN_ANSWER:
		input_answer(n, now_ms, in);
		break;
	case NSM_IN_SEND_FAILED:
		/* Like a datagram that was lost: the next round repeats it. */
		break;
	case NSM_IN_RESOLVED:
		input_resolved(n, now_ms, in);
		break;
	case NSM_IN_UNTOLD:
		late_untold(&n->late, now_ms, in);
		break;
	case NSM_IN_GRACE:
		late_grace(&n->late, now_ms, in->is_grace);
		break;
	case NSM_IN_TIMER:
		input_timer(n, now_ms, in);
		break;
	case NSM_IN_MOUNTS:
		peers_set_mounts(&n->peers, in->mounts.servers,
				 in->mounts.count);
		break;
	case NSM_IN_POLICY:
		n->config.policy = in->policy;
		callouts_set_on(&n->callouts, in->policy.has_callout);
		doubts_set_check(&n->doubts, now_ms, in->policy.notify_check);
		break;
	case NSM_IN_CALLED:
		callouts_called(&n->callouts, now_ms, in->called.id,
				&in->called.end);
		break;
	}
	monitor_settle(&n->monitor);
}

void nsm_input(struct nsm *n, uint64_t now_ms, const struct nsm_in *in)
{
	dispatch_input(n, now_ms, in);
	write_memos(n);
}

bool nsm_output(struct nsm *n, struct nsm_out *out)
{
	return effects_take(&n->out, out);
}

bool nsm_wants_grace(const struct nsm *n)
{
	return late_wants_grace(&n->late);
}

uint64_t nsm_deadline_ms(const struct nsm *n)
{
	uint64_t deadlines[] = {callbacks_deadline_ms(&n->callbacks),
				names_deadline_ms(&n->names),
				questions_deadline_ms(&n->questions),
				late_deadline_ms(&n->late),
				kept_deadline_ms(&n->notices.kept),
				memos_deadline_ms(&n->memos)};
	uint64_t soonest = deadlines[0];
	size_t i;

	for (i = 1; i < sizeof(deadlines) / sizeof(deadlines[0]); i++)
		if (deadlines[i] < soonest)
			soonest = deadlines[i];
	return soonest;
}

size_t nsm_peer_count(const struct nsm *n)
{
	return n->peers.count;
}

void nsm_status(const struct nsm *n, uint64_t now_ms, struct buf *out)
{
	const struct status_view view = {.number = n->monitor.number,
					 .peers = &n->peers,
					 .callbacks = &n->callbacks,
					 .notices = &n->notices.counts,
					 .calls = &n->calls,
					 .callouts = &n->callouts,
					 .memos = &n->memos};

	status_add(&view, now_ms, out);
}
