/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What must always hold, whatever happens (design section 1).  Each rule has
 * a name that says it; the first one broken ends the run.
 *
 * A pair goes from "promised" (statd said yes to SM_MON) to "debt" (we lost
 * power, so the peer must be told) to nothing (it acknowledged both names).
 */
#define _GNU_SOURCE /* memmem() */
#include "tests/sim/sim.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/rpcmsg.h"
#include "lib/statenum.h"
#include "tests/sim/caps.h"

/* Each record asks on its own, as do those who tell a peer (late.c). */
#define ASKED_MS	      2000u
#define ASKED_MAX	      20u
#define CALLBACKS_AT_ONCE_MAX 32 /* CALLBACK_IN_FLIGHT_MAX */

void check_violate(struct host *h, const char *rule, const char *format, ...)
{
	struct sim *s = h->sim;
	char text[256];
	va_list args;

	if (s->violated != NULL)
		return;
	s->violated = rule;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	trace(s, h, "VIOLATED %s: %s", rule, text);
	printf("sim -s %s -r %" PRIu64 ": host%u at %" PRIu64
	       " ms violates %s: %s\n",
	       s->scenario->name, s->seed, h->index, s->now_ms, rule, text);
}

/* --- what is on the disk ----------------------------------------------- */

static uint32_t serial_of(const uint8_t *cookie)
{
	uint32_t serial;

	memcpy(&serial, cookie + 8, sizeof(serial));
	return serial;
}

bool check_is_wanted(const struct record_wanted *wanted,
		     const struct record *rec)
{
	if (strcmp(rec->mon_name, wanted->mon_name) != 0 ||
	    strcmp(rec->my_name, wanted->my_name) != 0)
		return false;
	return wanted->cookie == NULL ||
	       (memcmp(rec->priv, wanted->cookie, 8) == 0 &&
		serial_of(rec->priv) >= serial_of(wanted->cookie));
}

static bool has_record(void *ctx, const uint8_t *bytes, size_t len)
{
	struct record_lines lines = {.bytes = bytes, .len = len};
	const struct record_wanted *wanted = ctx;
	const uint8_t *line;
	size_t line_len;

	/* Many files are about others. */
	if (len == 0 || memmem(bytes, len, wanted->mon_name,
			       strlen(wanted->mon_name)) == NULL)
		return false;
	while (record_lines_next(&lines, &line, &line_len)) {
		struct record rec;
		bool is_found;

		if (record_parse(line, line_len, &rec) != RECORD_OK)
			continue;
		is_found = check_is_wanted(wanted, &rec);
		record_fini(&rec);
		if (is_found)
			return true;
	}
	return false;
}

bool check_is_on_disk(const struct disk *disk, enum disk_dir dir,
		      const struct record_wanted *wanted)
{
	struct record_wanted copy = *wanted;

	return disk_survives(disk, dir, wanted->mon_name, has_record, &copy);
}

bool check_is_seen(const struct disk *disk, enum disk_dir dir,
		   const struct record_wanted *wanted)
{
	const struct dirents *files = &disk->dirs[dir].now;
	struct record_wanted copy = *wanted;
	size_t i;

	for (i = 0; i < files->count; i++) {
		const struct inode *inode = files->all[i].inode;

		/* A temporary file that a crash left is no record. */
		if (files->all[i].name[0] != '.' &&
		    has_record(&copy, inode->bytes, inode->len))
			return true;
	}
	return false;
}

/*
 * A promise that was answered outlives a power failure at any later instant.
 */
static void promise_survives_power_failure(struct host *h, struct pair *pair)
{
	struct record_wanted wanted = {
		.mon_name = pair->mon_name,
		.my_name = pair->my_name,
		.cookie = pair->promised,
	};

	if (pair->is_promised && !pair->is_theirs &&
	    !check_is_on_disk(&h->disk, DISK_SM, &wanted))
		check_violate(h, "promise_survives_power_failure",
			      "\"%s\" would be forgotten", pair->mon_name);
}

