/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A notice may concern several records (one peer, several my_names), each of
 * which may need a callback; its caller waits until all of them are done.
 *
 * ORDER: the REPLY leaves after the last callback was answered, or outlives us
 * in sm/.reclaim and lockd, which is called all the while, does not answer; and
 * while a look-up is open that may show another record of the sender, after the
 * notice itself is there.  Break it and a sender that was answered stops
 * repeating although lockd never heard.
 */
#include "statd/notice.h"

#include <string.h>

#include "lib/statenum.h"
#include "statd/match.h"
#include "statd/names.h"
#include "statd/senders.h"
#include "statd/verify.h"

void notices_init(struct notices *set, struct effects *out, struct peers *peers,
		  struct callbacks *cb, struct doubts *doubts)
{
	*set = (struct notices){.out = out,
				.peers = peers,
				.cb = cb,
				.doubts = doubts,
				.memos = doubts->memos};
	kept_init(&set->kept, doubts->memos);
}

static void event_release(struct notices *set, struct event *event,
			  bool is_answered)
{
	senders_release(set->out, &event->waiters, is_answered);
	event->waiter_count = 0;
}

void notices_watch(struct notices *set, uint64_t now_ms, struct peer *peer)
{
	doubts_watch(set->doubts, now_ms, peer);
}

/* --- what comes -------------------------------------------------------- */

/* With notify-check = address no name counts; without records none can. */
static bool is_alias_wanted(const struct notices *set,
			    const struct outcome *outcome)
{
	return outcome->matched == 0 && set->aliases != NULL &&
	       set->peers->count > 0 &&
	       set->doubts->check != VERIFY_CHECK_ADDRESS;
}

/*
 * Keeps @call, so that it needs no repetition for the sake of look-ups that are
 * open.
 *
 * SAFETY: only what is believed to come from a peer's own address; a stranger
 * must not take the room of honest ones.
 *
 * Return: false where it is undecided for another reason, or cannot be kept.
 */
static bool keep(struct notices *set, uint64_t now_ms,
		 const struct notice_call *call, struct outcome *outcome)
{
	struct kept_notice *kept;

	if (outcome->undecided > 0 || outcome->by_address == 0)
		return false;
	kept = kept_note(&set->kept, now_ms, call, outcome->under_way);
	if (kept == NULL)
		return false;
	if (!kept_is_stored(kept))
		match_wait(&kept->waiters, &kept->waiter_count, call, outcome);
	return true;
}

void notices_take(struct notices *set, uint64_t now_ms,
		  const struct notice_call *call, bool is_lookup_open)
{
	struct outcome outcome = {0};

	doubts_note(set->doubts, now_ms, call);
	match_all(set, now_ms, call, &outcome);
	if (is_alias_wanted(set, &outcome) &&
	    match_alias(set, now_ms, call, &outcome))
		is_lookup_open = true;
	if (outcome.matched == 0 && !is_lookup_open)
		set->counts.strangers++;
	if (outcome.matched == 0)
		match_log(set, now_ms, call,
			  is_lookup_open
				  ? "a name is still being looked up, and it "
				    "may be about a peer of ours then"
				  : "it is about nobody we monitor");
	/* Whatever it matched, that record may be about the sender as well. */
	if (is_lookup_open && !keep(set, now_ms, call, &outcome))
		outcome.undecided++;
	/* ... but a name may lead nowhere for ever: nobody is refused then. */
	if (!is_lookup_open && set->names != NULL &&
	    names_has_failed(set->names))
		(void)keep(set, now_ms, call, &outcome);
	if (outcome.sender != NULL)
		outcome.sender->is_mute = outcome.undecided > 0;
	else if (outcome.undecided > 0)
		effects_reply(set->out, call->reply_to, NULL);
	else
		senders_answer(set->out, call->reply_to, call->xid);
}

/* --- what was kept ----------------------------------------------------- */

/*
 * Meets @peer with what was kept, as if it came now.  What was decided when it
 * came is not decided again: by name, or for a record that lockd asked for
 * afterwards, when the sender had rebooted already.
 */
