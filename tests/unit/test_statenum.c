/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state number and the files that carry it (contract.md 3.1, design
 * section 4).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/prng.h"
#include "lib/statenum.h"

static void newer_is_serial(void **state)
{
	(void)state;
	assert_true(statenum_is_newer(5, 3));
	assert_false(statenum_is_newer(3, 5));
	assert_false(statenum_is_newer(5, 5));
	assert_true(statenum_is_newer(1, 0xffffffff));
	assert_true(statenum_is_newer(0x80000000, 1));
	assert_false(statenum_is_newer(0x80000001, 1));
}

static uint32_t decode(uint32_t number)
{
	uint8_t bytes[STATENUM_FILE_SIZE];

	statenum_encode(number, bytes);
	return statenum_decode(bytes, sizeof(bytes));
}

static void file_is_four_bytes_of_host_order(void **state)
{
	const uint8_t extra[6] = {5, 0, 0, 0, 9, 9};
	uint8_t bytes[STATENUM_FILE_SIZE];
	const uint32_t five = 5;

	(void)state;
	statenum_encode(5, bytes);
	assert_memory_equal(bytes, &five, sizeof(five));
	assert_int_equal(decode(5), 5);
	assert_int_equal(decode(4), 5);
	assert_int_equal(decode(0), 0);
	assert_int_equal(decode(0x7fffffff), 0x7fffffff);
	assert_int_equal(decode(0x80000001), 0); /* negative */
	assert_int_equal(statenum_decode(bytes, 3), 0);
	assert_int_equal(statenum_decode("", 0), 0);
	if (*(const uint8_t *)&five == 5)
		assert_int_equal(statenum_decode(extra, sizeof(extra)), 5);
}

static void raise_goes_above_everything_known(void **state)
{
	(void)state;
	assert_int_equal(statenum_raise(0, 0, 0), STATENUM_FIRST);
	assert_int_equal(statenum_raise(3, 0, 3), 5);
	assert_int_equal(statenum_raise(3, 9, 3), 11);
	/* nfs-utils was here: one number more may have been announced. */
	assert_int_equal(statenum_raise(3, 0, 7), 11);
	assert_int_equal(statenum_raise(0, 0, 5), 9);
	/* The raised `state` was lost with the power. */
	assert_int_equal(statenum_raise(7, 0, 5), 11);
	assert_int_equal(statenum_raise(0x7fffffff, 0, 0x7fffffff),
			 STATENUM_FIRST);
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

static void raise_is_odd_and_rises(void **state)
{
	struct prng rng;
	unsigned int i;

	(void)state;
	start_rng(&rng);
	for (i = 0; i < 100000; i++) {
		uint32_t a = prng_u32(&rng) >> 2, b = prng_u32(&rng) >> 2,
			 c = prng_u32(&rng) >> 2;
		uint32_t raised = statenum_raise(a, b, c);

		assert_int_equal(raised % 2, 1);
		assert_true(raised > a && raised > b && raised > c);
	}
}

static bool parse(const char *text, struct bootrec *rec)
{
	return bootrec_parse(text, strlen(text), rec);
}

static void bootrec_is_read_back(void **state)
{
	struct bootrec rec = {.key = "boot-1", .number = 7, .floor = 11};
	struct bootrec back = {0};
	char text[BOOTREC_LEN_MAX];
	size_t len;

	(void)state;
	len = bootrec_format(&rec, text);
	assert_int_equal(len, strlen(text));
	assert_string_equal(text, "boot-1 7 11 turning\n");
	assert_true(parse(text, &back));
	assert_memory_equal(&rec, &back, sizeof(rec));
	rec.is_turned = true;
	bootrec_format(&rec, text);
	assert_string_equal(text, "boot-1 7 11 turned\n");
	assert_true(parse(text, &back));
	assert_true(back.is_turned);
	assert_false(back.has_left);
	rec.has_left = true;
	bootrec_format(&rec, text);
	assert_string_equal(text, "boot-1 7 11 left\n");
	assert_true(parse(text, &back));
	assert_memory_equal(&rec, &back, sizeof(rec));
}

static void bad_bootrecs_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"boot-1 7 11 turned",
		"boot-1 7 11 turned\n\n",
		"boot-1 7 11 turn\n",
		"boot-1 7 turned\n",
		"boot-1 -7 11 turned\n",
		"boot-1 7 4294967296 turned\n",
		"boot-1 2147483648 11 turned\n",
		" 7 11 turned\n",
		"boot-1",
		"boot-1\n7 11 turned\n",
		"boot-1 7\n11 turned\n",
		"boot-1 7 11\nturned\n",
		"boot-1 7 11  turned\n",
		"boot-1 7 11 turnedx",
		"boot-1 x 11 turned\n",
		"boot-1 7 x turned\n",
		"boot-1 000000000000000000007 11 turned\n",
		"boot\x7f-1 7 11 turned\n",
		"boot\x80-1 7 11 turned\n",
		("0123456789012345678901234567890123456789012345678901234567890"
		 "123 7 11 turned\n"),
		"boot-1  7 11 turned\n",
		("012345678901234567890123456789012345678901234567890123456789"
		 "123 7 11 turned\n"),
	};
	struct bootrec rec = {.number = 99};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]) - 1; i++) {
		assert_false(parse(bad[i], &rec));
		assert_int_equal(rec.number, 99);
	}
	assert_false(bootrec_parse(NULL, 0, &rec)); /* an empty buf */
	assert_true(parse(bad[i], &rec)); /* 63 bytes of key just fit */
}