bool check_has_line(const struct host *h, const struct pair *pair,
		    enum disk_dir dir)
{
	const struct record_wanted wanted = {
		.mon_name = pair->mon_name,
		.my_name = pair->my_name,
	};

	return check_is_on_disk(&h->disk, dir, &wanted);
}

/*
 * Nothing but its acknowledgement takes the line of an untold peer away: no end
 * of sm-notify (its time is over, SIGTERM, a kill between any two effects, a
 * power failure), no setting of it (skip, max-age), no error of the disk.
 */
static void no_peer_is_deleted_untold(struct host *h, struct pair *pair)
{
	if (!pair->is_debt || pair->is_told_elsewhere ||
	    h->theirs.is_unflushed || check_has_line(h, pair, DISK_BAK) ||
	    ((!h->is_turned || pair->is_unmerged) &&
	     check_has_line(h, pair, DISK_SM)))
		return;
	check_violate(h, "no_peer_is_deleted_untold",
		      "\"%s\" was not told of this boot", pair->mon_name);
}

void check_step(struct sim *s)
{
	unsigned int i;
	size_t j;

	for (i = 0; i < s->host_count; i++) {
		struct host *h = &s->hosts[i];

		if (h->checked == h->disk.changes)
			continue;
		h->checked = h->disk.changes;
		for (j = 0; j < h->lockd.pair_count; j++) {
			promise_survives_power_failure(h, &h->lockd.pairs[j]);
			no_peer_is_deleted_untold(h, &h->lockd.pairs[j]);
		}
		errand_check_step(h);
	}
}

/* However many notices come that are in doubt, they cost a peer little. */
void check_asked(struct host *h, const struct addr *to)
{
	const struct host *peer = sim_host_at(h->sim, to);
	uint64_t now_ms = h->sim->now_ms;

	if (peer == NULL)
		return;
	if (now_ms - h->statd.asked[peer->index].since_ms > ASKED_MS) {
		h->statd.asked[peer->index].since_ms = now_ms;
		h->statd.asked[peer->index].count = 0;
	}
	if (++h->statd.asked[peer->index].count > ASKED_MAX)
		check_violate(h, "peer_is_asked_rarely",
			      "%u times within %u ms", ASKED_MAX + 1, ASKED_MS);
}

void check_caps(struct host *h)
{
	struct caps_fault fault;
	size_t waiters;

	if (h->statd.callbacks_at_once > CALLBACKS_AT_ONCE_MAX)
		check_violate(h, "queues_stay_under_their_caps",
			      "%zu callbacks at once",
			      h->statd.callbacks_at_once);
	if (h->statd.core == NULL)
		return;
	if (caps_find(h->statd.core, &fault, &waiters))
		check_violate(h, "queues_stay_under_their_caps",
			      "%s is %zu, and there are %zu", fault.cap,
			      fault.max, fault.count);
	if (h->statd.open_strangers > waiters)
		check_violate(h, "queues_stay_under_their_caps",
			      "%zu callers wait for nothing",
			      h->statd.open_strangers - waiters);
}

/* --- the number -------------------------------------------------------- */

/* state, or state.boot: the next turn goes beyond both. */
static bool has_number(void *ctx, const uint8_t *bytes, size_t len)
{
	const uint32_t *number = ctx;
	struct bootrec rec;

	if (len == STATENUM_FILE_SIZE)
		return statenum_decode(bytes, len) == *number;
	return bootrec_parse(bytes, len, &rec) && rec.number == *number;
}

/* -n announces what it found, whatever another program has raised since. */
static bool is_over(void *ctx, const uint8_t *bytes, size_t len)
{
	const uint32_t *number = ctx;
	struct bootrec rec;

	if (len == STATENUM_FILE_SIZE)
		return statenum_decode(bytes, len) >= *number;
	return bootrec_parse(bytes, len, &rec) && rec.number >= *number;
}

