/* SPDX-License-Identifier: BSD-2-Clause */
/* Hosts of ours among those of nfs-utils, FreeBSD and illumos. */
#include "tests/sim/scenarios/all.h"
#include "tests/sim/sim.h"

/* Some other system is started anew, or its status monitor. */
static void other_restarts(struct host *h)
{
	struct sim *s = h->sim;
	struct host *other = &s->hosts[sim_between(s, 1, s->host_count - 1)];

	switch (prng_below(&s->rng, 6)) {
	case 0:
		foreign_simulate_crash(other);
		break;
	case 1:
		foreign_lose_file(other);
		break;
	default:
		foreign_restart(other);
	}
}

static const struct mishap mishaps[] = {
	{50, mishap_lock},
	{12, lockd_unlock},
	{10, host_power_fail},
	{6, statd_kill},
	{3, notifier_kill},
	{5, other_restarts},
	{4, mishap_lockd_leaves},
	{5, mishap_cut_link},
	{9, mishap_forge_notice},
	{3, mishap_send_stranger},
	{0},
};

/* Host 0 is always ours, so that somebody is told, and hears. */
static void prepare(struct sim *s)
{
	unsigned int i;

	believed_prepare(s);
	for (i = 1; i < s->host_count; i++) {
		if (prng_below(&s->rng, 3) == 0)
			names_add_address(&s->hosts[i]);
		foreign_prepare(&s->hosts[i],
				(enum foreign_kind)prng_below(&s->rng, 4));
	}
}

const struct scenario scenario_peers = {
	.name = "peers",
	.what = "peers of nfs-utils, FreeBSD and illumos",
	.prepare = prepare,
	.mishaps = mishaps,
};
