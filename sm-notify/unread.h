/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files of sm.bak/ that could not be read: who they are, and when each is
 * tried again.  A run may last for as long as one peer is away, and no other
 * run comes beside it; what a disk refused once must not cost a peer its notice
 * for that.
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_UNREAD_H
#define NFS_RECLAIM_SM_NOTIFY_UNREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/list.h"
#include "lib/map.h"
#include "lib/timerq.h"

#define UNREAD_MAX	     65536u
#define UNREAD_WAIT_FIRST_MS 2000u
#define UNREAD_WAIT_MAX_MS   120000u
#define UNREAD_GAP_MS	     10u /* from one file to the next */

struct unread {
	struct map by_name;   /* of unread_file::by_name */
	struct link files;    /* of unread_file::in_files */
	struct timerq timers; /* of unread_file::timer */
	uint64_t gap_ms;      /* when the next may be tried at the soonest */
	size_t dropped;	      /* beyond UNREAD_MAX */
	bool is_begun;
};

/*
 * Makes @unread empty.
 * Owns:   unread_fini() ends it.
 */
void unread_init(struct unread *unread,
		 const uint8_t key[static SIPHASH_KEY_SIZE]);

/*
 * Frees all that @unread knows.
 */
void unread_fini(struct unread *unread);

/*
 * Notes that the file @name could not be read; @is_too_old as in struct
 * target_text, and kept from the first time.
 * Range:  beyond UNREAD_MAX one is counted, and never tried again.
 * Owns:   copies.
 */
void unread_note(struct unread *unread, uint64_t now_ms, const char *name,
		 bool is_too_old);

/*
 * Tells whether a file could not be read that is called @name, in any case.
 */
bool unread_has(const struct unread *unread, const char *name);

/*
 * Forgets the file @name, which was read by now or is gone.
 * Return: false where it was not noted; else *is_too_old is written.
 */
bool unread_take(struct unread *unread, const char *name, bool *is_too_old);

/*
 * Begins to have files tried again.
 */
void unread_begin(struct unread *unread, uint64_t now_ms);

/*
 * Returns the file that is to be tried at @now_ms, or NULL; what comes of it is
 * for unread_note() or unread_take().
 * Owns:   borrowed until then.
 */
const char *unread_next(struct unread *unread, uint64_t now_ms);

/*
 * Returns when unread_next() has a file, or UINT64_MAX.
 */
uint64_t unread_deadline_ms(const struct unread *unread);

/*
 * Returns how many files could not be read so far.
 */
size_t unread_count(const struct unread *unread);

#endif
