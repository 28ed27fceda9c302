/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as a stream, cut into pieces as the first byte says: the records
 * must be those of the stream in one piece, and no more memory than the cap.
 */
#include <assert.h>
#include <stdint.h>
#include <stddef.h>
#include <string.h>

#include "lib/rpcrec.h"

#define RECORD_MAX 200
#define SEEN_MAX   (1024 * 1024) /* libFuzzer's inputs are shorter */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum rpcrec_status feed(struct rpcrec *rec, const uint8_t *data,
			       size_t size, struct buf *seen)
{
	enum rpcrec_status status;

	do {
		status = rpcrec_feed(rec, &data, &size);
		assert(rec->record.len <= RECORD_MAX);
		assert(rec->record.size <= RECORD_MAX + 1);
		if (status == RPCREC_RECORD)
			rpcrec_add(seen, rec->record.bytes, rec->record.len);
	} while (status == RPCREC_RECORD);
	assert(status == RPCREC_OVERSIZE || size == 0);
	return status;
}

static enum rpcrec_status follow(const uint8_t *data, size_t size, size_t step,
				 struct buf *seen)
{
	enum rpcrec_status status = RPCREC_MORE;
	struct rpcrec rec;

	rpcrec_init(&rec, RECORD_MAX);
	while (size > 0 && status == RPCREC_MORE) {
		size_t len = size < step ? size : step;

		status = feed(&rec, data, len, seen);
		data += len;
		size -= len;
	}
	rpcrec_fini(&rec);
	return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole, cut;
	size_t step;

	if (size == 0)
		return 0;
	step = (size_t)data[0] + 1;
	buf_init(&whole, SEEN_MAX);
	buf_init(&cut, SEEN_MAX);
	assert(follow(data + 1, size - 1, size, &whole) ==
	       follow(data + 1, size - 1, step, &cut));
	assert(whole.len == cut.len);
	if (whole.len > 0)
		assert(memcmp(whole.bytes, cut.bytes, whole.len) == 0);
	buf_fini(&whole);
	buf_fini(&cut);
	return 0;
}
