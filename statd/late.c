/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns one job per peer that may be untold, and for those whom nobody else
 * tells an envoy each.
 *
 * It refuses to hold lockd back for long: beside an NFS server all waits of a
 * boot together last LATE_HOLD_MS, since lockd's only thread may be the one
 * that waits.  A wait is taken from that in full when it begins, and given back
 * as far as it was not needed; the note "held" keeps a later life of statd from
 * beginning anew.
 */
#include "statd/late.h"

#include <stdlib.h>
#include <string.h>

#include "lib/xalloc.h"
#include "statd/envoy.h"
#include "statd/latejob.h"
#include "statd/subject.h"

#define ASKS_MAX 4 /* of one job, whoever tells it keeps going away */

void late_init(struct late *late, struct effects *out, struct prng *rng,
	       const char *name)
{
	*late = (struct late){
		.out = out, .rng = rng, .name = name, .next_id = 1};
	timerq_init(&late->timers);
	list_init(&late->jobs);
	list_init(&late->in_grace);
	list_init(&late->done);
	callers_init(&late->callers);
	list_init(&late->telling);
}

void late_fini(struct late *late)
{
	latejobs_free(late, &late->jobs);
	latejobs_free(late, &late->in_grace);
	latejobs_free(late, &late->done);
	callers_fini(&late->callers);
	timerq_fini(&late->timers);
}

typedef void end_telling(struct late *late, struct late_job *job);

/* No envoy must go on telling @peer under another of its records. */
static void end_others(struct late *late, const struct peer *peer,
		       end_telling *end)
{
	struct link *pos;

	list_for_each (pos, &late->telling) {
		struct late_job *job =
			container_of(pos, struct late_job, in_telling);

		if (subject_is_same_host(job->peer, peer)) {
			end(late, job);
			return; /* which has ended the rest */
		}
	}
}

/* Not in this boot: its record stays for the next one. */
static void park(struct late *late, struct late_job *job)
{
	latejob_end_hold(late, job);
	latejob_stop_telling(late, job);
	latejob_log(
		late, job, LOG_NOTE,
		"has not been told that we rebooted, and is monitored again: "
		"parked until the next boot");
	latejob_set_stage(late, job, LATE_PARKING, &late->jobs);
	timerq_set(&late->timers, &job->timer, late->now_ms + LATE_ANSWER_MS);
	latejob_ask_world(late, job, CTL_PARK);
	end_others(late, job->peer, park);
}

static void ask(struct late *late, struct late_job *job)
{
	latejob_set_stage(late, job, LATE_ASKED, &late->jobs);
	timerq_set(&late->timers, &job->timer, late->now_ms + LATE_ANSWER_MS);
	job->number = late->number;
	latejob_ask_world(late, job, CTL_ASK);
}

/*
 * Its peer was told under another of its records, or by somebody else, so @job
 * must not tell it any more.  Nothing says that of its own records yet: what is
 * left of them would be told late, by the next sm-notify.
 */
static void told_elsewhere(struct late *late, struct late_job *job)
{
	latejob_end_hold(late, job);
	latejob_stop_telling(late, job);
	job->told_number = late->number;
	ask(late, job);
	end_others(late, job->peer, told_elsewhere);
}

/*
 * An envoy has told it.  An sm-notify that has started meanwhile must not tell
 * it again, after locks were granted.
 */
static void told_by_us(struct late *late, struct late_job *job)
{
	struct buf text;

	latejob_end_hold(late, job);
	latejob_stop_telling(late, job);
	latejob_log(late, job, LOG_NOTE, "was told that we rebooted");
	latejob_set_stage(late, job, LATE_PARKING, &late->jobs);
	timerq_set(&late->timers, &job->timer, late->now_ms + LATE_ANSWER_MS);
	buf_init(&text, CTL_LEN_MAX);
	if (latejob_add_subject(job, &text))
		effects_untold_told(late->out, job->id, buf_text(&text));
	buf_fini(&text);
	end_others(late, job->peer, told_elsewhere);
}

/*
 * Whoever knows the records has said that @job is over, as @end would: that
 * goes for all of that host, some of which an envoy may be telling since nobody
 * else was there.  By name alone it is not sure which host that is.
 */
static void settle(struct late *late, struct late_job *job, end_telling *end)
{
	const struct peer *peer = job->peer;
	bool is_by_name = job->is_by_name;

	latejob_finish(late, job, true);
	if (!is_by_name)
		end_others(late, peer, end);
}

