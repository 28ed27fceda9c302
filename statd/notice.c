/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A notice may concern several records (one peer, several my_names), each of
 * which may need a callback.  "struct notice" stands for the caller who waits
 * until all of them are done.
 *
 * ORDER: the REPLY leaves after the last callback was answered.  Break it and
 * a sender that was answered stops repeating although lockd never heard.
 */
#include "statd/notice.h"

#include <stdlib.h>
#include <string.h>

#include "lib/rpcmsg.h"
#include "lib/statenum.h"
#include "lib/xalloc.h"
#include "statd/verify.h"

#define REFUSALS_LOGGED_PER_MINUTE 10

/* A caller of SM_NOTIFY who has no answer yet. */
struct notice {
	uint64_t reply_to;
	uint32_t xid;
	unsigned int open; /* waiters */
	bool is_mute;	   /* undecided for another record: never answered */
};

/* That a caller waits for an event. */
struct waiter {
	struct link in_event; /* event::waiters */
	struct notice *notice;
};

/* What came of matching one notice. */
struct outcome {
	unsigned int matched;
	unsigned int undecided;
	struct notice *notice; /* made when the first event needs it */
};

void notices_init(struct notices *set, struct effects *out, struct peers *peers,
		  struct callbacks *cb, struct questions *questions)
{
	*set = (struct notices){.out = out,
				.peers = peers,
				.cb = cb,
				.questions = questions,
				.check = VERIFY_CHECK_ASK};
}

static void answer(struct notices *set, uint64_t reply_to, uint32_t xid)
{
	struct buf message;

	buf_init(&message, RPCMSG_SIZE_MAX);
	rpcmsg_add_reply(&message, xid, RPCMSG_SUCCESS, 0);
	effects_reply(set->out, reply_to, &message);
}

static void event_add_waiter(struct event *event, struct notice *notice)
{
	struct waiter *waiter = xzalloc(sizeof(*waiter));

	waiter->notice = notice;
	notice->open++;
	event->waiter_count++;
	list_append(&event->waiters, &waiter->in_event);
}

/* Lets everybody who waits for @event go on; answers those who are through. */
static void event_release(struct notices *set, struct event *event,
			  bool is_answered)
{
	struct link *link;

	while ((link = list_take_first(&event->waiters)) != NULL) {
		struct waiter *waiter =
			container_of(link, struct waiter, in_event);
		struct notice *notice = waiter->notice;

		free(waiter);
		if (--notice->open > 0)
			continue;
		if (is_answered && !notice->is_mute)
			answer(set, notice->reply_to, notice->xid);
		else
			effects_reply(set->out, notice->reply_to, NULL);
		free(notice);
	}
	event->waiter_count = 0;
}

static void log_limited(struct notices *set, uint64_t now_ms,
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

static void log_refused(struct notices *set, uint64_t now_ms,
			const struct notice_call *call, const char *why)
{
	set->counts.disbelieved++;
	log_limited(set, now_ms, call, why);
}

static bool is_young(const struct peer *peer, uint64_t now_ms)
{
	return peer->has_mon_ms && !peer->was_called_back &&
	       peer->baseline.is_prompt &&
	       now_ms - peer->mon_ms <= NOTICE_YOUNG_MS;
}

/*
 * is_server_of_mount stays false: nobody tells us yet which servers this host
 * has mounts of (design decision 14).
 */
static struct verify_facts facts_of(const struct notices *set, uint64_t now_ms,
				    const struct notice_call *call,
				    const struct peer *peer,
				    bool is_from_address)
{
	struct verify_facts facts = {
		.check = set->check,
		.number = call->number,
		.is_from_address = is_from_address,
		.is_reserved_port = call->is_reserved_port,
		.has_baseline = peer->baseline.is_known,
		.baseline = peer->baseline.number,
		.is_young = is_young(peer, now_ms),
	};

	facts.has_delivered =
		peer_get_delivered(peer, call->name, &facts.delivered);
	facts.was_delivered_so = peer_was_delivered(peer, call->number);
	return facts;
}

/* --- baselines and doubts ---------------------------------------------- */

/* Whatever is known of before means nothing from here on. */
static void want_baseline(struct notices *set, uint64_t now_ms,
			  struct peer *peer)
{
	if (set->check != VERIFY_CHECK_ASK)
		return;
	peer->baseline.is_known = false;
	peer->is_baseline_wanted = true;
	/* A name without addresses is asked once it has some. */
	(void)questions_ask(set->questions, now_ms, peer);
}

void notices_watch(struct notices *set, uint64_t now_ms, struct peer *peer)
{
	peer->has_mon_ms = true;
	peer->mon_ms = now_ms;
	peer->was_called_back = false;
	want_baseline(set, now_ms, peer);
}

void notices_watch_loaded(struct notices *set, uint64_t now_ms,
			  struct peer *peer)
{
	want_baseline(set, now_ms, peer);
}

void notices_resolved(struct notices *set, uint64_t now_ms, struct peer *peer)
{
	if (peer->is_baseline_wanted)
		(void)questions_ask(set->questions, now_ms, peer);
}

static void note_baseline(struct notices *set, uint64_t now_ms,
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
			     now_ms - peer->mon_ms <= NOTICE_PROMPT_MS,
		.number = peer->question.number,
		.from = peer->question.from,
	};
}