static void pidrec_is_read_back(void **state)
{
	struct pidrec rec = {.pid = 4711,
			     .has_key = true,
			     .key = "boot-1",
			     .device = 64769,
			     .inode = UINT64_MAX};
	struct pidrec back;
	char text[BOOTREC_LEN_MAX];
	size_t len;

	(void)state;
	len = pidrec_format(&rec, text);
	assert_int_equal(len, strlen(text));
	assert_string_equal(text, "4711\nboot-1 64769:18446744073709551615\n");
	pidrec_parse(text, strlen(text), &back);
	assert_int_equal(back.pid, 4711);
	assert_true(back.has_key);
	assert_string_equal(back.key, rec.key);
	assert_true(back.device == rec.device && back.inode == rec.inode);
}

static void pidrec_of_nfs_utils_has_no_key(void **state)
{
	static const char *const texts[] = {"4711\n",
					    "4711\nboot-1 1:\n",
					    "4711\nboot-1 1:2",
					    "4711",
					    "4711 boot-1 1:2\n",
					    "4711\n 1:2\n",
					    "4711\nboot-1:1:2\n",
					    "4711\nboot-1 x:2\n",
					    "4711\nboot-1 1 2\n",
					    "4711\nboot-1 1:x\n",
					    "4711\nboot-1 1:2\n\n"};
	char text[BOOTREC_LEN_MAX];
	struct pidrec rec;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		pidrec_parse(texts[i], strlen(texts[i]), &rec);
		assert_int_equal(rec.pid, 4711);
		assert_false(rec.has_key);
		assert_int_equal(rec.inode, 0);
	}
	rec.pid = 4711;
	rec.has_key = false;
	assert_int_equal(pidrec_format(&rec, text), 5);
	assert_string_equal(text, "4711\n");
	pidrec_parse("x\n", 2, &rec);
	assert_int_equal(rec.pid, 0);
	pidrec_parse("\nboot-1 1:2\n", 12, &rec);
	assert_false(rec.has_key);
	pidrec_parse("", 0, &rec);
	assert_int_equal(rec.pid, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(newer_is_serial),
		cmocka_unit_test(file_is_four_bytes_of_host_order),
		cmocka_unit_test(raise_goes_above_everything_known),
		cmocka_unit_test(raise_is_odd_and_rises),
		cmocka_unit_test(bootrec_is_read_back),
		cmocka_unit_test(bad_bootrecs_are_refused),
		cmocka_unit_test(pidrec_is_read_back),
		cmocka_unit_test(pidrec_of_nfs_utils_has_no_key),
	};

	return cmocka_run_group_tests_name("statenum", tests, NULL, NULL);
}