/* --- telling it ourselves ------------------------------------------------ */

/* The envoy of @job is in @state. */
static void envoy_news(struct late *late, struct late_job *job,
		       enum envoy_state state)
{
	if (state == ENVOY_BUSY)
		return;
	if (state == ENVOY_TOLD) {
		told_by_us(late, job);
	} else if (job->stage == LATE_HELD) {
		park(late, job);
	} else {
		latejob_stop_telling(late, job); /* grace will end */
	}
}

/* A job whose envoy is done, or NULL. */
static struct late_job *find_done(const struct late *late)
{
	struct link *pos;

	list_for_each (pos, &late->telling) {
		struct late_job *job =
			container_of(pos, struct late_job, in_telling);

		if (envoy_state(job->envoy) != ENVOY_BUSY)
			return job;
	}
	return NULL;
}

static void feed_all(struct late *late, const struct nsm_in *in)
{
	struct late_job *job;
	struct link *pos;

	list_for_each (pos, &late->telling)
		envoy_feed(
			container_of(pos, struct late_job, in_telling)->envoy,
			late->now_ms, in);
	/* From the start each time: the end of one may end others. */
	while ((job = find_done(late)) != NULL)
		envoy_news(late, job, envoy_state(job->envoy));
}

/* Begins to tell the records in @in. */
static void tell_ourselves(struct late *late, struct late_job *job,
			   const struct nsm_in *in)
{
	const struct envoy_rooms rooms = {.out = late->out,
					  .rng = late->rng,
					  .name = late->name,
					  .number = late->number,
					  .is_in_grace =
						  job->stage == LATE_GRACE};
	struct ctl_subject subject;

	if (late->number == 0 || late->telling_count >= LATE_TELLING_MAX ||
	    !subject_of_peer(job->peer, &subject)) {
		envoy_news(late, job, ENVOY_FAILED);
		return;
	}
	job->envoy = envoy_new(&rooms, late->now_ms, job->id, &subject, in);
	list_append(&late->telling, &job->in_telling);
	late->telling_count++;
	envoy_news(late, job, envoy_state(job->envoy));
}

/* --- what is done about an untold peer ----------------------------------- */

/* How long an SM_MON may wait; 0: not at all. */
static uint32_t hold_ms(const struct late *late,
			const struct nsm_untold_facts *facts)
{
	if (!facts->has_nfsd)
		return LATE_HOLD_MS;
	if (facts->was_held)
		return 0;
	return LATE_HOLD_MS - late->held_ms;
}

static void begin_hold(struct late *late, struct late_job *job,
		       uint32_t wait_ms, bool is_counted)
{
	latejob_set_stage(late, job, LATE_HELD, &late->jobs);
	timerq_set(&late->timers, &job->timer, late->now_ms + wait_ms);
	job->is_counted = is_counted;
	if (!is_counted)
		return;
	late->held_ms += wait_ms;
	if (!late->is_held_noted)
		effects_note(late->out, "held");
	late->is_held_noted = true;
}

static void begin_grace(struct late *late, struct late_job *job)
{
	latejob_set_stage(late, job, LATE_GRACE, &late->in_grace);
	latejob_release(late, job);
	if (!timer_is_set(&late->look))
		timerq_set(&late->timers, &late->look,
			   late->now_ms + LATE_GRACE_MS);
}

/* Has @job, whose stage says for how long, told by whoever can. */
static void tell(struct late *late, struct late_job *job,
		 const struct nsm_in *in)
{
	if (in->len == 0 && !job->is_wished)
		latejob_ask_world(late, job,
				  job->stage == LATE_GRACE ? CTL_TELL_IN_GRACE
							   : CTL_TELL);
	job->is_wished = in->len == 0;
	if (in->len > 0 && job->envoy == NULL)
		tell_ourselves(late, job, in);
}

static void decide(struct late *late, struct late_job *job,
		   const struct nsm_in *in)
{
	const struct nsm_untold_facts *facts = &in->untold.facts;
	bool may_wait =
		facts->is_server && !job->is_loaded && !job->is_answered;
	uint32_t wait_ms = may_wait ? hold_ms(late, facts) : 0;

	if (job->is_loaded && !facts->is_grace) {
		latejob_finish(late, job, false);
	} else if (wait_ms > 0) {
		begin_hold(late, job, wait_ms, facts->has_nfsd);
		tell(late, job, in);
	} else if (facts->is_grace && !facts->is_server) {
		begin_grace(late, job);
		tell(late, job, in);
	} else {
		park(late, job);
	}
}

