/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which number a host had, and since when it is known: from notices, heard of
 * anybody, and from answers.  What was known before lockd asked for a record is
 * no news of a reboot after that.  But not for ever: a host whose disk was made
 * anew, or put back, comes to its old numbers again.
 */
#ifndef NFS_RECLAIM_STATD_NUMBERS_H
#define NFS_RECLAIM_STATD_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"

/* Then the oldest goes.  A flood has old copies believed, as new ones are. */
#define NUMBERS_MAX 256

/* Not heard for so long: no copy of it is under way any more. */
#define NUMBERS_FRESH_MS 900000

struct number_known {
	struct addr host; /* the port does not count */
	uint32_t number;
	uint64_t since_ms; /* the first time, not the last copy */
	uint64_t last_ms;  /* that one */
};

/* Zeroed = empty. */
struct numbers {
	struct number_known all[NUMBERS_MAX];
	size_t count;
	size_t next; /* the place of the next one */
};

/*
 * Notes that the host of @from had @number by @now_ms; that is when it begins,
 * too, unless this was heard in the NUMBERS_FRESH_MS before.
 */
void numbers_note(struct numbers *set, uint64_t now_ms, const struct addr *from,
		  uint32_t number);

/*
 * Tells whether it was known before @ms that the host of @from had @number, and
 * heard again in the NUMBERS_FRESH_MS before @ms, or later.
 */
bool numbers_has_before(const struct numbers *set, uint64_t ms,
			const struct addr *from, uint32_t number);

#endif
