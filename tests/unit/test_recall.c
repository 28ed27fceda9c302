/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two lives of rpc.statd's core, with nothing between them but the files of
 * sm/ and sm/.reclaim: what the second one knows of the first.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "proto/sm_inter.h"
#include "statd/notice.h"
#include "tests/unit/peer_world.h"

#define PEER	 "192.0.2.7"
#define STRANGER "192.0.2.66"
#define MEMOS	 4

/* A host: a core that may die, and what lies in its sm/ and sm/.reclaim. */
struct host {
	struct world *w;
	char sm[512];
	struct rig_out memos[MEMOS]; /* as they were last written */
	size_t memo_count;
	uint64_t job; /* of the last write, 0: none is open */
};

static struct host host;

static int setup(void **state)
{
	void *w;

	memset(&host, 0, sizeof(host));
	world_setup(&w, VERIFY_CHECK_ASK);
	host.w = w;
	*state = &host;
	return 0;
}

static int teardown(void **state)
{
	void *w = ((struct host *)*state)->w;

	return world_teardown(&w);
}

static void note_memo(struct host *h, const struct rig_out *memo)
{
	size_t i = 0;

	while (i < h->memo_count &&
	       h->memos[i].out.memo.number != memo->out.memo.number)
		i++;
	if (memo->out.len == 0) {
		if (i < h->memo_count)
			h->memos[i] = h->memos[--h->memo_count];
		h->job = 0;
		return;
	}
	assert_in_range(i, 0, MEMOS - 1);
	h->memos[i] = *memo;
	if (i == h->memo_count)
		h->memo_count++;
	h->job = memo->out.memo.id;
}

/* Puts what the core has just written onto the disk, without telling it. */
static void write_memos(struct host *h)
{
	size_t i;

	for (i = 0; i < h->w->rig.out_count; i++)
		if (h->w->rig.outs[i].out.kind == NSM_OUT_MEMO)
			note_memo(h, &h->w->rig.outs[i]);
}

/* Tells the core of the end of its write. */
static void report(struct host *h, int error)
{
	struct nsm_in in = {.kind = NSM_IN_MEMO_STORED,
			    .stored = {.id = h->job, .error = error}};

	assert_true(h->job != 0);
	h->job = 0;
	rig_feed(&h->w->rig, &in);
}

/* The disk does all that it is told. */
static void settle(struct host *h)
{
	write_memos(h);
	while (h->job != 0) {
		report(h, 0);
		write_memos(h);
	}
}

/* A record that lockd asked for, with its baseline known and on the disk. */
static void monitor(struct host *h, const char *name, char cookie)
{
	struct rig *rig = &h->w->rig;
	struct rig_out store, question, port;

	rig_mon(rig, name, cookie);
	store = *rig_get(rig, NSM_OUT_STORE, 0);
	question = *rig_get(rig, NSM_OUT_SEND, 0);
	write_memos(h);
	snprintf(h->sm, sizeof(h->sm), "%.*s", (int)store.out.len,
		 (const char *)store.bytes);
	rig_stored(rig, store.out.store.id, 0);
	rig_answer_port(rig, &question, 33000);
	port = *rig_get(rig, NSM_OUT_SEND, 0);
	rig_answer_stat(rig, &port, &port.out.send.peer, h->w->number);
	settle(h);
}

/* A notice from @from; its reply_to. */
static uint64_t notify(struct host *h, const char *from, const char *name,
		       int number)
{
	uint64_t reply_to = rig_notify(&h->w->rig, from, name, number);

	write_memos(h);
	return reply_to;
}

/* The process dies; the next one reads what lies there. */
static void restart(struct host *h)
{
	struct rig *rig = &h->w->rig;
	struct nsm_in file = {.kind = NSM_IN_FILE,
			      .bytes = (const uint8_t *)h->sm,
			      .len = strlen(h->sm),
			      .file.name = PEER};
	struct nsm_in loaded = {.kind = NSM_IN_LOADED};
	size_t i, count = h->memo_count;

	rig_fini(rig);
	rig_init_check(rig, VERIFY_CHECK_ASK);
	rig_feed(rig, &file);
	for (i = 0; i < count; i++) {
		struct nsm_in in = {.kind = NSM_IN_MEMO,
				    .bytes = h->memos[i].bytes,
				    .len = h->memos[i].out.len};

		in.memo.number = h->memos[i].out.memo.number;
		rig_feed(rig, &in);
	}
	if (count == 0)
		rig_feed(rig, &loaded);
	h->job = 0;
}

