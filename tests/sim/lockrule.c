/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What must hold of locks, seen from above: what servers have in their tables,
 * and what processes believe.  A process that has lost its lock is never told
 * (contract.md 7.2); it goes on believing.
 *
 *   lock_has_one_owner       nobody gets a lock that somebody believes to have
 *   reclaimable_lock_is_kept  when the grace period of a server that crashed
 *                            ends, who had a lock has it again
 *   lock_is_dropped_for_a_new_boot  a server drops, and a client reclaims,
 *                            locks from before the reboot that was announced
 *   freed_lock_is_granted    at the end no lock is held by the dead
 *   grace_is_lifted_for_nobody  whoever is to be told has all of the grace
 *                            period
 *
 * A loss that the manual pages admit is no fault, and counted by its name (enum
 * loss); whether it is one, is decided where the lock is lost.
 */
#include "tests/sim/sim.h"

#include <inttypes.h>
#include <stdio.h>

#include "tests/sim/known.h"

/*
 * From the end of all trouble to the reclaim: the longest wait of sm-notify
 * while a grace period may run, the repetition of a callback, of a question and
 * of the reclaim itself.
 */
#define HEALED_MS    15000
#define DISK_MS	     5000  /* from a failed write to the refusal of a lock */
#define AWAY_MS	     16000 /* statd's pauses, once lockd did not answer */
#define BASELINE_MS  5000  /* until it is there */
#define GRACE_MS_MIN 40000 /* else nothing is said about it */

typedef void visit_claim(struct host *server, struct host *client,
			 struct claim *claim);

static bool is_believed(const struct claim *claim)
{
	return claim->state == CLAIM_HELD;
}

/* Shows @visit what processes of any host have, or want, at @server. */
static void each_claim(struct host *server, visit_claim *visit)
{
	struct sim *s = server->sim;
	unsigned int i;
	size_t j;

	for (i = 0; i < s->host_count; i++)
		for (j = 0; j < LOCKS_CLAIMS; j++) {
			struct host *client = &s->hosts[i];
			struct claim *claim = &client->locks.claims[j];

			if (claim->state != CLAIM_NONE &&
			    claim->server == server)
				visit(server, client, claim);
		}
}

static bool is_in_table(const struct host *server, const struct claim *claim)
{
	return server->locks.files[claim->file].owner == claim->owner;
}

static void lose(struct host *client, struct claim *claim, enum loss loss)
{
	trace(client->sim, client, "process %u: its lock is lost, %d",
	      claim->owner, loss);
	claim->loss = loss;
	claim->is_owed = false;
	client->sim->lock_counts.lost[loss]++;
}

/* --- trouble ----------------------------------------------------------- */

void lockrule_trouble(struct host *a, struct host *b)
{
	a->locks.trouble_ms[b->index] = a->sim->now_ms;
	b->locks.trouble_ms[a->index] = a->sim->now_ms;
}

void lockrule_away(struct host *h)
{
	h->locks.was_away_ms = h->sim->now_ms;
	lockrule_trouble_all(h);
}

void lockrule_trouble_all(struct host *h)
{
	unsigned int i;

	for (i = 0; i < h->sim->host_count; i++)
		lockrule_trouble(h, &h->sim->hosts[i]);
}

/* Whether nothing has failed between @a and @b for long enough. */
static bool is_healed(const struct host *a, const struct host *b)
{
	return net_has_way(a, b) && net_has_way(b, a) &&
	       a->locks.trouble_ms[b->index] + HEALED_MS <= a->sim->now_ms;
}

static bool is_well(const struct host *h)
{
	return h->is_up && h->statd.core != NULL && h->lockd.is_registered;
}

/* --- what the manual pages admit --------------------------------------- */

static bool is_declared(const struct host *h)
{
	return h->locks.forced_boot == h->boot;
}

/* Why @h needs not have told @peer by now, of its last reboot. */
static enum loss excuse_untold(struct host *h, struct host *peer)
{
	const struct pair *pair = lockd_pair_of(h, peer);

