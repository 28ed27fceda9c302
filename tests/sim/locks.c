/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The client half of NLM (contract.md 7.1, 7.2): processes that want an
 * exclusive lock on a file of a server, hold it for a while and give it up.
 * SM_MON comes before the first LOCK; a callback has all locks reclaimed; a
 * reclaim that is refused is forgotten, and the process never learns of it.
 *
 * Simpler than lockd, and why no fault of ours can hide behind that:
 *
 *   A process that has to wait asks again every few seconds, as in grace, and
 *   GRANTED is not played: neither statd nor sm-notify has part in it.
 *   Calls are repeated until they are answered, and what their process has
 *   given up on is not served any more, as on a TCP connection: old copies of
 *   LOCK and UNLOCK are a fault of lockd's transport, not of ours.
 *   A lock of which SM_MON failed is refused; Linux grants it unmonitored when
 *   no statd answers for a minute.  Nobody was promised anything then.
 *   Only the handle of a peer's address is used for locks, with the nodename;
 *   other pairs are monitored beside it.  Which record a notice is about is
 *   what heard.c looks at.
 */
#include "tests/sim/sim.h"

#include <string.h>

#include "lib/xalloc.h"

#define REPEAT_MS 2000 /* a call without an answer */
#define POLL_MS	  5000 /* in grace, and where somebody else has it */

static void send_claim(struct host *h, struct claim *claim);

/* --- on the way -------------------------------------------------------- */

void locks_send(struct host *from, struct host *to, const struct nlm_call *call,
		event_run *run)
{
	struct sim *s = from->sim;
	struct event *e;

	if (!net_has_way(from, to) || sim_mishap(s, s->net.loss_percent)) {
		lockrule_trouble(from, to);
		return;
	}
	e = sim_after(s,
		      sim_between(s, 1, s->is_calm ? 5 : s->net.delay_ms_max),
		      run, to);
	e->bytes = xmemdup(call, sizeof(*call));
	e->len = sizeof(*call);
}

struct claim *locks_claim(const struct nlm_call *call)
{
	struct claim *claim = &call->client->locks.claims[call->claim];

	if (!call->client->is_up || call->client->boot != call->client_boot ||
	    claim->owner != call->owner || claim->state == CLAIM_NONE)
		return NULL;
	return claim;
}

/* --- processes --------------------------------------------------------- */

static enum nlm_op op_of(const struct claim *claim)
{
	if (claim->state == CLAIM_LEAVING)
		return LOCK_PUT;
	return claim->state == CLAIM_HELD ? LOCK_RECLAIM : LOCK_GET;
}

/* Has @run called about @claim, unless it is about something else by then. */
static void plan(struct host *h, const struct claim *claim, uint64_t wait_ms,
		 event_run *run)
{
	struct event *e = sim_after(h->sim, wait_ms, run, h);

	e->life = h->boot;
	e->index = (size_t)(claim - h->locks.claims);
	e->id = (uint64_t)claim->owner << 32 | claim->serial;
}

static struct claim *planned(const struct event *e)
{
	struct claim *claim = &e->host->locks.claims[e->index];

	if (!e->host->is_up || e->life != e->host->boot ||
	    claim->owner != e->id >> 32 || claim->state == CLAIM_NONE)
		return NULL;
	return claim;
}

static void repeat(struct sim *s, struct event *e)
{
	struct claim *claim = planned(e);

	(void)s;
	if (claim != NULL && claim->serial == (uint32_t)e->id)
		send_claim(e->host, claim);
}

static void send_claim(struct host *h, struct claim *claim)
{
	struct nlm_call call = {
		.op = op_of(claim),
		.result = LOCK_OPEN,
		.client = h,
		.client_boot = h->boot,
		.claim = (size_t)(claim - h->locks.claims),
		.server = claim->server,
		.server_boot = claim->server->boot,
		.file = claim->file,
		.owner = claim->owner,
		.serial = ++claim->serial,
		.loss = claim->loss,
	};

	plan(h, claim, REPEAT_MS, repeat);
	locks_send(h, claim->server, &call, lockserver_arrive);
}

static void give_up(struct sim *s, struct event *e)
{
	struct claim *claim = planned(e);

	if (claim == NULL)
		return;
	/* lockd lets nobody unlock while it reclaims. */
	if (claim->is_reclaimed) {
		plan(e->host, claim, POLL_MS, give_up);
		return;
	}
	trace(s, e->host, "process %u unlocks", claim->owner);
	claim->state = CLAIM_LEAVING;
	send_claim(e->host, claim);
}

/* A host whose file system @h has mounted, or NULL. */
static struct host *choose_server(struct host *h)
{
	struct sim *s = h->sim;
	uint64_t first = prng_below(&s->rng, s->host_count);
	unsigned int i;

	for (i = 0; i < s->host_count; i++) {
		struct host *server = &s->hosts[(first + i) % s->host_count];

		if (server != h && h->parking.is_server[server->index] &&
		    server->parking.has_nfsd)
			return server;
	}
	return NULL;
}

