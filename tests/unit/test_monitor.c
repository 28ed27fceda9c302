/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * STOREs and their ends where test_nsm does not look: files at their cap,
 * several STOREs of one file under way, and ends that come when the record is
 * another or gone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>

#include "proto/sm_inter.h"
#include "statd/monitor.h"

#define NAME "192.0.2.7"

struct world {
	struct effects out;
	struct peers peers;
	struct prng rng;
	struct callbacks callbacks;
	struct questions questions;
	struct memos memos;
	struct doubts doubts;
	struct notices notices;
	struct names names;
	struct callouts callouts;
	struct late late;
	struct monitor monitor;
	uint64_t next_reply_to;
	/* Of the effects taken last. */
	unsigned int store_count, forget_count, reply_count, log_count;
	uint64_t store_id;
	size_t store_len;
	bool is_new;
	uint64_t replied[16];
	int results[16];
};

static int setup(void **state)
{
	static const uint8_t key[SIPHASH_KEY_SIZE] = "a test's key";
	static struct world w;

	memset(&w, 0, sizeof(w));
	w.next_reply_to = 1;
	prng_init(&w.rng, key);
	effects_init(&w.out);
	peers_init(&w.peers, key);
	callbacks_init(&w.callbacks, &w.out, &w.rng);
	questions_init(&w.questions, &w.out, &w.peers, &w.rng);
	memos_init(&w.memos, &w.out);
	doubts_init(&w.doubts, &w.out, &w.questions, &w.memos,
		    VERIFY_CHECK_ASK);
	notices_init(&w.notices, &w.out, &w.peers, &w.callbacks, &w.doubts);
	names_init(&w.names, &w.out, &w.peers);
	callouts_init(&w.callouts, &w.out, &w.peers, &w.memos, key);
	late_init(&w.late, &w.out, &w.rng, NULL);
	monitor_init(&w.monitor,
		     &(struct monitor_rooms){.out = &w.out,
					     .peers = &w.peers,
					     .names = &w.names,
					     .notices = &w.notices,
					     .callouts = &w.callouts,
					     .late = &w.late});
	monitor_set_number(&w.monitor, 0, 3);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	monitor_drop_all(&w->monitor);
	monitor_fini(&w->monitor);
	callouts_fini(&w->callouts);
	late_fini(&w->late);
	names_fini(&w->names);
	doubts_fini(&w->doubts);
	questions_fini(&w->questions);
	callbacks_fini(&w->callbacks);
	peers_fini(&w->peers);
	effects_fini(&w->out);
	return 0;
}

static void take_reply(struct world *w, const struct nsm_out *to)
{
	assert_in_range(w->reply_count, 0, 15);
	w->replied[w->reply_count] = to->reply.reply_to;
	/* The last words are the result and the number. */
	w->results[w->reply_count++] =
		to->len < 8 ? -1 : to->bytes[to->len - 5];
}

/* Nobody in these tests is untold. */
static void answer_untold(struct world *w, const struct nsm_out *to)
{
	struct nsm_in in = {.kind = NSM_IN_UNTOLD,
			    .untold = {.id = to->untold.id,
				       .what = NSM_UNTOLD_NONE}};

	late_untold(&w->late, 0, &in);
	monitor_settle(&w->monitor);
}

static void take(struct world *w)
{
	struct nsm_out to;

	w->store_count = w->forget_count = 0;
	w->reply_count = w->log_count = 0;
	while (effects_take(&w->out, &to)) {
		if (to.kind == NSM_OUT_STORE) {
			w->store_count++;
			w->store_id = to.store.id;
			w->store_len = to.len;
			w->is_new = to.store.is_new;
		} else if (to.kind == NSM_OUT_REPLY) {
			take_reply(w, &to);
		} else if (to.kind == NSM_OUT_UNTOLD) {
			answer_untold(w, &to);
		}
		w->forget_count += to.kind == NSM_OUT_FORGET;
		w->log_count += to.kind == NSM_OUT_LOG;
	}
}

