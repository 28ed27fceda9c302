/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files of sm.bak/ that the disk did not let us rewrite: a line of theirs
 * was told, and is still there.  A next run would tell it again, so its peer
 * counts as untold until the file is rewritten.
 *
 * One is tried at a time, and what comes of it goes for all: it is one disk,
 * which may take seconds to refuse.
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_STUCK_H
#define NFS_RECLAIM_SM_NOTIFY_STUCK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/list.h"
#include "lib/map.h"

#define STUCK_WAIT_FIRST_MS 2000u
#define STUCK_WAIT_MAX_MS   120000u
#define STUCK_GAP_MS	    10u /* from one that was written to the next */

struct stuck_file;

struct stuck {
	struct map by_name; /* of stuck_file::by_name; no more than were read */
	struct link files;  /* of stuck_file::in_files */
	struct stuck_file *tried; /* or NULL */
	uint64_t at_ms;		  /* when the next is tried */
	uint32_t wait_ms;
};

/*
 * Makes @stuck empty.
 * Owns:   stuck_fini() ends it.
 */
void stuck_init(struct stuck *stuck,
		const uint8_t key[static SIPHASH_KEY_SIZE]);

/*
 * Frees all that @stuck knows.
 */
void stuck_fini(struct stuck *stuck);

/*
 * Notes that the file @name could not be rewritten.
 * Owns:   copies.
 */
void stuck_note(struct stuck *stuck, uint64_t now_ms, const char *name);

/*
 * Tells whether a file of this name, as host names are compared, was noted and
 * has not been written since.
 */
bool stuck_has(const struct stuck *stuck, const char *name);

/*
 * Returns the file that is to be rewritten at @now_ms, or NULL; where that
 * fails, stuck_note() comes before stuck_settle().
 * Owns:   borrowed until then.
 */
const char *stuck_next(struct stuck *stuck, uint64_t now_ms);

/*
 * Forgets the file that stuck_next() gave, unless it was noted again.
 * Return: whether there was one.
 */
bool stuck_settle(struct stuck *stuck, uint64_t now_ms);

/*
 * Returns when stuck_next() has a file, or UINT64_MAX.
 */
uint64_t stuck_deadline_ms(const struct stuck *stuck);

#endif
