/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queue of callouts by itself: order, the latest wins, caps, what is never
 * dropped.  test_hacalls.c has what makes callouts.
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
#include "statd/callouts.h"
#include "statd/notice.h"

#define PAIRS	 12 /* of 6 peers */
#define STEPS	 20000
#define RUN_MAX	 4096
#define TEXT_MAX 256

struct run {
	uint64_t id;
	char text[TEXT_MAX];
};

struct world {
	struct effects out;
	struct peers peers;
	struct memos memos;
	struct callouts c;
	struct run runs[RUN_MAX]; /* begun, in order */
	size_t count;
	int files;	       /* in sm/.reclaim */
	char logged[TEXT_MAX]; /* the last line */
};

static int setup(void **state)
{
	static const uint8_t key[SIPHASH_KEY_SIZE] = "a test's key";
	static struct world w;

	memset(&w, 0, sizeof(w));
	effects_init(&w.out);
	peers_init(&w.peers, key);
	memos_init(&w.memos, &w.out);
	callouts_init(&w.c, &w.out, &w.peers, &w.memos, key);
	callouts_set_on(&w.c, true);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	callouts_fini(&w->c);
	peers_fini(&w->peers);
	effects_fini(&w->out);
	return 0;
}

/* Notes what has begun since. */
static void drain(struct world *w)
{
	struct nsm_out out;
	struct run *run;
	size_t i;

	while (effects_take(&w->out, &out)) {
		if (out.kind == NSM_OUT_LOG) {
			snprintf(w->logged, TEXT_MAX, "%s", out.log.text);
			continue;
		}
		if (out.kind == NSM_OUT_MEMO) {
			w->files += out.len > 0 ? 1 : -1;
			continue;
		}
		assert_int_equal(out.kind, NSM_OUT_CALLOUT);
		assert_in_range(w->count, 0, RUN_MAX - 1);
		run = &w->runs[w->count++];
		run->id = out.callout.id;
		run->text[0] = '\0';
		for (i = 0; i < out.callout.count; i++) {
			strcat(run->text, i > 0 ? " " : "");
			strcat(run->text, out.callout.words[i]);
		}
	}
}

static struct record rec_of(const char *mon_name, const char *my_name)
{
	return (struct record){.mon_name = (char *)mon_name,
			       .my_name = (char *)my_name};
}

static void add(struct world *w, const char *mon_name, const char *my_name)
{
	struct record rec = rec_of(mon_name, my_name);

	callouts_add(&w->c, 1, &rec);
	drain(w);
}

static void del(struct world *w, const char *mon_name, const char *my_name)
{
	struct record rec = rec_of(mon_name, my_name);

	callouts_del(&w->c, 1, &rec);
	drain(w);
}

/* The notice number @number by "peer.example" for a peer @mon_name. */
static void notice(struct world *w, const char *mon_name, uint32_t number)
{
	struct peer peer = {.rec = rec_of(mon_name, "me")};
	struct notice_call call = {.name = "peer.example", .number = number};

	assert_true(addr_parse("192.0.2.7", &call.from));
	callouts_notice(&w->c, 1, &peer, &call);
	drain(w);
}

static void called(struct world *w, uint64_t id, enum nsm_call_end how,
		   int code)
{
	struct nsm_called end = {.how = how, .code = code, .reason = "a why"};

	callouts_called(&w->c, 1, id, &end);
	drain(w);
}

/* Ends the @index-th well. */
static void done(struct world *w, size_t index)
{
	assert_in_range(index, 0, w->count - 1);
	called(w, w->runs[index].id, NSM_CALL_EXITED, 0);
}

/* Exactly @count have begun, the last of them @text. */
static void begun(const struct world *w, size_t count, const char *text)
{
	assert_int_equal(w->count, count);
	assert_string_equal(w->runs[count - 1].text, text);
}

