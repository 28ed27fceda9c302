/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All that one name of ours means to one peer: the full name and the short one,
 * from each of our addresses; which of these it acknowledged, and which is next
 * (design decision 13).
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_SAYING_H
#define NFS_RECLAIM_SM_NOTIFY_SAYING_H

#include <stdbool.h>
#include <stddef.h>

#include "sm-notify/notify.h"

#define SAYING_FORMS_MAX 2u
#define SAYINGS_MAX	 (SAYING_FORMS_MAX * NOTIFY_SOURCES_MAX)

/* The full name, as the kernel chooses the address, is the first. */
#define SAYING_FIRST 0u

struct saying {
	bool is_acked;
	bool is_left;	     /* stayed silent while the first was acked */
	unsigned int silent; /* sends since the first was acked */
};

/* By source address; for each, by form. */
struct sayings {
	size_t lens[SAYING_FORMS_MAX]; /* bytes of the name */
	unsigned int forms;
	unsigned int sources;
	unsigned int turn; /* the one that is announced next */
	struct saying all[SAYINGS_MAX];
};

/*
 * Makes @s what is to be said about a name of @full_len bytes, of which the
 * first @short_len (0: none) are its short form, from one address.
 */
void sayings_init(struct sayings *s, size_t full_len, size_t short_len);

/*
 * Has it said from @sources addresses, instead of fewer.
 * Range:  1..NOTIFY_SOURCES_MAX.
 */
void sayings_set_sources(struct sayings *s, unsigned int sources);

/*
 * Returns how many bytes of the name the saying @at has.
 */
size_t sayings_len(const struct sayings *s, unsigned int at);

/*
 * Returns from which of the addresses the saying @at goes, 0 and up.
 */
unsigned int sayings_source(const struct sayings *s, unsigned int at);

/*
 * Notes that the saying @at was acknowledged; another one has the next turn.
 */
void sayings_acked(struct sayings *s, unsigned int at);

/*
 * Notes that the saying @at was not acknowledged; another one has the next
 * turn.  One that stays silent NOTIFY_SILENT_TRIES times, while the first was
 * acknowledged, is left.
 */
void sayings_silent(struct sayings *s, unsigned int at);

/*
 * Tells whether all is said.
 */
bool sayings_are_done(const struct sayings *s);

#endif