/* The record (NAME, @my_name) with a cookie of @cookie. */
static struct record record_of(const char *my_name, char cookie)
{
	struct record rec = {.prog = 100021,
			     .vers = 3,
			     .proc = 16,
			     .mon_name = (char *)NAME,
			     .my_name = (char *)my_name};

	memset(rec.priv, cookie, sizeof(rec.priv));
	return rec;
}

static uint64_t mon(struct world *w, const char *my_name, char cookie)
{
	struct record rec = record_of(my_name, cookie);
	struct monitor_caller caller = {.reply_to = w->next_reply_to++};

	monitor_add(&w->monitor, 1, &caller, &rec);
	take(w);
	return caller.reply_to;
}

static void unmon(struct world *w, const char *my_name)
{
	struct record rec = record_of(my_name, 0);

	monitor_remove(&w->monitor, 1, &rec);
	take(w);
}

static void stored(struct world *w, uint64_t id, int error)
{
	monitor_stored(&w->monitor, 1, id, error, NULL);
	take(w);
}

static void load(struct world *w, const struct buf *content)
{
	monitor_load(&w->monitor, NAME, content->bytes, content->len);
	take(w);
}

static void assert_one_reply(const struct world *w, uint64_t reply_to,
			     int result)
{
	assert_int_equal(w->reply_count, 1);
	assert_int_equal(w->replied[0], reply_to);
	assert_int_equal(w->results[0], result);
}

/* Fills @content with records of NAME until one more would not fit. */
static void fill_file(struct buf *content)
{
	char my_name[32];
	unsigned int i;

	buf_init(content, RECORD_FILE_MAX);
	for (i = 0; !content->is_overflowed; i++) {
		struct record rec;

		snprintf(my_name, sizeof(my_name), "me%018u", i);
		rec = record_of(my_name, 'c');
		assert_int_equal(record_format(&rec, content), RECORD_OK);
	}
}

static void full_file_takes_no_more(void **state)
{
	struct world *w = *state;
	struct buf content;
	uint64_t reply_to;
	size_t before;

	fill_file(&content);
	load(w, &content);
	before = w->peers.count;
	assert_in_range(before, 500, 900);
	reply_to = mon(w, "one more for which there is no room", 'c');
	assert_one_reply(w, reply_to, SM_STAT_FAIL);
	assert_int_equal(w->store_count, 0);
	assert_int_equal(w->log_count, 1);
	assert_int_equal(w->peers.count, before);
	/* Those that are in it can be stored, and make room. */
	mon(w, "me000000000000000000", 'd');
	assert_int_equal(w->store_count, 1);
	assert_int_equal(w->store_len, content.len);
	unmon(w, "me000000000000000000");
	assert_int_equal(w->store_count, 1);
	assert_true(w->store_len < content.len);
	mon(w, "one more", 'c');
	assert_int_equal(w->store_count, 1);
	buf_fini(&content);
}

static void lines_that_did_not_fit_are_never_written_over(void **state)
{
	static char line[RECORD_FILE_MAX + 1];
	struct world *w = *state;
	struct buf content;
	uint64_t reply_to;

	memset(line, 'x', sizeof(line) - 1);
	buf_init(&content, 2 * RECORD_FILE_MAX);
	buf_add_text(&content, "a line of somebody else\n");
	buf_add_text(&content, line);
	load(w, &content);
	assert_int_equal(w->log_count, 1); /* of both lines */
	reply_to = mon(w, "me", 'c');
	assert_one_reply(w, reply_to, SM_STAT_FAIL);
	assert_int_equal(w->store_count, 0);
	buf_fini(&content);
}

