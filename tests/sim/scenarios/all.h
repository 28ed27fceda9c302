/* SPDX-License-Identifier: BSD-2-Clause */
/* A scenario in each file here; this is the list of them. */
#ifndef NFS_RECLAIM_TESTS_SIM_SCENARIOS_ALL_H
#define NFS_RECLAIM_TESTS_SIM_SCENARIOS_ALL_H

#include "tests/sim/scenario.h"

/* The first is what "sim -r SEED" plays. */
#define SCENARIOS_EACH(X) \
	X(any)            \
	X(disk)           \
	X(exchange)       \
	X(flood)          \
	X(ha)             \
	X(lockd)          \
	X(locks)          \
	X(names)          \
	X(nat)            \
	X(operators)      \
	X(peers)          \
	X(reboots)

#define SCENARIOS_DECLARE(name) extern const struct scenario scenario_##name;
SCENARIOS_EACH(SCENARIOS_DECLARE)
#undef SCENARIOS_DECLARE

#endif
