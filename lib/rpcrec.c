/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Record marking (RFC 5531 section 11): four bytes before each fragment say how
 * long it is and, in the top bit, whether it is the record's last.  The sender
 * chooses both, so a length is checked against the cap before any memory is
 * taken for it, and the number of fragments has a cap of its own, because empty
 * ones cost the sender nothing.  After RPCREC_OVERSIZE the place of the next
 * mark is unknown; the stream then stays refused.
 */
#include "lib/rpcrec.h"

#include <assert.h>
#include <string.h>

#define MARK_SIZE sizeof(((struct rpcrec *)NULL)->mark)
#define MARK_LAST 0x80000000u

void rpcrec_init(struct rpcrec *rec, size_t record_max)
{
	*rec = (struct rpcrec){.mark_len = 0};
	buf_init(&rec->record, record_max);
}

void rpcrec_fini(struct rpcrec *rec)
{
	buf_fini(&rec->record);
}

static void begin_record(struct rpcrec *rec)
{
	buf_clear(&rec->record);
	rec->fragments = 0;
	rec->is_done = 0;
}

/* Moves up to @want bytes of the input past the caller; returns how many. */
static size_t take(const uint8_t **bytes, size_t *len, size_t want)
{
	size_t taken = *len < want ? *len : want;

	*bytes += taken;
	*len -= taken;
	return taken;
}

static void feed_mark(struct rpcrec *rec, const uint8_t **bytes, size_t *len)
{
	const uint8_t *from = *bytes;
	size_t taken = take(bytes, len, MARK_SIZE - rec->mark_len);

	if (taken > 0)
		memcpy(rec->mark + rec->mark_len, from, taken);
	rec->mark_len += taken;
}

/* Acts on a mark that is complete; false where its fragment is refused. */
static bool begin_fragment(struct rpcrec *rec)
{
	uint32_t mark = (uint32_t)rec->mark[0] << 24 |
			(uint32_t)rec->mark[1] << 16 |
			(uint32_t)rec->mark[2] << 8 | rec->mark[3];

	rec->is_last = (mark & MARK_LAST) != 0;
	rec->fragment_len = mark & ~MARK_LAST;
	rec->fragments++;
	if (rec->fragments > RPCREC_FRAGMENTS_MAX ||
	    rec->fragment_len > rec->record.len_max - rec->record.len)
		rec->record.is_overflowed = true;
	return !rec->record.is_overflowed;
}

static void feed_fragment(struct rpcrec *rec, const uint8_t **bytes,
			  size_t *len)
{
	const uint8_t *from = *bytes;
	size_t taken = take(bytes, len, rec->fragment_len);

	if (taken > 0)
		buf_add(&rec->record, from, taken);
	rec->fragment_len -= (uint32_t)taken;
}

enum rpcrec_status rpcrec_feed(struct rpcrec *rec, const uint8_t **bytes,
			       size_t *len)
{
	if (rec->record.is_overflowed)
		return RPCREC_OVERSIZE;
	if (rec->is_done)
		begin_record(rec);
	for (;;) {
		if (rec->mark_len < MARK_SIZE) {
			feed_mark(rec, bytes, len);
			if (rec->mark_len < MARK_SIZE)
				return RPCREC_MORE;
			if (!begin_fragment(rec))
				return RPCREC_OVERSIZE;
		}
		feed_fragment(rec, bytes, len);
		if (rec->fragment_len > 0)
			return RPCREC_MORE;
		rec->mark_len = 0;
		if (rec->is_last) {
			rec->is_done = 1;
			return RPCREC_RECORD;
		}
	}
}

void rpcrec_add(struct buf *out, const void *bytes, size_t len)
{
	assert(len < MARK_LAST);
	buf_add_be32(out, MARK_LAST | (uint32_t)len);
	buf_add(out, bytes, len);
}
