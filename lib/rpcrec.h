/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Record marking: RPC messages over a byte stream (RFC 5531 section 11).
 * Bytes go in as they arrive; whole records come out.
 */
#ifndef NFS_RECLAIM_LIB_RPCREC_H
#define NFS_RECLAIM_LIB_RPCREC_H

#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"

#define RPCREC_FRAGMENTS_MAX 64 /* fragments of one record */

enum rpcrec_status {
	RPCREC_MORE,	 /* every byte was taken, no record is whole yet */
	RPCREC_RECORD,	 /* rec->record is one whole record */
	RPCREC_OVERSIZE, /* the stream cannot be followed any further */
};

struct rpcrec {
	struct buf record;
	uint8_t mark[4];
	size_t mark_len;       /* bytes of the mark that have arrived */
	uint32_t fragment_len; /* bytes of the fragment still to come */
	unsigned int fragments;
	int is_last; /* the current fragment ends the record */
	int is_done; /* the record was handed out */
};

/*
 * Makes @rec ready for a new stream with records of at most @record_max bytes.
 * Owns:   rpcrec_fini() ends it.
 */
void rpcrec_init(struct rpcrec *rec, size_t record_max);

/*
 * Frees what @rec holds.
 */
void rpcrec_fini(struct rpcrec *rec);

/*
 * Takes up to *len bytes from *bytes and moves both past what it took; call
 * again with the rest after RPCREC_RECORD.
 * Errors: RPCREC_OVERSIZE on a record over the cap, more than
 *         RPCREC_FRAGMENTS_MAX fragments; the connection must be closed.
 *         Memory used never passes the cap, whatever a mark promises.
 * Owns:   rec->record stays @rec's, valid until the next call.
 */
enum rpcrec_status rpcrec_feed(struct rpcrec *rec, const uint8_t **bytes,
			       size_t *len);

/*
 * Adds @len message bytes to @out as one record of one fragment.
 * Range:  len < 2^31.
 */
void rpcrec_add(struct buf *out, const void *bytes, size_t len);

#endif
