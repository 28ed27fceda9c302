/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which file of sm/.reclaim is written when: at most one write at a time, what
 * changes meanwhile once more, and removals.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "statd/memos.h"

#define NOW_MS	 1000u
#define AGAIN_MS (NOW_MS + MEMOS_AGAIN_MS)
#define SLOTS	 3

struct world {
	struct effects out;
	struct memos memos;
	struct memo_slot slot;
	struct nsm_out last; /* its bytes are gone */
	char text[64];	     /* ... but what they were is here */
};

static int setup(void **state)
{
	static struct world w;

	effects_init(&w.out);
	memos_init(&w.memos, &w.out);
	memo_slot_init(&w.slot, MEMO_PEER);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	effects_fini(&w->out);
	return 0;
}

/* Has what is dirty written with the content @text; how many slots were. */
static size_t write_all(struct world *w, const char *text)
{
	struct memo_slot *slot;
	size_t count = 0;

	while ((slot = memos_take(&w->memos)) != NULL) {
		struct buf content;

		buf_init(&content, 64);
		buf_add_text(&content, text);
		memos_write(&w->memos, slot, &content);
		count++;
	}
	return count;
}

/* Takes the next MEMO into w->last; false where there is none. */
static bool next_memo(struct world *w)
{
	while (effects_take(&w->out, &w->last)) {
		if (w->last.kind != NSM_OUT_MEMO)
			continue;
		memset(w->text, 0, sizeof(w->text));
		if (w->last.len > 0)
			memcpy(w->text, w->last.bytes, w->last.len);
		return true;
	}
	return false;
}

static size_t log_count(struct world *w)
{
	struct nsm_out out;
	size_t count = 0;

	while (effects_take(&w->out, &out))
		count += out.kind == NSM_OUT_LOG;
	return count;
}

static void change_is_kept_once_it_was_written(void **state)
{
	struct world *w = *state;
	uint64_t version = memos_touch(&w->memos, &w->slot);

	assert_true(memo_slot_is_busy(&w->slot));
	assert_int_equal(write_all(w, "one"), 1);
	assert_true(next_memo(w));
	assert_string_equal(w->text, "one");
	assert_true(w->last.memo.id != 0 && w->last.memo.number != 0);
	assert_false(memo_slot_has(&w->slot, version));
	assert_ptr_equal(memos_stored(&w->memos, NOW_MS, w->last.memo.id, 0,
				      NULL),
			 &w->slot);
	assert_true(memo_slot_has(&w->slot, version));
	assert_false(memo_slot_is_busy(&w->slot));
	assert_int_equal(write_all(w, "again"), 0);
}

/* However many changes there are while a write is under way. */
static void changes_under_way_are_written_once(void **state)
{
	struct world *w = *state;
	uint64_t first = memos_touch(&w->memos, &w->slot), last, number;
	size_t i;

	write_all(w, "one");
	for (i = 0; i < 5; i++)
		last = memos_touch(&w->memos, &w->slot);
	assert_int_equal(write_all(w, "too early"), 0);
	assert_true(next_memo(w));
	number = w->last.memo.number;
	(void)memos_stored(&w->memos, NOW_MS, w->last.memo.id, 0, NULL);
	assert_true(memo_slot_has(&w->slot, first));
	assert_false(memo_slot_has(&w->slot, last));
	assert_int_equal(write_all(w, "two"), 1);
	assert_true(next_memo(w));
	assert_string_equal(w->text, "two");
	assert_int_equal(w->last.memo.number, number);
	(void)memos_stored(&w->memos, NOW_MS, w->last.memo.id, 0, NULL);
	assert_true(memo_slot_has(&w->slot, last));
	assert_int_equal(write_all(w, "three"), 0);
}

static void failure_keeps_nothing_and_a_touch_tries_again(void **state)
{
	struct world *w = *state;
	uint64_t version = memos_touch(&w->memos, &w->slot);

	write_all(w, "one");
	assert_true(next_memo(w));
	assert_non_null(memos_stored(&w->memos, NOW_MS, w->last.memo.id,
				     -ENOSPC, "disk full"));
	assert_int_equal(log_count(w), 1);
	assert_false(memo_slot_has(&w->slot, version));
	assert_false(memo_slot_is_busy(&w->slot));
	assert_int_equal(write_all(w, "at once"), 0);
	version = memos_touch(&w->memos, &w->slot);
	assert_int_equal(write_all(w, "two"), 1);
	assert_true(next_memo(w));
	(void)memos_stored(&w->memos, NOW_MS, w->last.memo.id, -ENOSPC, NULL);
	assert_int_equal(log_count(w), 0); /* said once */
	version = memos_touch(&w->memos, &w->slot);
	write_all(w, "three");
	assert_true(next_memo(w));
	(void)memos_stored(&w->memos, NOW_MS, w->last.memo.id, 0, NULL);
	assert_true(memo_slot_has(&w->slot, version));
}

