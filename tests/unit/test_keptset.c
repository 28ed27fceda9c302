/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The set of kept notices alone: what a copy changes, and when it is looked at.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "statd/kept.h"

#define NOW_MS 1000

struct room {
	struct effects out;
	struct memos memos;
	struct kept set;
	uint32_t under_way;
};

static int setup(void **state)
{
	static struct room r;

	effects_init(&r.out);
	memos_init(&r.memos, &r.out);
	kept_init(&r.set, &r.memos);
	r.under_way = 0;
	*state = &r;
	return 0;
}

static int teardown(void **state)
{
	struct room *r = *state;

	kept_fini(&r->set);
	effects_fini(&r->out);
	return 0;
}

static struct kept_notice *note(struct room *r, bool is_reserved_port,
				uint32_t number)
{
	struct notice_call call = {.name = "peer",
				   .number = number,
				   .is_reserved_port = is_reserved_port};

	assert_true(addr_parse("192.0.2.7", &call.from));
	return kept_note(&r->set, NOW_MS, &call, r->under_way);
}

/* Somebody without rights on the peer's host sends what he saw. */
static void copy_takes_no_right_away(void **state)
{
	struct room *r = *state;
	struct kept_notice *notice = note(r, true, 7);
	uint64_t version = notice->version;

	assert_ptr_equal(note(r, false, 7), notice);
	assert_true(notice->is_reserved_port);
	assert_true(notice->version == version);
}

static void copy_with_the_right_counts(void **state)
{
	struct room *r = *state;
	struct kept_notice *notice = note(r, false, 7);
	uint64_t version = notice->version;

	assert_ptr_equal(note(r, true, 7), notice);
	assert_true(notice->is_reserved_port);
	assert_true(notice->version != version);
}

static void other_number_is_as_good_as_its_port(void **state)
{
	struct room *r = *state;
	struct kept_notice *notice = note(r, true, 7);

	assert_ptr_equal(note(r, false, 9), notice);
	assert_int_equal(notice->number, 9);
	assert_false(notice->is_reserved_port);
}

/* Else who is found later would hear of the reboot before alone. */
static void what_is_under_way_stays(void **state)
{
	struct room *r = *state;
	struct kept_notice *notice = note(r, true, 9);
	uint64_t version = notice->version;

	r->under_way = 9;
	assert_ptr_equal(note(r, true, 7), notice);
	assert_int_equal(notice->number, 9);
	assert_true(notice->version == version);
	/* Not what neither of them is. */
	r->under_way = 11;
	assert_ptr_equal(note(r, true, 7), notice);
	assert_int_equal(notice->number, 7);
	assert_true(notice->version != version);
}

/*
 * The peer repeats its last number, after somebody with its address and a
 * reserved port repeated the one before (sim -s flood -r 2456).
 */
static void newer_than_what_is_under_way_is_kept(void **state)
{
	struct room *r = *state;
	struct kept_notice *notice = note(r, true, 7);

	r->under_way = 7;
	assert_ptr_equal(note(r, false, 9), notice);
	assert_int_equal(notice->number, 7);
	assert_ptr_equal(note(r, true, 9), notice);
	assert_int_equal(notice->number, 9);
}

/* What is kept may be a late copy (sim -s exchange -r 97732). */
static void newer_number_stays_beside_an_older_one(void **state)
{
	struct room *r = *state;
	struct kept_notice *notice = note(r, false, 9);
	struct notice_call call;

	assert_int_equal(notice->newer.number, 0);
	assert_ptr_equal(note(r, true, 7), notice);
	(void)note(r, true, 7);
	call = kept_call(notice);
	assert_int_equal(call.number, 7);
	assert_true(call.is_reserved_port);
	call = kept_newer_call(notice);
	assert_int_equal(call.number, 9);
	assert_false(call.is_reserved_port);
	assert_string_equal(call.name, "peer");
	/* Of two it is the one that was believed last. */
	(void)note(r, true, 5);
	assert_int_equal(notice->newer.number, 7);
	/* Not where it is no newer. */
	(void)note(r, true, 7);
	assert_int_equal(notice->newer.number, 0);
}

/* Not to several replays. */
static void newer_number_of_reserved_port_stays(void **state)
{
	struct room *r = *state;
	struct kept_notice *notice = note(r, true, 9);

	(void)note(r, true, 7);
	(void)note(r, true, 5);
	assert_int_equal(notice->number, 5);
	assert_int_equal(notice->newer.number, 9);
	/* When it comes again it has the right that it had. */
	(void)note(r, false, 9);
	assert_int_equal(notice->number, 9);
	assert_true(notice->is_reserved_port);
	assert_int_equal(notice->newer.number, 0);
	(void)note(r, false, 11);
	assert_false(notice->is_reserved_port);
}

static void newer_number_stays_through_what_is_between(void **state)
{
	struct room *r = *state;
	struct kept_notice *notice = note(r, true, 9);

	(void)note(r, true, 5);
	(void)note(r, true, 7);
	assert_int_equal(notice->number, 7);
	assert_int_equal(notice->newer.number, 9);
	(void)note(r, true, 11);
	assert_int_equal(notice->newer.number, 0);
}

static void is_looked_at_now_and_then(void **state)
{
	struct room *r = *state;
	uint64_t now_ms = NOW_MS;

	assert_true(kept_deadline_ms(&r->set) == UINT64_MAX);
	assert_false(kept_is_due(&r->set, now_ms));
	(void)note(r, true, 7);
	now_ms = kept_deadline_ms(&r->set);
	assert_false(kept_is_due(&r->set, now_ms - 1));
	assert_true(kept_is_due(&r->set, now_ms));
	assert_false(kept_is_due(&r->set, now_ms));
	assert_int_equal(kept_deadline_ms(&r->set), now_ms + KEPT_AGAIN_MS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(copy_takes_no_right_away),
		TEST(copy_with_the_right_counts),
		TEST(other_number_is_as_good_as_its_port),
		TEST(what_is_under_way_stays),
		TEST(newer_than_what_is_under_way_is_kept),
		TEST(newer_number_stays_beside_an_older_one),
		TEST(newer_number_of_reserved_port_stays),
		TEST(newer_number_stays_through_what_is_between),
		TEST(is_looked_at_now_and_then),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
