/* SPDX-License-Identifier: BSD-2-Clause */
/* Lock managers that come, go and dawdle, in a network that falls apart. */
#include "tests/sim/scenarios/all.h"
#include "tests/sim/sim.h"

#define LATE_MS_MAX (10 * 60 * 1000)

static const struct mishap mishaps[] = {
	{50, mishap_lock},     {12, lockd_unlock},   {8, host_power_fail},
	{4, statd_kill},       {6, lockd_slow},	     {6, lockd_restart},
	{3, lockd_unload},     {6, lockd_nfsd},	     {5, mishap_lockd_leaves},
	{5, mishap_partition}, {2, mishap_cut_link}, {0},
};

static void prepare(struct sim *s)
{
	s->net.late_percent = (unsigned int)sim_between(s, 0, 25);
	s->net.late_ms_max = sim_between(s, 1000, LATE_MS_MAX);
}

const struct scenario scenario_lockd = {
	.name = "lockd",
	.what = "lock managers that come, go and dawdle; partitions, old "
		"packets",
	.prepare = prepare,
	.mishaps = mishaps,
};
