/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A notice in doubt is kept in its record, one of each kind; its sender has no
 * answer and repeats it, so a doubt may be dropped at any time.  Only who says
 * again what lockd has heard waits: each repetition would be in doubt anew.
 */
#include "statd/doubt.h"

#include <stdlib.h>
#include <string.h>

#include "lib/statenum.h"
#include "lib/xalloc.h"
#include "statd/senders.h"

void doubts_init(struct doubts *set, struct effects *out,
		 struct questions *questions, struct memos *memos,
		 enum verify_check check)
{
	*set = (struct doubts){.out = out,
			       .questions = questions,
			       .memos = memos,
			       .check = check};
}

void doubts_fini(struct doubts *set)
{
	free(set->ended_name);
	set->ended_name = NULL;
}

static bool is_young(const struct peer *peer, uint64_t now_ms)
{
	return peer->has_mon_ms && !peer->was_called_back &&
	       now_ms - peer->mon_ms <= DOUBT_YOUNG_MS;
}

/* SAFETY: a user of the host must not say what its root is to announce. */
void doubts_note(struct doubts *set, uint64_t now_ms,
		 const struct notice_call *call)
{
	if (call->is_reserved_port)
		numbers_note(&set->numbers, now_ms, &call->from, call->number);
}

/*
 * Whether @peer came to the number of @call before lockd asked for it, where
 * that is its baseline: no host reboots in DOUBT_PROMPT_MS, nor twice to one
 * number in a short time.
 */
static bool is_of_before(const struct doubts *set,
			 const struct notice_call *call,
			 const struct peer *peer)
{
	return peer->baseline.is_prompt ||
	       numbers_has_before(&set->numbers, peer->mon_ms, &call->from,
				  call->number);
}

struct verify_facts doubts_facts(const struct doubts *set, uint64_t now_ms,
				 const struct notice_call *call,
				 const struct peer *peer, bool is_from_address)
{
	struct verify_facts facts = {
		.check = set->check,
		.number = call->number,
		.is_from_address = is_from_address,
		.is_reserved_port = call->is_reserved_port,
		.has_baseline = peer->baseline.is_known,
		.baseline = peer->baseline.number,
		.is_prompt = is_of_before(set, call, peer),
		.is_young = is_young(peer, now_ms),
		.is_server_of_mount =
			peer_is_server_of_mount(set->questions->peers, peer),
	};

	facts.has_delivered =
		peer_get_delivered(peer, call->name, &facts.delivered);
	/*
	 * SAFETY: what lockd heard under other names came from where the name
	 * of the record led.  Without that, it may have been another host.
	 */
	facts.was_delivered_last = peer->addr_count > 0 &&
				   peer_was_delivered_last(peer, call->number);
	return facts;
}

/* --- baselines --------------------------------------------------------- */

void doubts_want_baseline(struct doubts *set, uint64_t now_ms,
			  struct peer *peer)
{
	if (set->check != VERIFY_CHECK_ASK)
		return;
	peer->baseline.is_known = false;
	peer->is_baseline_wanted = true;
	(void)memos_touch(set->memos, &peer->memo);
	/* A name without addresses is asked once it has some. */
	(void)questions_ask(set->questions, now_ms, peer);
}

void doubts_watch(struct doubts *set, uint64_t now_ms, struct peer *peer)
{
	peer->has_mon_ms = true;
	peer->mon_ms = now_ms;
	peer->was_called_back = false;
	doubts_want_baseline(set, now_ms, peer);
}

void doubts_watch_loaded(struct doubts *set, struct peer *peer)
{
	peer->is_baseline_wanted = set->check == VERIFY_CHECK_ASK;
}

/* How long ago lockd asked for the peer is not known: not "prompt". */
void doubts_recall(struct doubts *set, struct peer *peer, uint32_t number,
		   const struct addr *from)
{
	if (set->check != VERIFY_CHECK_ASK)
		return;
	peer->is_baseline_wanted = false;
	peer->baseline = (struct peer_baseline){.is_known = true,
						.number = number,
						.from = *from};
}

