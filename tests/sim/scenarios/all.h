/* SPDX-License-Identifier: BSD-2-Clause */
/* A scenario in each file here. */
#ifndef NFS_RECLAIM_TESTS_SIM_SCENARIOS_ALL_H
#define NFS_RECLAIM_TESTS_SIM_SCENARIOS_ALL_H

#include "tests/sim/scenario.h"

extern const struct scenario scenario_any;
extern const struct scenario scenario_disk;
extern const struct scenario scenario_flood;
extern const struct scenario scenario_lockd;
extern const struct scenario scenario_reboots;

#endif
