/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Those who called SM_MON and may be answered now, first come first served.
 */
#ifndef NFS_RECLAIM_STATD_CALLERS_H
#define NFS_RECLAIM_STATD_CALLERS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/list.h"

/* Who called SM_MON, to be answered later. */
struct monitor_caller {
	uint64_t reply_to;
	uint32_t xid;
};

struct callers {
	struct link all; /* of callers_item::in_all */
};

/*
 * Makes @callers empty.
 * Owns:   callers_fini() ends it.
 */
void callers_init(struct callers *callers);

/*
 * Frees @callers; nobody is answered.
 */
void callers_fini(struct callers *callers);

/*
 * Adds @caller at the end.
 */
void callers_add(struct callers *callers, const struct monitor_caller *caller);

/*
 * Takes the first one.
 * Return: false where there is none.
 */
bool callers_take(struct callers *callers, struct monitor_caller *caller);

#endif
