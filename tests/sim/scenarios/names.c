/* SPDX-License-Identifier: BSD-2-Clause */
/* A name service that is wrong, slow, dead, or of another mind later. */
#include "tests/sim/scenarios/all.h"
#include "tests/sim/sim.h"

static const struct mishap mishaps[] = {
	{50, mishap_lock},	   {10, lockd_unlock},
	{10, host_power_fail},	   {6, statd_kill},
	{3, notifier_kill},	   {8, names_die},
	{4, mishap_cut_link},	   {9, mishap_forge_notice},
	{3, mishap_send_stranger}, {0},
};

static void prepare(struct sim *s)
{
	believed_prepare(s);
	foreign_prepare_some(s);
	names_prepare(s);
}

const struct scenario scenario_names = {
	.name = "names",
	.what = "a name service that is wrong, slow, dead or changes its mind",
	.prepare = prepare,
	.mishaps = mishaps,
};
