/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Misfortunes that a scenario may choose from, beside those that the models
 * have themselves (host_power_fail(), statd_kill(), exits_force(), ...).
 */
#include "tests/sim/sim.h"

#define PARTED_MS_MAX 300000

static struct host *other_host(struct host *h)
{
	struct sim *s = h->sim;
	uint64_t step = sim_between(s, 1, s->host_count - 1);

	return &s->hosts[(h->index + step) % s->host_count];
}

void mishap_lock(struct host *h)
{
	lockd_lock(h, other_host(h));
}

static void lockd_returns(struct sim *s, struct event *e)
{
	(void)s;
	if (e->life != e->host->boot || !e->host->is_up)
		return;
	e->host->lockd.is_registered = true;
	lockrule_away(e->host);
}

void mishap_lockd_leaves(struct host *h)
{
	struct sim *s = h->sim;

	if (!h->is_up || !h->lockd.is_registered)
		return;
	trace(s, h, "lockd is not registered for a while");
	h->lockd.is_registered = false;
	lockrule_away(h);
	sim_after(s, sim_between(s, 100, 30000), lockd_returns, h)->life =
		h->boot;
}

void mishap_cut_link(struct host *h)
{
	struct sim *s = h->sim;
	struct host *to = other_host(h);

	trace(s, h, "link to host%u is dead for a while", to->index);
	s->net.dead_until_ms[h->index][to->index] =
		s->now_ms + sim_between(s, 1000, 120000);
	if (prng_below(&s->rng, 2) == 0)
		s->net.dead_until_ms[to->index][h->index] =
			s->net.dead_until_ms[h->index][to->index];
}

void mishap_partition(struct host *h)
{
	struct sim *s = h->sim;
	uint64_t side = sim_between(s, 1, (UINT64_C(1) << s->host_count) - 2);
	uint64_t until_ms = s->now_ms + sim_between(s, 10000, PARTED_MS_MAX);
	unsigned int i, j;

	trace(s, NULL, "hosts %02x are cut off from the others",
	      (unsigned int)side);
	for (i = 0; i < s->host_count; i++)
		for (j = 0; j < s->host_count; j++)
			if ((side >> i & 1) != (side >> j & 1))
				s->net.dead_until_ms[i][j] = until_ms;
}

void mishap_forge_notice(struct host *h)
{
	attack_notice(h->sim);
}

void mishap_forge_name(struct host *h)
{
	attack_name(h);
}

void mishap_send_stranger(struct host *h)
{
	attack_stranger(h->sim);
}
