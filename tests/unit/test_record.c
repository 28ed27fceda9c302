/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines of sm/ and sm.bak/, byte for byte (contract.md 3.2).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/prng.h"
#include "lib/record.h"

#define COLUMNS                                \
	"0100007f 000186b5 00000003 00000010 " \
	"5544332211000000785634128088ffff "
#define OTHER_COLUMNS                          \
	"0100007f 000186b5 00000003 00000010 " \
	"00000000000000000000000000000000 "
#define LINE COLUMNS "192.0.2.10 srv1.example.com"

static enum record_error parse(const char *text, struct record *rec)
{
	return record_parse(text, strlen(text), rec);
}

static void line_of_nfs_utils_is_read(void **state)
{
	struct record rec;

	(void)state;
	assert_int_equal(parse(LINE, &rec), RECORD_OK);
	assert_int_equal(rec.prog, 100021);
	assert_int_equal(rec.vers, 3);
	assert_int_equal(rec.proc, 16);
	assert_memory_equal(rec.priv,
			    "\x55\x44\x33\x22\x11\0\0\0xV4\x12\x80"
			    "\x88\xff\xff",
			    16);
	assert_string_equal(rec.mon_name, "192.0.2.10");
	assert_string_equal(rec.my_name, "srv1.example.com");
	record_fini(&rec);
}

static void variants_of_nfs_utils_are_read(void **state)
{
	struct record rec;

	(void)state;
	assert_int_equal(parse("0100007F 000186B5 00000003 00000010 "
			       "5544332211000000785634128088FFFF a",
			       &rec),
			 RECORD_OK);
	assert_string_equal(rec.mon_name, "a");
	assert_string_equal(rec.my_name, "");
	record_fini(&rec);
	assert_int_equal(parse(COLUMNS "a   b c", &rec), RECORD_OK);
	assert_string_equal(rec.my_name, "b c"); /* the rest of the line */
	record_fini(&rec);
	/* An editor made its lines end in CR LF. */
	assert_int_equal(parse(COLUMNS "a b\r", &rec), RECORD_OK);
	assert_string_equal(rec.my_name, "b\r");
	record_fini(&rec);
}

static void bad_lines_are_named(void **state)
{
	struct record rec = {.prog = 99};
	char text[RECORD_LINE_MAX + 8];

	(void)state;
	assert_int_equal(parse("", &rec), RECORD_SHORT);
	assert_int_equal(parse(COLUMNS, &rec), RECORD_SHORT);
	assert_int_equal(parse(COLUMNS " b", &rec), RECORD_SHORT);
	assert_int_equal(parse("g100007f 000186b5 00000003 00000010 "
			       "5544332211000000785634128088ffff a b",
			       &rec),
			 RECORD_COLUMNS);
	assert_int_equal(parse("0100007f-000186b5 00000003 00000010 "
			       "5544332211000000785634128088ffff a b",
			       &rec),
			 RECORD_COLUMNS);
	assert_int_equal(record_parse(COLUMNS "a\0b", 72, &rec), RECORD_NAME);
	memset(text, 'x', sizeof(text));
	memcpy(text, COLUMNS, strlen(COLUMNS));
	assert_int_equal(record_parse(text, RECORD_LINE_MAX, &rec),
			 RECORD_LONG);
	text[100] = ' ';
	assert_int_equal(record_parse(text, RECORD_LINE_MAX - 1, &rec),
			 RECORD_OK);
	record_fini(&rec);
	rec.prog = 99;
	assert_int_equal(parse("short", &rec), RECORD_SHORT);
	assert_int_equal(rec.prog, 99); /* untouched */
}

static void format_is_the_inverse_of_parse(void **state)
{
	struct record rec;
	struct buf out;

	(void)state;
	buf_init(&out, RECORD_FILE_MAX);
	assert_int_equal(parse(LINE, &rec), RECORD_OK);
	assert_int_equal(record_format(&rec, &out), RECORD_OK);
	assert_string_equal(buf_text(&out), LINE "\n");
	record_fini(&rec);
	buf_clear(&out);
	assert_int_equal(parse(COLUMNS "a b\r", &rec), RECORD_OK);
	assert_int_equal(record_format(&rec, &out), RECORD_OK);
	assert_string_equal(buf_text(&out), COLUMNS "a b\r\n");
	record_fini(&rec);
	buf_fini(&out);
}

