/* SPDX-License-Identifier: BSD-2-Clause */
/* sm-notify with -f, -n and -v, several at once, killed at every step. */
#include "tests/sim/scenarios/all.h"
#include "tests/sim/sim.h"

static const struct mishap mishaps[] = {
	{50, mishap_lock},     {10, lockd_unlock},
	{8, host_power_fail},  {5, statd_kill},
	{8, notifier_kill},    {4, notifier_stop},
	{12, exits_force},     {12, operator_copy},
	{10, operator_rename}, {0},
};

static void prepare(struct sim *s)
{
	s->crash_one_in = (unsigned int)sim_between(s, 20, 150);
	sim_limit_hosts(s, 3);
}

const struct scenario scenario_operators = {
	.name = "operators",
	.what = "sm-notify -f, -n, -v and -P, at once and killed",
	.has_operators = true,
	.prepare = prepare,
	.mishaps = mishaps,
};
