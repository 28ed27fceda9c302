/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Servers, clients and the locks of their processes.  Both kinds reboot, links
 * fail and heal, programs die and come back; sm-notify goes on until all are
 * told.  Who forges here knows names, but sends from elsewhere: whoever forges
 * the address of a peer and a reserved port is believed (rpc.statd(8)).
 */
#include "tests/sim/scenarios/all.h"
#include "tests/sim/sim.h"

#define GRACE_MS 50000 /* Linux's lockd */

/* The first host is a server of all; another may be one as well. */
static void choose_roles(struct sim *s)
{
	unsigned int i, j;

	for (i = 0; i < s->host_count; i++)
		s->hosts[i].parking.has_nfsd =
			i == 0 || prng_below(&s->rng, 4) == 0;
	for (i = 0; i < s->host_count; i++)
		for (j = 0; j < s->host_count; j++)
			s->hosts[i].parking.is_server[j] =
				i != 0 && j < i && s->hosts[j].parking.has_nfsd;
}

static void prepare(struct sim *s)
{
	static const unsigned int losses[] = {0, 0, 5, 20};
	unsigned int i;

	s->net.loss_percent = losses[prng_below(&s->rng, 4)];
	s->pause_ms_max = sim_between(s, 4000, 30000);
	s->deaf_percent = 5;
	s->is_faithful = true;
	s->grace_ms = GRACE_MS;
	for (i = 0; i < s->host_count; i++)
		s->hosts[i].other = (struct addr){.family = ADDR_NONE};
	choose_roles(s);
}

static const struct mishap mishaps[] = {
	{60, locks_want},
	{6, mishap_lock},
	{10, lockd_unlock},
	{9, host_power_fail},
	{7, statd_kill},
	{3, mishap_lockd_leaves},
	{4, mishap_cut_link},
	{4, attack_answer},
	{4, mishap_forge_name},
	{2, mishap_send_stranger},
	{0},
};

const struct scenario scenario_locks = {
	.name = "locks",
	.what = "servers and clients reboot, and no lock may be lost",
	.prepare = prepare,
	.mishaps = mishaps,
};