static void the_latest_wins(void **state)
{
	struct world *w = *state;

	add(w, "a", "me");
	begun(w, 1, "add-client a me");
	assert_int_equal(w->files, 1);
	del(w, "a", "me");
	add(w, "a", "me");
	del(w, "a", "me");
	begun(w, 1, "add-client a me");
	done(w, 0);
	begun(w, 2, "del-client a me");
	done(w, 1);
	assert_int_equal(w->count, 2);
	assert_int_equal(w->c.done, 2);
	assert_true(list_is_empty(&w->c.lanes));
	assert_int_equal(w->files, 0);
}

static void an_add_that_never_began_is_not_run(void **state)
{
	struct world *w = *state;

	add(w, "a", "other");
	add(w, "a", "me");
	del(w, "a", "me");
	done(w, 0);
	begun(w, 2, "del-client a me");
}

static void one_peer_in_order_others_beside(void **state)
{
	struct world *w = *state;

	add(w, "a", "me");
	notice(w, "a", 5);
	add(w, "a", "other");
	del(w, "a", "me");
	add(w, "b", "me");
	begun(w, 2, "add-client b me");
	done(w, 0);
	begun(w, 3, "sm-notify peer.example 192.0.2.7 5");
	done(w, 2);
	begun(w, 4, "add-client a other");
	done(w, 3);
	begun(w, 5, "del-client a me");
}

/* What replaces another one comes after all that came before it. */
static void what_replaces_goes_to_the_end(void **state)
{
	struct world *w = *state;

	add(w, "a", "other");
	add(w, "a", "me");
	notice(w, "a", 5);
	del(w, "a", "me");
	done(w, 0);
	begun(w, 2, "sm-notify peer.example 192.0.2.7 5");
	done(w, 1);
	begun(w, 3, "del-client a me");
}

static void four_at_a_time(void **state)
{
	static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
	struct world *w = *state;
	size_t i;

	for (i = 0; i < 6; i++)
		add(w, names[i], "me");
	begun(w, 4, "add-client d me");
	done(w, 2);
	begun(w, 5, "add-client e me");
	done(w, 2); /* it is over */
	assert_int_equal(w->count, 5);
	called(w, 99, NSM_CALL_EXITED, 0);
	assert_int_equal(w->count, 5);
	done(w, 0);
	begun(w, 6, "add-client f me");
}

/* A peer with many notices has one turn in each round. */
static void a_busy_peer_lets_others_in(void **state)
{
	static const char *const names[] = {"b", "c", "d", "e"};
	struct world *w = *state;
	uint32_t i;

	for (i = 1; i <= 100; i++)
		notice(w, "a", i);
	for (i = 0; i < 4; i++)
		add(w, names[i], "me");
	begun(w, 4, "add-client d me");
	done(w, 0);
	begun(w, 5, "add-client e me");
}

static void too_many_notices_drop_the_oldest(void **state)
{
	struct world *w = *state;
	uint32_t i;

	for (i = 0; i < CALLOUTS_NOTICES_MAX + 3; i++)
		notice(w, "a", i + 1); /* the first one begins */
	add(w, "a", "me");
	del(w, "a", "me");
	assert_int_equal(w->c.dropped, 2);
	assert_non_null(strstr(w->logged, "too many wait"));
	done(w, 0);
	begun(w, 2, "sm-notify peer.example 192.0.2.7 4");
	for (i = 1; i < CALLOUTS_NOTICES_MAX; i++)
		done(w, i);
	begun(w, CALLOUTS_NOTICES_MAX + 1,
	      "sm-notify peer.example 192.0.2.7 "
	      "1027");
	done(w, CALLOUTS_NOTICES_MAX);
	begun(w, CALLOUTS_NOTICES_MAX + 2, "del-client a me");
}

static void many_pairs_are_never_dropped(void **state)
{
	struct world *w = *state;
	char name[16];
	size_t i;

	for (i = 0; i < RUN_MAX; i++) {
		snprintf(name, sizeof(name), "p%zu", i);
		del(w, name, "me");
	}
	for (i = 0; i < RUN_MAX; i++)
		done(w, i);
	assert_int_equal(w->count, RUN_MAX);
	assert_true(list_is_empty(&w->c.lanes));
	assert_int_equal(w->c.waiting_count, 0);
}

