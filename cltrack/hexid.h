/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Client ids as the kernel writes them into arguments: two hex digits for a
 * byte.
 */
#ifndef NFS_RECLAIM_CLTRACK_HEXID_H
#define NFS_RECLAIM_CLTRACK_HEXID_H

#include <stddef.h>
#include <stdint.h>

#include "cltrack/client.h"

enum hexid_error {
	HEXID_OK,
	HEXID_EMPTY,
	HEXID_ODD,  /* a digit is missing, or a byte is no hex digit */
	HEXID_LONG, /* more than CLIENT_ID_MAX bytes */
};

/*
 * Reads the hex digits of @text, in either case, into @id.
 * Return: HEXID_OK and *len from 1 to CLIENT_ID_MAX; else @id is of no use and
 *         *len is 0.
 * Source: contract.md 6.2.
 */
enum hexid_error hexid_parse(const char *text, uint8_t id[static CLIENT_ID_MAX],
			     size_t *len);

/*
 * Returns a phrase that completes "the id ..." for @error.
 * Owns:   static.
 */
const char *hexid_error_text(enum hexid_error error);

#endif
