/* SPDX-License-Identifier: BSD-2-Clause */
/* Everything that can happen happens, and all at once. */
#include "tests/sim/scenarios/all.h"
#include "tests/sim/sim.h"

static const struct mishap mishaps[] = {
	{30, mishap_lock},	   {10, locks_want},
	{15, lockd_unlock},	   {5, host_power_fail},
	{6, statd_kill},	   {3, notifier_kill},
	{2, notifier_stop},	   {1, exits_force},
	{5, mishap_lockd_leaves},  {5, mishap_cut_link},
	{6, attack_answer},	   {9, mishap_forge_notice},
	{3, mishap_send_stranger}, {0},
};

const struct scenario scenario_any = {
	.name = "any",
	.what = "everything that can happen, all at once",
	.mishaps = mishaps,
};