static void negative_numbers_are_left_out(void **state)
{
	struct world *w = *state;

	notice(w, "a", 0x7fffffff);
	begun(w, 1, "sm-notify peer.example 192.0.2.7 2147483647");
	notice(w, "b", 0x80000000);
	begun(w, 2, "sm-notify peer.example 192.0.2.7");
}

static void names_that_look_like_options_are_handed_to_nobody(void **state)
{
	struct world *w = *state;
	struct record rec = rec_of("-rf", "me");

	callouts_note(&w->c, &rec);
	add(w, "-rf", "me");
	assert_string_equal(w->logged, "ha-callout add-client \"-rf\": not "
				       "run: a program might misread the name");
	del(w, "-rf", "me");
	add(w, "a/b", "me");
	assert_int_equal(w->count, 0);
	assert_int_equal(w->c.refused, 3);
	assert_true(list_is_empty(&w->c.lanes));
}

static void every_bad_end_is_logged(void **state)
{
	static const struct {
		enum nsm_call_end how;
		int code;
		const char *text;
	} ends[] = {
		{NSM_CALL_EXITED, 3, "exit status 3"},
		{NSM_CALL_KILLED, 11, "killed by signal 11"},
		{NSM_CALL_TIMED_OUT, 0, "killed after ha-callout-timeout"},
		{NSM_CALL_NOT_STARTED, -2, "cannot be run: a why"},
	};
	struct world *w = *state;
	char text[TEXT_MAX];
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		add(w, "a\x80", "me");
		called(w, w->runs[i].id, ends[i].how, ends[i].code);
		snprintf(text, sizeof(text), "ha-callout add-client \"%s\": %s",
			 "a\\x80", ends[i].text);
		assert_string_equal(w->logged, text);
	}
	assert_int_equal(w->c.failed, 4);
	for (i = 0; i < 100; i++) {
		add(w, "b", "me");
		called(w, w->runs[w->count - 1].id, NSM_CALL_EXITED, 1);
	}
	assert_int_equal(w->c.failed, 104);
	assert_int_equal(w->c.limit.held_back, 94);
}

/* Nobody can run it: what ran waits again, and all of it is kept. */
static void a_lost_launcher_loses_no_pair(void **state)
{
	struct world *w = *state;
	struct buf text;

	add(w, "a", "me");
	add(w, "b", "me");
	del(w, "b", "me");
	notice(w, "c", 5);
	called(w, 0, NSM_CALL_LOST, 0);
	add(w, "d", "me");
	done(w, 0); /* too late */
	assert_int_equal(w->count, 3);
	assert_int_equal(w->c.running_count, 0);
	assert_int_equal(w->c.waiting_count, 3);
	assert_int_equal(w->files, 3);
	assert_int_equal(w->c.failed, 3);
	buf_init(&text, 1024);
	callouts_add_status(&w->c, &text);
	assert_non_null(strstr(buf_text(&text), "nobody is left"));
	assert_non_null(strstr(buf_text(&text), "running: 0, waiting: 3\n"));
	buf_fini(&text);
}

static void off_means_nothing_is_queued(void **state)
{
	struct world *w = *state;
	struct record rec = rec_of("x", "me");
	struct buf text;

	add(w, "a", "me");
	del(w, "a", "me");
	add(w, "a", "other");
	notice(w, "a", 5);
	callouts_note(&w->c, &rec);
	callouts_set_on(&w->c, false);
	drain(w);
	assert_int_equal(w->files, 1); /* of the one that runs */
	assert_int_equal(w->c.waiting_count, 0);
	done(w, 0);
	assert_int_equal(w->count, 1);
	assert_true(list_is_empty(&w->c.lanes));
	callouts_note(&w->c, &rec);
	add(w, "a", "me");
	notice(w, "a", 7);
	assert_int_equal(w->count, 1);
	assert_true(list_is_empty(&w->c.lanes));
	buf_init(&text, 1024);
	callouts_add_status(&w->c, &text);
	assert_string_equal(buf_text(&text), "");
	buf_fini(&text);
	callouts_set_on(&w->c, true);
	add(w, "a", "me");
	begun(w, 2, "add-client a me");
}