static void too_long_a_pair_is_not_written(void **state)
{
	char name[1100];
	char me[] = "me";
	struct record rec = {.mon_name = name, .my_name = me};
	struct buf out;

	(void)state;
	buf_init(&out, RECORD_FILE_MAX);
	memset(name, 'n', sizeof(name));
	name[RECORD_LINE_MAX - 69 - 4] = '\0'; /* "NAME me\n" just fits */
	assert_int_equal(record_format(&rec, &out), RECORD_OK);
	assert_int_equal(out.len, RECORD_LINE_MAX);
	buf_clear(&out);
	name[RECORD_LINE_MAX - 69 - 4] = 'n';
	name[RECORD_LINE_MAX - 69 - 3] = '\0';
	assert_int_equal(record_format(&rec, &out), RECORD_LONG);
	assert_int_equal(out.len, 0);
	buf_fini(&out);
}

static void lines_are_found_with_and_without_last_lf(void **state)
{
	const char *text = "\none\n\ntwo";
	struct record_lines lines = {.bytes = (const uint8_t *)text,
				     .len = strlen(text)};
	const uint8_t *line;
	size_t len;

	(void)state;
	assert_true(record_lines_next(&lines, &line, &len));
	assert_memory_equal(line, "one", 3);
	assert_int_equal(len, 3);
	assert_true(record_lines_next(&lines, &line, &len));
	assert_memory_equal(line, "two", 3);
	assert_false(record_lines_next(&lines, &line, &len));
}

static void key_is_everything_but_the_cookie(void **state)
{
	static const char *const others[] = {
		"0100007f 000186b6 00000003 00000010 "
		"5544332211000000785634128088ffff a me",
		"0100007f 000186b5 00000004 00000010 "
		"5544332211000000785634128088ffff a me",
		"0100007f 000186b5 00000003 00000011 "
		"5544332211000000785634128088ffff a me",
		COLUMNS "A me",
		COLUMNS "a ME",
	};
	struct record rec, other;
	size_t i;

	(void)state;
	assert_int_equal(parse(COLUMNS "a me", &rec), RECORD_OK);
	assert_int_equal(parse(OTHER_COLUMNS "a me", &other), RECORD_OK);
	assert_true(record_is_same_key(&rec, &other));
	record_fini(&other);
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(parse(others[i], &other), RECORD_OK);
		assert_false(record_is_same_key(&rec, &other));
		record_fini(&other);
	}
	record_fini(&rec);
}

static void merge(const char *into, const char *from, const char *expected)
{
	struct buf file;

	buf_init(&file, RECORD_FILE_MAX);
	buf_add_text(&file, into);
	record_merge(&file, from, strlen(from));
	assert_string_equal(buf_text(&file), expected);
	/* Once more changes nothing: a turn may be done again. */
	record_merge(&file, from, strlen(from));
	assert_string_equal(buf_text(&file), expected);
	buf_fini(&file);
}

static void merge_loses_no_line_of_either(void **state)
{
	(void)state;
	merge("", COLUMNS "a me\n", COLUMNS "a me\n");
	merge(COLUMNS "a me\n", COLUMNS "a me2\n",
	      COLUMNS "a me\n" COLUMNS "a me2\n");
	/* The same pair: only the cookie differs. */
	merge(COLUMNS "a me\n", OTHER_COLUMNS "a me\n", COLUMNS "a me\n");
	/* No LF at the end, and lines that are no records. */
	merge("torn", COLUMNS "a me", "torn\n" COLUMNS "a me\n");
	merge(COLUMNS "a me\n", "torn",
	      COLUMNS "a me\n"
		      "torn\n");
}

static void merge_over_the_cap_is_seen(void **state)
{
	struct buf file;

	(void)state;
	buf_init(&file, 100);
	record_merge(&file, LINE, strlen(LINE));
	assert_false(file.is_overflowed);
	record_merge(&file, COLUMNS "x y", strlen(COLUMNS "x y"));
	assert_true(file.is_overflowed);
	buf_fini(&file);
}

