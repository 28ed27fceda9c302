/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One line of a file in sm/ or sm.bak/: who is monitored, for whom, and how
 * the lock manager is called back.  Byte-compatible with nfs-utils, both ways
 * (contract.md 3.2; doc/formats.md).
 */
#ifndef NFS_RECLAIM_LIB_RECORD_H
#define NFS_RECLAIM_LIB_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"

#define RECORD_PRIV_SIZE 16
#define RECORD_LINE_MAX	 1095	     /* bytes of a line with its LF */
#define RECORD_FILE_MAX	 (64 * 1024) /* bytes of a file in sm/, sm.bak/ */
#define RECORD_NAME_MAX	 1024	     /* bytes of a name in a line */
#define RECORD_MODE	 0600	     /* of a file in sm/, sm.bak/ */

struct record {
	uint32_t prog;
	uint32_t vers;
	uint32_t proc;
	uint8_t priv[RECORD_PRIV_SIZE]; /* the lock manager's cookie */
	char *mon_name;			/* may have > HOSTNAME_LEN_MAX bytes */
	char *my_name;			/* may be "" in nfs-utils' files */
};

enum record_error {
	RECORD_OK,
	RECORD_LONG,	/* the line has more than RECORD_LINE_MAX bytes */
	RECORD_SHORT,	/* it ends inside the fixed columns or has no name */
	RECORD_COLUMNS, /* a fixed column is not hex, or not followed by ' ' */
	RECORD_NAME,	/* a name is too long or holds a NUL */
};

/*
 * Reads one line of @len bytes, without its LF, into @out.
 * Errors: as the enum says; *out is untouched then.
 * Owns:   record_fini() frees the names.
 * Source: contract.md 3.2, D-9.
 */
enum record_error record_parse(const void *line, size_t len,
			       struct record *out);

/*
 * Returns a phrase for @error that completes "the line ...".
 * Owns:   static.
 */
const char *record_error_text(enum record_error error);

/*
 * Adds @rec to @out as one line with LF.
 * Errors: RECORD_LONG, nothing added, where the line would be too long.
 */
enum record_error record_format(const struct record *rec, struct buf *out);

/*
 * Tells whether @a and @b are about the same pair for the same lock manager:
 * mon_name, my_name, program, version and procedure; the cookie may differ.
 */
bool record_is_same_key(const struct record *a, const struct record *b);

/*
 * Copies @from to @to.
 * Owns:   record_fini() frees the copy.
 */
void record_copy(struct record *to, const struct record *from);

/*
 * Frees the names of @rec, which may be zeroed memory.
 */
void record_fini(struct record *rec);

/* A place in the bytes of a record file. */
struct record_lines {
	const uint8_t *bytes;
	size_t len;
	size_t at;
};

/*
 * Finds the next non-empty line of @lines, LF or not at its end.
 * Return: false at the end of the bytes.
 * Owns:   *line borrows from the bytes.
 */
bool record_lines_next(struct record_lines *lines, const uint8_t **line,
		       size_t *len);

/*
 * Adds to @into (a whole file) those lines of @from (another) that it does not
 * have.  A line whose key @into has already is not added again (only the
 * cookie may differ, and nobody is told a cookie); one that cannot be parsed
 * is added unless the very same bytes are there.  No byte of @into changes
 * but for a missing last LF (contract.md D-5).
 * Errors: @into is "overflowed" where the result would pass its cap.
 */
void record_merge(struct buf *into, const void *from, size_t from_len);

#endif
