/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names in notices, looked up forward: what a look-up costs and how long it is
 * remembered, and what a notice is worth whose name leads to a record.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "statd/aliases.h"
#include "tests/unit/peer_world.h"

#define PEER	 "192.0.2.7"  /* what lockd registered */
#define OTHER	 "192.0.2.77" /* another address of the peer */
#define STRANGER "192.0.2.66"
#define NAME	 "peer.example"

/* --- the room alone ------------------------------------------------------ */

struct room {
	struct effects out;
	struct aliases aliases;
	uint64_t now_ms;
	uint64_t id; /* of the last look-up that began */
};

static int setup_room(void **state)
{
	static const uint8_t key[SIPHASH_KEY_SIZE];
	static struct room r;

	memset(&r, 0, sizeof(r));
	r.now_ms = 1;
	effects_init(&r.out);
	aliases_init(&r.aliases, &r.out, key);
	*state = &r;
	return 0;
}

static int teardown_room(void **state)
{
	struct room *r = *state;

	aliases_fini(&r->aliases);
	effects_fini(&r->out);
	return 0;
}

/* How many look-ups begin. */
static size_t begun(struct room *r)
{
	struct nsm_out out;
	size_t count = 0;

	while (effects_take(&r->out, &out)) {
		assert_int_equal(out.kind, NSM_OUT_RESOLVE);
		assert_true(out.resolve.id >= ALIASES_FIRST_ID);
		r->id = out.resolve.id;
		count++;
	}
	return count;
}

static enum alias_state find(struct room *r, const char *name)
{
	const struct alias *alias;

	return aliases_find(&r->aliases, r->now_ms, name, &alias);
}

static void end(struct room *r, uint64_t id)
{
	aliases_resolved(&r->aliases, r->now_ms, id, NULL, 0);
}

static void name_is_looked_up_once_a_minute(void **state)
{
	struct room *r = *state;

	assert_int_equal(find(r, NAME), ALIAS_OPEN);
	assert_int_equal(find(r, "PEER.example"), ALIAS_OPEN);
	assert_int_equal(begun(r), 1);
	end(r, r->id);
	assert_int_equal(find(r, NAME), ALIAS_ENDED);
	r->now_ms += ALIASES_AGAIN_MS - 1;
	assert_int_equal(find(r, NAME), ALIAS_ENDED);
	assert_int_equal(begun(r), 0);
	r->now_ms++;
	assert_int_equal(find(r, NAME), ALIAS_ENDED);
	assert_int_equal(find(r, NAME), ALIAS_ENDED);
	assert_int_equal(begun(r), 1);
}

/*
 * A sender whose first notices were lost comes once in two minutes: it must not
 * meet an open look-up each time (sim -r 965).
 */
static void old_answer_counts_while_a_new_one_is_had(void **state)
{
	struct room *r = *state;
	struct addr addr = addr_loopback(1);
	const struct alias *alias;

	(void)find(r, NAME);
	assert_int_equal(begun(r), 1);
	aliases_resolved(&r->aliases, r->now_ms, r->id, &addr, 1);
	r->now_ms += ALIASES_STALE_MS - 1;
	assert_int_equal(aliases_find(&r->aliases, r->now_ms, NAME, &alias),
			 ALIAS_ENDED);
	assert_int_equal(alias->addr_count, 1);
	assert_int_equal(begun(r), 1);
	/* No answer takes nothing away. */
	end(r, r->id);
	assert_int_equal(aliases_find(&r->aliases, r->now_ms, NAME, &alias),
			 ALIAS_ENDED);
	assert_int_equal(alias->addr_count, 1);
	r->now_ms += ALIASES_STALE_MS;
	assert_int_equal(find(r, NAME), ALIAS_OPEN);
}

static void addresses_are_kept_up_to_a_cap(void **state)
{
	struct room *r = *state;
	struct addr addrs[ALIASES_ADDRS_MAX + 1];
	const struct alias *alias;
	size_t i;

	for (i = 0; i < ALIASES_ADDRS_MAX + 1; i++)
		addrs[i] = addr_loopback((uint16_t)i);
	(void)find(r, NAME);
	(void)begun(r);
	aliases_resolved(&r->aliases, 1, r->id, addrs, ALIASES_ADDRS_MAX + 1);
	assert_int_equal(aliases_find(&r->aliases, 1, NAME, &alias),
			 ALIAS_ENDED);
	assert_int_equal(alias->addr_count, ALIASES_ADDRS_MAX);
	assert_int_equal(alias->addrs[1].port, 1);
}