void doubts_resume(struct doubts *set, uint64_t now_ms, struct peer *peer)
{
	if (peer->is_baseline_wanted)
		(void)questions_ask(set->questions, now_ms, peer);
}

static void note_baseline(struct doubts *set, uint64_t now_ms,
			  struct peer *peer)
{
	char addr[ADDR_TEXT_SIZE];

	effects_debug(set->out, LOG_CLASS_CALL, "baseline of %s: number %u",
		      addr_format_port(&peer->question.from, addr),
		      peer->question.number);
	peer->is_baseline_wanted = false;
	peer->baseline = (struct peer_baseline){
		.is_known = true,
		.is_prompt = peer->has_mon_ms &&
			     now_ms - peer->mon_ms <= DOUBT_PROMPT_MS,
		.number = peer->question.number,
		.from = peer->question.from,
	};
	(void)memos_touch(set->memos, &peer->memo);
}

/* --- doubts ------------------------------------------------------------ */

/*
 * What the sender of @doubt announces while the peer is asked, see
 * verify_number().  It never decides whether a reboot is believed.
 *
 * SAFETY: from the same address, and with no worse a port: others do not choose
 * among the numbers that the peer may have.
 */
static void note_newer(struct doubt *doubt, const struct notice_call *call)
{
	if (strcmp(doubt->name, call->name) == 0 &&
	    addr_is_same_host(&doubt->from, &call->from) &&
	    (call->is_reserved_port || !doubt->is_reserved_port) &&
	    statenum_is_newer(call->number, doubt->newest))
		doubt->newest = call->number;
}

/* Whoever waits would be judged by the port of whoever opened the doubt. */
static bool is_about(const struct doubt *doubt, const struct notice_call *call)
{
	return strcmp(doubt->name, call->name) == 0 &&
	       doubt->number == call->number &&
	       doubt->is_reserved_port == call->is_reserved_port;
}

/*
 * SAFETY: one doubt of each kind per record, and a pause after each answer: a
 * flood of forged notices costs the peer one question in two seconds.
 */
struct doubt *doubts_open(struct doubts *set, uint64_t now_ms,
			  const struct notice_call *call, struct peer *peer,
			  bool is_from_address)
{
	struct doubt *doubt = &peer->doubts[is_from_address ? DOUBT_BY_ADDRESS
							    : DOUBT_BY_NAME];

	if (doubt->name != NULL) {
		note_newer(doubt, call);
		return is_about(doubt, call) ? doubt : NULL;
	}
	if ((peer->settled_ms != 0 &&
	     now_ms - peer->settled_ms < QUESTION_WAIT_FIRST_MS) ||
	    !questions_ask(set->questions, now_ms, peer))
		return NULL;
	doubt->name = xstrdup(call->name);
	doubt->number = call->number;
	doubt->newest = call->number;
	doubt->from = call->from;
	doubt->is_reserved_port = call->is_reserved_port;
	doubt->until_ms = now_ms + DOUBT_SILENT_MS;
	return doubt;
}

static void release(struct doubts *set, struct doubt *doubt, bool is_answered)
{
	senders_release(set->out, &doubt->waiters, is_answered);
	doubt->waiter_count = 0;
}

void doubts_forget(struct doubts *set, struct peer *peer)
{
	size_t i;

	for (i = 0; i < DOUBTS_MAX; i++) {
		free(peer->doubts[i].name);
		peer->doubts[i].name = NULL;
		release(set, &peer->doubts[i], false);
	}
	peer->is_baseline_wanted = false;
	questions_stop(set->questions, peer);
}

void doubts_set_check(struct doubts *set, uint64_t now_ms,
		      enum verify_check check)
{
	struct link *pos;

	if (check == set->check)
		return;
	set->check = check;
	list_for_each (pos, &set->questions->peers->all) {
		struct peer *peer = container_of(pos, struct peer, in_all);

		doubts_forget(set, peer);
		/* Nobody looks after it while the check is another one. */
		peer->baseline.is_known = false;
		(void)memos_touch(set->memos, &peer->memo);
		doubts_want_baseline(set, now_ms, peer);
	}
}

/* --- what the peer said ------------------------------------------------ */

