/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The callouts for HA as text: the words that a program is handed, what is said
 * of its end, and the file in sm/.reclaim that names a pair.
 */
#ifndef NFS_RECLAIM_STATD_HAWORDS_H
#define NFS_RECLAIM_STATD_HAWORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/record.h"
#include "statd/nsm.h"

#define HAWORDS_MEMO	 "callout" /* the first word of the file */
#define HAWORDS_MEMO_MAX 2048	   /* its bytes; a record has 1095 at most */

/*
 * Tells whether a program may be handed @name.
 * SAFETY: what begins with '-' may be taken for an option, and what would be
 *         refused in SM_MON for a path or two words; no host has such a name.
 * Source: contract.md B-4.
 */
bool hawords_is_harmless(const char *name);

/*
 * Returns @number in decimal, or NULL where it is negative as an int: nfs-utils
 * leaves it out then.
 * Owns:   the caller frees it.
 * Source: contract.md 2.11.
 */
char *hawords_number(uint32_t number);

/*
 * Adds to @out what has to be said of @end.
 * Return: false where that is nothing, because all is well.
 */
bool hawords_explain(const struct nsm_called *end, struct buf *out);

/*
 * Adds the file that names a pair.
 */
void hawords_add_memo(const struct record *rec, struct buf *out);

/*
 * Reads such a file: bytes from outside, refused unless they are whole.
 * Return: false, and *out is as after record_fini().
 * Owns:   record_fini() frees the names, which are all that is set.
 */
bool hawords_parse_memo(const uint8_t *bytes, size_t len, struct record *out);

#endif
