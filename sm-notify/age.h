/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How many boots a record has stayed unanswered: what sm.bak/.reclaim/NAME
 * says about sm.bak/NAME, one line "BOOTKEY BOOTS" (doc/formats.md).  Boots
 * are told by their key, never by a clock.
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_AGE_H
#define NFS_RECLAIM_SM_NOTIFY_AGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/statenum.h"

#define AGE_LEN_MAX   (BOOTKEY_SIZE + 12) /* of the line, with LF and NUL */
#define AGE_BOOTS_MAX 1000000u		  /* counts no further */

struct age {
	char key[BOOTKEY_SIZE]; /* the last boot that was counted */
	uint32_t boots;		/* in which the record was to be told */
};

/*
 * Reads the line.
 * Return: false where it is none; *age is zero then: never counted.
 */
bool age_parse(const void *bytes, size_t len, struct age *age);

/*
 * Writes the line of @age.
 * Return: its length, without NUL.
 */
size_t age_format(const struct age *age, char out[static AGE_LEN_MAX]);

/*
 * Counts the boot @key, unless it was counted.
 * Return: whether @age has changed.
 */
bool age_count(struct age *age, const char *key);

/*
 * Tells whether a record of @age is to be left alone, where it may stay
 * unanswered for @boots_max boots (0: for ever).
 */
bool age_is_over(const struct age *age, uint32_t boots_max);

#endif