	if (check_is_by_name_only(h))
		return LOSS_BY_NAME;
	if (!pair->is_debt)
		return LOSS_NOT;
	if (pair->is_aside)
		return LOSS_ASIDE;
	if (pair->is_unmerged && !check_has_line(h, pair, DISK_BAK))
		return LOSS_UNMERGED;
	if (parking_is_excused(h, pair))
		return LOSS_PARKED;
	if (pair->is_missed)
		return LOSS_UNREAD;
	if (h->notifier.core == NULL && h->locks.was_ended_ms >= h->boot_ms)
		return LOSS_NOT_RUN;
	return LOSS_NOT;
}

/* Why @client may not have reclaimed by the end of the grace period. */
static enum loss excuse_unreclaimed(struct host *server, struct host *client)
{
	bool is_healthy;
	enum loss loss;

	if (is_declared(server) || is_declared(client))
		return LOSS_DECLARED;
	if (server->locks.grace_ms < GRACE_MS_MIN)
		return LOSS_NO_GRACE;
	is_healthy =
		is_healed(server, client) && is_well(server) && is_well(client);
	loss = excuse_untold(server, client);
	/* The run that had it set aside is over, but it stays parked. */
	if (loss == LOSS_PARKED && lockd_pair_of(server, client)->was_aside)
		return LOSS_ASIDE;
	/* Else in grace nobody is but who serves a mount of the server's. */
	if (loss == LOSS_PARKED && is_healthy &&
	    !server->parking.is_server[client->index])
		loss = LOSS_NOT;
	if (loss != LOSS_NOT)
		return loss;
	if (lockd_pair_of(client, server)->forged_ms > 0)
		return LOSS_FORGED;
	return is_healthy ? LOSS_NOT : LOSS_NETWORK;
}

/*
 * Whether a notice of @number may be in the network though @peer has locks with
 * @h since: it was answered, or given up (design decision 14).
 */
static bool is_copy(struct host *h, struct host *peer, uint32_t number)
{
	return number <= h->locks.told[peer->index] ||
	       check_is_by_name_only(peer) ||
	       parking_is_excused(peer, lockd_pair_of(peer, h));
}

/* What its statd knows now is another matter once it has called lockd back. */
void lockrule_noticed(struct host *h, const struct addr *from, uint32_t number)
{
	size_t i;

	for (i = 0; i < h->lockd.pair_count && h->statd.core != NULL; i++) {
		struct pair *pair = &h->lockd.pairs[i];

		if (known_is_ambiguous(h->statd.core, pair, from, number))
			pair->ambiguous = number;
	}
}

/*
 * Why @h may hear of the reboot of @peer, which has @pair with it, for the
 * first time, and too late.
 */
static enum loss excuse_first(const struct host *h, const struct host *peer,
			      const struct pair *pair)
{
	/* A user of the peer's host, while its statd is silent. */
	if (!h->sim->is_faithful)
		return LOSS_FORGED;
	/* A stranger's notice has it ask, and it hears of the reboot. */
	if (!pair->is_debt)
		return LOSS_UNANNOUNCED;
	/* A statd that starts leaves it to sm-notify (statd/late.h). */
	return pair->is_graced && pair->granted_life != peer->statd.life
		       ? LOSS_GRACE_ENDED
		       : LOSS_NOT;
}

/*
 * Why @h may believe, of a lock from when @peer was at @known, that @peer has
 * rebooted since, and is at @number.
 */
