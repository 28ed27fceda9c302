/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What statd's core knows of its records, and has to find again after a
 * restart.
 */
#ifndef NFS_RECLAIM_TESTS_SIM_KNOWN_H
#define NFS_RECLAIM_TESTS_SIM_KNOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/buf.h"

struct nsm;
struct pair;

/* Of one record; all is borrowed. */
struct known {
	const char *mon_name;
	uint64_t number;    /* its file in sm/.reclaim; 0: none */
	struct buf content; /* ... which has this, once all is written */
};

/* Of what a record is in doubt, or is telling lockd. */
struct known_doubts {
	bool has_wanted; /* a number in the range that is asked for */
	bool has_other;
};

typedef void known_visit(void *ctx, const struct known *known);

/* Shows @visit each record of @n that has to have a file. */
void known_each(const struct nsm *n, known_visit *visit, void *ctx);

/* Looks at numbers above @above, up to @newest; nothing: no such record. */
struct known_doubts known_doubts(const struct nsm *n, const char *mon_name,
				 const char *my_name, uint32_t above,
				 uint32_t newest);

/*
 * Whether the number that a record's peer has now may become the baseline, and
 * its first notice be a late copy then, as far as @n knows.
 */
bool known_may_be_late(const struct nsm *n, const char *mon_name,
		       const char *my_name, uint64_t now_ms);

/*
 * Whether @n cannot tell if the number that a record's peer gave came before or
 * after SM_MON: it was given too late, and nothing from @from had it before.
 */
bool known_is_ambiguous(const struct nsm *n, const struct pair *pair,
			const struct addr *from, uint32_t number);

#endif