static void meet(struct notices *set, uint64_t now_ms, struct kept_notice *kept,
		 const struct notice_call *call, struct peer *peer)
{
	struct outcome outcome = {.is_again = true};

	if (peer->lookup != PEER_RESOLVED ||
	    !peer_has_addr(peer, &kept->from) ||
	    (peer->has_mon_ms && peer->mon_ms > kept->came_ms))
		return;
	match_one(set, now_ms, call, peer, &outcome);
	kept->is_undecided |= outcome.undecided > 0;
}

/*
 * Whether @peer, just found, is to hear the newer number beside @kept, not its
 * last one: that may be a late copy, or a replay, and lockd may have heard it,
 * under another name or in a life of ours that could not write that down.  Of
 * two reboots that it has not heard of one is enough, and the newer one makes a
 * copy of either no news.
 *
 * SAFETY: the last number may be that of a peer that was set back, or came
 * after a forged high one.  It gives way only to a number that is believed at
 * once; in doubt, a peer that says the same as when it was asked last would
 * have either refused.
 */
static bool is_newer_news(const struct kept_notice *kept,
			  const struct peer *peer)
{
	bool is_known = peer_was_delivered_last(peer, kept->number);
	uint32_t heard;

	if (kept->newer.number == 0 ||
	    peer_was_delivered_last(peer, kept->newer.number) ||
	    (peer->has_mon_ms && peer->mon_ms > kept->newer.came_ms))
		return false;
	if (peer_get_delivered(peer, kept->name, &heard)) {
		if (!statenum_is_newer(kept->newer.number, heard))
			return false;
		is_known |= kept->number == heard;
	}
	return is_known || kept->newer.is_reserved_port;
}

/*
 * What @peer, just found, is to hear of @kept.  Only where it is found: who
 * meets @kept again has heard of the newer number where that was news, and to
 * it the last one is as any older number.
 */
static struct notice_call news_for(const struct kept_notice *kept,
				   const struct peer *peer)
{
	return is_newer_news(kept, peer) ? kept_newer_call(kept)
					 : kept_call(kept);
}

void notices_meet(struct notices *set, uint64_t now_ms, struct peer *peer)
{
	struct notice_call call;
	struct link *pos;

	list_for_each (pos, &set->kept.all) {
		struct kept_notice *kept =
			container_of(pos, struct kept_notice, in_all);

		if (!peer_has_addr(peer, &kept->from))
			continue;
		kept->until_ms = now_ms + KEPT_AFTERWARDS_MS;
		call = news_for(kept, peer);
		meet(set, now_ms, kept, &call, peer);
	}
}

static void meet_all(struct notices *set, uint64_t now_ms,
		     struct kept_notice *kept)
{
	const struct notice_call call = kept_call(kept);
	struct peer_addr *place = NULL;

	kept->is_undecided = false;
	while ((place = peers_next_by_addr(set->peers, &kept->from, place)) !=
	       NULL)
		meet(set, now_ms, kept, &call, place->peer);
}

/*
 * ORDER: what the last meeting caused is a doubt, which a restart forgets, for
 * DOUBT_SILENT_MS at most, and then an event, in its own file at once.  Only
 * after that the file of the notice may go.
 */
void notices_timer(struct notices *set, uint64_t now_ms, bool is_lookup_open)
{
	struct link *pos, *after;

	if (!kept_is_due(&set->kept, now_ms))
		return;
	list_for_each_safe (pos, after, &set->kept.all) {
		struct kept_notice *kept =
			container_of(pos, struct kept_notice, in_all);

		if (!is_lookup_open && now_ms >= kept->until_ms &&
		    list_is_empty(&kept->waiters))
			kept_drop(&set->kept, kept);
		else if (kept->is_undecided)
			meet_all(set, now_ms, kept);
	}
}

void notices_memo_stored(struct notices *set, struct memo_slot *slot,
			 bool is_stored)
{
	struct kept_notice *kept = container_of(slot, struct kept_notice, memo);

	/* A newer number waits for its own write. */
	if (is_stored && !kept_is_stored(kept))
		return;
	senders_release(set->out, &kept->waiters, is_stored);
	kept->waiter_count = 0;
}

/* --- what the peer said ------------------------------------------------ */