void locks_want(struct host *h)
{
	struct sim *s = h->sim;
	struct host *server = choose_server(h);
	size_t i;

	for (i = 0; i < LOCKS_CLAIMS; i++)
		if (h->locks.claims[i].state == CLAIM_NONE)
			break;
	if (!h->is_up || !h->lockd.is_started || server == NULL ||
	    i == LOCKS_CLAIMS)
		return;
	h->locks.claims[i] = (struct claim){
		.state = CLAIM_MONITORING,
		.server = server,
		.file = (unsigned int)prng_below(&s->rng, LOCKS_FILES),
		.owner = ++s->last_owner,
	};
	trace(s, h, "process %u wants file %u of host%u", s->last_owner,
	      h->locks.claims[i].file, server->index);
	if (lockd_watch(h, lockd_pair_of(h, server)))
		locks_monitored(h, lockd_pair_of(h, server));
}

void locks_monitored(struct host *h, struct pair *pair)
{
	size_t i;

	if (pair != lockd_pair_of(h, pair->peer))
		return;
	lockserver_monitored(h, pair);
	for (i = 0; i < LOCKS_CLAIMS; i++) {
		struct claim *claim = &h->locks.claims[i];

		if (claim->state != CLAIM_MONITORING ||
		    claim->server != pair->peer)
			continue;
		if (pair->state == PAIR_MONITORED) {
			claim->state = CLAIM_ASKING;
			send_claim(h, claim);
		} else if (pair->state == PAIR_IDLE) {
			claim->state = CLAIM_NONE; /* ENOLCK */
		}
	}
}

bool locks_use(const struct host *h, const struct host *peer)
{
	size_t i;

	for (i = 0; i < LOCKS_CLAIMS; i++)
		if (h->locks.claims[i].state != CLAIM_NONE &&
		    h->locks.claims[i].server == peer)
			return true;
	for (i = 0; i < LOCKS_FILES; i++)
		if (h->locks.files[i].owner != 0 &&
		    h->locks.files[i].client == peer)
			return true;
	return h->locks.is_busy && h->locks.queue[0].call.client == peer;
}

void locks_power_fail(struct host *h)
{
	lockrule_crashed(h);
	lockserver_power_fail(h);
	memset(h->locks.claims, 0, sizeof(h->locks.claims));
}

/* --- answers ----------------------------------------------------------- */

static void take_lock(struct host *h, struct claim *claim,
		      enum nlm_result result)
{
	struct sim *s = h->sim;

	switch (result) {
	case LOCK_GRANTED:
		trace(s, h, "process %u has its lock", claim->owner);
		claim->state = CLAIM_HELD;
		s->lock_counts.granted++;
		/* Some keep theirs to the very end. */
		if (!s->is_calm || prng_below(&s->rng, 2) == 0)
			plan(h, claim, sim_between(s, 1000, 120000), give_up);
		break;
	case LOCK_NO_LOCKS:
		claim->state = CLAIM_NONE; /* ENOLCK */
		break;
	case LOCK_DENIED:
	case LOCK_GRACE:
	case LOCK_OPEN:
		plan(h, claim, POLL_MS, repeat);
		break;
	}
}

static void take_reclaim(struct host *h, struct claim *claim,
			 enum nlm_result result)
{
	claim->is_reclaimed = false;
	if (result == LOCK_GRANTED) {
		trace(h->sim, h, "process %u: reclaimed", claim->owner);
		h->sim->lock_counts.reclaimed++;
		return;
	}
	trace(h->sim, h, "process %u: failed to reclaim, %d", claim->owner,
	      result);
	claim->is_forgotten = true;
	lockrule_refused(h, claim, result);
}

void locks_answered(struct sim *s, struct event *e)
{
	struct nlm_call call;
	struct claim *claim;

	(void)s;
	memcpy(&call, e->bytes, sizeof(call));
	claim = locks_claim(&call);
	/* With the server its connections are gone. */
	if (claim == NULL || claim->serial != call.serial ||
	    !call.server->is_up || call.server->boot != call.server_boot)
		return;
	claim->serial++;
	if (call.op == LOCK_GET)
		take_lock(e->host, claim, call.result);
	else if (call.op == LOCK_RECLAIM)
		take_reclaim(e->host, claim, call.result);
	else
		claim->state = CLAIM_NONE;
}

/* --- the callback ------------------------------------------------------ */

void locks_called_back(struct host *h, struct pair *pair, uint32_t number)
{
	size_t i;

	/* lockd acts when the number is another one than before. */
	if (pair->heard == number)
		return;
	pair->heard = number;
	if (pair != lockd_pair_of(h, pair->peer))
		return;
	lockserver_drop(h, pair->peer, number);
	for (i = 0; i < LOCKS_CLAIMS; i++) {
		struct claim *claim = &h->locks.claims[i];

		if (claim->server != pair->peer || claim->is_forgotten ||
		    claim->state != CLAIM_HELD)
			continue;
		trace(h->sim, h, "process %u: reclaim", claim->owner);
		claim->is_reclaimed = true;
		send_claim(h, claim);
	}
}