/* Whoever was telling the peer does so no more. */
static void ask_again(struct late *late, struct late_job *job)
{
	job->is_wished = false;
	job->number = late->number;
	if (job->asks++ < ASKS_MAX)
		latejob_ask_world(late, job, CTL_ASK);
	else if (job->stage == LATE_HELD)
		park(late, job);
}

/* Whether its peer knows of the number that is in force. */
static bool was_told_elsewhere(const struct late *late,
			       const struct late_job *job)
{
	return job->told_number != 0 && job->told_number == late->number;
}

static void outcome_while_asked(struct late *late, struct late_job *job,
				const struct nsm_in *in)
{
	switch (in->untold.what) {
	case NSM_UNTOLD_YES:
		if (was_told_elsewhere(late, job))
			park(late, job);
		else
			decide(late, job, in);
		break;
	case NSM_UNTOLD_PARKED:
		/* Who was to tell it says so: grace is over. */
		if (job->is_wished)
			park(late, job);
		else
			settle(late, job, park);
		break;
	case NSM_UNTOLD_TOLD:
	case NSM_UNTOLD_NONE:
		settle(late, job, told_elsewhere);
		break;
	case NSM_UNTOLD_LOST:
		if (job->is_loaded)
			latejob_finish(late, job, false);
		else
			park(late, job);
		break;
	}
}

static void outcome_while_told(struct late *late, struct late_job *job,
			       const struct nsm_in *in)
{
	switch (in->untold.what) {
	case NSM_UNTOLD_YES:
		tell(late, job, in);
		break;
	case NSM_UNTOLD_LOST:
		ask_again(late, job);
		break;
	case NSM_UNTOLD_TOLD:
		latejob_log(late, job, LOG_NOTE, "was told that we rebooted");
		settle(late, job, told_elsewhere);
		break;
	case NSM_UNTOLD_NONE:
		settle(late, job, told_elsewhere);
		break;
	case NSM_UNTOLD_PARKED:
		/* Set aside perhaps, by this run of sm-notify alone. */
		park(late, job);
		break;
	}
}

void late_set_number(struct late *late, uint64_t now_ms, uint32_t number)
{
	struct late_job *job;

	if (number == late->number)
		return;
	late->now_ms = now_ms;
	late->number = number;
	while (number != 0 && !list_is_empty(&late->telling)) {
		job = container_of(late->telling.next, struct late_job,
				   in_telling);
		latejob_stop_telling(late, job);
		ask_again(late, job);
	}
}

/* --- inputs -------------------------------------------------------------- */

/* Frees the jobs that are done: not where they end, they may be in use. */
static void reap(struct late *late)
{
	latejobs_free(late, &late->done);
}

static struct late_job *begin(struct late *late, uint64_t now_ms,
			      struct peer *peer)
{
	struct late_job *job = peer->late;

	reap(late);
	late->now_ms = now_ms;
	if (job != NULL)
		return job;
	job = xzalloc(sizeof(*job));
	list_init(&job->in_jobs);
	list_init(&job->in_telling);
	job->id = late->next_id++;
	job->peer = peer;
	peer->late = job;
	peer->late_settled = 0;
	ask(late, job);
	return job;
}

void late_begin(struct late *late, uint64_t now_ms, struct peer *peer)
{
	struct late_job *job = begin(late, now_ms, peer);

	job->is_loaded = false;
	/* Grace may have ended since it was looked at. */
	if (job->stage == LATE_GRACE)
		ask(late, job);
}

void late_load(struct late *late, uint64_t now_ms, struct peer *peer)
{
	begin(late, now_ms, peer)->is_loaded = true;
}

void late_found(struct late *late, uint64_t now_ms, struct peer *peer)
{
	if (peer->late == NULL && peer->has_mon_ms &&
	    !late_is_settled(late, peer))
		begin(late, now_ms, peer)->is_answered = true;
}

void late_stored(struct late *late, const struct peer *peer)
{
	if (peer->late == NULL || peer->late->stage != LATE_GRACE)
		return;
	peer->late->is_unsure = true;
	effects_grace(late->out);
}

