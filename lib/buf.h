/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A byte buffer that grows up to a cap which its owner names.  Once something
 * did not fit, the buffer stays "overflowed" and takes nothing more, so a
 * sequence of additions needs one check at its end.
 */
#ifndef NFS_RECLAIM_LIB_BUF_H
#define NFS_RECLAIM_LIB_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *bytes; /* always followed by one NUL once anything was added */
	size_t len;
	size_t size;
	size_t len_max;
	bool is_overflowed;
};

/*
 * Makes @buf empty; it will hold at most @len_max bytes.
 * Owns:   buf_fini() ends it.
 */
void buf_init(struct buf *buf, size_t len_max);

/*
 * Frees what @buf holds; it is then as after buf_init().
 */
void buf_fini(struct buf *buf);

/*
 * Empties @buf but keeps its memory, and clears "overflowed".
 */
void buf_clear(struct buf *buf);

/*
 * Adds the @len bytes at @bytes, or nothing and "overflowed" at the cap.
 * Owns:   copies.
 */
void buf_add(struct buf *buf, const void *bytes, size_t len);

/*
 * Adds the bytes of the string @text, or nothing and "overflowed" at the cap.
 */
void buf_add_text(struct buf *buf, const char *text);

/*
 * Adds what printf(3) would make of @format, or nothing and "overflowed".
 */
void buf_addf(struct buf *buf, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Adds @value as four bytes, most significant first (RFC 4506 section 4.2).
 */
void buf_add_be32(struct buf *buf, uint32_t value);

/*
 * Adds @len bytes at @bytes so that any terminal, log or JSON reader is safe:
 * printable ASCII as it is, backslash and quotes and all else as \xNN.
 * SAFETY: the only way in which a peer's string reaches a log line.
 */
void buf_add_escaped(struct buf *buf, const void *bytes, size_t len);

/*
 * Returns what @buf holds as a string, "" where it is empty.
 * Owns:   borrowed until the next call on @buf.
 */
const char *buf_text(const struct buf *buf);

/*
 * Hands the bytes to the caller, followed by one NUL; @buf is empty then.
 * Owns:   the caller frees the result with free(); never NULL.
 */
uint8_t *buf_take(struct buf *buf);

#endif
