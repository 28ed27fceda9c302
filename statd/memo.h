/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What rpc.statd has to know of one record after a restart, as the text of a
 * file in sm/.reclaim (doc/formats.md): the record's own line, what its peer's
 * statd answered, what lockd has heard and what it has yet to hear.  And a
 * notice that is kept until all names are looked up (statd/kept.h).
 */
#ifndef NFS_RECLAIM_STATD_MEMO_H
#define NFS_RECLAIM_STATD_MEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/buf.h"
#include "lib/record.h"

#define MEMO_SIZE_MAX	 (64 * 1024)
#define MEMO_ITEMS_MAX	 8    /* delivered numbers, and events */
#define MEMO_NAME_MAX	 1024 /* bytes, as in the protocol */

#define MEMO_NOTICE_WORD "notice" /* with which such a file begins */

/* A number that a notice under @name carried. */
struct memo_item {
	char *name;
	uint32_t number; /* not 0 */
};

struct memo {
	struct record rec;
	bool has_baseline;
	uint32_t baseline;	 /* not 0 */
	struct addr baseline_of; /* the statd, with its port */
	struct memo_item delivered[MEMO_ITEMS_MAX];
	size_t delivered_count;
	struct memo_item events[MEMO_ITEMS_MAX];
	size_t event_count;
};

/* A notice, as it came. */
struct memo_notice {
	struct addr from; /* without its port */
	bool is_reserved_port;
	struct memo_item item;
	uint32_t newer; /* than item's number, kept before it; 0: none */
	bool is_newer_reserved_port;
};

/*
 * Adds @memo to @out, a buffer of MEMO_SIZE_MAX; all that is valid fits.
 * Errors: false where the record's line would be too long.
 */
bool memo_format(const struct memo *memo, struct buf *out);

/*
 * Reads the @len bytes of a file.  Bytes from outside: anything but what
 * memo_format() makes is refused as a whole.
 * Errors: false; *out is then as after memo_fini().
 * Owns:   memo_fini() frees the names.
 */
bool memo_parse(const uint8_t *bytes, size_t len, struct memo *out);

/*
 * Frees what memo_parse() made; zeroed memory is fine.
 */
void memo_fini(struct memo *memo);

/*
 * Adds @notice to @out, a buffer of MEMO_SIZE_MAX; all that is valid fits.
 */
void memo_notice_format(const struct memo_notice *notice, struct buf *out);

/*
 * Reads the @len bytes of a file.  Bytes from outside: anything but what
 * memo_notice_format() makes is refused.
 * Errors: false; *out is then as after memo_notice_fini().
 * Owns:   memo_notice_fini() frees the name.
 */
bool memo_notice_parse(const uint8_t *bytes, size_t len,
		       struct memo_notice *out);

/*
 * Frees what memo_notice_parse() made; zeroed memory is fine.
 */
void memo_notice_fini(struct memo_notice *notice);

#endif