static enum loss excuse_false(struct host *h, struct host *peer,
			      uint32_t number, uint32_t known)
{
	const struct pair *pair = lockd_pair_of(h, peer);
	/* It has its baseline, soon, and the peer says that this is it. */
	bool can_ask = peer->stat_model == STAT_OWN && is_well(peer) &&
		       pair->cookie_ms >= peer->boot_ms &&
		       pair->cookie_ms + BASELINE_MS < h->sim->now_ms &&
		       pair->ambiguous != number &&
		       h->locks.trouble_ms[peer->index] < pair->cookie_ms;

	if (is_declared(h) || is_declared(peer))
		return LOSS_DECLARED;
	if (pair->forged_ms > 0)
		return LOSS_FORGED;
	if (lockd_pair_of(peer, h)->is_unread)
		return LOSS_UNREAD;
	if (number > known)
		return LOSS_NOT;
	if (!is_copy(h, peer, number))
		return excuse_first(h, peer, lockd_pair_of(peer, h));
	if (can_ask && !h->parking.is_server[peer->index])
		return LOSS_NOT;
	return LOSS_LATE_COPY;
}

/* --- a crash, and the grace period after it ---------------------------- */

static void owe(struct host *server, struct host *client, struct claim *claim)
{
	(void)client;
	if (is_believed(claim) && claim->loss == LOSS_NOT &&
	    is_in_table(server, claim))
		claim->is_owed = true;
}

void lockrule_crashed(struct host *h)
{
	each_claim(h, owe);
}

static void declare_lost(struct host *server, struct host *client,
			 struct claim *claim)
{
	(void)server;
	if (is_believed(claim) && claim->loss == LOSS_NOT)
		lose(client, claim, LOSS_DECLARED);
}

void lockrule_declared(struct host *h)
{
	size_t i;

	h->locks.forced_boot = h->boot;
	each_claim(h, declare_lost);
	for (i = 0; i < LOCKS_CLAIMS; i++)
		declare_lost(h, h, &h->locks.claims[i]);
}

static void look_at_owed(struct host *server, struct host *client,
			 struct claim *claim)
{
	enum loss loss;

	if (!claim->is_owed)
		return;
	claim->is_owed = false;
	if (is_in_table(server, claim))
		return;
	loss = excuse_unreclaimed(server, client);
	if (loss == LOSS_NOT)
		check_violate(server, "reclaimable_lock_is_kept",
			      "process %u of host%u has lost it", claim->owner,
			      client->index);
	else
		lose(client, claim, loss);
}

void lockrule_grace_over(struct host *h)
{
	trace(h->sim, h, "lockd: grace is over");
	each_claim(h, look_at_owed);
}

/* Whether sm-notify finds a line about @pair in @dir. */
static bool is_seen(const struct host *h, const struct pair *pair,
		    enum disk_dir dir)
{
	const struct record_wanted wanted = {
		.mon_name = pair->mon_name,
		.my_name = pair->my_name,
	};

	return check_is_seen(&h->disk, dir, &wanted);
}

/*
 * Whether another host has acknowledged in the place of @pair, so that nothing
 * on the disk says that this is untold.  A line that is still there counts,
 * wherever the name leads, and so does one that the turn had to leave in sm/.
 */
static bool is_told_elsewhere(const struct host *h, const struct pair *pair)
{
	return pair->is_told_elsewhere && !is_seen(h, pair, DISK_BAK) &&
	       !(pair->is_unmerged && is_seen(h, pair, DISK_SM));
}

void lockrule_lifted(struct host *h)
{
	size_t i;

	h->sim->lock_counts.lifted++;
	for (i = 0; i < h->lockd.pair_count; i++) {
		const struct pair *pair = &h->lockd.pairs[i];

		if (pair->is_debt && !pair->is_aside &&
		    !is_told_elsewhere(h, pair))
			check_violate(h, "grace_is_lifted_for_nobody",
				      "\"%s\" is untold", pair->mon_name);
	}
}

/* --- one lock ---------------------------------------------------------- */

/* The process that a server has in its table, where it is there; or NULL. */
static struct claim *find_owner(const struct file *file)
{
	size_t i;

	for (i = 0; file->owner != 0 && i < LOCKS_CLAIMS; i++) {
		struct claim *claim = &file->client->locks.claims[i];

		if (claim->owner == file->owner && claim->state != CLAIM_NONE)
			return claim;
	}
	return NULL;
}

