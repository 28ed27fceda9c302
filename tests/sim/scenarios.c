/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of the scenarios; the first is what "sim -r SEED" plays. */
#include "tests/sim/scenario.h"

#include <stddef.h>

#include "tests/sim/scenarios/all.h"

const struct scenario *const scenarios[] = {
	&scenario_any,	 &scenario_disk,    &scenario_flood,
	&scenario_lockd, &scenario_reboots, NULL,
};