/* Starts @rng from SEED=, and prints the seed. */
static void start_rng(struct prng *rng)
{
	const char *text = getenv("SEED");
	uint64_t number = text == NULL ? 1 : strtoull(text, NULL, 0);
	uint8_t seed[SIPHASH_KEY_SIZE] = {0};

	print_message("SEED=%llu\n", (unsigned long long)number);
	memcpy(seed, &number, sizeof(number));
	prng_init(rng, seed);
}

static void random_records_survive_a_round_trip(void **state)
{
	struct prng rng;
	unsigned int i;

	(void)state;
	start_rng(&rng);
	for (i = 0; i < 5000; i++) {
		char mon[64], my[64];
		struct record rec = {.prog = prng_u32(&rng),
				     .vers = prng_u32(&rng),
				     .proc = prng_u32(&rng),
				     .mon_name = mon,
				     .my_name = my};
		struct record back;
		struct buf out;

		rec.priv[prng_below(&rng, 16)] = (uint8_t)prng_u32(&rng);
		snprintf(mon, sizeof(mon), "h%x", prng_u32(&rng));
		snprintf(my, sizeof(my), "m%x", prng_u32(&rng));
		buf_init(&out, RECORD_FILE_MAX);
		assert_int_equal(record_format(&rec, &out), RECORD_OK);
		assert_int_equal(record_parse(out.bytes, out.len - 1, &back),
				 RECORD_OK);
		assert_true(record_is_same_key(&rec, &back));
		assert_memory_equal(rec.priv, back.priv, sizeof(rec.priv));
		record_fini(&back);
		buf_fini(&out);
	}
}

/* One byte more than a name may have still fits into a line. */
static void names_in_a_line_are_bounded(void **state)
{
	char text[RECORD_LINE_MAX];
	struct record rec;

	(void)state;
	memcpy(text, COLUMNS, strlen(COLUMNS));
	memset(text + strlen(COLUMNS), 'x', sizeof(text) - strlen(COLUMNS));
	assert_int_equal(record_parse(text, strlen(COLUMNS) + RECORD_NAME_MAX,
				      &rec),
			 RECORD_OK);
	record_fini(&rec);
	assert_int_equal(
		record_parse(text, strlen(COLUMNS) + RECORD_NAME_MAX + 1, &rec),
		RECORD_NAME);
}

/* One digit of each column at a time is none, on either side of the digits. */
static void each_column_is_hex(void **state)
{
	static const char none[] = "/:@G`g ";
	struct record rec;
	char text[128];

	(void)state;
	for (size_t at = 0; at < strlen(COLUMNS); at++) {
		for (size_t i = 0; i < strlen(none); i++) {
			strcpy(text, LINE);
			if (text[at] == ' ')
				text[at] = '0';
			else
				text[at] = none[i];
			assert_int_equal(parse(text, &rec), RECORD_COLUMNS);
		}
	}
}

static void every_error_has_a_phrase(void **state)
{
	(void)state;
	assert_string_equal(record_error_text(RECORD_LONG), "is too long");
	assert_string_equal(record_error_text(RECORD_SHORT), "is cut short");
	assert_string_equal(record_error_text(RECORD_COLUMNS),
			    "does not have the columns of a record");
	assert_string_equal(record_error_text(RECORD_NAME),
			    "has a name that cannot be one");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_of_nfs_utils_is_read),
		cmocka_unit_test(variants_of_nfs_utils_are_read),
		cmocka_unit_test(bad_lines_are_named),
		cmocka_unit_test(format_is_the_inverse_of_parse),
		cmocka_unit_test(too_long_a_pair_is_not_written),
		cmocka_unit_test(lines_are_found_with_and_without_last_lf),
		cmocka_unit_test(key_is_everything_but_the_cookie),
		cmocka_unit_test(merge_loses_no_line_of_either),
		cmocka_unit_test(merge_over_the_cap_is_seen),
		cmocka_unit_test(random_records_survive_a_round_trip),
		cmocka_unit_test(names_in_a_line_are_bounded),
		cmocka_unit_test(each_column_is_hex),
		cmocka_unit_test(every_error_has_a_phrase),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