/* @other is given the lock that @claim is about. */
static void look_at_other(struct host *client, struct claim *claim,
			  const struct claim *other)
{
	if (!is_believed(claim) || claim == other ||
	    claim->file != other->file || claim->loss != LOSS_NOT)
		return;
	/* In NLM who reclaims after two crashes is believed. */
	if (other->loss != LOSS_NOT)
		lose(client, claim, LOSS_CONFLICT);
	else
		check_violate(client, "lock_has_one_owner",
			      "process %u has it, and %u gets it", claim->owner,
			      other->owner);
}

void lockrule_answered(struct host *h, struct host *client, uint32_t number,
		       bool is_of_nobody)
{
	struct pair *pair = lockd_pair_of(h, client);

	h->locks.told[client->index] = number;
	if (pair == NULL || pair->answered == number || !pair->is_promised)
		return;
	if (is_of_nobody) {
		pair->ignored = number;
		return;
	}
	pair->answered = number;
	pair->answered_ms = h->sim->now_ms;
}

void lockrule_granted(struct host *h, const struct file *file,
		      const struct nlm_call *call)
{
	/*
	 * Its host may have lost its power while lockd here was busy: nobody
	 * asks for the lock any more, but it gets it all the same.
	 */
	const struct claim dead = {.file = call->file,
				   .owner = call->owner,
				   .loss = call->loss};
	struct claim *owner = find_owner(file);
	struct sim *s = h->sim;
	unsigned int i;
	size_t j;

	if (owner == NULL && dead.loss == LOSS_NOT)
		return;
	for (i = 0; i < s->host_count; i++)
		for (j = 0; j < LOCKS_CLAIMS; j++) {
			struct host *client = &s->hosts[i];
			struct claim *claim = &client->locks.claims[j];

			if (claim->server == h)
				look_at_other(client, claim,
					      owner != NULL ? owner : &dead);
		}
	if (owner == NULL)
		return;
	owner->is_owed = false;
	owner->server_number = h->number;
}

/* Whether statd could not call lockd since the notice about @pair came. */
static bool was_away(const struct host *h, const struct pair *pair)
{
	return h->locks.was_away_ms + AWAY_MS >= pair->answered_ms;
}

/*
 * Why @h hears now of the reboot of @pair->peer, which has had its answer, and
 * drops @file, which is newer.
 */
static enum loss excuse_answered(const struct host *h, const struct pair *pair,
				 const struct file *file, uint32_t number)
{
	/*
	 * No answer, or one to a notice of nobody's, which has no callback:
	 * whoever else speaks of the reboot, as a user of the peer's host can.
	 */
	if (pair->answered != number)
		return pair->ignored == number ? LOSS_BY_NAME : LOSS_LATE_COPY;
	/* It is not a copy that comes late, but the callback. */
	if (pair->answered_ms < file->granted_ms)
		return was_away(h, pair) ? LOSS_ANSWERED : LOSS_NOT;
	return LOSS_LATE_COPY;
}

void lockrule_dropped(struct host *h, const struct file *file, uint32_t number)
{
	struct claim *claim = find_owner(file);
	const struct pair *pair;
	enum loss loss;

	h->sim->lock_counts.freed++;
	if (claim == NULL || claim->loss != LOSS_NOT ||
	    (claim->state != CLAIM_HELD && claim->state != CLAIM_ASKING))
		return;
	pair = lockd_pair_of(h, file->client);
	loss = excuse_false(h, file->client, number, file->client_number);
	if (loss == LOSS_LATE_COPY)
		loss = excuse_answered(h, pair, file, number);
	if (loss == LOSS_NOT)
		check_violate(h, "lock_is_dropped_for_a_new_boot",
			      "process %u is there, number %u", claim->owner,
			      number);
	else
		lose(file->client, claim, loss);
}

static bool has_disk_failed(const struct host *h)
{
	return h->locks.disk_failed_ms > 0 &&
	       h->locks.disk_failed_ms + DISK_MS >= h->sim->now_ms;
}