static size_t callbacks(struct host *h)
{
	return rig_run_lockd(&h->w->rig, NULL);
}

static size_t reply_count(const struct host *h)
{
	return rig_count(&h->w->rig, NSM_OUT_REPLY);
}

/* lockd has had the time to answer, and has not. */
static void wait_for_lockd(struct host *h)
{
	uint64_t until_ms = h->w->rig.now_ms + NOTICE_LOCKD_MS;

	while (h->w->rig.now_ms < until_ms)
		rig_tick(&h->w->rig);
}

/*
 * Whoever is answered locks anew: lockd must have dropped what it had before
 * (sim -s locks -r 1403).
 */
static void lockd_hears_before_the_sender(void **state)
{
	struct host *h = *state;
	struct rig *rig = &h->w->rig;
	struct rig_out send;

	monitor(h, PEER, 'c');
	(void)notify(h, PEER, "peer", 7);
	send = *rig_get(rig, NSM_OUT_SEND, 1);
	report(h, 0);
	assert_int_equal(reply_count(h), 0);
	(void)notify(h, PEER, "peer", 7);
	assert_int_equal(reply_count(h), 0);
	rig_answer_port(rig, &send, 4045);
	send = *rig_get(rig, NSM_OUT_SEND, 0);
	rig_answer_void(rig, &send, "127.0.0.1", 0);
	assert_int_equal(reply_count(h), 2);
}

static void notice_is_answered_once_it_outlives_us(void **state)
{
	struct host *h = *state;
	uint64_t reply_to;

	monitor(h, PEER, 'c');
	(void)notify(h, PEER, "peer", 7);
	wait_for_lockd(h);
	report(h, 0);
	assert_int_equal(reply_count(h), 1);
	/* The next one of the same is answered at once. */
	reply_to = notify(h, PEER, "peer", 7);
	assert_true(rig_is_answered(&h->w->rig, reply_to));
	assert_int_equal(rig_count(&h->w->rig, NSM_OUT_SEND), 0);
	/* lockd is told all the same, and nobody is answered twice. */
	do
		rig_tick(&h->w->rig);
	while (rig_get(&h->w->rig, NSM_OUT_SEND, 0) == NULL ||
	       rig_get(&h->w->rig, NSM_OUT_SEND, 0)->out.send.source !=
		       NSM_FROM_LOOPBACK);
	h->w->number = 7;
	assert_int_equal(world_run(h->w), 1);
	assert_int_equal(reply_count(h), 0);
}

/* The first of the two answers, never both. */
static void lockd_may_be_faster_than_the_disk(void **state)
{
	struct host *h = *state;
	struct rig *rig = &h->w->rig;
	struct rig_out send;
	uint64_t reply_to;

	monitor(h, PEER, 'c');
	reply_to = notify(h, PEER, "peer", 7);
	send = *rig_get(rig, NSM_OUT_SEND, 1);
	assert_int_equal(send.out.send.source, NSM_FROM_LOOPBACK);
	rig_answer_port(rig, &send, 4045);
	send = *rig_get(rig, NSM_OUT_SEND, 0);
	rig_answer_void(rig, &send, "127.0.0.1", 0);
	assert_true(rig_is_answered(rig, reply_to));
	report(h, 0);
	assert_int_equal(reply_count(h), 0);
}

static void pending_event_is_called_back_after_a_restart(void **state)
{
	struct host *h = *state;

	monitor(h, PEER, 'c');
	(void)notify(h, PEER, "peer", 7);
	report(h, 0);
	restart(h);
	assert_int_equal(callbacks(h), 1);
	settle(h);
	/* Delivered is delivered: nothing is left to say. */
	restart(h);
	assert_int_equal(rig_count(&h->w->rig, NSM_OUT_SEND), 0);
}

