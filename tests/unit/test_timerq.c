/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lib/timerq: a few edges, and a long random run against a naive model.
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
#include "lib/timerq.h"

#define TIMERS 200
#define STEPS  50000

static uint64_t seed_from_env(void)
{
	const char *text = getenv("SEED");
	uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : 20240602;

	print_message("SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

static void test_empty_never_expires(void **state)
{
	struct timer timer = {0};
	struct timerq queue;

	(void)state;
	timerq_init(&queue);
	assert_true(timerq_deadline_ms(&queue) == TIMERQ_NEVER);
	assert_null(timerq_take(&queue, TIMERQ_NEVER));
	assert_false(timer_is_set(&timer));
	timerq_cancel(&queue, &timer);
	timerq_fini(&queue);
}

static void test_soonest_first(void **state)
{
	struct timer a = {0};
	struct timer b = {0};
	struct timerq queue;

	(void)state;
	timerq_init(&queue);
	timerq_set(&queue, &a, 20);
	timerq_set(&queue, &b, 10);
	assert_true(timerq_deadline_ms(&queue) == 10);
	assert_null(timerq_take(&queue, 9));
	timerq_set(&queue, &a, 5); /* moved forward, not added again */
	assert_true(timerq_deadline_ms(&queue) == 5);
	assert_ptr_equal(timerq_take(&queue, 10), &a);
	assert_false(timer_is_set(&a));
	assert_ptr_equal(timerq_take(&queue, 10), &b);
	assert_null(timerq_take(&queue, 10));
	timerq_fini(&queue);
}

/* The model: what each timer was last set to, TIMERQ_NEVER = not set. */
static uint64_t model_soonest(const uint64_t *model)
{
	uint64_t soonest = TIMERQ_NEVER;

	for (int i = 0; i < TIMERS; i++) {
		if (model[i] < soonest)
			soonest = model[i];
	}
	return soonest;
}

static void take_due(struct timerq *queue, struct timer *timers,
		     uint64_t *model, uint64_t now_ms)
{
	struct timer *timer;

	while ((timer = timerq_take(queue, now_ms)) != NULL) {
		ptrdiff_t i = timer - timers;

		assert_true(model[i] == model_soonest(model));
		assert_true(model[i] <= now_ms);
		model[i] = TIMERQ_NEVER;
	}
	assert_true(model_soonest(model) > now_ms);
}

static void test_random_run(void **state)
{
	uint8_t key[SIPHASH_KEY_SIZE] = {0};
	uint64_t seed = seed_from_env();
	struct timer timers[TIMERS] = {0};
	uint64_t model[TIMERS];
	uint64_t now_ms = 0;
	struct timerq queue;
	struct prng rng;

	(void)state;
	memcpy(key, &seed, sizeof(seed));
	prng_init(&rng, key);
	timerq_init(&queue);
	memset(model, 0xff, sizeof(model));
	for (int step = 0; step < STEPS; step++) {
		size_t i = prng_below(&rng, TIMERS);

		switch (prng_below(&rng, 8)) {
		case 0:
			timerq_cancel(&queue, &timers[i]);
			model[i] = TIMERQ_NEVER;
			break;
		case 1:
			now_ms += prng_below(&rng, 30);
			take_due(&queue, timers, model, now_ms);
			break;
		default:
			model[i] = now_ms + prng_below(&rng, 500);
			timerq_set(&queue, &timers[i], model[i]);
		}
		assert_true(timerq_deadline_ms(&queue) == model_soonest(model));
		assert_true(timer_is_set(&timers[i]) ==
			    (model[i] != TIMERQ_NEVER));
	}
	timerq_fini(&queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_never_expires),
		cmocka_unit_test(test_soonest_first),
		cmocka_unit_test(test_random_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