/* --- a model ----------------------------------------------------------- */

struct model {
	struct world *w;
	struct prng rng;
	bool is_wanted[PAIRS];	/* monitored */
	bool is_told[PAIRS];	/* by the last callout that began */
	size_t busy[PAIRS / 2]; /* 1 + the run of that peer, 0: none */
	size_t seen;		/* of the world's runs */
};

static void name_pair(size_t pair, char mon_name[static 32],
		      char my_name[static 32])
{
	snprintf(mon_name, 32, "p%zu", pair / 2);
	snprintf(my_name, 32, "m%zu", pair % 2);
}

/* Takes note of what has begun; two of one peer never run together. */
static void model_look(struct model *m)
{
	size_t running = 0, peer, my;
	char event[16];

	for (; m->seen < m->w->count; m->seen++) {
		assert_int_equal(sscanf(m->w->runs[m->seen].text,
					"%15s p%zu m%zu", event, &peer, &my),
				 3);
		assert_int_equal(m->busy[peer], 0);
		m->busy[peer] = m->seen + 1;
		m->is_told[2 * peer + my] = strcmp(event, "add-client") == 0;
	}
	for (peer = 0; peer < PAIRS / 2; peer++)
		running += m->busy[peer] != 0;
	assert_int_equal(running, m->w->c.running_count);
	assert_in_range(running, 0, CALLOUTS_RUNNING_MAX);
}

static void model_end_one(struct model *m, size_t peer)
{
	size_t run = m->busy[peer];

	if (run == 0)
		return;
	m->busy[peer] = 0;
	called(m->w, m->w->runs[run - 1].id,
	       prng_below(&m->rng, 2) == 0 ? NSM_CALL_EXITED
					   : NSM_CALL_TIMED_OUT,
	       0);
	model_look(m);
}

static void model_step(struct model *m)
{
	size_t pair = prng_below(&m->rng, PAIRS);
	char mon_name[32], my_name[32];

	if (prng_below(&m->rng, 3) == 0) {
		model_end_one(m, pair / 2);
		return;
	}
	name_pair(pair, mon_name, my_name);
	m->is_wanted[pair] = prng_below(&m->rng, 2) == 0;
	if (m->is_wanted[pair])
		add(m->w, mon_name, my_name);
	else
		del(m->w, mon_name, my_name);
	model_look(m);
}

static void the_last_callout_says_what_holds(void **state)
{
	uint64_t seed = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 10) : 1;
	uint8_t key[SIPHASH_KEY_SIZE] = {0};
	struct model m = {.w = *state};
	size_t i, peer;

	print_message("SEED=%llu\n", (unsigned long long)seed);
	memcpy(key, &seed, sizeof(seed));
	prng_init(&m.rng, key);
	for (i = 0; i < STEPS && m.w->count < RUN_MAX - 2 * PAIRS; i++)
		model_step(&m);
	while (m.w->c.running_count > 0)
		for (peer = 0; peer < PAIRS / 2; peer++)
			model_end_one(&m, peer);
	assert_int_equal(m.w->c.waiting_count, 0);
	assert_true(list_is_empty(&m.w->c.lanes));
	assert_int_equal(m.w->files, 0);
	for (i = 0; i < PAIRS; i++)
		assert_int_equal(m.is_told[i], m.is_wanted[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_latest_wins),
		TEST(an_add_that_never_began_is_not_run),
		TEST(one_peer_in_order_others_beside),
		TEST(what_replaces_goes_to_the_end),
		TEST(four_at_a_time),
		TEST(a_busy_peer_lets_others_in),
		TEST(too_many_notices_drop_the_oldest),
		TEST(many_pairs_are_never_dropped),
		TEST(negative_numbers_are_left_out),
		TEST(names_that_look_like_options_are_handed_to_nobody),
		TEST(every_bad_end_is_logged),
		TEST(a_lost_launcher_loses_no_pair),
		TEST(off_means_nothing_is_queued),
		TEST(the_last_callout_says_what_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
