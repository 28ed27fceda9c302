/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each record is met once, be it by the address, the name in the notice, or
 * where that name leads.
 */
#include "statd/match.h"

#include <string.h>

#include "lib/statenum.h"
#include "statd/aliases.h"
#include "statd/callouts.h"
#include "statd/names.h"
#include "statd/senders.h"
#include "statd/verify.h"

#define REFUSALS_LOGGED_PER_MINUTE 10

void match_log(struct notices *set, uint64_t now_ms,
	       const struct notice_call *call, const char *what)
{
	char addr[ADDR_TEXT_SIZE];
	unsigned int held_back;
	struct buf name;

	if (!log_limit_pass(&set->limit, now_ms, REFUSALS_LOGGED_PER_MINUTE,
			    &held_back))
		return;
	buf_init(&name, LOG_TEXT_MAX / 2);
	buf_add_escaped(&name, call->name, strlen(call->name));
	effects_log(set->out, LOG_NOTE,
		    "notice from %s that \"%s\" rebooted (number %u): %s",
		    addr_format_port(&call->from, addr), buf_text(&name),
		    call->number, what);
	if (held_back > 0)
		effects_log(set->out, LOG_NOTE,
			    "%u more notices were not logged", held_back);
	buf_fini(&name);
}

void match_log_refused(struct notices *set, uint64_t now_ms,
		       const struct notice_call *call, const char *why)
{
	set->counts.disbelieved++;
	match_log(set, now_ms, call, why);
}

static size_t event_count(const struct peer *peer)
{
	const struct link *pos;
	size_t count = 0;

	list_for_each (pos, &peer->events)
		count++;
	return count;
}

struct event *match_deliver(struct notices *set, uint64_t now_ms,
			    const struct notice_call *call, struct peer *peer)
{
	struct event *event = callbacks_find(peer, call->name);

	if (event != NULL ? !statenum_is_newer(call->number, event->number)
			  : event_count(peer) >= MEMO_ITEMS_MAX)
		return NULL;
	if (set->callouts != NULL)
		callouts_notice(set->callouts, now_ms, peer, call);
	peer->was_called_back = true;
	doubts_want_baseline(set->doubts, now_ms, peer);
	event = callbacks_add(set->cb, now_ms, peer, call->name, call->number);
	event->version = memos_touch(set->memos, &peer->memo);
	return event;
}

void match_wait(struct link *waiters, unsigned int *count,
		const struct notice_call *call, struct outcome *outcome)
{
	if (outcome->is_again)
		return;
	if (*count >= NSM_WAITERS_MAX) {
		outcome->undecided++;
		return;
	}
	if (outcome->sender == NULL)
		outcome->sender = sender_new(call->reply_to, call->xid);
	sender_wait(outcome->sender, waiters);
	(*count)++;
}

static void wait_for(struct event *event, const struct notice_call *call,
		     struct outcome *outcome)
{
	match_wait(&event->waiters, &event->waiter_count, call, outcome);
}

bool match_is_promised(const struct event *event, uint64_t now_ms)
{
	return memo_slot_has(&event->peer->memo, event->version) &&
	       now_ms - event->since_ms >= NOTICE_LOCKD_MS;
}

/* A notice of what lockd is being told: one that outlives us is answered. */
static void repeat(struct notices *set, uint64_t now_ms, struct event *event,
		   const struct notice_call *call, struct outcome *outcome)
{
	struct memo_slot *memo = &event->peer->memo;

	if (match_is_promised(event, now_ms)) {
		set->counts.duplicates++;
		return;
	}
	if (!memo_slot_has(memo, event->version) && !memo_slot_is_busy(memo))
		event->version = memos_touch(set->memos, memo);
	wait_for(event, call, outcome);
}

/* What lockd has heard would be asked about anew at each repetition. */
static void wait_or_repeat(struct doubt *doubt,
			   const struct verify_facts *facts,
			   const struct notice_call *call,
			   struct outcome *outcome)
{
	if (doubt == NULL || outcome->is_again || !verify_is_equal(facts))
		outcome->undecided++;
	else
		match_wait(&doubt->waiters, &doubt->waiter_count, call,
			   outcome);
}

void match_one(struct notices *set, uint64_t now_ms,
	       const struct notice_call *call, struct peer *peer,
	       struct outcome *outcome)
{
	bool is_from_address = peer_has_addr(peer, &call->from);
	struct verify_facts facts =
		doubts_facts(set->doubts, now_ms, call, peer, is_from_address);
	struct event *event = callbacks_find(peer, call->name);

	outcome->matched++;
	outcome->by_address += is_from_address;
	if (event != NULL && event->number == call->number &&
	    (is_from_address || set->doubts->check == VERIFY_CHECK_LEGACY)) {
		repeat(set, now_ms, event, call, outcome);
		return;
	}
	switch (verify_notice(&facts)) {
	case VERIFY_DELIVER:
		event = match_deliver(set, now_ms, call, peer);
		if (event != NULL)
			wait_for(event, call, outcome);
		else
			outcome->undecided++;
		break;
	case VERIFY_ASK:
		wait_or_repeat(doubts_open(set->doubts, now_ms, call, peer,
					   is_from_address),
			       &facts, call, outcome);
		break;
	case VERIFY_REFUSE:
		outcome->undecided++;
		match_log_refused(set, now_ms, call,
				  "it names a peer but does not come from an "
				  "address of it; not believed");
		break;
	case VERIFY_LATE:
	case VERIFY_DUPLICATE:
		set->counts.duplicates++;
		if (event != NULL && is_from_address)
			outcome->under_way = event->number;
		break;
	}
}

void match_all(struct notices *set, uint64_t now_ms,
	       const struct notice_call *call, struct outcome *outcome)
{
	struct peer_addr *place = NULL;
	struct peer *peer = NULL;

	while ((place = peers_next_by_addr(set->peers, &call->from, place)) !=
	       NULL)
		match_one(set, now_ms, call, place->peer, outcome);
	while ((peer = peers_next_by_name(set->peers, call->name, peer)) !=
	       NULL) {
		if (peer_has_addr(peer, &call->from))
			continue;
		/* Where it resolves by now, the next copy is believed. */
		if (set->names != NULL)
			names_hasten(set->names, now_ms, peer);
		match_one(set, now_ms, call, peer, outcome);
	}
}

/* Whether @peer has one of the first @count addresses of @alias. */
static bool has_any(const struct peer *peer, const struct alias *alias,
		    size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (peer_has_addr(peer, &alias->addrs[i]))
			return true;
	return false;
}

bool match_alias(struct notices *set, uint64_t now_ms,
		 const struct notice_call *call, struct outcome *outcome)
{
	const struct alias *alias;
	enum alias_state state =
		aliases_find(set->aliases, now_ms, call->name, &alias);
	struct peer_addr *place;
	size_t i;

	if (state != ALIAS_ENDED)
		return state == ALIAS_OPEN;
	for (i = 0; i < alias->addr_count; i++) {
		place = NULL;
		while ((place = peers_next_by_addr(set->peers, &alias->addrs[i],
						   place)) != NULL)
			if (!has_any(place->peer, alias, i))
				match_one(set, now_ms, call, place->peer,
					  outcome);
	}
	return false;
}
