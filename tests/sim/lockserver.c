/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The server half of NLM (contract.md 7.1, 7.2, 7.4): one thread, which does
 * nothing else while it waits for SM_MON, and a grace period that begins when
 * it starts: no locks but those that are reclaimed.  Outside of it none are
 * reclaimed.
 */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "lib/xalloc.h"

#define PATIENCE_MS 1000 /* between tries where there is no statd */

static void pump(struct host *h);

/* --- its grace period -------------------------------------------------- */

static bool is_grace(const struct host *h)
{
	return h->sim->now_ms < h->parking.grace_until_ms;
}

static void look(struct host *h)
{
	if (h->locks.is_looked_at || is_grace(h))
		return;
	h->locks.is_looked_at = true;
	lockrule_grace_over(h);
}

static void grace_over(struct sim *s, struct event *e)
{
	(void)s;
	if (e->host->is_up && e->life == e->host->boot)
		look(e->host);
}

/* What runs on it wants its locks again. */
static void want_again(struct sim *s, struct event *e)
{
	if (e->life == e->host->boot && !s->is_calm)
		locks_want(e->host);
}

void lockserver_start(struct host *h)
{
	parking_begin_grace(h);
	h->locks.grace_ms = h->parking.grace_until_ms > h->sim->now_ms
				    ? h->parking.grace_until_ms - h->sim->now_ms
				    : 0;
	sim_after(h->sim, h->locks.grace_ms, grace_over, h)->life = h->boot;
	if (h->sim->is_faithful)
		sim_after(h->sim, sim_between(h->sim, 1000, 5000), want_again,
			  h)
			->life = h->boot;
}

void lockserver_lift(struct host *h)
{
	h->parking.grace_until_ms = h->sim->now_ms;
	look(h);
}

/* --- one call ---------------------------------------------------------- */

static void grant(struct host *h, struct file *file,
		  const struct nlm_call *call)
{
	if (file->owner != call->owner) {
		file->owner = call->owner;
		file->client = call->client;
	}
	file->client_number = call->client->number;
	file->granted_ms = h->sim->now_ms;
	lockrule_granted(h, file, call);
}

static enum nlm_result serve_lock(struct host *h, const struct nlm_call *call)
{
	struct file *file = &h->locks.files[call->file];
	bool is_reclaim = call->op == LOCK_RECLAIM;

	if (is_reclaim != is_grace(h))
		return LOCK_GRACE;
	look(h);
	if (file->owner != 0 && file->owner != call->owner)
		return LOCK_DENIED;
	grant(h, file, call);
	return LOCK_GRANTED;
}

static enum nlm_result serve_unlock(struct host *h, const struct nlm_call *call)
{
	struct file *file = &h->locks.files[call->file];

	if (file->owner == call->owner)
		file->owner = 0;
	return LOCK_GRANTED;
}

/* What a process has given up on is not served, see locks.c. */
static bool is_stale(const struct nlm_call *call)
{
	const struct claim *claim = locks_claim(call);

	if (!call->client->is_up || call->client->boot != call->client_boot)
		return false;
	return claim == NULL || claim->serial != call->serial;
}

static void serve(struct host *h, const struct nlm_call *call,
		  bool is_monitored)
{
	struct nlm_call answer = *call;

	if (is_stale(call))
		return;
	if (call->op == LOCK_PUT)
		answer.result = serve_unlock(h, call);
	else if (!is_monitored)
		answer.result = LOCK_NO_LOCKS;
	else
		answer.result = serve_lock(h, call);
	trace(h->sim, h, "lockd: process %u, op %d: %d", call->owner, call->op,
	      answer.result);
	locks_send(h, call->client, &answer, locks_answered);
}

/* --- one after the other ----------------------------------------------- */

static struct nlm_task *add_task(struct host *h)
{
	struct nlm_task *task;

