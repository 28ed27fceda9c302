/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Record marking: streams cut at every place, and senders that lie about
 * lengths.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "lib/prng.h"
#include "lib/rpcrec.h"

#define RECORD_MAX 100
#define ROUNDS	   2000

static void add_fragment(struct buf *out, uint32_t last, const char *text)
{
	buf_add_be32(out, (last ? 0x80000000u : 0) | (uint32_t)strlen(text));
	buf_add_text(out, text);
}

/* Feeds @stream in pieces of @step bytes; adds each record and a '|'. */
static enum rpcrec_status follow(const struct buf *stream, size_t step,
				 struct buf *seen)
{
	enum rpcrec_status status = RPCREC_MORE;
	struct rpcrec rec;

	rpcrec_init(&rec, RECORD_MAX);
	for (size_t at = 0; at < stream->len; at += step) {
		const uint8_t *bytes = stream->bytes + at;
		size_t len = stream->len - at;

		if (len > step)
			len = step;
		do {
			status = rpcrec_feed(&rec, &bytes, &len);
			assert_true(rec.record.len <= RECORD_MAX);
			assert_true(rec.record.size <= RECORD_MAX + 1);
			if (status == RPCREC_RECORD) {
				buf_add(seen, rec.record.bytes, rec.record.len);
				buf_add_text(seen, "|");
			}
		} while (status == RPCREC_RECORD);
		if (status == RPCREC_OVERSIZE)
			break;
		assert_int_equal(len, 0);
	}
	rpcrec_fini(&rec);
	return status;
}

static void test_records_at_every_cut(void **state)
{
	struct buf stream, seen;

	(void)state;
	buf_init(&stream, 1000);
	buf_init(&seen, 1000);
	add_fragment(&stream, 1, "one");
	add_fragment(&stream, 0, "tw");
	add_fragment(&stream, 0, "");
	add_fragment(&stream, 1, "o");
	add_fragment(&stream, 1, "");
	add_fragment(&stream, 0, "three");
	add_fragment(&stream, 1, "");
	add_fragment(&stream, 0, "begun");
	for (size_t step = 1; step <= stream.len; step++) {
		buf_clear(&seen);
		assert_int_equal(follow(&stream, step, &seen), RPCREC_MORE);
		assert_string_equal(buf_text(&seen), "one|two||three|");
	}
	buf_fini(&stream);
	buf_fini(&seen);
}

static void test_record_of_just_the_cap(void **state)
{
	char text[RECORD_MAX + 1];
	struct buf stream, seen;

	(void)state;
	memset(text, 'x', RECORD_MAX);
	text[RECORD_MAX] = '\0';
	buf_init(&stream, 1000);
	buf_init(&seen, 1000);
	add_fragment(&stream, 1, text);
	assert_int_equal(follow(&stream, stream.len, &seen), RPCREC_MORE);
	assert_int_equal(seen.len, RECORD_MAX + 1);
	buf_fini(&stream);
	buf_fini(&seen);
}

/* Feeds the marks alone: what is refused must not wait for the bytes. */
static enum rpcrec_status feed_marks(const char *text, uint32_t mark)
{
	struct buf stream, seen;
	enum rpcrec_status status;

	buf_init(&stream, 1000);
	buf_init(&seen, 1000);
	if (text)
		add_fragment(&stream, 0, text);
	buf_add_be32(&stream, mark);
	status = follow(&stream, 3, &seen);
	assert_int_equal(seen.len, 0);
	buf_fini(&stream);
	buf_fini(&seen);
	return status;
}

static void test_promises_over_the_cap(void **state)
{
	(void)state;
	assert_int_equal(feed_marks(NULL, RECORD_MAX), RPCREC_MORE);
	assert_int_equal(feed_marks(NULL, RECORD_MAX + 1), RPCREC_OVERSIZE);
	assert_int_equal(feed_marks(NULL, 0x7fffffff), RPCREC_OVERSIZE);
	assert_int_equal(feed_marks(NULL, 0xffffffff), RPCREC_OVERSIZE);
	assert_int_equal(feed_marks("abc", RECORD_MAX - 3), RPCREC_MORE);
	assert_int_equal(feed_marks("abc", RECORD_MAX - 2), RPCREC_OVERSIZE);
	assert_int_equal(feed_marks("abc", 0x80000000u | (RECORD_MAX - 2)),
			 RPCREC_OVERSIZE);
}

