/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sm-notify's core and many peers: the window, the rate, the end of the time,
 * and whole worlds of random peers, which print their seed and obey SEED=.
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
#include "lib/xalloc.h"
#include "tests/unit/notify_world.h"

/* Virtual time in which all that must happen does, whatever gets lost. */
#define TELL_MS_MAX (24 * 3600000u)

static void test_give_up(void **state)
{
	struct world w = world_new(NULL, START_MS + 60000, 10000);

	(void)state;
	feed_peers(&w, 25);
	feed_kind(&w, NOTIFY_IN_START);
	do {
		while (take(&w) && w.out.kind == NOTIFY_OUT_SEND)
			;
		if (w.out.kind != NOTIFY_OUT_DONE)
			sleep_until_due(&w);
	} while (w.out.kind != NOTIFY_OUT_DONE);
	assert_int_equal(w.now_ms, START_MS + 60000);
	assert_int_equal(w.out.done.told, 0);
	assert_int_equal(w.out.done.untold, 25);
	assert_int_equal(w.warnings, 21);
	assert_string_equal(w.last_log, "5 more peers could not be notified");
	expect_nothing(&w);
	feed_kind(&w, NOTIFY_IN_TIMER);
	expect_nothing(&w);
	notify_free(w.n);
}

/* Counts the SENDs that are waiting to be taken; answers them if told to. */
static unsigned int drain(struct world *w, bool is_answered)
{
	unsigned int count = 0;

	while (take(w)) {
		struct sent sent;

		if (w->out.kind != NOTIFY_OUT_SEND)
			continue;
		count++;
		sent = sent_read(w);
		if (is_answered)
			answer(w, &sent);
	}
	return count;
}

/* Silence keeps the window as it is; it never opens by time alone. */
static void test_window_silent(void **state)
{
	struct world w = world_default();

	(void)state;
	feed_peers(&w, 1000);
	feed_kind(&w, NOTIFY_IN_START);
	assert_int_equal(drain(&w, false), NOTIFY_WINDOW_FIRST);
	sleep_until_due(&w);
	assert_int_equal(drain(&w, false), NOTIFY_WINDOW_FIRST);
	notify_free(w.n);
}

/* Many silent peers must not be asked in step. */
static void test_jitter(void **state)
{
	struct world w = world_default();

	(void)state;
	feed_peers(&w, 16);
	feed_kind(&w, NOTIFY_IN_START);
	assert_int_equal(drain(&w, false), 16);
	sleep_until_effect(&w);
	assert_in_range(1 + drain(&w, false), 1, 8);
	notify_free(w.n);
}

/* Sends that fail at once hold nobody up. */
static void test_failed_sends(void **state)
{
	struct world w = world_default();

	(void)state;
	feed_peers(&w, 1000);
	feed_kind(&w, NOTIFY_IN_START);
	for (unsigned int i = 0; i < 500; i++) {
		expect(&w, NOTIFY_OUT_SEND);
		fail_send(&w, w.out.send.id);
	}
	notify_free(w.n);
}

/* Counts the RESOLVEs that wait to be taken. */
static unsigned int count_resolves(struct world *w)
{
	unsigned int count = 0;

	while (take(w))
		count += w->out.kind == NOTIFY_OUT_RESOLVE;
	return count;
}

/* Look-ups are asked in portions, and all in the end. */
static void test_lookups(void **state)
{
	struct world w = world_default();
	char name[32];
	char text[256];
	unsigned int count;

	(void)state;
	for (unsigned int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "peer%u", i);
		snprintf(text, sizeof(text), LINE("%s", "srv"), name);
		feed_file(&w, name, text);
	}
	feed_kind(&w, NOTIFY_IN_START);
	count = count_resolves(&w);
	assert_in_range(count, 1, 256);
	for (uint64_t id = 1; id <= 1000; id++) {
		resolve(&w, id, NULL, 0);
		count += count_resolves(&w);
	}
	assert_int_equal(count, 1000);
	/* And again, since none of them was found. */
	while (count < 1001) {
		assert_true(w.now_ms < START_MS + TELL_MS_MAX);
		sleep_until_due(&w);
		count += count_resolves(&w);
	}
	notify_free(w.n);
}

/* Peers with an address do not fill the queue of those without. */
static void test_extra_lookups(void **state)
{
	struct world w = world_default();
	char name[32];
	char text[256];
	unsigned int count = 0;

	(void)state;
	for (unsigned int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "peer%u", i);
		snprintf(text, sizeof(text), LINE("192.0.%u.%u", "srv"), i >> 8,
			 i & 255);
		feed_file(&w, name, text);
	}
	feed_kind(&w, NOTIFY_IN_START);
	while (w.now_ms < START_MS + 600000) {
		count += count_resolves(&w);
		sleep_until_due(&w);
	}
	assert_int_equal(count, 64);
	notify_free(w.n);
}

