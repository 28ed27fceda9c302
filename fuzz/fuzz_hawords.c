/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file that names a pair of which a cluster may not know what holds: any
 * bytes; what is read is written back byte for byte, and its names are ones
 * that a program may be handed.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/input.h"
#include "lib/buf.h"
#include "statd/hawords.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct record rec;
	struct buf text;

	if (!hawords_parse_memo(data, size, &rec)) {
		require(rec.mon_name == NULL && rec.my_name == NULL);
		return 0;
	}
	require(hawords_is_harmless(rec.mon_name));
	buf_init(&text, HAWORDS_MEMO_MAX);
	hawords_add_memo(&rec, &text);
	require(text.len == size && memcmp(text.bytes, data, size) == 0);
	buf_fini(&text);
	record_fini(&rec);
	return 0;
}
