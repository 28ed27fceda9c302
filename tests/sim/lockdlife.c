/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What becomes of a lock manager within a boot: it is slow, it goes away and
 * comes again elsewhere, it is unloaded, and the NFS server beside it is
 * started and stopped.
 */
#include <string.h>

#include "tests/sim/sim.h"

#define SLOW_MS_MAX  300000
#define AWAY_MS_MAX  180000
#define GRACE_MS_MAX 90000

/* It answers a callback after up to LOCKD_SLOW_MS, for some minutes. */
void lockd_slow(struct host *h)
{
	trace(h->sim, h, "lockd is slow for a while");
	h->lockd.slow_until_ms =
		h->sim->now_ms + sim_between(h->sim, 1000, SLOW_MS_MAX);
}

static void come_again(struct sim *s, struct event *e)
{
	struct host *h = e->host;

	if (e->life != h->boot || !h->is_up)
		return;
	trace(s, h, "lockd is there again, on port %u", h->lockd.port);
	h->lockd.is_registered = true;
}

/* Without a lock and without a handle: it knows nobody. */
static void forget(struct pair *pair)
{
	pair->state = PAIR_IDLE;
	pair->calls = 0;
	pair->has_cookie = false;
	pair->has_locks = false;
	pair->is_callback_due = false;
}

static void go_away(struct host *h)
{
	struct lockd *l = &h->lockd;
	size_t i;

	memset(l->calls, 0, sizeof(l->calls));
	for (i = 0; i < l->pair_count; i++)
		forget(&l->pairs[i]);
	l->is_registered = false;
	l->port = (uint16_t)sim_between(h->sim, 30000, 39999);
	sim_after(h->sim, sim_between(h->sim, 10, AWAY_MS_MAX), come_again, h)
		->life = h->boot;
}

void lockd_restart(struct host *h)
{
	if (!h->is_up)
		return;
	trace(h->sim, h, "lockd goes away without a word");
	go_away(h);
}

void lockd_unload(struct host *h)
{
	struct lockd *l = &h->lockd;
	size_t i;

	if (!h->is_up)
		return;
	trace(h->sim, h, "lockd is unloaded");
	for (i = 0; i < l->pair_count && h->is_up; i++)
		lockd_leave(h, &l->pairs[i]);
	if (h->is_up)
		go_away(h);
}

void lockd_nfsd(struct host *h)
{
	struct parking *parking = &h->parking;

	parking->has_nfsd = !parking->has_nfsd;
	trace(h->sim, h, "nfsd is %s",
	      parking->has_nfsd ? "started" : "stopped");
	if (parking->has_nfsd)
		parking->grace_until_ms =
			h->sim->now_ms +
			sim_between(h->sim, 5000, GRACE_MS_MAX);
}