static void what_is_no_name_is_not_looked_up(void **state)
{
	struct room *r = *state;
	char name[300];

	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(find(r, name), ALIAS_UNKNOWN);
	assert_int_equal(find(r, ""), ALIAS_UNKNOWN);
	assert_int_equal(find(r, "a b"), ALIAS_UNKNOWN);
	assert_int_equal(find(r, "../a"), ALIAS_UNKNOWN);
	assert_int_equal(find(r, "192.0.2.7"), ALIAS_UNKNOWN);
	assert_int_equal(find(r, "2001:db8::7"), ALIAS_UNKNOWN);
	/* What a resolver takes for 192.0.2.2. */
	assert_int_equal(find(r, "0300.0.2.2"), ALIAS_UNKNOWN);
	assert_int_equal(find(r, "192.514"), ALIAS_UNKNOWN);
	assert_int_equal(find(r, "3221225986"), ALIAS_UNKNOWN);
	assert_int_equal(find(r, "0xC0000202"), ALIAS_UNKNOWN);
	assert_int_equal(find(r, "192.0.0x202"), ALIAS_UNKNOWN);
	assert_int_equal(begun(r), 0);
}

/* A flood: few look-ups, and a bounded number of names. */
static void flood_is_bounded(void **state)
{
	struct room *r = *state;
	char name[32];
	size_t i;

	for (i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "name%zu", i);
		assert_int_equal(find(r, name), i < ALIASES_QUEUE_MAX
							? ALIAS_OPEN
							: ALIAS_UNKNOWN);
	}
	assert_int_equal(begun(r), ALIASES_OPEN_MAX);
	assert_int_equal(r->aliases.by_name.count, ALIASES_QUEUE_MAX);
	/* One ends: one of the queue begins, and one may join it. */
	end(r, r->id);
	assert_int_equal(begun(r), 1);
	assert_int_equal(find(r, "newcomer"), ALIAS_OPEN);
	assert_int_equal(find(r, "latecomer"), ALIAS_UNKNOWN);
}

static void remembered_names_are_bounded(void **state)
{
	struct room *r = *state;
	char name[32];
	size_t i;

	for (i = 0; i < 3 * ALIASES_MAX; i++) {
		snprintf(name, sizeof(name), "name%zu", i);
		assert_int_equal(find(r, name), ALIAS_OPEN);
		assert_int_equal(begun(r), 1);
		end(r, r->id);
		assert_in_range(r->aliases.by_name.count, 1, ALIASES_MAX);
	}
	assert_int_equal(find(r, name), ALIAS_ENDED);
	/* The old ones go with the next that comes. */
	r->now_ms += ALIASES_STALE_MS;
	(void)find(r, "another");
	assert_int_equal(r->aliases.by_name.count, 1);
}

static void stray_end_is_nothing(void **state)
{
	struct room *r = *state;

	end(r, ALIASES_FIRST_ID + 7);
	(void)find(r, NAME);
	(void)begun(r);
	end(r, r->id);
	end(r, r->id);
	assert_int_equal(r->aliases.queue_count, 0);
}

/* --- in the core ------------------------------------------------------- */

static int setup(void **state)
{
	return world_setup(state, VERIFY_CHECK_ASK);
}

static int setup_address(void **state)
{
	return world_setup(state, VERIFY_CHECK_ADDRESS);
}

static int setup_legacy(void **state)
{
	return world_setup(state, VERIFY_CHECK_LEGACY);
}

/* Ends the look-up of NAME that the last input began. */
static size_t resolve(struct world *w, const char *const *texts, size_t count)
{
	struct addr addrs[4];
	struct nsm_in in = {.kind = NSM_IN_RESOLVED,
			    .resolved = {.addrs = addrs, .count = count}};
	const struct rig_out *out = rig_get(&w->rig, NSM_OUT_RESOLVE, 0);
	size_t i;

	assert_non_null(out);
	assert_string_equal(out->text, NAME);
	in.resolved.id = out->out.resolve.id;
	for (i = 0; i < count; i++)
		assert_true(addr_parse(texts[i], &addrs[i]));
	rig_feed(&w->rig, &in);
	return world_run(w);
}

static const char *const both[] = {OTHER, PEER};