/* Takes the next MEMO, which ends with @error. */
static void end_write(struct world *w, int error)
{
	assert_true(next_memo(w));
	(void)memos_stored(&w->memos, NOW_MS, w->last.memo.id, error, NULL);
}

static void failed_write_is_tried_again(void **state)
{
	struct world *w = *state;
	uint64_t version = memos_touch(&w->memos, &w->slot);

	assert_true(memos_deadline_ms(&w->memos) == UINT64_MAX);
	write_all(w, "one");
	end_write(w, -ENOSPC);
	assert_true(memos_deadline_ms(&w->memos) == AGAIN_MS);
	memos_timer(&w->memos, AGAIN_MS - 1);
	assert_int_equal(write_all(w, "too early"), 0);
	memos_timer(&w->memos, AGAIN_MS);
	assert_true(memo_slot_is_busy(&w->slot));
	assert_int_equal(write_all(w, "two"), 1);
	assert_true(memos_deadline_ms(&w->memos) == UINT64_MAX);
	end_write(w, 0);
	assert_true(memo_slot_has(&w->slot, version));
	assert_true(memos_deadline_ms(&w->memos) == UINT64_MAX);
	assert_int_equal(write_all(w, "three"), 0);
}

/* A touch is no second reason: the timer has nothing left to do. */
static void touched_slot_is_not_tried_twice(void **state)
{
	struct world *w = *state;

	(void)memos_touch(&w->memos, &w->slot);
	write_all(w, "one");
	end_write(w, -ENOSPC);
	(void)memos_touch(&w->memos, &w->slot);
	assert_true(memos_deadline_ms(&w->memos) == UINT64_MAX);
	assert_int_equal(write_all(w, "two"), 1);
	memos_timer(&w->memos, AGAIN_MS);
	assert_int_equal(write_all(w, "three"), 0);
	end_write(w, 0);
}

/* SM_MON waits behind whatever a slow disk is asked to do. */
static void one_finds_out_whether_the_disk_works(void **state)
{
	struct world *w = *state;
	struct memo_slot slots[SLOTS];
	size_t i;

	for (i = 0; i < SLOTS; i++) {
		memo_slot_init(&slots[i], MEMO_PEER);
		(void)memos_touch(&w->memos, &slots[i]);
	}
	assert_int_equal(write_all(w, "one"), SLOTS);
	for (i = 0; i < SLOTS; i++)
		end_write(w, -EIO);
	memos_timer(&w->memos, AGAIN_MS);
	assert_int_equal(write_all(w, "two"), 1);
	end_write(w, -EIO);
	assert_int_equal(write_all(w, "not yet"), 0);
	/* It is the turn of another: one bad file is in nobody's way. */
	memos_timer(&w->memos, AGAIN_MS + MEMOS_AGAIN_MS);
	assert_true(memo_slot_is_busy(&slots[1]));
	assert_int_equal(write_all(w, "three"), 1);
	end_write(w, 0);
	assert_int_equal(write_all(w, "four"), SLOTS - 1);
	for (i = 1; i < SLOTS; i++)
		end_write(w, 0);
	assert_true(memos_deadline_ms(&w->memos) == UINT64_MAX);
}

static void dropped_slot_is_not_tried_again(void **state)
{
	struct world *w = *state;

	(void)memos_touch(&w->memos, &w->slot);
	write_all(w, "one");
	end_write(w, -EIO);
	memos_drop(&w->memos, &w->slot);
	assert_true(memos_deadline_ms(&w->memos) == UINT64_MAX);
	memos_timer(&w->memos, AGAIN_MS);
	assert_null(memos_take(&w->memos));
}

/* A pair for callouts: whoever wrote it asks, when it matters. */
static void slot_without_versions_is_left_to_its_owner(void **state)
{
	struct world *w = *state;
	struct buf content;

	buf_init(&content, 8);
	buf_add_text(&content, "callout");
	memos_write(&w->memos, &w->slot, &content);
	end_write(w, -EIO);
	assert_true(memos_deadline_ms(&w->memos) == UINT64_MAX);
	assert_false(memo_slot_is_busy(&w->slot));
}