/* Whatever reached the disk of a write that nobody heard the end of. */
static void write_without_an_end_is_as_good(void **state)
{
	struct host *h = *state;

	monitor(h, PEER, 'c');
	(void)notify(h, PEER, "peer", 7);
	restart(h);
	assert_int_equal(callbacks(h), 1);
}

/* M-3 */
static void replay_after_a_restart_is_a_duplicate(void **state)
{
	struct host *h = *state;
	uint64_t reply_to;

	monitor(h, PEER, 'c');
	(void)notify(h, PEER, "peer", 7);
	report(h, 0);
	restart(h);
	assert_int_equal(callbacks(h), 1);
	settle(h);
	restart(h);
	reply_to = notify(h, PEER, "peer", 7);
	assert_int_equal(rig_count(&h->w->rig, NSM_OUT_SEND), 0);
	assert_true(rig_is_answered(&h->w->rig, reply_to));
}

static void known_baseline_is_not_asked_for_again(void **state)
{
	struct host *h = *state;

	monitor(h, PEER, 'c');
	assert_int_equal(h->memo_count, 1);
	restart(h);
	assert_int_equal(rig_count(&h->w->rig, NSM_OUT_SEND), 0);
	assert_true(nsm_deadline_ms(h->w->rig.nsm) == UINT64_MAX);
	/* ... and proves what it did before. */
	assert_int_equal(world_notify(h->w, STRANGER, 700, PEER, 99), 0);
	h->w->number = 7;
	assert_int_equal(world_notify(h->w, STRANGER, 700, PEER, 7), 1);
}

/* When lockd asked is not known: a notice with its number is no late copy. */
static void recalled_baseline_makes_no_notice_late(void **state)
{
	struct host *h = *state;

	monitor(h, PEER, 'c');
	restart(h);
	assert_int_equal(world_notify(h->w, PEER, 700, "peer", 5), 1);
}

static void unknown_baseline_is_asked_for_after_a_restart(void **state)
{
	struct host *h = *state;

	monitor(h, PEER, 'c');
	h->memo_count = 0;
	restart(h);
	assert_int_equal(rig_count(&h->w->rig, NSM_OUT_SEND), 1);
}

static void failed_write_lets_lockd_answer(void **state)
{
	struct host *h = *state;
	uint64_t first, second;

	monitor(h, PEER, 'c');
	first = notify(h, PEER, "peer", 7);
	report(h, -ENOSPC);
	assert_int_equal(reply_count(h), 0);
	wait_for_lockd(h);
	/* The repetition tries again, and both are answered by it. */
	second = notify(h, PEER, "peer", 7);
	assert_int_equal(reply_count(h), 0);
	report(h, 0);
	assert_int_equal(reply_count(h), 2);
	assert_int_equal(
		rig_get(&h->w->rig, NSM_OUT_REPLY, 0)->out.reply.reply_to,
		first);
	assert_int_equal(
		rig_get(&h->w->rig, NSM_OUT_REPLY, 1)->out.reply.reply_to,
		second);
}

/*
 * lockd heard, but the disk refused to note it: the event is in the file still,
 * and the next life would have lockd drop what it granted since
 * (sim -s flood -r 19486).
 */
static void what_the_disk_refused_is_written_later(void **state)
{
	struct host *h = *state;
	struct rig *rig = &h->w->rig;

	monitor(h, PEER, 'c');
	(void)notify(h, PEER, "peer", 7);
	report(h, 0);
	restart(h);
	assert_int_equal(callbacks(h), 1);
	h->job = rig_get(rig, NSM_OUT_MEMO, 0)->out.memo.id;
	report(h, -ENOSPC);
	assert_int_equal(rig_count(rig, NSM_OUT_MEMO), 0);
	while (nsm_deadline_ms(rig->nsm) != UINT64_MAX && h->job == 0) {
		rig_tick(rig);
		write_memos(h);
	}
	if (h->job != 0)
		settle(h);
	restart(h);
	assert_int_equal(callbacks(h), 0);
}

