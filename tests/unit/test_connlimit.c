/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lib/connlimit: places, who gets the last one, who loses his, and that
 * strangers never keep a local caller out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/connlimit.h"
#include "lib/prng.h"
#include "lib/xalloc.h"

#define IDLE_MS 60000u
#define SEATS	1100

struct fixture {
	struct connlimit limit;
	struct connlimit_seat seats[SEATS];
	uint64_t now_ms;
};

static void begin(struct fixture *f, unsigned int total_max,
		  unsigned int per_address_max)
{
	static const uint8_t key[SIPHASH_KEY_SIZE] = "unit test key..";

	memset(f, 0, sizeof(*f));
	f->now_ms = 1000;
	connlimit_init(&f->limit, total_max, per_address_max, IDLE_MS, key);
}

/* Address number @host of another network. */
static struct addr stranger(unsigned int host)
{
	struct addr addr = {.family = ADDR_V4, .port = (uint16_t)(host + 1)};

	addr.bytes[0] = 192;
	addr.bytes[2] = (uint8_t)(host >> 8);
	addr.bytes[3] = (uint8_t)host;
	return addr;
}

/* Enters as the service does: asks, lets the victim go, takes the seat. */
static bool enter(struct fixture *f, unsigned int seat, const struct addr *from,
		  enum connlimit_kind kind)
{
	struct connlimit_seat *victim;

	switch (connlimit_ask(&f->limit, from, kind, &victim)) {
	case CONNLIMIT_GREEDY:
	case CONNLIMIT_FULL:
		return false;
	case CONNLIMIT_REPLACE:
		connlimit_leave(&f->limit, victim);
		victim->active_ms = 0;
		break;
	case CONNLIMIT_ENTER:
		break;
	}
	connlimit_enter(&f->limit, &f->seats[seat], ++f->now_ms, from, kind);
	return true;
}

static bool enter_stranger(struct fixture *f, unsigned int seat,
			   unsigned int host)
{
	struct addr from = stranger(host);

	return enter(f, seat, &from, CONNLIMIT_STRANGER);
}

static bool enter_local(struct fixture *f, unsigned int seat)
{
	struct addr from = addr_loopback(700);

	return enter(f, seat, &from, CONNLIMIT_LOCAL);
}

/* A seat that was replaced has active_ms 0, see enter(). */
static bool is_seated(const struct fixture *f, unsigned int seat)
{
	return f->seats[seat].active_ms != 0;
}

static void end(struct fixture *f)
{
	unsigned int i;

	for (i = 0; i < SEATS; i++)
		if (is_seated(f, i))
			connlimit_leave(&f->limit, &f->seats[i]);
	assert_int_equal(f->limit.count[CONNLIMIT_STRANGER], 0);
	assert_int_equal(f->limit.count[CONNLIMIT_LOCAL], 0);
	connlimit_fini(&f->limit);
}

static void an_address_has_its_cap(void **state)
{
	static struct fixture f;

	(void)state;
	begin(&f, 1000, 2);
	assert_true(enter_stranger(&f, 0, 1));
	assert_true(enter_stranger(&f, 1, 1));
	assert_false(enter_stranger(&f, 2, 1));
	assert_true(enter_stranger(&f, 2, 2));
	connlimit_leave(&f.limit, &f.seats[0]);
	f.seats[0].active_ms = 0;
	assert_true(enter_stranger(&f, 0, 1));
	assert_true(enter_local(&f, 3));
	assert_true(enter_local(&f, 4));
	assert_true(enter_local(&f, 5));
	end(&f);
}

static void strangers_leave_places_for_locals(void **state)
{
	static struct fixture f;
	unsigned int i;

	(void)state;
	begin(&f, 1000, 1);
	for (i = 0; i < 1000; i++)
		assert_true(enter_stranger(&f, i, i));
	assert_int_equal(f.limit.count[CONNLIMIT_STRANGER],
			 1000 - CONNLIMIT_KEPT_MAX);
	/* The oldest made room for the newest. */
	assert_false(is_seated(&f, 0));
	assert_false(is_seated(&f, CONNLIMIT_KEPT_MAX - 1));
	assert_true(is_seated(&f, CONNLIMIT_KEPT_MAX));
	for (i = 0; i < CONNLIMIT_KEPT_MAX; i++)
		assert_true(enter_local(&f, i));
	assert_int_equal(f.limit.count[CONNLIMIT_STRANGER],
			 1000 - CONNLIMIT_KEPT_MAX);
	end(&f);
}

