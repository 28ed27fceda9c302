/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The caps of the core of rpc.statd.  Part of sim.h.
 */
#ifndef NFS_RECLAIM_TESTS_SIM_CAPS_H
#define NFS_RECLAIM_TESTS_SIM_CAPS_H

#include <stdbool.h>
#include <stddef.h>

#include "statd/nsm.h"

/* A cap, and that there are more. */
struct caps_fault {
	const char *cap;
	size_t count;
	size_t max;
};

/*
 * Whether there is more of something in @n than its header allows.  *waiters
 * is how many places there are in which senders wait for an answer.
 */
bool caps_find(const struct nsm *n, struct caps_fault *fault, size_t *waiters);

#endif