/* Answers open the window; once the living fall silent it closes again. */
static void test_window_moves(void **state)
{
	struct world w = world_new(NULL, UINT64_MAX, 1000000);
	struct sent first[NOTIFY_WINDOW_FIRST];
	unsigned int opened;
	unsigned int count = 0;

	(void)state;
	feed_peers(&w, 1000);
	feed_kind(&w, NOTIFY_IN_START);
	while (count < NOTIFY_WINDOW_FIRST)
		first[count++] = expect_send(&w);
	for (unsigned int i = 0; i < count; i++)
		answer(&w, &first[i]);
	opened = drain(&w, false);
	assert_int_equal(opened, 2 * NOTIFY_WINDOW_FIRST);
	/* 64 calls to peers that had answered are lost: halved, once. */
	w.now_ms += 5000;
	feed_kind(&w, NOTIFY_IN_TIMER);
	assert_int_equal(drain(&w, false), NOTIFY_WINDOW_FIRST);
	for (unsigned int i = 0; i < 10; i++) {
		w.now_ms += 5000;
		feed_kind(&w, NOTIFY_IN_TIMER);
		count = drain(&w, false);
	}
	assert_in_range(count, NOTIFY_WINDOW_MIN, NOTIFY_WINDOW_FIRST);
	notify_free(w.n);
}

static void test_packets_per_second(void **state)
{
	struct world w = world_new(NULL, UINT64_MAX, 100);
	uint64_t start_ms = w.now_ms;
	unsigned int sent = 0;

	(void)state;
	feed_peers(&w, 2000);
	feed_kind(&w, NOTIFY_IN_START);
	while (w.now_ms < start_ms + 10000) {
		sent += drain(&w, true);
		assert_true(sent <= 10 + (w.now_ms - start_ms) / 10);
		sleep_until_due(&w);
	}
	assert_true(sent > 990);
	notify_free(w.n);
}

/* --- random worlds ------------------------------------------------------- */

#define PEERS_MAX  10000
#define FLYING_MAX 20000

/* What the peer at 10.x.y.z knows, and how it behaves. */
struct peer {
	bool is_dead;
	bool knows_full;
	bool knows_short;
	bool is_told; /* its file is gone */
};

/* An answer on its way to us. */
struct flying {
	uint64_t at_ms;
	struct sent sent;
};

struct many {
	struct world w;
	struct prng rng;
	unsigned int loss;     /* of 100 */
	unsigned int delay_ms; /* of an answer, at most */
	unsigned int count;
	struct peer peers[PEERS_MAX];
	struct flying flying[FLYING_MAX];
	unsigned int flying_count;
	unsigned int packets;
};

static bool is_lost(struct many *m)
{
	return prng_below(&m->rng, 100) < m->loss;
}

static void peer_hears(struct many *m, const struct sent *sent)
{
	const uint8_t *a = sent->peer.bytes;
	struct peer *peer = &m->peers[a[1] << 16 | a[2] << 8 | a[3]];

	m->packets++;
	if (peer->is_dead || is_lost(m))
		return;
	peer->knows_full |= !strcmp(sent->name, "srv.example.com");
	peer->knows_short |= !strcmp(sent->name, "srv");
	if (is_lost(m))
		return;
	assert_true(m->flying_count < FLYING_MAX);
	m->flying[m->flying_count++] = (struct flying){
		.at_ms = m->w.now_ms + prng_below(&m->rng, m->delay_ms),
		.sent = *sent,
	};
}

/* ORDER: the file goes only when the peer has heard both names. */
static void file_goes(struct many *m)
{
	struct addr addr;
	struct peer *peer;

	assert_int_equal(m->w.out.len, 0);
	assert_true(addr_parse(m->w.out.rewrite.file, &addr));
	peer = &m->peers[addr.bytes[1] << 16 | addr.bytes[2] << 8 |
			 addr.bytes[3]];
	assert_false(peer->is_told);
	assert_true(peer->knows_full || peer->knows_short);
	if (m->loss == 0)
		assert_true(peer->knows_full && peer->knows_short);
	peer->is_told = true;
}

/* Carries out what is waiting. */
static void many_drain(struct many *m)
{
	struct sent sent;

	while (take(&m->w)) {
		if (m->w.out.kind == NOTIFY_OUT_SEND) {
			sent = sent_read(&m->w);
			peer_hears(m, &sent);
		} else if (m->w.out.kind == NOTIFY_OUT_REWRITE) {
			file_goes(m);
		} else {
			assert_int_equal(m->w.out.kind, NOTIFY_OUT_DONE);
			assert_int_equal(m->w.out.done.untold, 0);
		}
	}
}