static void a_small_limit_keeps_half(void **state)
{
	static struct fixture f;
	unsigned int i;

	(void)state;
	begin(&f, 16, 100);
	for (i = 0; i < 16; i++)
		assert_true(enter_stranger(&f, i, i));
	assert_int_equal(f.limit.count[CONNLIMIT_STRANGER], 8);
	end(&f);
}

/* At the cap: strangers first, then locals, and never a local for another. */
static void locals_go_last(void **state)
{
	static struct fixture f;
	unsigned int i;

	(void)state;
	begin(&f, 16, 100);
	for (i = 0; i < 15; i++)
		assert_true(enter_local(&f, i));
	assert_true(enter_stranger(&f, 15, 1));
	assert_true(enter_local(&f, 16));
	assert_false(is_seated(&f, 15));
	assert_true(is_seated(&f, 0));
	assert_false(enter_stranger(&f, 15, 1));
	connlimit_touch(&f.limit, &f.seats[0], ++f.now_ms);
	assert_true(enter_local(&f, 17));
	assert_true(is_seated(&f, 0));
	assert_false(is_seated(&f, 1));
	end(&f);
}

static void idle_strangers_are_named_oldest_first(void **state)
{
	static struct fixture f;

	(void)state;
	begin(&f, 16, 100);
	assert_true(connlimit_deadline_ms(&f.limit) == UINT64_MAX);
	assert_true(enter_local(&f, 0));
	assert_true(connlimit_deadline_ms(&f.limit) == UINT64_MAX);
	assert_true(enter_stranger(&f, 1, 1));
	assert_true(enter_stranger(&f, 2, 1));
	connlimit_touch(&f.limit, &f.seats[1], ++f.now_ms);
	f.now_ms = connlimit_deadline_ms(&f.limit);
	assert_int_equal(f.now_ms, f.seats[2].active_ms + IDLE_MS);
	assert_null(connlimit_idle(&f.limit, f.now_ms - 1));
	assert_ptr_equal(connlimit_idle(&f.limit, f.now_ms), &f.seats[2]);
	connlimit_leave(&f.limit, &f.seats[2]);
	f.seats[2].active_ms = 0;
	assert_null(connlimit_idle(&f.limit, f.now_ms));
	f.now_ms += IDLE_MS;
	assert_ptr_equal(connlimit_idle(&f.limit, f.now_ms), &f.seats[1]);
	end(&f);
}

static uint64_t seed_get(void)
{
	const char *text = getenv("SEED");
	uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : 20261121;

	print_message("SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

/* What must hold after any step of any flood. */
static void check_counts(const struct fixture *f)
{
	unsigned int strangers = f->limit.count[CONNLIMIT_STRANGER];
	unsigned int per_host[8] = {0};
	unsigned int seated = 0;
	unsigned int i;

	for (i = 0; i < 64; i++) {
		if (!is_seated(f, i))
			continue;
		seated++;
		if (f->seats[i].kind == CONNLIMIT_STRANGER)
			per_host[i % 8]++;
	}
	assert_int_equal(seated, strangers + f->limit.count[CONNLIMIT_LOCAL]);
	assert_in_range(seated, 0, 20);
	assert_in_range(strangers, 0, 10);
	for (i = 0; i < 8; i++)
		assert_in_range(per_host[i], 0, 3);
}

static void random_floods_keep_the_caps(void **state)
{
	static struct fixture f;
	uint8_t seed[SIPHASH_KEY_SIZE] = {0};
	uint64_t number = seed_get();
	struct prng rng;
	unsigned int i;

	(void)state;
	memcpy(seed, &number, sizeof(number));
	prng_init(&rng, seed);
	begin(&f, 20, 3);
	for (i = 0; i < 20000; i++) {
		unsigned int seat = prng_u32(&rng) % 64;

		if (is_seated(&f, seat) && prng_u32(&rng) % 4 == 0) {
			connlimit_touch(&f.limit, &f.seats[seat], ++f.now_ms);
		} else if (is_seated(&f, seat)) {
			connlimit_leave(&f.limit, &f.seats[seat]);
			f.seats[seat].active_ms = 0;
		} else if (prng_u32(&rng) % 3 == 0) {
			assert_true(enter_local(&f, seat));
		} else {
			(void)enter_stranger(&f, seat, seat % 8);
		}
		check_counts(&f);
	}
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_has_its_cap),
		cmocka_unit_test(strangers_leave_places_for_locals),
		cmocka_unit_test(a_small_limit_keeps_half),
		cmocka_unit_test(locals_go_last),
		cmocka_unit_test(idle_strangers_are_named_oldest_first),
		cmocka_unit_test(random_floods_keep_the_caps),
	};

	return cmocka_run_group_tests_name("connlimit", tests, NULL, NULL);
}