static void check_number(struct host *h, uint32_t number)
{
	uint32_t last = host_last_announced(h);

	if (number % 2 == 0)
		check_violate(h, "number_is_odd", "%u", number);
	if (!disk_survives(&h->disk, DISK_ROOT, "state",
			   h->op.kind == OPERATOR_COPY ? is_over : has_number,
			   &number))
		check_violate(h, "number_is_durable_before_it_is_announced",
			      "%u", number);
	if (last == number &&
	    (h->announced_boot == h->boot || h->op.kind == OPERATOR_COPY ||
	     theirs_has_kept(h, number)))
		return;
	if (number <= last)
		check_violate(h, "number_rises_from_boot_to_boot",
			      "%u after %u", number, last);
	if (h->announced_count == SIM_ANNOUNCED_MAX)
		abort();
	h->announced[h->announced_count++] = number;
	h->announced_boot = h->boot;
}

void check_turned(struct host *h)
{
	size_t i;

	h->checked = UINT64_MAX; /* sm/ no longer counts for the untold */
	for (i = 0; i < h->lockd.pair_count; i++)
		h->lockd.pairs[i].is_fresh = false;
	h->theirs.is_unflushed = false;
	if (h->number % 2 == 0)
		check_violate(h, "number_is_odd", "%u", h->number);
	cluster_turned(h);
	check_step(h->sim);
}

/*
 * Whether the notices of @h leave from an address that nobody registered: then
 * they may be heard, and answered, which takes a baseline, an answer to a
 * question, and a name that resolves.
 */
bool check_is_by_name_only(const struct host *h)
{
	return h->other.family != ADDR_NONE;
}

/* --- promises and debts ------------------------------------------------ */

void check_mon_answered(struct host *h, const struct statd_call *call,
			const uint8_t *bytes, size_t len)
{
	struct rpcmsg_reply reply;

	if (len == 0 || !rpcmsg_parse_reply(bytes, len, &reply) ||
	    reply.status != RPCMSG_SUCCESS || reply.results_len != 8 ||
	    reply.results[3] != 0)
		return;
	if (reply.results[7] != (uint8_t)h->number)
		check_violate(h, "answer_carries_the_number_in_force",
			      "low byte %u, not of %u", reply.results[7],
			      h->number);
	call->pair->is_promised = true;
	call->pair->is_unread = false;
	call->pair->is_theirs = false;
	call->pair->guarded_life = 0;
	memcpy(call->pair->promised, call->cookie, sizeof(call->cookie));
	h->checked = UINT64_MAX;
	check_step(h->sim);
}

/* All are to be told once more, with a new number. */
void check_forced(struct host *h)
{
	size_t i;

	for (i = 0; i < h->lockd.pair_count; i++) {
		struct pair *pair = &h->lockd.pairs[i];

		pair->is_debt = pair->is_debt || pair->is_promised;
		pair->is_told_elsewhere &= !pair->is_promised;
		memset(pair->was_told, 0, sizeof(pair->was_told));
		memset(pair->sent, 0, sizeof(pair->sent));
		pair->is_stuck = false;
	}
	h->checked = UINT64_MAX;
	check_step(h->sim);
}

void check_statd_starts(struct host *h)
{
	size_t i;

	for (i = 0; i < h->lockd.pair_count; i++) {
		h->lockd.pairs[i].is_looked_up = false;
		h->lockd.pairs[i].is_unread = false;
		h->lockd.pairs[i].is_theirs = false;
	}
	h->checked = UINT64_MAX;
	h->op.has_failed_store = false;
}

void check_unread(struct host *h, const char *file)
{
	size_t i;

	trace(h->sim, h, "statd: sm/%s cannot be read", file);
	for (i = 0; i < h->lockd.pair_count; i++) {
		struct pair *pair = &h->lockd.pairs[i];

		if (strcmp(pair->mon_name, file) != 0)
			continue;
		pair->is_unread = true;
		pair->is_callback_due = false;
		pair->is_unsure = true; /* nor what the cluster was told */
	}
}

