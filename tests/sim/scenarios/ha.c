/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A cluster: a floating address between two nodes, whose clients sm-notify -P
 * tells; every directory on shared storage, with two machines that take it in
 * turn; backups that are put back, and machines that are copies of others.
 */
#include "tests/sim/scenarios/all.h"
#include "tests/sim/sim.h"

#define HOSTS_MAX 4

static const struct mishap mishaps[] = {
	{50, mishap_lock},
	{8, lockd_unlock},
	{5, host_power_fail},
	{5, cluster_fail_over},
	{5, cluster_move},
	{10, cluster_take},
	{2, cluster_restore},
	{1, cluster_clone},
	{3, statd_kill},
	{3, notifier_kill},
	{3, errand_kill},
	{2, exits_force},
	{0},
};

static void prepare(struct sim *s)
{
	s->crash_one_in = (unsigned int)sim_between(s, 30, 300);
	if (s->host_count == 2) /* a client there must be */
		host_init(&s->hosts[s->host_count++], s, 2);
	sim_limit_hosts(s, HOSTS_MAX);
	cluster_init(s);
}

const struct scenario scenario_ha = {
	.name = "ha",
	.what = "addresses and directories that move between machines, copies",
	.prepare = prepare,
	.mishaps = mishaps,
};