static void set_delivered(struct notices *set, struct peer *peer,
			  const char *name, uint32_t number)
{
	peer_set_delivered(peer, name, number);
	(void)memos_touch(set->memos, &peer->memo);
}

/* What lockd heard long ago does not become the last thing that it heard. */
static void note_known(struct notices *set, struct peer *peer,
		       const struct notice_call *call)
{
	uint32_t heard;

	if (!peer_get_delivered(peer, call->name, &heard) ||
	    heard != call->number)
		set_delivered(set, peer, call->name, call->number);
}

static void act(struct notices *set, uint64_t now_ms,
		const struct doubt_end *end)
{
	const struct notice_call *call = &end->call;

	switch (end->verdict) {
	case VERIFY_DELIVER:
		/* The sender repeats it, and waits for the event then. */
		(void)match_deliver(set, now_ms, call, end->peer);
		break;
	case VERIFY_LATE:
		match_log(set, now_ms, call,
			  "it is of before the peer was monitored; ignored");
		/* So that its next repetition is acknowledged. */
		set_delivered(set, end->peer, call->name, call->number);
		break;
	case VERIFY_DUPLICATE:
		note_known(set, end->peer, call);
		break;
	case VERIFY_REFUSE:
		match_log_refused(
			set, now_ms, call,
			"the peer was asked and does not confirm it; not "
			"believed");
		break;
	case VERIFY_ASK:
		break;
	}
}

void notices_settle(struct notices *set, uint64_t now_ms)
{
	struct doubt_end end;

	while (doubts_take(set->doubts, now_ms, &end))
		act(set, now_ms, &end);
}

/* --- what lockd said --------------------------------------------------- */

static void log_delivered(struct notices *set, const struct event *event)
{
	struct buf text;

	buf_init(&text, LOG_TEXT_MAX - 128);
	buf_add_escaped(&text, event->peer->rec.mon_name,
			strlen(event->peer->rec.mon_name));
	buf_add_text(&text, " (as \"");
	buf_add_escaped(&text, event->name, strlen(event->name));
	effects_log(set->out, LOG_NOTE,
		    "peer %s\") rebooted, its state number is %u; the lock "
		    "manager knows",
		    buf_text(&text), event->number);
	buf_fini(&text);
}

void notices_finish(struct notices *set)
{
	struct event *event;

	while ((event = callbacks_take(set->cb)) != NULL) {
		set->counts.delivered++;
		log_delivered(set, event);
		set_delivered(set, event->peer, event->name, event->number);
		event_release(set, event, true);
		callbacks_discard(set->cb, event);
	}
}

/* --- what outlives us -------------------------------------------------- */

void notices_kept(struct notices *set, uint64_t now_ms, struct peer *peer)
{
	struct link *pos;

	list_for_each (pos, &peer->events) {
		struct event *event = container_of(pos, struct event, in_peer);

		if (match_is_promised(event, now_ms))
			event_release(set, event, true);
	}
}

/* --- the end of a record, or of its cookie ----------------------------- */

static void discard_events(struct notices *set, struct peer *peer,
			   bool is_answered)
{
	struct link *pos, *after;

	doubts_forget(set->doubts, peer);
	list_for_each_safe (pos, after, &peer->events) {
		struct event *event = container_of(pos, struct event, in_peer);

		event_release(set, event, is_answered);
		callbacks_discard(set->cb, event);
	}
}

void notices_discard(struct notices *set, struct peer *peer)
{
	discard_events(set, peer, true);
	peer_clear_delivered(peer);
	peer->baseline.is_known = false;
	(void)memos_touch(set->memos, &peer->memo);
}

void notices_forget(struct notices *set, struct peer *peer)
{
	discard_events(set, peer, true);
	memos_drop(set->memos, &peer->memo);
}

void notices_drop(struct notices *set, struct peer *peer)
{
	discard_events(set, peer, false);
}

void notices_fini(struct notices *set)
{
	struct link *pos;

	list_for_each (pos, &set->kept.all)
		senders_release(
			set->out,
			&container_of(pos, struct kept_notice, in_all)->waiters,
			false);
	kept_fini(&set->kept);
}