/* The server may still have it, or has come back and does not give it. */
void lockrule_refused(struct host *h, struct claim *claim,
		      enum nlm_result result)
{
	struct host *server = claim->server;
	enum loss loss = LOSS_NOT;

	if (claim->loss != LOSS_NOT)
		return;
	if (result == LOCK_NO_LOCKS && has_disk_failed(server))
		loss = LOSS_UNMONITORED;
	else if (!claim->is_owed)
		loss = excuse_false(h, server, lockd_pair_of(h, server)->heard,
				    claim->server_number);
	if (loss != LOSS_NOT)
		lose(h, claim, loss);
	else if (claim->is_owed)
		check_violate(h, "reclaimable_lock_is_kept",
			      "process %u is refused, %d", claim->owner,
			      result);
	else
		check_violate(h, "lock_is_dropped_for_a_new_boot",
			      "process %u reclaims, number %u", claim->owner,
			      lockd_pair_of(h, server)->heard);
}

/* --- at the very end --------------------------------------------------- */

static void check_claim_end(struct host *server, struct host *client,
			    struct claim *claim)
{
	if (is_believed(claim) && claim->loss == LOSS_NOT &&
	    !is_in_table(server, claim))
		check_violate(client, "reclaimable_lock_is_kept",
			      "process %u has lost it", claim->owner);
}

void lockrule_end(struct sim *s)
{
	unsigned int i;
	size_t j;

	for (i = 0; i < s->host_count; i++) {
		struct host *h = &s->hosts[i];

		each_claim(h, check_claim_end);
		for (j = 0; j < LOCKS_FILES; j++) {
			const struct file *file = &h->locks.files[j];

			if (file->owner != 0 && find_owner(file) == NULL &&
			    !is_declared(file->client) &&
			    excuse_untold(file->client, h) == LOSS_NOT)
				check_violate(h, "freed_lock_is_granted",
					      "process %u is dead, and has it",
					      file->owner);
		}
	}
}

/* --- counts ------------------------------------------------------------ */

void lockrule_add(struct lock_counts *sum, const struct lock_counts *more)
{
	size_t i;

	sum->granted += more->granted;
	sum->reclaimed += more->reclaimed;
	sum->freed += more->freed;
	sum->lifted += more->lifted;
	for (i = 0; i < LOSS_COUNT; i++)
		sum->lost[i] += more->lost[i];
}

void lockrule_print(const char *scenario, const struct lock_counts *counts)
{
	static const char *const names[LOSS_COUNT] = {
		[LOSS_NETWORK] = "network",
		[LOSS_NO_GRACE] = "no grace",
		[LOSS_PARKED] = "parked",
		[LOSS_ASIDE] = "set aside",
		[LOSS_UNREAD] = "not read",
		[LOSS_UNMERGED] = "not merged",
		[LOSS_NOT_RUN] = "sm-notify ended",
		[LOSS_DECLARED] = "declared",
		[LOSS_ANSWERED] = "answered early",
		[LOSS_LATE_COPY] = "late copy",
		[LOSS_GRACE_ENDED] = "end of grace",
		[LOSS_UNANNOUNCED] = "unannounced",
		[LOSS_FORGED] = "forged",
		[LOSS_BY_NAME] = "by name only",
		[LOSS_UNMONITORED] = "unmonitored",
		[LOSS_CONFLICT] = "conflict",
	};
	size_t i;

	printf("%s: locks: %" PRIu64 " granted, %" PRIu64 " reclaimed, %" PRIu64
	       " freed, grace lifted %" PRIu64 " times; lost:",
	       scenario, counts->granted, counts->reclaimed, counts->freed,
	       counts->lifted);
	for (i = 1; i < LOSS_COUNT; i++)
		printf("%s %s %" PRIu64, i > 1 ? "," : "", names[i],
		       counts->lost[i]);
	printf("\n");
}
