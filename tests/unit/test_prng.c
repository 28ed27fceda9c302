/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lib/siphash against the published vectors of its authors, and lib/prng:
 * repeatable, bounded, even.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/prng.h"
#include "lib/siphash.h"

/* Key 00 01 .. 0f, message 00 01 .. of as many bytes as the index says. */
static const uint64_t vectors[] = {
	UINT64_C(0x726fdb47dd0e0e31), UINT64_C(0x74f839c593dc67fd),
	UINT64_C(0x0d6c8009d9a94f5a), UINT64_C(0x85676696d7fb7e2d),
	UINT64_C(0xcf2794e0277187b7), UINT64_C(0x18765564cd99a68d),
	UINT64_C(0xcbc9466e58fee3ce), UINT64_C(0xab0200f58b01d137),
	UINT64_C(0x93f5f5799a932462), UINT64_C(0x9e0082df0ba9e4b0),
	UINT64_C(0x7a5dbbc594ddb9f3), UINT64_C(0xf4b32f46226bada7),
	UINT64_C(0x751e8fbc860ee5fb), UINT64_C(0x14ea5627c0843d90),
	UINT64_C(0xf723ca908e7af2ee), UINT64_C(0xa129ca6149be45e5),
};
#define VECTOR_63 UINT64_C(0x958a324ceb064572)

static void test_siphash_vectors(void **state)
{
	uint8_t key[SIPHASH_KEY_SIZE];
	uint8_t message[63];

	(void)state;
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		assert_true(siphash(key, message, i) == vectors[i]);
	assert_true(siphash(key, message, 63) == VECTOR_63);
}

static void test_same_seed_same_numbers(void **state)
{
	const uint8_t seed[SIPHASH_KEY_SIZE] = {1};
	const uint8_t other[SIPHASH_KEY_SIZE] = {2};
	struct prng a;
	struct prng b;
	struct prng c;
	unsigned int same = 0;

	(void)state;
	prng_init(&a, seed);
	prng_init(&b, seed);
	prng_init(&c, other);
	for (int i = 0; i < 1000; i++) {
		uint64_t number = prng_u64(&a);

		assert_true(number == prng_u64(&b));
		same += number == prng_u64(&c);
	}
	assert_int_equal(same, 0);
}

static void test_below_stays_below(void **state)
{
	static const uint64_t bounds[] = {1,
					  2,
					  3,
					  1000,
					  UINT64_C(1) << 63,
					  (UINT64_C(1) << 63) + 1,
					  UINT64_MAX};
	const uint8_t seed[SIPHASH_KEY_SIZE] = {3};
	struct prng rng;

	(void)state;
	prng_init(&rng, seed);
	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		for (int j = 0; j < 1000; j++)
			assert_true(prng_below(&rng, bounds[i]) < bounds[i]);
	}
}

static void test_below_is_even(void **state)
{
	const uint8_t seed[SIPHASH_KEY_SIZE] = {4};
	unsigned int hits[3] = {0};
	struct prng rng;

	(void)state;
	/* 3 * 2^62 numbers: a plain modulo would favour the first third. */
	prng_init(&rng, seed);
	for (int i = 0; i < 30000; i++)
		hits[prng_below(&rng, UINT64_C(3) << 62) >> 62]++;
	for (int i = 0; i < 3; i++)
		assert_in_range(hits[i], 9500, 10500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_siphash_vectors),
		cmocka_unit_test(test_same_seed_same_numbers),
		cmocka_unit_test(test_below_stays_below),
		cmocka_unit_test(test_below_is_even),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