/* What is on the disk is the older number; the newer one is not safe yet. */
static void newer_number_waits_for_its_own_write(void **state)
{
	struct host *h = *state;
	uint64_t newer;

	monitor(h, PEER, 'c');
	(void)notify(h, PEER, "peer", 7);
	newer = notify(h, PEER, "peer", 9);
	wait_for_lockd(h);
	report(h, 0); /* of 7; whoever waits for the event waits on */
	assert_int_equal(reply_count(h), 0);
	write_memos(h);
	report(h, 0);
	assert_int_equal(reply_count(h), 2);
	assert_int_equal(
		rig_get(&h->w->rig, NSM_OUT_REPLY, 1)->out.reply.reply_to,
		newer);
}

static void unmonitored_peer_leaves_nothing(void **state)
{
	struct host *h = *state;

	monitor(h, PEER, 'c');
	(void)notify(h, PEER, "peer", 7);
	rig_unmon(&h->w->rig, PEER);
	write_memos(h);
	assert_int_equal(h->memo_count, 0);
}

static void new_cookie_begins_anew(void **state)
{
	struct host *h = *state;

	monitor(h, PEER, 'c');
	(void)notify(h, PEER, "peer", 7);
	report(h, 0);
	rig_mon(&h->w->rig, PEER, 'd');
	write_memos(h);
	assert_int_equal(h->memo_count, 0);
}

/* SM_MON of the new cookie was never stored, or the other way round. */
static void memo_of_another_cookie_is_dropped(void **state)
{
	struct host *h = *state;
	char *cookie;

	monitor(h, PEER, 'c');
	(void)notify(h, PEER, "peer", 7);
	report(h, 0);
	cookie = strstr(h->sm, "6363");
	assert_non_null(cookie);
	cookie[1] = '4';
	restart(h);
	assert_int_equal(rig_count(&h->w->rig, NSM_OUT_SEND), 0);
	write_memos(h);
	assert_int_equal(h->memo_count, 0);
}

static void damaged_memo_is_dropped(void **state)
{
	struct host *h = *state;

	monitor(h, PEER, 'c');
	h->memos[0].out.len--;
	restart(h);
	write_memos(h);
	assert_int_equal(h->memo_count, 0);
	assert_int_equal(nsm_peer_count(h->w->rig.nsm), 1);
}

/* Of two that say they are about one record, the second is dropped. */
static void second_memo_of_a_record_is_dropped(void **state)
{
	struct host *h = *state;

	monitor(h, PEER, 'c');
	h->memos[1] = h->memos[0];
	h->memos[1].out.memo.number += 5;
	h->memo_count = 2;
	restart(h);
	write_memos(h);
	assert_int_equal(h->memo_count, 1);
}

/* One peer, many names: lockd hears of it by the first ones. */
static void names_of_pending_notices_are_bounded(void **state)
{
	struct host *h = *state;
	char name[16];
	size_t i;

	monitor(h, PEER, 'c');
	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "peer%zu", i);
		(void)notify(h, PEER, name, 7);
	}
	assert_int_equal(reply_count(h), 1); /* without an answer */
	assert_int_equal(rig_get(&h->w->rig, NSM_OUT_REPLY, 0)->out.len, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(lockd_hears_before_the_sender),
		TEST(notice_is_answered_once_it_outlives_us),
		TEST(lockd_may_be_faster_than_the_disk),
		TEST(pending_event_is_called_back_after_a_restart),
		TEST(write_without_an_end_is_as_good),
		TEST(replay_after_a_restart_is_a_duplicate),
		TEST(known_baseline_is_not_asked_for_again),
		TEST(recalled_baseline_makes_no_notice_late),
		TEST(unknown_baseline_is_asked_for_after_a_restart),
		TEST(failed_write_lets_lockd_answer),
		TEST(what_the_disk_refused_is_written_later),
		TEST(newer_number_waits_for_its_own_write),
		TEST(unmonitored_peer_leaves_nothing),
		TEST(new_cookie_begins_anew),
		TEST(memo_of_another_cookie_is_dropped),
		TEST(damaged_memo_is_dropped),
		TEST(second_memo_of_a_record_is_dropped),
		TEST(names_of_pending_notices_are_bounded),
	};

	return cmocka_run_group_tests_name("recall", tests, NULL, NULL);
}