	if (h->locks.queued == LOCKS_QUEUE_MAX)
		return NULL;
	task = &h->locks.queue[h->locks.queued++];
	*task = (struct nlm_task){0};
	return task;
}

static void end_task(struct host *h)
{
	struct locks *l = &h->locks;

	free(l->queue[0].packet.bytes);
	l->queued--;
	memmove(&l->queue[0], &l->queue[1], l->queued * sizeof(l->queue[0]));
}

void lockserver_arrive(struct sim *s, struct event *e)
{
	struct host *h = e->host;
	struct nlm_task *task;
	struct nlm_call call;

	(void)s;
	memcpy(&call, e->bytes, sizeof(call));
	if (!h->is_up || !h->lockd.is_started || h->boot != call.server_boot)
		return;
	task = add_task(h);
	if (task == NULL)
		return;
	task->call = call;
	pump(h);
}

bool lockserver_defer(struct host *h, const struct packet *p)
{
	struct nlm_task *task;

	if (!h->locks.is_busy)
		return false;
	task = add_task(h);
	if (task == NULL)
		return true; /* as lost */
	task->packet = *p;
	task->packet.bytes = xmemdup(p->bytes, p->len);
	return true;
}

/*
 * No statd answered: lockd tries for a minute, and this one for longer.  Where
 * it died, Linux refuses at once, and who reclaims just then has lost, until
 * rpc-statd.service has its entries out of rpcbind: that moment is not played.
 */
static void watch_again(struct sim *s, struct event *e)
{
	struct host *h = e->host;
	struct pair *pair;

	(void)s;
	if (e->life != h->boot || !h->is_up || !h->locks.is_busy)
		return;
	pair = lockd_pair_of(h, h->locks.queue[0].call.client);
	if (lockd_watch(h, pair))
		lockserver_monitored(h, pair);
}

static void pump(struct host *h)
{
	struct locks *l = &h->locks;

	while (l->queued > 0 && !l->is_busy) {
		struct nlm_call call = l->queue[0].call;
		struct packet packet = l->queue[0].packet;

		if (packet.bytes != NULL) {
			l->queue[0].packet.bytes = NULL;
			end_task(h);
			lockd_input(h, &packet);
			free(packet.bytes);
			continue;
		}
		if (call.op != LOCK_PUT) {
			l->is_busy = true;
			if (!lockd_watch(h, lockd_pair_of(h, call.client)))
				return; /* or the power has failed */
			l->is_busy = false;
		}
		end_task(h);
		serve(h, &call, true);
	}
}

void lockserver_monitored(struct host *h, const struct pair *pair)
{
	struct nlm_call call = h->locks.queue[0].call;

	if (!h->locks.is_busy || call.client != pair->peer ||
	    (pair->state != PAIR_MONITORED && pair->state != PAIR_IDLE))
		return;
	/* The next statd may be there by now: the call failed all the same. */
	if (pair->state == PAIR_IDLE && pair->is_unheard) {
		sim_after(h->sim, PATIENCE_MS, watch_again, h)->life = h->boot;
		return;
	}
	h->locks.is_busy = false;
	end_task(h);
	serve(h, &call, pair->state == PAIR_MONITORED);
	pump(h);
}

void lockserver_drop(struct host *h, struct host *client, uint32_t number)
{
	size_t i;

	for (i = 0; i < LOCKS_FILES; i++) {
		struct file *file = &h->locks.files[i];
		const struct file before = *file;

		if (file->owner == 0 || file->client != client)
			continue;
		trace(h->sim, h, "lockd: drops the lock of process %u",
		      file->owner);
		file->owner = 0;
		lockrule_dropped(h, &before, number);
	}
}

void lockserver_power_fail(struct host *h)
{
	while (h->locks.queued > 0)
		end_task(h);
	h->locks.is_busy = false;
	h->locks.is_looked_at = false;
	memset(h->locks.files, 0, sizeof(h->locks.files));
}