static enum rpcrec_status feed_fragments(unsigned int count)
{
	struct buf stream, seen;
	enum rpcrec_status status;

	buf_init(&stream, 1000);
	buf_init(&seen, 1000);
	for (unsigned int i = 1; i < count; i++)
		add_fragment(&stream, 0, "");
	add_fragment(&stream, 1, "");
	/* The next record counts from one again. */
	add_fragment(&stream, 1, "z");
	status = follow(&stream, 7, &seen);
	if (status == RPCREC_MORE)
		assert_string_equal(buf_text(&seen), "|z|");
	buf_fini(&stream);
	buf_fini(&seen);
	return status;
}

static void test_too_many_fragments(void **state)
{
	(void)state;
	assert_int_equal(feed_fragments(RPCREC_FRAGMENTS_MAX), RPCREC_MORE);
	assert_int_equal(feed_fragments(RPCREC_FRAGMENTS_MAX + 1),
			 RPCREC_OVERSIZE);
}

static void test_oversize_is_final(void **state)
{
	static const uint8_t stream[] = {0x80, 0, 1, 0, 0x80, 0, 0, 1, 'a'};
	const uint8_t *bytes = stream;
	size_t len = sizeof(stream);
	struct rpcrec rec;

	(void)state;
	rpcrec_init(&rec, RECORD_MAX);
	assert_int_equal(rpcrec_feed(&rec, &bytes, &len), RPCREC_OVERSIZE);
	assert_int_equal(rpcrec_feed(&rec, &bytes, &len), RPCREC_OVERSIZE);
	rpcrec_fini(&rec);
}

/* One random message, sent as random fragments. */
static void add_random_record(struct prng *rng, struct buf *stream,
			      struct buf *expected)
{
	size_t left = (size_t)prng_below(rng, RECORD_MAX + 1);
	char text[RECORD_MAX + 1];
	size_t part;

	for (unsigned int i = 1; left > 0; i++) {
		part = (size_t)prng_below(rng, left + 1);
		if (i == RPCREC_FRAGMENTS_MAX - 1)
			part = left;
		memset(text, (int)('a' + prng_below(rng, 26)), part);
		text[part] = '\0';
		add_fragment(stream, 0, text);
		buf_add_text(expected, text);
		left -= part;
	}
	add_fragment(stream, 1, "");
	buf_add_text(expected, "|");
}

static void test_random_streams(void **state)
{
	const char *seed_text = getenv("SEED");
	uint64_t seed =
		seed_text ? strtoull(seed_text, NULL, 0) : (uint64_t)time(NULL);
	uint8_t key[SIPHASH_KEY_SIZE] = {0};
	struct buf stream, expected, seen;
	struct prng rng;

	(void)state;
	print_message("SEED=%llu\n", (unsigned long long)seed);
	memcpy(key, &seed, sizeof(seed));
	prng_init(&rng, key);
	buf_init(&stream, 10000);
	buf_init(&expected, 10000);
	buf_init(&seen, 10000);
	for (int round = 0; round < ROUNDS; round++) {
		buf_clear(&stream);
		buf_clear(&expected);
		buf_clear(&seen);
		for (uint64_t i = 1 + prng_below(&rng, 5); i > 0; i--)
			add_random_record(&rng, &stream, &expected);
		follow(&stream, 1 + (size_t)prng_below(&rng, 40), &seen);
		assert_string_equal(buf_text(&seen), buf_text(&expected));
	}
	buf_fini(&stream);
	buf_fini(&expected);
	buf_fini(&seen);
}

static void test_record_is_written(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	rpcrec_add(&out, "hello", 5);
	assert_int_equal(out.len, 9);
	assert_memory_equal(out.bytes, "\x80\0\0\5hello", 9);
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records_at_every_cut),
		cmocka_unit_test(test_record_of_just_the_cap),
		cmocka_unit_test(test_promises_over_the_cap),
		cmocka_unit_test(test_too_many_fragments),
		cmocka_unit_test(test_oversize_is_final),
		cmocka_unit_test(test_random_streams),
		cmocka_unit_test(test_record_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