/* The clock goes to the next answer or deadline. */
static void many_step(struct many *m)
{
	uint64_t at_ms = notify_deadline_ms(m->w.n);
	unsigned int next = m->flying_count;
	struct flying arrived;

	for (unsigned int i = 0; i < m->flying_count; i++) {
		if (m->flying[i].at_ms < at_ms) {
			at_ms = m->flying[i].at_ms;
			next = i;
		}
	}
	assert_true(at_ms != UINT64_MAX && at_ms >= m->w.now_ms);
	m->w.now_ms = at_ms;
	if (next == m->flying_count) {
		feed_kind(&m->w, NOTIFY_IN_TIMER);
		return;
	}
	arrived = m->flying[next];
	m->flying[next] = m->flying[--m->flying_count];
	answer(&m->w, &arrived.sent);
}

/* Runs until the living are told; says how long that took. */
static uint64_t many_run(struct many *m, unsigned int dead_of_100)
{
	unsigned int living = 0;

	feed_peers(&m->w, m->count);
	for (unsigned int i = 0; i < m->count; i++) {
		m->peers[i].is_dead = prng_below(&m->rng, 100) < dead_of_100;
		living += !m->peers[i].is_dead;
	}
	feed_kind(&m->w, NOTIFY_IN_START);
	many_drain(m);
	while (notify_untold_count(m->w.n) > m->count - living) {
		assert_true(m->w.now_ms < START_MS + TELL_MS_MAX);
		many_step(m);
		many_drain(m);
	}
	for (unsigned int i = 0; i < m->count; i++)
		assert_int_equal(m->peers[i].is_told, !m->peers[i].is_dead);
	return m->w.now_ms - START_MS;
}

static void many_free(struct many *m)
{
	notify_free(m->w.n);
	free(m);
}

static struct many *many_new(uint64_t seed, unsigned int count,
			     unsigned int loss)
{
	struct many *m = xzalloc(sizeof(*m));
	uint8_t key[SIPHASH_KEY_SIZE] = {0};

	memcpy(key, &seed, sizeof(seed));
	prng_init(&m->rng, key);
	m->w = world_new(NULL, UINT64_MAX, 10000);
	m->count = count;
	m->loss = loss;
	m->delay_ms = 400;
	return m;
}

static uint64_t seed_get(void)
{
	const char *text = getenv("SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : 20260721;

	print_message("SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

/* Whatever is lost, each living peer is told in the end, and no other. */
static void test_random_loss(void **state)
{
	uint64_t seed = seed_get();

	(void)state;
	for (unsigned int i = 0; i < 20; i++) {
		struct many *m = many_new(seed + i, 1 + 13 * i, 3 * i);

		many_run(m, 5 * i);
		many_free(m);
	}
}

/* Late answers, while packets wait: none is taken for another. */
static void test_late_answers(void **state)
{
	struct many *m = many_new(seed_get(), 300, 0);

	(void)state;
	notify_free(m->w.n);
	m->w = world_new(NULL, UINT64_MAX, 40);
	m->delay_ms = 4000;
	many_run(m, 20);
	many_free(m);
}

/* B-7: ten thousand living peers take three packets each, and no more. */
static void test_ten_thousand(void **state)
{
	struct many *m = many_new(seed_get(), PEERS_MAX, 0);

	(void)state;
	assert_in_range(many_run(m, 0), 3000, 10000);
	assert_int_equal(m->packets, 3 * PEERS_MAX);
	many_free(m);
}

/* Nine of ten are gone: the others hear of it within lockd's 50 s of grace. */
static void test_mostly_dead(void **state)
{
	struct many *m = many_new(seed_get(), PEERS_MAX, 0);
	uint64_t took_ms = many_run(m, 90);

	(void)state;
	print_message("told after %llu virtual ms\n",
		      (unsigned long long)took_ms);
	assert_in_range(took_ms, 0, 50000);
	many_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_give_up),
		cmocka_unit_test(test_window_silent),
		cmocka_unit_test(test_jitter),
		cmocka_unit_test(test_failed_sends),
		cmocka_unit_test(test_lookups),
		cmocka_unit_test(test_extra_lookups),
		cmocka_unit_test(test_window_moves),
		cmocka_unit_test(test_packets_per_second),
		cmocka_unit_test(test_random_loss),
		cmocka_unit_test(test_late_answers),
		cmocka_unit_test(test_ten_thousand),
		cmocka_unit_test(test_mostly_dead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