static struct notice_call call_of(const struct doubt *doubt)
{
	return (struct notice_call){
		.from = doubt->from,
		.is_reserved_port = doubt->is_reserved_port,
		.name = doubt->name,
		.number = doubt->number,
	};
}

/* A port says nothing where another address was asked. */
static bool is_port_changed(const struct peer *peer)
{
	const struct addr *then = &peer->baseline.from;
	const struct addr *now = &peer->question.from;

	return addr_is_same_host(then, now) && then->port != now->port;
}

/* May change the number in @call to what the peer says it is. */
static enum verify_verdict judge_answered(const struct peer *peer,
					  const struct verify_facts *facts,
					  uint32_t newest,
					  struct notice_call *call)
{
	struct verify_answer answer = {.number = peer->question.number,
				       .is_port_changed =
					       is_port_changed(peer)};
	/* Much may have happened since it was asked. */
	enum verify_verdict verdict = verify_notice(facts);
	uint32_t number;

	if (verdict != VERIFY_ASK)
		return verdict;
	verdict = verify_answered(facts, &answer);
	if (verdict != VERIFY_DELIVER)
		return verdict;
	number = verify_number(facts, newest, &answer);
	if (peer_was_delivered_last(peer, number))
		verdict = verify_heard_last(facts, number);
	if (verdict == VERIFY_DELIVER)
		call->number = number;
	return verdict;
}

/* Whether a silent peer is asked again about @doubt. */
static bool goes_on(const struct peer *peer, uint64_t now_ms,
		    enum doubt_kind kind)
{
	if (kind == DOUBT_BY_ADDRESS)
		return peer->question.tries < QUESTION_SILENT_TRIES;
	return now_ms < peer->doubts[kind].until_ms;
}

/* Judges the doubt of @kind; false where it goes on, or there is none. */
static bool settle_one(struct doubts *set, uint64_t now_ms, struct peer *peer,
		       enum doubt_kind kind, struct doubt_end *out)
{
	struct doubt *doubt = &peer->doubts[kind];
	bool has_answer = peer->question.has_answer;
	struct verify_facts facts;

	if (doubt->name == NULL || (!has_answer && goes_on(peer, now_ms, kind)))
		return false;
	out->peer = peer;
	out->call = call_of(doubt);
	facts = doubts_facts(set, now_ms, &out->call, peer,
			     kind == DOUBT_BY_ADDRESS);
	out->verdict = has_answer ? judge_answered(peer, &facts, doubt->newest,
						   &out->call)
				  : verify_silent(&facts);
	if (has_answer)
		peer->settled_ms = now_ms;
	release(set, doubt, out->verdict == VERIFY_DUPLICATE);
	set->ended_name = doubt->name;
	doubt->name = NULL;
	return true;
}

static bool is_in_doubt(const struct peer *peer)
{
	return peer->doubts[DOUBT_BY_ADDRESS].name != NULL ||
	       peer->doubts[DOUBT_BY_NAME].name != NULL;
}

/* ORDER: doubts first; the answer may be the next baseline. */
static void end_news(struct doubts *set, uint64_t now_ms, struct peer *peer)
{
	if (peer->question.has_answer)
		numbers_note(&set->numbers, now_ms, &peer->question.from,
			     peer->question.number);
	if (peer->question.has_answer && peer->is_baseline_wanted)
		note_baseline(set, now_ms, peer);
	if (!peer->is_baseline_wanted && !is_in_doubt(peer))
		questions_stop(set->questions, peer);
}

bool doubts_take(struct doubts *set, uint64_t now_ms, struct doubt_end *out)
{
	free(set->ended_name);
	set->ended_name = NULL;
	for (;;) {
		if (set->settling == NULL) {
			set->settling = questions_take(set->questions);
			set->next_kind = 0;
		}
		if (set->settling == NULL)
			return false;
		while (set->next_kind < DOUBTS_MAX)
			if (settle_one(set, now_ms, set->settling,
				       set->next_kind++, out))
				return true;
		end_news(set, now_ms, set->settling);
		set->settling = NULL;
	}
}
