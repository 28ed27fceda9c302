/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looking up host names in the background: how many at a time, how often
 * again, and when the first round is over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/hostname.h"
#include "statd/names.h"

#define ASKED_MAX (2 * NAMES_OPEN_MAX)

static const uint8_t key[SIPHASH_KEY_SIZE] = "a key for a test";

struct world {
	struct effects out;
	struct peers peers;
	struct names names;
	uint64_t asked[ASKED_MAX]; /* ids of RESOLVEs */
	size_t asked_count;
	size_t logged_count;
};

static int setup(void **state)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	effects_init(&w.out);
	peers_init(&w.peers, key);
	names_init(&w.names, &w.out, &w.peers);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	struct link *pos, *after;

	list_for_each_safe (pos, after, &w->peers.all) {
		struct peer *peer = container_of(pos, struct peer, in_all);

		names_remove(&w->names, peer);
		peers_remove(&w->peers, peer);
	}
	names_fini(&w->names);
	peers_fini(&w->peers);
	effects_fini(&w->out);
	return 0;
}

/* Notes what was asked and logged since the last time. */
static size_t collect(struct world *w)
{
	struct nsm_out out;

	w->asked_count = 0;
	w->logged_count = 0;
	while (effects_take(&w->out, &out)) {
		if (out.kind == NSM_OUT_LOG) {
			w->logged_count++;
			continue;
		}
		assert_int_equal(out.kind, NSM_OUT_RESOLVE);
		assert_in_range(w->asked_count, 0, ASKED_MAX - 1);
		w->asked[w->asked_count++] = out.resolve.id;
	}
	return w->asked_count;
}

static struct peer *add(struct world *w, const char *mon_name)
{
	char mon[RECORD_NAME_MAX + 1], my[] = "me";
	struct record rec = {.mon_name = mon, .my_name = my};
	struct peer *peer;

	snprintf(mon, sizeof(mon), "%s", mon_name);
	peer = peers_add(&w->peers, &rec, mon_name);
	names_add(&w->names, peer);
	return peer;
}

static void remove_peer(struct world *w, struct peer *peer)
{
	names_remove(&w->names, peer);
	peers_remove(&w->peers, peer);
}

/* Adds host0, host1, ... */
static void add_hosts(struct world *w, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		char name[32];

		snprintf(name, sizeof(name), "host%zu", i);
		add(w, name);
	}
}

static struct addr addr_of(const char *text)
{
	struct addr addr;

	assert_true(addr_parse(text, &addr));
	return addr;
}

static void resolve(struct world *w, uint64_t now_ms, uint64_t id,
		    const char *addr_text)
{
	struct addr addr = addr_of(addr_text);

	names_resolved(&w->names, now_ms, id, &addr, 1);
}

static void an_address_is_never_looked_up(void **state)
{
	struct world *w = *state;

	add(w, "192.0.2.7");
	add(w, "2001:db8::7");
	assert_int_equal(collect(w), 0);
	assert_false(names_is_first_open(&w->names));
}