/* The end of an old STORE must not vouch for the record that came after. */
static void end_does_not_count_for_a_record_made_anew(void **state)
{
	struct world *w = *state;
	uint64_t first = mon(w, "me", 'c'), first_id = w->store_id, again;

	unmon(w, "me");
	assert_int_equal(w->forget_count, 1);
	again = mon(w, "me", 'c');
	assert_int_equal(w->store_count, 1);
	assert_true(w->is_new);
	stored(w, first_id, 0);
	assert_one_reply(w, first, SM_STAT_SUCC);
	mon(w, "me", 'c');
	assert_int_equal(w->reply_count, 0);
	stored(w, w->store_id, 0);
	assert_int_equal(w->reply_count, 2);
	assert_int_equal(w->replied[0], again);
}

static void failure_of_a_record_that_is_gone_is_still_answered(void **state)
{
	struct world *w = *state;
	uint64_t reply_to = mon(w, "me", 'c');

	unmon(w, "me");
	stored(w, w->store_id, -EIO);
	assert_one_reply(w, reply_to, SM_STAT_FAIL);
	assert_int_equal(w->log_count, 0);
	assert_int_equal(w->peers.count, 0);
}

static void stores_of_one_file_have_their_own_waiters(void **state)
{
	struct world *w = *state;
	uint64_t a, b, b_again, a_id, b_id;

	a = mon(w, "me", 'c');
	a_id = w->store_id;
	assert_true(w->is_new);
	b = mon(w, "other", 'c');
	b_id = w->store_id;
	assert_int_not_equal(a_id, b_id);
	assert_false(w->is_new);
	b_again = mon(w, "other", 'c');
	assert_int_equal(w->store_count, 0);
	stored(w, a_id, -ENOSPC);
	assert_one_reply(w, a, SM_STAT_FAIL);
	stored(w, b_id, 0);
	assert_int_equal(w->reply_count, 2);
	assert_int_equal(w->replied[0], b);
	assert_int_equal(w->replied[1], b_again);
	assert_int_equal(w->results[1], SM_STAT_SUCC);
	/* A failure is one until a STORE of its own says otherwise. */
	mon(w, "me", 'c');
	assert_int_equal(w->store_count, 1);
	mon(w, "other", 'c');
	assert_int_equal(w->store_count, 0);
	assert_int_equal(w->results[0], SM_STAT_SUCC);
}

static void newer_cookie_waits_for_its_own_store(void **state)
{
	struct world *w = *state;
	uint64_t old = mon(w, "me", 'b'), old_id = w->store_id, new, new_id;

	new = mon(w, "me", 'c');
	new_id = w->store_id;
	stored(w, old_id, 0);
	assert_one_reply(w, old, SM_STAT_SUCC);
	mon(w, "me", 'c');
	assert_int_equal(w->reply_count, 0);
	assert_int_equal(w->store_count, 0);
	stored(w, new_id, -EIO);
	assert_int_equal(w->reply_count, 2);
	assert_int_equal(w->replied[0], new);
	assert_int_equal(w->results[0], SM_STAT_FAIL);
	/* The old cookie on the disk is not this one. */
	mon(w, "me", 'c');
	assert_int_equal(w->reply_count, 0);
	assert_int_equal(w->store_count, 1);
}

static void new_cookie_of_a_durable_record_is_not_durable(void **state)
{
	struct world *w = *state;
	uint64_t new;

	mon(w, "me", 'b');
	stored(w, w->store_id, 0);
	new = mon(w, "me", 'c');
	assert_int_equal(w->reply_count, 0);
	mon(w, "me", 'c');
	assert_int_equal(w->reply_count, 0);
	stored(w, w->store_id, 0);
	assert_int_equal(w->reply_count, 2);
	assert_int_equal(w->replied[0], new);
}