static void doubt_close(struct doubt *doubt)
{
	free(doubt->name);
	doubt->name = NULL;
}

/*
 * SAFETY: one doubt of each kind per record, and a pause after each answer: a
 * flood of forged notices costs the peer one question in two seconds.
 */
static void doubt_open(struct notices *set, uint64_t now_ms,
		       const struct notice_call *call, struct peer *peer,
		       bool is_from_address)
{
	struct doubt *doubt = &peer->doubts[is_from_address ? DOUBT_BY_ADDRESS
							    : DOUBT_BY_NAME];

	if (doubt->name != NULL ||
	    (peer->settled_ms != 0 &&
	     now_ms - peer->settled_ms < QUESTION_WAIT_FIRST_MS) ||
	    !questions_ask(set->questions, now_ms, peer))
		return;
	doubt->name = xstrdup(call->name);
	doubt->number = call->number;
	doubt->from = call->from;
	doubt->is_reserved_port = call->is_reserved_port;
	doubt->until_ms = now_ms + NOTICE_DOUBT_MS;
}

static void forget_doubts(struct notices *set, struct peer *peer)
{
	size_t i;

	for (i = 0; i < DOUBTS_MAX; i++)
		doubt_close(&peer->doubts[i]);
	peer->is_baseline_wanted = false;
	questions_stop(set->questions, peer);
}

/* --- deciding ---------------------------------------------------------- */

/*
 * Has lockd called back, unless a newer number of that name is under way.
 * Return: the event, or NULL.
 */
static struct event *deliver(struct notices *set, uint64_t now_ms,
			     const struct notice_call *call, struct peer *peer)
{
	struct event *event = callbacks_find(peer, call->name);

	if (event != NULL && !statenum_is_newer(call->number, event->number))
		return NULL;
	peer->was_called_back = true;
	want_baseline(set, now_ms, peer);
	return callbacks_add(set->cb, now_ms, peer, call->name, call->number);
}

/* Waits for @event; where too many do already, the caller must repeat. */
static void wait_for(struct event *event, const struct notice_call *call,
		     struct outcome *outcome)
{
	if (event->waiter_count >= NSM_WAITERS_MAX) {
		outcome->undecided++;
		return;
	}
	if (outcome->notice == NULL) {
		outcome->notice = xzalloc(sizeof(*outcome->notice));
		outcome->notice->reply_to = call->reply_to;
		outcome->notice->xid = call->xid;
	}
	event_add_waiter(event, outcome->notice);
}

static void match_one(struct notices *set, uint64_t now_ms,
		      const struct notice_call *call, struct peer *peer,
		      struct outcome *outcome)
{
	bool is_from_address = peer_has_addr(peer, &call->from);
	struct verify_facts facts =
		facts_of(set, now_ms, call, peer, is_from_address);
	struct event *event = callbacks_find(peer, call->name);

	outcome->matched++;
	if (event != NULL && event->number == call->number &&
	    (is_from_address || set->check == VERIFY_CHECK_LEGACY)) {
		wait_for(event, call, outcome);
		return;
	}
	switch (verify_notice(&facts)) {
	case VERIFY_DELIVER:
		event = deliver(set, now_ms, call, peer);
		if (event != NULL)
			wait_for(event, call, outcome);
		else
			outcome->undecided++;
		break;
	case VERIFY_ASK:
		outcome->undecided++;
		doubt_open(set, now_ms, call, peer, is_from_address);
		break;
	case VERIFY_REFUSE:
		outcome->undecided++;
		log_refused(set, now_ms, call,
			    "it names a peer but does not come from an "
			    "address of it; not believed");
		break;
	case VERIFY_LATE:
	case VERIFY_DUPLICATE:
		set->counts.duplicates++;
		break;
	}
}

/* Meets every record that the notice may be about, each once. */
static void match_all(struct notices *set, uint64_t now_ms,
		      const struct notice_call *call, struct outcome *outcome)
{
	struct peer_addr *place = NULL;
	struct peer *peer = NULL;

	while ((place = peers_next_by_addr(set->peers, &call->from, place)) !=
	       NULL)
		match_one(set, now_ms, call, place->peer, outcome);
	while ((peer = peers_next_by_name(set->peers, call->name, peer)) !=
	       NULL)
		if (!peer_has_addr(peer, &call->from))
			match_one(set, now_ms, call, peer, outcome);
}

