/* SPDX-License-Identifier: BSD-2-Clause */
/* Disks that are full, slow, or refuse what they are asked for. */
#include "tests/sim/scenarios/all.h"
#include "tests/sim/sim.h"

static const struct mishap mishaps[] = {
	{50, mishap_lock}, {12, lockd_unlock}, {9, host_power_fail},
	{8, statd_kill},   {4, notifier_kill}, {1, exits_force},
	{5, disk_fill},	   {4, disk_slow},     {0},
};

/* Every disk is bad in its own way. */
static void prepare(struct sim *s)
{
	unsigned int i;

	for (i = 0; i < s->host_count; i++) {
		struct disk *disk = &s->hosts[i].disk;

		disk->error_percent = (unsigned int)sim_between(s, 0, 12);
		if (sim_mishap(s, 50))
			disk->read_percent = (unsigned int)sim_between(s, 1, 8);
	}
	if (s->crash_one_in > 0)
		s->crash_one_in = (unsigned int)sim_between(s, 20, 150);
}

const struct scenario scenario_disk = {
	.name = "disk",
	.what = "disks that are full, slow, or refuse what they are asked for",
	.prepare = prepare,
	.mishaps = mishaps,
};