/* Only a file can hold such; a resolver takes 255 bytes and no more. */
static void what_cannot_be_a_name_is_never_looked_up(void **state)
{
	struct world *w = *state;
	char longest[HOSTNAME_LEN_MAX + 2];

	memset(longest, 'n', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(add(w, longest)->lookup, PEER_UNRESOLVED);
	assert_int_equal(add(w, "a/b")->lookup, PEER_UNRESOLVED);
	assert_int_equal(collect(w), 0);
	assert_int_equal(w->logged_count, 2);
	assert_false(names_is_first_open(&w->names));
	assert_false(names_has_failed(&w->names));
	longest[HOSTNAME_LEN_MAX] = '\0';
	add(w, longest);
	assert_int_equal(collect(w), 1);
}

static void a_name_gets_the_addresses_found(void **state)
{
	struct world *w = *state;
	struct peer *peer = add(w, "client.example");
	struct addr addr = addr_of("192.0.2.7");

	assert_int_equal(collect(w), 1);
	assert_true(names_is_first_open(&w->names));
	assert_false(peer_has_addr(peer, &addr));
	resolve(w, 0, w->asked[0], "192.0.2.7");
	assert_true(peer_has_addr(peer, &addr));
	assert_int_equal(peer->lookup, PEER_RESOLVED);
	assert_false(names_is_first_open(&w->names));
	assert_int_equal(collect(w), 0);
	assert_true(names_deadline_ms(&w->names) == UINT64_MAX);
}

static void at_most_so_many_questions_are_out(void **state)
{
	struct world *w = *state;
	size_t i, open = NAMES_OPEN_MAX;

	add_hosts(w, NAMES_OPEN_MAX + 3);
	assert_int_equal(collect(w), open);
	for (i = 0; i < 3; i++) {
		resolve(w, 0, i + 1, "192.0.2.7");
		assert_int_equal(collect(w), 1);
	}
	resolve(w, 0, i + 1, "192.0.2.7");
	assert_int_equal(collect(w), 0);
	assert_true(names_is_first_open(&w->names));
}

static void a_failure_is_warned_about_once_and_asked_again(void **state)
{
	static const uint64_t waits_ms[] = {60000,   120000,  240000,  480000,
					    960000,  1920000, 3600000, 3600000,
					    3600000, 3600000};
	struct world *w = *state;
	struct peer *peer = add(w, "client.example");
	uint64_t now_ms = 5;
	size_t i;

	for (i = 0; i < sizeof(waits_ms) / sizeof(waits_ms[0]); i++) {
		assert_int_equal(collect(w), 1);
		names_resolved(&w->names, now_ms, w->asked[0], NULL, 0);
		collect(w);
		assert_int_equal(w->logged_count, i == 0 ? 1 : 0);
		assert_int_equal(peer->lookup, PEER_UNRESOLVED);
		assert_false(names_is_first_open(&w->names));
		assert_true(names_has_failed(&w->names));
		assert_int_equal(names_deadline_ms(&w->names),
				 now_ms + waits_ms[i]);
		names_timer(&w->names, now_ms + waits_ms[i] - 1);
		assert_int_equal(collect(w), 0);
		now_ms += waits_ms[i];
		names_timer(&w->names, now_ms);
	}
	/* And when it resolves at last, it is asked about no more. */
	assert_int_equal(collect(w), 1);
	resolve(w, now_ms, w->asked[0], "192.0.2.7");
	assert_int_equal(peer->lookup, PEER_RESOLVED);
	assert_false(names_has_failed(&w->names));
	assert_true(names_deadline_ms(&w->names) == UINT64_MAX);
}

/* SAFETY: as often as once a minute, whoever wants it. */
static void a_name_is_hastened_once_a_minute(void **state)
{
	struct world *w = *state;
	struct peer *peer = add(w, "client.example");
	uint64_t now_ms = 5;

	names_hasten(&w->names, now_ms, peer); /* its first one is open */
	assert_int_equal(collect(w), 1);
	names_resolved(&w->names, now_ms, w->asked[0], NULL, 0);
	now_ms += NAMES_WAIT_FIRST_MS;
	names_timer(&w->names, now_ms);
	names_hasten(&w->names, now_ms, peer); /* is under way */
	assert_int_equal(collect(w), 1);
	names_resolved(&w->names, now_ms, w->asked[0], NULL, 0);
	now_ms += NAMES_WAIT_FIRST_MS - 1;
	names_hasten(&w->names, now_ms, peer);
	assert_int_equal(collect(w), 0);
	names_hasten(&w->names, ++now_ms, peer);
	names_hasten(&w->names, now_ms, peer);
	assert_int_equal(collect(w), 1);
	assert_true(names_deadline_ms(&w->names) == UINT64_MAX);
	/* That was the third failure: the pauses grow all the same. */
	names_resolved(&w->names, now_ms, w->asked[0], NULL, 0);
	assert_int_equal(names_deadline_ms(&w->names), now_ms + 240000);
}

static void hastening_does_not_hold_up_others(void **state)
{
	struct world *w = *state;
	struct peer *peer = add(w, "client.example");

	collect(w);
	names_resolved(&w->names, 0, w->asked[0], NULL, 0);
	add_hosts(w, NAMES_HASTEN_MAX);
	assert_int_equal(collect(w), NAMES_HASTEN_MAX);
	names_hasten(&w->names, NAMES_WAIT_FIRST_MS, peer);
	assert_int_equal(collect(w), 0);
	resolve(w, 0, w->asked[0], "192.0.2.7");
	names_hasten(&w->names, NAMES_WAIT_FIRST_MS, peer);
	assert_int_equal(collect(w), 1);
}

static void what_is_never_looked_up_is_not_hastened(void **state)
{
	struct world *w = *state;
	struct peer *found = add(w, "client.example");

	collect(w);
	resolve(w, 0, w->asked[0], "192.0.2.7");
	names_hasten(&w->names, 3600000, found);
	names_hasten(&w->names, 3600000, add(w, "192.0.2.7"));
	names_hasten(&w->names, 3600000, add(w, "a/b"));
	assert_int_equal(collect(w), 0);
}

static void an_answer_counts_once_and_only_if_asked(void **state)
{
	struct world *w = *state;
	struct peer *peer = add(w, "client.example");
	struct addr late = addr_of("192.0.2.9");

	assert_int_equal(collect(w), 1);
	resolve(w, 0, w->asked[0] + 1, "192.0.2.9");
	resolve(w, 0, 0, "192.0.2.9");
	assert_true(names_is_first_open(&w->names));
	resolve(w, 0, w->asked[0], "192.0.2.7");
	resolve(w, 0, w->asked[0], "192.0.2.9");
	assert_false(peer_has_addr(peer, &late));
	assert_false(names_is_first_open(&w->names));
}

static void a_removed_peer_makes_room(void **state)
{
	struct world *w = *state;
	struct peer *peer = add(w, "gone.example");
	uint64_t id;

	collect(w);
	id = w->asked[0];
	add_hosts(w, NAMES_OPEN_MAX);
	assert_int_equal(collect(w), NAMES_OPEN_MAX - 1);
	remove_peer(w, peer);
	assert_int_equal(collect(w), 1);
	/* The answer that still comes is nobody's. */
	resolve(w, 0, id, "192.0.2.7");
	assert_int_equal(collect(w), 0);
}

/* ORDER: while one is counted too many, no notice would ever be answered. */
static void a_removed_peer_does_not_keep_the_first_round_open(void **state)
{
	struct world *w = *state;
	struct peer *asked = add(w, "asked.example");
	struct peer *failed, *waiting;

	remove_peer(w, asked);
	assert_false(names_is_first_open(&w->names));
	failed = add(w, "failed.example");
	collect(w);
	names_resolved(&w->names, 0, w->asked[1], NULL, 0);
	collect(w);
	add_hosts(w, NAMES_OPEN_MAX);
	waiting = add(w, "waiting.example");
	remove_peer(w, waiting);
	assert_true(names_has_failed(&w->names));
	remove_peer(w, failed);
	assert_false(names_has_failed(&w->names));
	assert_true(names_deadline_ms(&w->names) == UINT64_MAX);
	assert_int_equal(collect(w), NAMES_OPEN_MAX);
	while (w->asked_count > 0)
		resolve(w, 0, w->asked[--w->asked_count], "192.0.2.7");
	assert_false(names_is_first_open(&w->names));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_address_is_never_looked_up),
		TEST(what_cannot_be_a_name_is_never_looked_up),
		TEST(a_name_gets_the_addresses_found),
		TEST(at_most_so_many_questions_are_out),
		TEST(a_failure_is_warned_about_once_and_asked_again),
		TEST(a_name_is_hastened_once_a_minute),
		TEST(hastening_does_not_hold_up_others),
		TEST(what_is_never_looked_up_is_not_hastened),
		TEST(an_answer_counts_once_and_only_if_asked),
		TEST(a_removed_peer_makes_room),
		TEST(a_removed_peer_does_not_keep_the_first_round_open),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
