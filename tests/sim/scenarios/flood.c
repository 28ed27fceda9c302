/* SPDX-License-Identifier: BSD-2-Clause */
/* Hosts that forge, replay and flood, and a lock manager that is busy. */
#include "tests/sim/attack.h"
#include "tests/sim/scenarios/all.h"
#include "tests/sim/sim.h"

#define PACKETS	       800
#define CROWD_CALLS    16
#define CROWD_STAYS_MS 30000
#define LONG_CALM_MS   (15 * 60 * 1000)
#define CHAOS_MS_MAX   120000
#define PAUSE_MS_MAX   4000
#define CROWD_MIN      60

static void crowd_works(struct host *h)
{
	unsigned int i;

	for (i = 0; i < CROWD_CALLS; i++)
		crowd_call(h);
}

static const struct mishap mishaps[] = {
	{25, mishap_lock},
	{5, lockd_unlock},
	{3, host_power_fail},
	{2, statd_kill},
	{4, mishap_lockd_leaves},
	{10, attack_answer},
	{10, mishap_forge_notice},
	{15, attack_replay},
	{15, attack_flood},
	{25, crowd_works},
	{0},
};

static void prepare(struct sim *s)
{
	size_t at = prng_below(&s->rng, s->host_count);
	size_t count = (size_t)sim_between(s, CROWD_MIN, CROWD_MAX);
	bool is_named = prng_below(&s->rng, 4) == 0;

	s->attack.packets_left = PACKETS;
	s->chaos_ms = sim_between(s, 40000, CHAOS_MS_MAX);
	s->pause_ms_max = sim_between(s, 500, PAUSE_MS_MAX);
	s->has_last_boot = false; /* nobody is monitored after it */
	if (s->crash_one_in > 0)
		s->crash_one_in *= 10; /* a flood has many such places */
	crowd_gather(&s->hosts[at], count, is_named);
	sim_after(s, s->chaos_ms + CROWD_STAYS_MS, crowd_part, &s->hosts[at]);
	attack_alone(s, s->chaos_ms + LONG_CALM_MS);
}

const struct scenario scenario_flood = {
	.name = "flood",
	.what = "forgeries, replays and floods beside a busy lock manager",
	.prepare = prepare,
	.mishaps = mishaps,
};