static void rest_of_the_file_is_written_when_a_record_goes(void **state)
{
	struct world *w = *state;
	size_t both_len;

	mon(w, "me", 'c');
	stored(w, w->store_id, 0);
	mon(w, "other", 'c');
	both_len = w->store_len;
	stored(w, w->store_id, 0);
	unmon(w, "me");
	assert_int_equal(w->forget_count, 0);
	assert_int_equal(w->store_count, 1);
	assert_true(w->store_len < both_len);
	/* Nobody waits for it; the other record stays as durable as it was. */
	stored(w, w->store_id, -EIO);
	assert_int_equal(w->reply_count, 0);
	mon(w, "other", 'c');
	assert_int_equal(w->store_count, 0);
	assert_int_equal(w->results[0], SM_STAT_SUCC);
}

static void mon_number(struct world *w, unsigned int number)
{
	struct monitor_caller caller = {.reply_to = w->next_reply_to++};
	struct record rec = record_of("me", 'c');
	char name[24];

	snprintf(name, sizeof(name), "peer%u", number);
	rec.mon_name = name;
	monitor_add(&w->monitor, 1, &caller, &rec);
	take(w);
}

/* A disk that hangs: the queue has an end, and what waits stays promised. */
static void stores_under_way_have_a_cap(void **state)
{
	struct world *w = *state;
	uint64_t first_id;
	unsigned int i;

	mon(w, "me", 'c');
	stored(w, w->store_id, 0);
	mon(w, "other", 'c');
	stored(w, w->store_id, 0);
	first_id = w->store_id + 1;
	for (i = 0; i < MONITOR_STORES_MAX; i++) {
		mon_number(w, i);
		assert_int_equal(w->store_count, 1);
	}
	mon_number(w, i);
	assert_int_equal(w->store_count, 0);
	assert_int_equal(w->reply_count, 1);
	assert_int_equal(w->results[0], SM_STAT_FAIL);
	assert_int_equal(w->log_count, 1);
	assert_int_equal(w->peers.count, 2 + MONITOR_STORES_MAX);
	/* The same again waits with it; a removal leaves its line behind. */
	mon_number(w, 0);
	assert_int_equal(w->reply_count, 0);
	unmon(w, "other");
	take(w);
	assert_int_equal(w->store_count + w->forget_count, 0);
	stored(w, first_id, 0);
	assert_int_equal(w->reply_count, 2);
	mon_number(w, i);
	assert_int_equal(w->store_count, 1);
}

static void unknown_end_changes_nothing(void **state)
{
	struct world *w = *state;
	uint64_t reply_to = mon(w, "me", 'c');

	stored(w, w->store_id + 1, 0);
	assert_int_equal(w->reply_count, 0);
	stored(w, w->store_id, 0);
	assert_one_reply(w, reply_to, SM_STAT_SUCC);
	stored(w, w->store_id, -EIO);
	assert_int_equal(w->reply_count, 0);
	mon(w, "me", 'c');
	assert_int_equal(w->results[0], SM_STAT_SUCC);
}

static void the_end_leaves_the_disk_alone(void **state)
{
	struct world *w = *state;

	mon(w, "me", 'c');
	stored(w, w->store_id, 0);
	mon(w, "other", 'c');
	monitor_drop_all(&w->monitor);
	take(w);
	assert_int_equal(w->forget_count + w->store_count, 0);
	assert_int_equal(w->reply_count, 0);
	assert_int_equal(w->peers.count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(full_file_takes_no_more),
		TEST(lines_that_did_not_fit_are_never_written_over),
		TEST(end_does_not_count_for_a_record_made_anew),
		TEST(failure_of_a_record_that_is_gone_is_still_answered),
		TEST(stores_of_one_file_have_their_own_waiters),
		TEST(newer_cookie_waits_for_its_own_store),
		TEST(new_cookie_of_a_durable_record_is_not_durable),
		TEST(rest_of_the_file_is_written_when_a_record_goes),
		TEST(stores_under_way_have_a_cap),
		TEST(unknown_end_changes_nothing),
		TEST(the_end_leaves_the_disk_alone),
	};

	return cmocka_run_group_tests_name("monitor", tests, NULL, NULL);
}
