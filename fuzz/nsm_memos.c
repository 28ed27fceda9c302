/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store carries writes and removals out in order, so a removal ends the
 * life of a number, and its write may still be reported.
 */
#include "fuzz/nsm_memos.h"

#include <string.h>

#include "fuzz/nsm_disk.h"
#include "statd/hawords.h"
#include "statd/memo.h"
#include "statd/memos.h"

static void require_pair(const uint8_t *bytes, size_t len)
{
	struct record rec;

	require(hawords_parse_memo(bytes, len, &rec));
	record_fini(&rec);
}

static void require_notice(const uint8_t *bytes, size_t len)
{
	struct memo_notice notice;

	require(memo_notice_parse(bytes, len, &notice));
	memo_notice_fini(&notice);
}

static void require_readable(const uint8_t *bytes, size_t len)
{
	struct buf again;
	struct memo memo;

	if (memos_is_kind(bytes, len, HAWORDS_MEMO)) {
		require_pair(bytes, len);
		return;
	}
	if (memos_is_kind(bytes, len, MEMO_NOTICE_WORD)) {
		require_notice(bytes, len);
		return;
	}
	require(memo_parse(bytes, len, &memo));
	buf_init(&again, MEMO_SIZE_MAX);
	require(memo_format(&memo, &again));
	require(again.len == len && memcmp(again.bytes, bytes, len) == 0);
	buf_fini(&again);
	memo_fini(&memo);
}

void memo_jobs_note(struct memo_jobs *jobs, const struct nsm_out *out)
{
	size_t i;

	require(out->memo.number > 0 && out->memo.number <= MEMOS_NUMBER_MAX);
	require((out->memo.id == 0) == (out->len == 0));
	for (i = 0; i < jobs->count; i++) {
		if (jobs->open[i].number != out->memo.number)
			continue;
		require(out->len == 0);
		jobs->open[i].number = 0;
	}
	if (out->len == 0)
		return;
	require_readable(out->bytes, out->len);
	require(jobs->count < MEMO_JOBS_MAX);
	jobs->open[jobs->count++] =
		(struct memo_job){out->memo.id, out->memo.number};
}

bool memo_jobs_work(struct memo_jobs *jobs, uint64_t *id)
{
	if (jobs->count == 0)
		return false;
	*id = jobs->open[0].id;
	jobs->count--;
	memmove(&jobs->open[0], &jobs->open[1],
		jobs->count * sizeof(jobs->open[0]));
	return true;
}
