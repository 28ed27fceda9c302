/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file of sm/.reclaim, about a record or a notice: what is accepted keeps to
 * the bounds, and is the same when it is written and read again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/input.h"
#include "statd/memo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_items(const struct memo_item *items, size_t count)
{
	size_t i;

	require(count <= MEMO_ITEMS_MAX);
	for (i = 0; i < count; i++)
		require(items[i].number != 0 &&
			strlen(items[i].name) <= MEMO_NAME_MAX);
}

static void check(const struct memo *memo)
{
	require(!memo->has_baseline ||
		(memo->baseline != 0 && memo->baseline_of.port != 0 &&
		 memo->baseline_of.family != ADDR_NONE));
	check_items(memo->delivered, memo->delivered_count);
	check_items(memo->events, memo->event_count);
}

static void require_same(const struct buf *a, const struct buf *b)
{
	require(a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0);
}

static void check_notice(const uint8_t *data, size_t size)
{
	struct memo_notice notice;
	struct buf out;

	if (!memo_notice_parse(data, size, &notice)) {
		require(notice.item.name == NULL);
		return;
	}
	require(notice.from.family != ADDR_NONE && notice.from.port == 0);
	check_items(&notice.item, 1);
	require(notice.newer != notice.item.number);
	buf_init(&out, MEMO_SIZE_MAX);
	memo_notice_format(&notice, &out);
	memo_notice_fini(&notice);
	require(memo_notice_parse(out.bytes, out.len, &notice));
	buf_fini(&out);
	memo_notice_fini(&notice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memo memo, again;
	struct buf first, second;

	check_notice(data, size);
	if (!memo_parse(data, size, &memo)) {
		require(memo.rec.mon_name == NULL);
		return 0;
	}
	check(&memo);
	buf_init(&first, MEMO_SIZE_MAX);
	buf_init(&second, MEMO_SIZE_MAX);
	/* A line without a second name may be one byte longer when written. */
	if (memo_format(&memo, &first)) {
		require(memo_parse(first.bytes, first.len, &again));
		require(memo_format(&again, &second));
		require_same(&first, &second);
		memo_fini(&again);
	}
	buf_fini(&first);
	buf_fini(&second);
	memo_fini(&memo);
	return 0;
}
