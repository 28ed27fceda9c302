/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What statd's core knows of its records, and has to find again after a
 * restart.
 */
#ifndef NFS_RECLAIM_TESTS_SIM_KNOWN_H
#define NFS_RECLAIM_TESTS_SIM_KNOWN_H

#include <stdint.h>

#include "lib/buf.h"

struct nsm;

/* Of one record; all is borrowed. */
struct known {
	const char *mon_name;
	uint64_t number;    /* its file in sm/.reclaim; 0: none */
	struct buf content; /* ... which has this, once all is written */
};

typedef void known_visit(void *ctx, const struct known *known);

/* Shows @visit each record of @n that has to have a file. */
void known_each(const struct nsm *n, known_visit *visit, void *ctx);

#endif
