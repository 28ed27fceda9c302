/* SPDX-License-Identifier: BSD-2-Clause */
/* Ours and nfs-utils' programs in turn on one directory, in a boot and over. */
#include "tests/sim/scenarios/all.h"
#include "tests/sim/sim.h"

static const struct mishap mishaps[] = {
	{50, mishap_lock},    {10, lockd_unlock},
	{8, host_power_fail}, {15, theirs_exchange},
	{3, statd_kill},      {3, notifier_kill},
	{3, exits_force},     {0},
};

static void prepare(struct sim *s)
{
	unsigned int i;

	s->crash_one_in = (unsigned int)sim_between(s, 30, 300);
	sim_limit_hosts(s, 4);
	for (i = 0; i < s->host_count; i++) {
		s->hosts[i].other.family = ADDR_NONE;
		s->hosts[i].has_callout = false; /* its own notion of memory */
		s->hosts[i].theirs.is_installed = prng_below(&s->rng, 2) == 0;
	}
}

/* In the end it is ours that must have told everybody. */
static void calm(struct sim *s)
{
	unsigned int i;

	for (i = 0; i < s->host_count; i++)
		theirs_leave(&s->hosts[i]);
}

const struct scenario scenario_exchange = {
	.name = "exchange",
	.what = "ours and nfs-utils' in turn, within one boot and over reboots",
	.prepare = prepare,
	.calm = calm,
	.mishaps = mishaps,
};