bool late_is_settled(const struct late *late, const struct peer *peer)
{
	return peer->late_settled != 0 && peer->late_settled == late->number;
}

bool late_is_holding(const struct peer *peer)
{
	return peer->late != NULL &&
	       (peer->late->stage != LATE_GRACE || peer->late->is_unsure);
}

bool late_wait(struct late *late, struct peer *peer,
	       const struct monitor_caller *caller)
{
	struct late_job *job = peer->late;

	if (!late_is_holding(peer))
		return false;
	if (job->waiter_count < NSM_WAITERS_MAX)
		job->waiters[job->waiter_count++] = *caller;
	else
		effects_reply(late->out, caller->reply_to, NULL);
	return true;
}

bool late_take_back(struct peer *peer, struct monitor_caller *caller)
{
	struct late_job *job = peer->late;

	if (job == NULL || job->waiter_count == 0)
		return false;
	*caller = job->waiters[--job->waiter_count];
	return true;
}

void late_forget(struct late *late, struct peer *peer)
{
	if (peer->late != NULL)
		latejob_finish(late, peer->late, false);
}

static struct late_job *find(const struct link *head, uint64_t id)
{
	struct link *pos;

	list_for_each (pos, head) {
		struct late_job *job =
			container_of(pos, struct late_job, in_jobs);

		if (job->id == id)
			return job;
	}
	return NULL;
}

void late_untold(struct late *late, uint64_t now_ms, const struct nsm_in *in)
{
	struct late_job *job = find(&late->jobs, in->untold.id);

	reap(late);
	late->now_ms = now_ms;
	if (job == NULL)
		job = find(&late->in_grace, in->untold.id);
	if (job == NULL)
		return;
	if (job->stage == LATE_ASKED)
		outcome_while_asked(late, job, in);
	else if (job->stage != LATE_PARKING)
		outcome_while_told(late, job, in);
	else if (in->untold.what != NSM_UNTOLD_YES)
		latejob_finish(late, job, true);
}

static void be_sure(struct late *late, struct late_job *job)
{
	job->is_unsure = false;
	latejob_release(late, job);
}

void late_grace(struct late *late, uint64_t now_ms, bool is_grace)
{
	struct link *pos;

	reap(late);
	late->now_ms = now_ms;
	if (is_grace && !list_is_empty(&late->in_grace))
		timerq_set(&late->timers, &late->look, now_ms + LATE_GRACE_MS);
	if (is_grace) {
		list_for_each (pos, &late->in_grace)
			be_sure(late,
				container_of(pos, struct late_job, in_jobs));
		return;
	}
	/* One that is parked may take others with it. */
	while (!list_is_empty(&late->in_grace))
		park(late, container_of(late->in_grace.next, struct late_job,
					in_jobs));
}

void late_answer(struct late *late, uint64_t now_ms, const struct nsm_in *in)
{
	reap(late);
	late->now_ms = now_ms;
	feed_all(late, in);
}

/* The stage of @job has lasted as long as it may. */
static void stage_over(struct late *late, struct late_job *job)
{
	if (job->stage == LATE_PARKING) {
		latejob_log(late, job, LOG_WARN,
			    "is parked, but sm-notify does not say so");
		latejob_finish(late, job, true);
	} else if (job->is_loaded) {
		latejob_finish(late, job, false);
	} else {
		park(late, job);
	}
}

void late_timer(struct late *late, uint64_t now_ms, const struct nsm_in *in)
{
	struct timer *timer;

	reap(late);
	late->now_ms = now_ms;
	while ((timer = timerq_take(&late->timers, now_ms)) != NULL) {
		if (timer == &late->look)
			effects_grace(late->out);
		else
			stage_over(late,
				   container_of(timer, struct late_job, timer));
	}
	feed_all(late, in);
}

bool late_wants_grace(const struct late *late)
{
	return !list_is_empty(&late->telling);
}

bool late_take(struct late *late, struct monitor_caller *caller)
{
	return callers_take(&late->callers, caller);
}

uint64_t late_deadline_ms(const struct late *late)
{
	uint64_t soonest = timerq_deadline_ms(&late->timers);
	struct link *pos;

	list_for_each (pos, &late->telling) {
		uint64_t at_ms = envoy_deadline_ms(
			container_of(pos, struct late_job, in_telling)->envoy);

		if (at_ms < soonest)
			soonest = at_ms;
	}
	return soonest;
}
