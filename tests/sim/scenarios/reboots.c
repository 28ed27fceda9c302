/* SPDX-License-Identifier: BSD-2-Clause */
/* A cluster whose power comes and goes: chains of reboots, also in the turn. */
#include "tests/sim/scenarios/all.h"
#include "tests/sim/sim.h"

static const struct mishap mishaps[] = {
	{60, mishap_lock},
	{10, lockd_unlock},
	{30, host_power_fail},
	{0},
};

static void prepare(struct sim *s)
{
	s->crash_one_in = 50;
}

const struct scenario scenario_reboots = {
	.name = "reboots",
	.what = "power failures one after the other, also within the boot turn",
	.prepare = prepare,
	.mishaps = mishaps,
};
