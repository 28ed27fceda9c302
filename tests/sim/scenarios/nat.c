/* SPDX-License-Identifier: BSD-2-Clause */
/* Hosts behind a translator, some of which share its address. */
#include "tests/sim/scenarios/all.h"
#include "tests/sim/sim.h"

static const struct mishap mishaps[] = {
	{50, mishap_lock},	   {10, lockd_unlock},
	{10, host_power_fail},	   {6, statd_kill},
	{3, notifier_kill},	   {4, nat_forget},
	{4, mishap_cut_link},	   {9, mishap_forge_notice},
	{3, mishap_send_stranger}, {0},
};

static void prepare(struct sim *s)
{
	believed_prepare(s);
	foreign_prepare_some(s);
	nat_prepare(s);
}

const struct scenario scenario_nat = {
	.name = "nat",
	.what = "hosts behind a translator of addresses, alone or several",
	.prepare = prepare,
	.mishaps = mishaps,
};
