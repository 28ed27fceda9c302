/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lib/map: equal hashes, and a long random run against a naive model.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/list.h"
#include "lib/map.h"
#include "lib/prng.h"

#define ITEMS 500
#define STEPS 50000

struct item {
	struct map_node by_hash; /* the map of each test */
	bool is_in;		 /* what the model says */
};

static uint64_t seed_from_env(void)
{
	const char *text = getenv("SEED");
	uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : 20240601;

	print_message("SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

static void test_empty(void **state)
{
	const uint8_t key[SIPHASH_KEY_SIZE] = {0};
	struct map map;

	(void)state;
	map_init(&map, key);
	assert_null(map_first(&map, 0));
	assert_true(map_hash(&map, "abc", 3) == siphash(key, "abc", 3));
	map_fini(&map);
}

static void test_equal_hashes_are_all_found(void **state)
{
	const uint8_t key[SIPHASH_KEY_SIZE] = {0};
	struct item items[3] = {0};
	struct item other = {0};
	struct map_node *node;
	unsigned int seen = 0;
	struct map map;

	(void)state;
	map_init(&map, key);
	for (int i = 0; i < 3; i++)
		map_add(&map, &items[i].by_hash, 42);
	/* The same chain, but not the same hash. */
	map_add(&map, &other.by_hash, 42 + (UINT64_C(1) << 40));
	for (node = map_first(&map, 42); node != NULL; node = map_next(node)) {
		assert_ptr_not_equal(node, &other.by_hash);
		seen++;
	}
	assert_int_equal(seen, 3);
	map_remove(&map, &items[1].by_hash);
	seen = 0;
	for (node = map_first(&map, 42); node != NULL; node = map_next(node))
		seen++;
	assert_int_equal(seen, 2);
	assert_int_equal(map.count, 3);
	map_fini(&map);
}

static void check_against_model(const struct map *map, struct item *items)
{
	size_t in = 0;

	for (int i = 0; i < ITEMS; i++) {
		struct map_node *node = map_first(map, items[i].by_hash.hash);

		while (node != NULL && node != &items[i].by_hash)
			node = map_next(node);
		assert_true((node != NULL) == items[i].is_in);
		in += items[i].is_in;
	}
	assert_int_equal(map->count, in);
}

static void test_random_run(void **state)
{
	uint8_t key[SIPHASH_KEY_SIZE] = {0};
	uint64_t seed = seed_from_env();
	struct item *items = calloc(ITEMS, sizeof(*items));
	struct prng rng;
	struct map map;

	(void)state;
	memcpy(key, &seed, sizeof(seed));
	prng_init(&rng, key);
	map_init(&map, key);
	for (int step = 0; step < STEPS; step++) {
		struct item *item = &items[prng_below(&rng, ITEMS)];

		if (item->is_in)
			map_remove(&map, &item->by_hash);
		else /* few distinct hashes, so that many are equal */
			map_add(&map, &item->by_hash, prng_below(&rng, 200));
		item->is_in = !item->is_in;
		if (step % 500 == 0)
			check_against_model(&map, items);
	}
	check_against_model(&map, items);
	map_fini(&map);
	free(items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_equal_hashes_are_all_found),
		cmocka_unit_test(test_random_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