void check_unmon_sent(struct host *h, struct pair *pair)
{
	pair->is_looked_up = false;
	pair->is_promised = false;
	pair->is_callback_due = false;
	/*
	 * Its record goes, the one of the boot before with it; but not what
	 * sm.bak/ has of a boot before that.
	 */
	if (!pair->is_debt || !pair->is_unmerged ||
	    check_has_line(h, pair, DISK_BAK))
		return;
	pair->is_debt = false;
	heard_waive(h, pair->peer);
}

void check_power_failed(struct host *h)
{
	struct sim *s = h->sim;
	unsigned int i;
	size_t j;

	for (j = 0; j < h->lockd.pair_count; j++) {
		struct pair *pair = &h->lockd.pairs[j];

		pair->is_debt = pair->is_debt || pair->is_promised;
		pair->is_told_elsewhere &= !pair->is_promised;
		pair->is_fresh = pair->is_fresh || pair->is_promised;
		pair->is_promised = false;
		memset(pair->was_told, 0, sizeof(pair->was_told));
		memset(pair->sent, 0, sizeof(pair->sent));
		pair->is_callback_due = false;
	}
	for (i = 0; i < s->host_count; i++)
		heard_expect(h, &s->hosts[i]);
	foreign_expect(h);
}

/* Whether @name is that form of my_name, or of -v: 0 full, 1 short. */
static bool is_name(const struct host *h, const struct pair *pair, int which,
		    const char *name)
{
	return operator_is_form(pair->my_name, which, name) ||
	       operator_is_form(h->op.name, which, name);
}

/*
 * Design decision 13: both names, or the full one where the short is silent
 * from then on; one may be on its way when the full one is acknowledged.
 */
static void settle_debt(struct pair *pair)
{
	if (pair->was_told[0] &&
	    (pair->was_told[1] || pair->sent[1] + 1 >= NOTIFY_SILENT_TRIES))
		pair->is_debt = false;
}

static void note_told(struct host *h, struct pair *pair, const char *name)
{
	bool was_known = pair->was_told[0];
	int which;

	for (which = 0; which < SIM_NAMES; which++)
		pair->was_told[which] |= is_name(h, pair, which, name);
	if (!was_known)
		memset(pair->sent, 0, sizeof(pair->sent));
	settle_debt(pair);
}

void check_notice_sent(struct host *h, const struct addr *to,
		       const struct notice_mark *notice)
{
	size_t i;
	int which;

	check_number(h, notice->number);
	laterule_check_notice(h, to);
	for (i = 0; i < h->lockd.pair_count; i++) {
		struct pair *pair = &h->lockd.pairs[i];

		if (!names_may_lead_to(pair, to))
			continue;
		for (which = 0; which < SIM_NAMES; which++)
			pair->sent[which] +=
				is_name(h, pair, which, notice->name);
		settle_debt(pair);
	}
}

/* What the turn has still to retire is told after it. */
static bool is_in_sm(const struct host *h, const struct pair *pair)
{
	return !h->is_turned && pair->is_fresh &&
	       check_has_line(h, pair, DISK_SM);
}

/*
 * Whether whoever heard @number knows of our last crash, or -f: one that ended
 * before `state` had its number has told nobody.  -n announces the number as it
 * stands, before the turn and after a -f that was killed.
 */
static bool is_news(const struct host *h, uint32_t number)
{
	return (number == h->number &&
		!(h->is_turned && turn_is_force_unfinished(h))) ||
	       (h->op.kind == OPERATOR_COPY && number == h->op.number &&
		number > h->number);
}

void check_ack_delivered(struct host *h, const struct packet *p)
{
	struct rpcmsg_reply reply;
	size_t i;

	if (p->sender == NULL || !p->acks.is_notice ||
	    !is_news(h, p->acks.number) ||
	    !rpcmsg_parse_reply(p->bytes, p->len, &reply) ||
	    reply.status != RPCMSG_SUCCESS)
		return;
	for (i = 0; i < h->lockd.pair_count; i++) {
		struct pair *pair = &h->lockd.pairs[i];

		names_note_answer(h, pair, p);
		if (cluster_is_answer(h, pair, p) && !is_in_sm(h, pair)) {
			note_told(h, pair, p->acks.name);
			heard_copied(h, pair->peer, p->acks.number);
		}
	}
}