static void nothing_to_keep_removes_the_file(void **state)
{
	struct world *w = *state;
	uint64_t number, version;

	(void)memos_touch(&w->memos, &w->slot);
	assert_int_equal(write_all(w, ""), 1);
	assert_false(next_memo(w)); /* there never was one */
	(void)memos_touch(&w->memos, &w->slot);
	write_all(w, "one");
	assert_true(next_memo(w));
	number = w->last.memo.number;
	(void)memos_stored(&w->memos, NOW_MS, w->last.memo.id, 0, NULL);
	assert_int_equal(w->memos.file_count, 1);
	version = memos_touch(&w->memos, &w->slot);
	write_all(w, "");
	assert_true(next_memo(w));
	assert_int_equal(w->last.memo.number, number);
	assert_int_equal(w->last.memo.id, 0);
	assert_int_equal(w->last.len, 0);
	assert_true(memo_slot_has(&w->slot, version));
	assert_int_equal(w->memos.file_count, 0);
}

static void what_does_not_fit_is_not_kept(void **state)
{
	struct world *w = *state;
	uint64_t version = memos_touch(&w->memos, &w->slot);
	struct buf content;

	assert_ptr_equal(memos_take(&w->memos), &w->slot);
	buf_init(&content, 2);
	buf_add_text(&content, "abc");
	memos_write(&w->memos, &w->slot, &content);
	assert_false(next_memo(w));
	assert_false(memo_slot_has(&w->slot, version));
}

/* The end of its write comes when nobody knows the slot any more. */
static void slot_may_go_while_it_is_written(void **state)
{
	struct world *w = *state;
	uint64_t job, number;

	(void)memos_touch(&w->memos, &w->slot);
	write_all(w, "one");
	assert_true(next_memo(w));
	job = w->last.memo.id;
	number = w->last.memo.number;
	memos_drop(&w->memos, &w->slot);
	assert_true(next_memo(w));
	assert_int_equal(w->last.len, 0);
	assert_int_equal(w->last.memo.number, number);
	assert_null(memos_stored(&w->memos, NOW_MS, job, 0, NULL));
	memo_slot_init(&w->slot, MEMO_PEER);
	(void)memos_touch(&w->memos, &w->slot);
	memos_drop(&w->memos, &w->slot);
	assert_null(memos_take(&w->memos));
	assert_false(next_memo(w));
}

static void numbers_found_at_start_are_never_given_out(void **state)
{
	struct world *w = *state;
	struct memo_slot other;

	memos_adopt(&w->memos, &w->slot, 41);
	memos_discard(&w->memos, 7);
	assert_true(next_memo(w));
	assert_int_equal(w->last.memo.number, 7);
	assert_int_equal(w->last.len, 0);
	assert_true(memo_slot_has(&w->slot, 0));
	memo_slot_init(&other, MEMO_PEER);
	(void)memos_touch(&w->memos, &other);
	(void)memos_touch(&w->memos, &w->slot);
	write_all(w, "one");
	assert_true(next_memo(w));
	assert_int_equal(w->last.memo.number, 42);
	assert_true(next_memo(w));
	assert_int_equal(w->last.memo.number, 41);
}

static void kind_is_the_first_word(void **state)
{
	const uint8_t *bytes = (const uint8_t *)"peer\nx";

	(void)state;
	assert_true(memos_is_kind(bytes, 6, "peer"));
	assert_false(memos_is_kind(bytes, 6, "pee"));
	assert_false(memos_is_kind(bytes, 4, "peer"));
	assert_false(memos_is_kind(bytes, 0, "peer"));
	assert_true(memos_is_kind((const uint8_t *)"peer x", 6, "peer"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(change_is_kept_once_it_was_written),
		TEST(changes_under_way_are_written_once),
		TEST(failure_keeps_nothing_and_a_touch_tries_again),
		TEST(failed_write_is_tried_again),
		TEST(touched_slot_is_not_tried_twice),
		TEST(one_finds_out_whether_the_disk_works),
		TEST(dropped_slot_is_not_tried_again),
		TEST(slot_without_versions_is_left_to_its_owner),
		TEST(nothing_to_keep_removes_the_file),
		TEST(what_does_not_fit_is_not_kept),
		TEST(slot_may_go_while_it_is_written),
		TEST(numbers_found_at_start_are_never_given_out),
		TEST(kind_is_the_first_word),
	};

	return cmocka_run_group_tests_name("memos", tests, NULL, NULL);
}