void notices_take(struct notices *set, uint64_t now_ms,
		  const struct notice_call *call, bool is_lookup_open)
{
	struct outcome outcome = {0};

	match_all(set, now_ms, call, &outcome);
	if (outcome.matched == 0 && !is_lookup_open)
		set->counts.strangers++;
	if (outcome.matched == 0)
		log_limited(set, now_ms, call,
			    is_lookup_open
				    ? "it may be about a peer whose name is "
				      "still being looked up"
				    : "it is about nobody we monitor");
	/* Whatever it matched, that record may be about the sender as well. */
	if (is_lookup_open)
		outcome.undecided++;
	if (outcome.notice != NULL)
		outcome.notice->is_mute = outcome.undecided > 0;
	else if (outcome.undecided > 0)
		effects_reply(set->out, call->reply_to, NULL);
	else
		answer(set, call->reply_to, call->xid);
}

/* --- what the peer said ------------------------------------------------ */

static void act(struct notices *set, uint64_t now_ms,
		const struct notice_call *call, struct peer *peer,
		enum verify_verdict verdict)
{
	switch (verdict) {
	case VERIFY_DELIVER:
		/* The sender repeats it, and waits for the event then. */
		(void)deliver(set, now_ms, call, peer);
		break;
	case VERIFY_LATE:
		log_limited(set, now_ms, call,
			    "it is of before the peer was monitored; ignored");
		/* So that its next repetition is acknowledged. */
		peer_set_delivered(peer, call->name, call->number);
		break;
	case VERIFY_DUPLICATE:
		peer_set_delivered(peer, call->name, call->number);
		break;
	case VERIFY_REFUSE:
		log_refused(set, now_ms, call,
			    "the peer was asked and does not confirm it; not "
			    "believed");
		break;
	case VERIFY_ASK:
		break;
	}
}

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

static void settle_answered(struct notices *set, uint64_t now_ms,
			    struct peer *peer, enum doubt_kind kind)
{
	struct doubt *doubt = &peer->doubts[kind];
	struct notice_call call = call_of(doubt);
	struct verify_answer answer = {.number = peer->question.number,
				       .is_port_changed =
					       is_port_changed(peer)};
	struct verify_facts facts =
		facts_of(set, now_ms, &call, peer, kind == DOUBT_BY_ADDRESS);
	/* Much may have happened since it was asked. */
	enum verify_verdict verdict = verify_notice(&facts);

	if (verdict == VERIFY_ASK)
		verdict = verify_answered(&facts, &answer);
	peer->settled_ms = now_ms;
	act(set, now_ms, &call, peer, verdict);
	doubt_close(doubt);
}

static void settle_silent(struct notices *set, uint64_t now_ms,
			  struct peer *peer, enum doubt_kind kind)
{
	struct doubt *doubt = &peer->doubts[kind];
	struct notice_call call = call_of(doubt);
	struct verify_facts facts =
		facts_of(set, now_ms, &call, peer, kind == DOUBT_BY_ADDRESS);

	if (kind == DOUBT_BY_ADDRESS
		    ? peer->question.tries < QUESTION_SILENT_TRIES
		    : now_ms < doubt->until_ms)
		return;
	act(set, now_ms, &call, peer, verify_silent(&facts));
	doubt_close(doubt);
}

static bool is_in_doubt(const struct peer *peer)
{
	return peer->doubts[DOUBT_BY_ADDRESS].name != NULL ||
	       peer->doubts[DOUBT_BY_NAME].name != NULL;
}

static void settle(struct notices *set, uint64_t now_ms, struct peer *peer)
{
	bool has_answer = peer->question.has_answer;
	unsigned int kind;

	/* ORDER: doubts first; the answer may be the next baseline. */
	for (kind = 0; kind < DOUBTS_MAX; kind++) {
		if (peer->doubts[kind].name == NULL)
			continue;
		if (has_answer)
			settle_answered(set, now_ms, peer, kind);
		else
			settle_silent(set, now_ms, peer, kind);
	}
	if (has_answer && peer->is_baseline_wanted)
		note_baseline(set, now_ms, peer);
	if (!peer->is_baseline_wanted && !is_in_doubt(peer))
		questions_stop(set->questions, peer);
}

void notices_settle(struct notices *set, uint64_t now_ms)
{
	struct peer *peer;

	while ((peer = questions_take(set->questions)) != NULL)
		settle(set, now_ms, peer);
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
		peer_set_delivered(event->peer, event->name, event->number);
		event_release(set, event, true);
		callbacks_discard(set->cb, event);
	}
}

void notices_discard(struct notices *set, struct peer *peer)
{
	struct link *pos, *after;

	forget_doubts(set, peer);
	list_for_each_safe (pos, after, &peer->events) {
		struct event *event = container_of(pos, struct event, in_peer);

		event_release(set, event, true);
		callbacks_discard(set->cb, event);
	}
}

void notices_drop(struct notices *set, struct peer *peer)
{
	struct link *pos, *after;

	forget_doubts(set, peer);
	list_for_each_safe (pos, after, &peer->events) {
		struct event *event = container_of(pos, struct event, in_peer);

		event_release(set, event, false);
		callbacks_discard(set->cb, event);
	}
}