/* --- at the very end --------------------------------------------------- */

/*
 * Whether @pair cannot be told: it is parked; its name leads to another host,
 * or to none; it is behind a translator that lets nobody in.
 */
static bool is_out_of_reach(const struct host *h, const struct pair *pair)
{
	return believed_may_be_refused(h, pair->peer) ||
	       parking_is_excused(h, pair) || names_may_mislead(pair) ||
	       nat_is_closed(pair->peer, h);
}

/*
 * Whether what @pair's peer announces cannot come to us, or cannot be tied to
 * @pair: it has us parked; it has given up; a name leads elsewhere, ours where
 * it is to tell us, or its own.
 */
static bool is_out_of_hearing(const struct host *h, const struct pair *pair)
{
	return parking_is_silent(pair->peer, h) ||
	       foreign_is_excused(pair->peer, h) || names_may_mislead(pair) ||
	       (!names_are_right(h) && heard_is_owed(pair->peer, h, NULL)) ||
	       (pair->is_doubtful && !names_are_right(pair->peer));
}

static void check_pair_end(struct host *h, const struct pair *pair)
{
	if (pair->is_debt && !is_out_of_reach(h, pair))
		check_violate(h, "remembered_peer_is_told", "\"%s\" was not",
			      pair->mon_name);
	if (pair->is_callback_due && pair->is_answered &&
	    !names_may_mislead(pair))
		check_violate(h, "answered_notice_is_delivered",
			      "that of \"%s\" was not", pair->mon_name);
	if (pair->is_callback_due && !is_out_of_hearing(h, pair) &&
	    !(pair->is_doubtful && believed_is_overtaken(h, pair)))
		check_violate(h, "announced_reboot_reaches_lockd",
			      "that of \"%s\" did not", pair->mon_name);
	if (pair->calls > 0)
		check_violate(h, "every_call_gets_one_reply",
			      "lockd waits for \"%s\"", pair->mon_name);
}

/* Whether sm.bak/ still has a line about a peer of @h. */
static bool has_line_left(const struct host *h)
{
	size_t i;

	for (i = 0; i < h->lockd.pair_count; i++) {
		const struct pair *pair = &h->lockd.pairs[i];
		const struct record_wanted wanted = {
			.mon_name = pair->mon_name,
			.my_name = pair->my_name,
		};

		if ((!pair->is_stuck || pair->is_debt) &&
		    !is_out_of_reach(h, pair) &&
		    check_is_seen(&h->disk, DISK_BAK, &wanted))
			return true;
	}
	return false;
}

static void check_host_end(struct host *h)
{
	size_t i;

	if (h->foreign.kind != FOREIGN_NONE) {
		foreign_check_end(h);
		return;
	}
	if (!h->is_up || h->statd.core == NULL) {
		check_violate(h, "host_comes_back", "not up");
		return;
	}
	/* A torn line, which nobody was promised, may name no real host. */
	if (!h->notifier.is_done && has_line_left(h))
		check_violate(h, "notifier_ends", "%zu untold",
			      h->notifier.core != NULL
				      ? notify_untold_count(h->notifier.core)
				      : 0);
	for (i = 0; i < h->lockd.pair_count; i++)
		check_pair_end(h, &h->lockd.pairs[i]);
	for (i = 0; i < h->statd.call_count; i++) {
		if (!h->statd.calls[i].is_answered)
			check_violate(h, "every_call_gets_one_reply",
				      "call %zu has none", i);
	}
	if (nsm_deadline_ms(h->statd.core) < host_clock(h))
		check_violate(h, "deadlines_lie_ahead", "in the past");
	rest_check_end(h);
	callout_check_end(h);
	errand_check_end(h);
}

void check_end(struct sim *s)
{
	unsigned int i;

	for (i = 0; i < s->host_count; i++)
		check_host_end(&s->hosts[i]);
	lockrule_end(s);
}
