/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of the scenarios, as sim.c reads it. */
#include "tests/sim/scenario.h"

#include <stddef.h>

#include "tests/sim/scenarios/all.h"

#define SCENARIOS_LIST(name) &scenario_##name,

const struct scenario *const scenarios[] = {SCENARIOS_EACH(SCENARIOS_LIST)
						    NULL};