/* Whether the notice of before gets an answer now. */
static bool is_answered(struct world *w, const char *from, int number)
{
	return world_is_acknowledged(w, from, 700, NAME, number);
}

static void reboot_from_another_address_is_delivered(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	w->number = 7;
	assert_int_equal(world_notify(w, OTHER, 700, NAME, 7), 0);
	assert_int_equal(resolve(w, both, 2), 0);
	/* The name leads to the record: the peer is asked, and confirms. */
	assert_int_equal(world_notify(w, OTHER, 700, NAME, 7), 1);
	assert_int_equal(w->heard, 7);
	assert_true(is_answered(w, OTHER, 7));
}

static void forged_name_of_a_record_is_refused(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	(void)world_notify(w, STRANGER, 700, NAME, 99);
	(void)resolve(w, both, 2);
	assert_int_equal(world_notify(w, STRANGER, 700, NAME, 99), 0);
	assert_int_equal(w->asked, 2);
	assert_false(is_answered(w, STRANGER, 99));
}

static void notice_is_undecided_while_its_name_is_open(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	(void)rig_notify(&w->rig, OTHER, NAME, 7);
	assert_int_equal(rig_count(&w->rig, NSM_OUT_REPLY), 1);
	assert_int_equal(rig_get(&w->rig, NSM_OUT_REPLY, 0)->out.len, 0);
	assert_false(is_answered(w, OTHER, 7));
	assert_int_equal(rig_count(&w->rig, NSM_OUT_RESOLVE), 0);
}

static void name_that_leads_nowhere_is_a_stranger(void **state)
{
	static const char *const elsewhere[] = {STRANGER};
	struct world *w = *state;

	world_monitor(w, PEER);
	(void)world_notify(w, STRANGER, 700, NAME, 7);
	(void)resolve(w, elsewhere, 1);
	assert_true(is_answered(w, STRANGER, 7));
	assert_int_equal(rig_count(&w->rig, NSM_OUT_RESOLVE), 0);
}

static void name_that_does_not_resolve_is_a_stranger(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	(void)world_notify(w, STRANGER, 700, NAME, 7);
	(void)resolve(w, NULL, 0);
	assert_true(is_answered(w, STRANGER, 7));
}

static void nobody_monitored_nothing_looked_up(void **state)
{
	struct world *w = *state;

	assert_true(is_answered(w, STRANGER, 7));
	assert_int_equal(rig_count(&w->rig, NSM_OUT_RESOLVE), 0);
}

/* Two addresses of one name, both known for one record: one event. */
static void record_is_met_once(void **state)
{
	struct world *w = *state;
	static const char *const twice[] = {PEER, PEER, OTHER};

	world_monitor(w, PEER);
	(void)world_notify(w, STRANGER, 7000, NAME, 7);
	(void)resolve(w, twice, 3);
	assert_int_equal(world_notify(w, STRANGER, 7000, NAME, 7), 1);
	assert_true(is_answered(w, STRANGER, 7));
}

static void address_check_looks_nothing_up(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	assert_true(is_answered(w, OTHER, 7));
	assert_int_equal(rig_count(&w->rig, NSM_OUT_RESOLVE), 0);
}

int main(void)
{
#define ROOM(name) \
	cmocka_unit_test_setup_teardown(name, setup_room, teardown_room)
#define TEST(name, setup) \
	cmocka_unit_test_setup_teardown(name, setup, world_teardown)
	const struct CMUnitTest tests[] = {
		ROOM(name_is_looked_up_once_a_minute),
		ROOM(old_answer_counts_while_a_new_one_is_had),
		ROOM(addresses_are_kept_up_to_a_cap),
		ROOM(what_is_no_name_is_not_looked_up),
		ROOM(flood_is_bounded),
		ROOM(remembered_names_are_bounded),
		ROOM(stray_end_is_nothing),
		TEST(reboot_from_another_address_is_delivered, setup),
		TEST(forged_name_of_a_record_is_refused, setup),
		TEST(notice_is_undecided_while_its_name_is_open, setup),
		TEST(name_that_leads_nowhere_is_a_stranger, setup),
		TEST(name_that_does_not_resolve_is_a_stranger, setup),
		TEST(nobody_monitored_nothing_looked_up, setup),
		TEST(record_is_met_once, setup_legacy),
		TEST(address_check_looks_nothing_up, setup_address),
	};

	return cmocka_run_group_tests_name("aliases", tests, NULL, NULL);
}
