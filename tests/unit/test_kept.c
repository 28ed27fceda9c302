/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Notices that are answered although some name is still being looked up: what
 * is kept of them, who hears of them when the look-up ends, and what of that
 * outlives the process.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/portmap.h"
#include "lib/xalloc.h"
#include "proto/sm_inter.h"
#include "statd/memo.h"
#include "statd/notice.h"
#include "tests/unit/nsm_rig.h"

#define PEER	   "192.0.2.7"
#define STRANGER   "192.0.2.66"
#define CLIENT	   "client.example"
#define LOCKD_PORT 4045
#define FILES_MAX  160
#define JOBS_MAX   256

/* A file of sm/.reclaim. */
struct file {
	uint64_t number;
	uint8_t *bytes;
	size_t len;
};

/* A core that may die, its disk, its lock manager and its name service. */
struct host {
	struct rig rig;
	struct file files[FILES_MAX];
	size_t file_count;
	uint64_t jobs[JOBS_MAX]; /* writes whose end nobody has told */
	size_t job_count;
	struct rig_out sends[RIG_OUT_MAX];
	size_t send_count;
	uint64_t resolve_id; /* the last */
	uint64_t answered;   /* the last reply_to */
	size_t answered_count;
	size_t refused_count;
};

static void note_memo(struct host *h, const struct rig_out *memo)
{
	struct file *file;
	size_t i = 0;

	while (i < h->file_count && h->files[i].number != memo->out.memo.number)
		i++;
	file = &h->files[i];
	if (i < h->file_count) {
		free(file->bytes);
		*file = h->files[--h->file_count];
	}
	if (memo->out.len == 0)
		return;
	assert_in_range(h->file_count, 0, FILES_MAX - 1);
	h->files[h->file_count++] =
		(struct file){memo->out.memo.number,
			      xmemdup(memo->bytes, memo->out.len),
			      memo->out.len};
	assert_in_range(h->job_count, 0, JOBS_MAX - 1);
	h->jobs[h->job_count++] = memo->out.memo.id;
}

static void note_reply(struct host *h, const struct rig_out *reply)
{
	if (reply->out.len == 0) {
		h->refused_count++;
		return;
	}
	h->answered = reply->out.reply.reply_to;
	h->answered_count++;
}

/* Takes what came of the last input. */
static void collect(struct host *h)
{
	size_t i;

	for (i = 0; i < h->rig.out_count; i++) {
		const struct rig_out *out = &h->rig.outs[i];

		if (out->out.kind == NSM_OUT_MEMO)
			note_memo(h, out);
		else if (out->out.kind == NSM_OUT_REPLY)
			note_reply(h, out);
		else if (out->out.kind == NSM_OUT_RESOLVE)
			h->resolve_id = out->out.resolve.id;
		else if (out->out.kind == NSM_OUT_SEND)
			h->sends[h->send_count++ % RIG_OUT_MAX] = *out;
	}
	h->rig.out_count = 0;
}

/* Ends all writes with @error. */
static void run_disk(struct host *h, int error)
{
	while (h->job_count > 0) {
		struct nsm_in in = {.kind = NSM_IN_MEMO_STORED,
				    .stored = {.id = h->jobs[0],
					       .error = error}};

		memmove(h->jobs, h->jobs + 1,
			--h->job_count * sizeof(h->jobs[0]));
		rig_feed(&h->rig, &in);
		collect(h);
	}
}

/* rpcbind and lockd answer all they were asked; how many callbacks. */
static size_t run_lockd(struct host *h)
{
	size_t callbacks = 0;
	size_t i;

	for (i = 0; i < h->send_count; i++) {
		struct rig_out send = h->sends[i];

		if (send.out.send.peer.port == PORTMAP_PORT) {
			rig_answer_port(&h->rig, &send, LOCKD_PORT);
		} else {
			callbacks++;
			rig_answer_void(&h->rig, &send, "127.0.0.1", 0);
		}
		collect(h);
	}
	h->send_count = 0;
	return callbacks;
}

static void monitor(struct host *h, const char *name, char cookie)
{
	rig_mon(&h->rig, name, cookie);
	collect(h);
}

static uint64_t notify(struct host *h, const char *from, const char *name,
		       int number)
{
	uint64_t reply_to = rig_notify(&h->rig, from, name, number);

	collect(h);
	return reply_to;
}

/* The look-up that began last ends with @addr, or with none. */
static void resolve(struct host *h, const char *addr)
{
	struct addr found;
	struct nsm_in in = {.kind = NSM_IN_RESOLVED,
			    .resolved = {.id = h->resolve_id,
					 .addrs = &found,
					 .count = addr != NULL}};

	assert_true(h->resolve_id != 0);
	h->resolve_id = 0;
	if (addr != NULL)
		assert_true(addr_parse(addr, &found));
	rig_feed(&h->rig, &in);
	collect(h);
}

/* Lets time pass until nothing is due before @until_ms. */
static void wait_until(struct host *h, uint64_t until_ms)
{
	while (nsm_deadline_ms(h->rig.nsm) <= until_ms) {
		rig_tick(&h->rig);
		collect(h);
	}
	h->rig.now_ms = until_ms;
}

static void feed_file(struct host *h, const char *mon_name)
{
	char line[256];
	struct nsm_in in = {.kind = NSM_IN_FILE,
			    .bytes = (const uint8_t *)line,
			    .file.name = mon_name};

	snprintf(line, sizeof(line),
		 "0100007f 000186b5 00000003 00000010 "
		 "63636363636363636363636363636363 %s me\n",
		 mon_name);
	in.len = strlen(line);
	rig_feed(&h->rig, &in);
	collect(h);
}

static void feed_memo(struct host *h, uint64_t number, const void *bytes,
		      size_t len)
{
	struct nsm_in in = {.kind = NSM_IN_MEMO, .bytes = bytes, .len = len};

	in.memo.number = number;
	rig_feed(&h->rig, &in);
	collect(h);
}

/* The process dies; the next one finds PEER, CLIENT and sm/.reclaim. */
static void restart(struct host *h)
{
	struct file found[FILES_MAX];
	struct nsm_in loaded = {.kind = NSM_IN_LOADED};
	size_t count = h->file_count;
	size_t i;

	memcpy(found, h->files, sizeof(found));
	for (i = 0; i < count; i++)
		found[i].bytes = xmemdup(found[i].bytes, found[i].len);
	rig_fini(&h->rig);
	rig_init(&h->rig);
	h->job_count = 0;
	h->send_count = 0;
	feed_file(h, PEER);
	feed_file(h, CLIENT);
	for (i = 0; i < count; i++) {
		feed_memo(h, found[i].number, found[i].bytes, found[i].len);
		free(found[i].bytes);
	}
	rig_feed(&h->rig, &loaded);
	collect(h);
}

static int setup(void **state)
{
	static struct host host;

	memset(&host, 0, sizeof(host));
	rig_init(&host.rig);
	monitor(&host, PEER, 'c');
	monitor(&host, CLIENT, 'c');
	*state = &host;
	return 0;
}

static int teardown(void **state)
{
	struct host *h = *state;

	rig_fini(&h->rig);
	while (h->file_count > 0)
		free(h->files[--h->file_count].bytes);
	return 0;
}

/* --- answered while a look-up is open ---------------------------------- */

static void answered_once_lockd_has_heard_and_it_is_kept(void **state)
{
	struct host *h = *state;
	uint64_t reply_to = notify(h, PEER, "peer", 7);

	assert_int_equal(run_lockd(h), 1);
	assert_int_equal(h->answered_count, 0);
	run_disk(h, 0);
	assert_int_equal(h->answered_count, 1);
	assert_int_equal(h->answered, reply_to);
	assert_int_equal(h->refused_count, 0);
}

static void answered_once_event_and_notice_are_kept(void **state)
{
	struct host *h = *state;
	uint64_t reply_to = notify(h, PEER, "peer", 7);

	h->rig.now_ms += NOTICE_LOCKD_MS;
	run_disk(h, 0);
	assert_int_equal(h->answered, reply_to);
	/* A repetition is answered at once. */
	reply_to = notify(h, PEER, "peer", 7);
	assert_int_equal(h->answered, reply_to);
	assert_int_equal(run_lockd(h), 1);
	assert_int_equal(h->answered_count, 2);
}

/* Of before the names came: only the notice is to be kept. */
static void duplicate_is_answered_once_it_is_kept(void **state)
{
	struct host *h = *state;
	uint64_t reply_to;

	resolve(h, STRANGER);
	(void)notify(h, PEER, "peer", 7);
	assert_int_equal(run_lockd(h), 1);
	run_disk(h, 0);
	monitor(h, "other.example", 'd');
	reply_to = notify(h, PEER, "peer", 7);
	assert_int_equal(h->answered_count, 1);
	run_disk(h, 0);
	assert_int_equal(h->answered, reply_to);
}

static void unwritten_notice_is_not_answered(void **state)
{
	struct host *h = *state;
	uint64_t reply_to;

	(void)notify(h, PEER, "peer", 7);
	assert_int_equal(run_lockd(h), 1);
	run_disk(h, -ENOSPC);
	assert_int_equal(h->refused_count, 1);
	reply_to = notify(h, PEER, "peer", 7);
	run_disk(h, 0);
	assert_int_equal(h->answered, reply_to);
	assert_int_equal(h->answered_count, 1);
}

static void newer_number_waits_for_its_own_write(void **state)
{
	struct host *h = *state;
	struct nsm_in first = {.kind = NSM_IN_MEMO_STORED};
	uint64_t reply_to;

	(void)notify(h, PEER, "peer", 7);
	assert_int_equal(run_lockd(h), 1);
	assert_int_equal(h->job_count, 2); /* the record, the notice */
	first.stored.id = h->jobs[1];
	reply_to = notify(h, PEER, "peer", 9);
	assert_int_equal(run_lockd(h), 1);
	rig_feed(&h->rig, &first);
	collect(h);
	assert_int_equal(h->answered_count, 0);
	run_disk(h, 0);
	assert_int_equal(h->answered_count, 2);
	assert_int_equal(h->answered, reply_to);
}

static void waiters_for_one_write_are_bounded(void **state)
{
	struct host *h = *state;
	size_t i;

	(void)notify(h, PEER, "peer", 7);
	assert_int_equal(run_lockd(h), 1);
	for (i = 1; i < NSM_WAITERS_MAX; i++)
		(void)notify(h, PEER, "peer", 7);
	assert_int_equal(h->refused_count, 0);
	(void)notify(h, PEER, "peer", 7);
	assert_int_equal(h->refused_count, 1);
	run_disk(h, 0);
	assert_int_equal(h->answered_count, NSM_WAITERS_MAX);
}

/* --- who is kept ------------------------------------------------------- */

static void strangers_and_names_alone_are_not_kept(void **state)
{
	struct host *h = *state;

	(void)notify(h, STRANGER, "nobody", 7);
	(void)notify(h, STRANGER, CLIENT, 7);
	(void)notify(h, STRANGER, PEER, 7);
	assert_int_equal(h->refused_count, 3);
	assert_int_equal(h->file_count, 0);
	/* Nor what one record is sure of, and another not. */
	(void)notify(h, PEER, CLIENT, 7);
	assert_int_equal(h->refused_count, 3);
	assert_int_equal(run_lockd(h), 1);
	run_disk(h, 0);
	assert_int_equal(h->refused_count, 4);
	assert_int_equal(h->file_count, 1);
}

static void nothing_is_kept_when_all_names_are_known(void **state)
{
	struct host *h = *state;

	resolve(h, STRANGER);
	(void)notify(h, PEER, "peer", 7);
	assert_int_equal(h->file_count, 1); /* the record's */
	h->rig.now_ms += NOTICE_LOCKD_MS;
	run_disk(h, 0);
	assert_int_equal(h->answered_count, 1);
}

static void notify_many(struct host *h, unsigned int peers, unsigned int names)
{
	char addr[32], name[16];
	unsigned int i, j;

	for (i = 0; i < peers; i++) {
		snprintf(addr, sizeof(addr), "198.51.100.%u", i + 1);
		monitor(h, addr, 'e');
		for (j = 0; j < names; j++) {
			snprintf(name, sizeof(name), "n%u", j);
			(void)notify(h, addr, name, 7);
			(void)run_lockd(h);
		}
	}
	run_disk(h, 0);
}

static void names_of_one_address_are_bounded(void **state)
{
	struct host *h = *state;

	notify_many(h, 1, KEPT_ADDRESS_MAX + 2);
	assert_int_equal(h->answered_count, KEPT_ADDRESS_MAX);
	assert_int_equal(h->refused_count, 2);
}

static void kept_notices_are_bounded(void **state)
{
	struct host *h = *state;

	notify_many(h, KEPT_MAX + 3, 1);
	assert_int_equal(h->answered_count, KEPT_MAX);
	assert_int_equal(h->refused_count, 3);
}

/* --- what the look-up finds -------------------------------------------- */

static void lockd_hears_when_the_sender_is_found(void **state)
{
	struct host *h = *state;

	(void)notify(h, PEER, "peer", 7);
	assert_int_equal(run_lockd(h), 1);
	run_disk(h, 0);
	resolve(h, PEER);
	assert_int_equal(run_lockd(h), 1);
	run_disk(h, 0);
	assert_int_equal(h->answered_count, 1);
	/* ... and a copy of it is a duplicate. */
	(void)notify(h, PEER, "peer", 7);
	assert_int_equal(run_lockd(h), 0);
	assert_int_equal(h->answered_count, 2);
}

static void others_do_not_hear(void **state)
{
	struct host *h = *state;

	(void)notify(h, PEER, "peer", 7);
	assert_int_equal(run_lockd(h), 1);
	resolve(h, STRANGER);
	assert_int_equal(run_lockd(h), 0);
}

/* The name service was dead, and is back. */
static void later_look_up_counts_as_well(void **state)
{
	struct host *h = *state;

	(void)notify(h, PEER, "peer", 7);
	assert_int_equal(run_lockd(h), 1);
	run_disk(h, 0);
	resolve(h, NULL);
	wait_until(h, h->rig.now_ms + 60000);
	resolve(h, PEER);
	assert_int_equal(run_lockd(h), 1);
}

/* A reboot of before lockd asked took no lock of it. */
static void record_of_afterwards_does_not_hear(void **state)
{
	struct host *h = *state;

	(void)notify(h, PEER, "peer", 7);
	assert_int_equal(run_lockd(h), 1);
	h->rig.now_ms += 5;
	monitor(h, "other.example", 'd');
	resolve(h, PEER);
	assert_int_equal(run_lockd(h), 0);
}

/* The record is found at two addresses, and has no room for all names. */
static void what_is_undecided_is_met_again(void **state)
{
	struct addr addrs[2];
	struct nsm_in in = {.kind = NSM_IN_RESOLVED,
			    .resolved = {.addrs = addrs, .count = 2}};
	struct host *h = *state;
	char name[16];
	size_t i;

	in.resolved.id = h->resolve_id;
	notify_many(h, 1, KEPT_ADDRESS_MAX);
	for (i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "other%zu", i);
		(void)notify(h, PEER, name, 7);
	}
	assert_int_equal(run_lockd(h), 3);
	assert_true(addr_parse("198.51.100.1", &addrs[0]));
	assert_true(addr_parse(PEER, &addrs[1]));
	rig_feed(&h->rig, &in);
	collect(h);
	assert_int_equal(run_lockd(h), MEMO_ITEMS_MAX);
	wait_until(h, h->rig.now_ms + KEPT_AGAIN_MS);
	assert_int_equal(run_lockd(h), 3);
	wait_until(h, h->rig.now_ms + KEPT_AGAIN_MS);
	assert_int_equal(run_lockd(h), 0);
}

/* --- over a restart ---------------------------------------------------- */

static void next_life_looks_up_again(void **state)
{
	struct host *h = *state;

	(void)notify(h, PEER, "peer", 7);
	assert_int_equal(run_lockd(h), 1);
	run_disk(h, 0);
	assert_int_equal(h->answered_count, 1);
	restart(h);
	assert_int_equal(run_lockd(h), 0);
	resolve(h, PEER);
	assert_int_equal(run_lockd(h), 1);
	run_disk(h, 0);
	restart(h);
	resolve(h, PEER);
	assert_int_equal(run_lockd(h), 0);
}

/*
 * Somebody, be it a user of the peer's host, repeats what lockd heard before,
 * while it is being told of the next reboot (sim -s flood -r 31183).
 */
static void copy_of_the_one_before_takes_no_place(void **state)
{
	struct host *h = *state;

	resolve(h, PEER);
	(void)notify(h, PEER, "peer", 5);
	assert_int_equal(run_lockd(h), 2);
	run_disk(h, 0);
	restart(h);
	(void)notify(h, PEER, "peer", 7);
	run_disk(h, 0);
	(void)notify(h, PEER, "peer", 5);
	run_disk(h, 0);
	assert_int_equal(h->answered_count, 2);
	assert_int_equal(run_lockd(h), 1);
	assert_int_equal(h->answered_count, 3);
	resolve(h, PEER);
	assert_int_equal(run_lockd(h), 1);
}

static void file_goes_when_nobody_needs_it(void **state)
{
	struct host *h = *state;
	uint64_t came_ms = h->rig.now_ms;

	(void)notify(h, PEER, "peer", 7);
	assert_int_equal(run_lockd(h), 1);
	run_disk(h, 0);
	assert_int_equal(h->file_count, 2);
	/* Not while a look-up is open ... */
	wait_until(h, came_ms + 2 * KEPT_AFTERWARDS_MS);
	assert_int_equal(h->file_count, 2);
	/* ... nor soon after one that found it. */
	resolve(h, PEER);
	assert_int_equal(run_lockd(h), 1);
	run_disk(h, 0);
	wait_until(h, h->rig.now_ms + KEPT_AFTERWARDS_MS - 1);
	assert_int_equal(h->file_count, 3);
	wait_until(h, h->rig.now_ms + KEPT_AGAIN_MS + 1);
	assert_int_equal(h->file_count, 2);
	assert_true(nsm_deadline_ms(h->rig.nsm) == UINT64_MAX);
}

static void files_of_no_use_are_removed(void **state)
{
	static const char good[] = "notice 192.0.2.7 reserved 7 peer\n";
	static const char twice[] = "notice 192.0.2.7 reserved 9 PEER\n";
	static const char bad[] = "notice 192.0.2.7 reserved 0 other\n";
	struct nsm_in in = {.kind = NSM_IN_MEMO,
			    .bytes = (const uint8_t *)good,
			    .len = strlen(good),
			    .memo.number = 50};
	struct host *h = *state;

	rig_feed(&h->rig, &in);
	assert_int_equal(rig_count(&h->rig, NSM_OUT_MEMO), 0);
	in.bytes = (const uint8_t *)twice;
	in.memo.number = 51;
	rig_feed(&h->rig, &in);
	assert_int_equal(rig_count(&h->rig, NSM_OUT_MEMO), 1);
	in.bytes = (const uint8_t *)bad;
	in.len = strlen(bad);
	in.memo.number = 52;
	rig_feed(&h->rig, &in);
	assert_int_equal(rig_count(&h->rig, NSM_OUT_MEMO), 1);
	resolve(h, PEER);
	assert_int_equal(run_lockd(h), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(answered_once_lockd_has_heard_and_it_is_kept),
		TEST(answered_once_event_and_notice_are_kept),
		TEST(duplicate_is_answered_once_it_is_kept),
		TEST(unwritten_notice_is_not_answered),
		TEST(newer_number_waits_for_its_own_write),
		TEST(waiters_for_one_write_are_bounded),
		TEST(strangers_and_names_alone_are_not_kept),
		TEST(nothing_is_kept_when_all_names_are_known),
		TEST(names_of_one_address_are_bounded),
		TEST(kept_notices_are_bounded),
		TEST(lockd_hears_when_the_sender_is_found),
		TEST(others_do_not_hear),
		TEST(later_look_up_counts_as_well),
		TEST(record_of_afterwards_does_not_hear),
		TEST(what_is_undecided_is_met_again),
		TEST(next_life_looks_up_again),
		TEST(copy_of_the_one_before_takes_no_place),
		TEST(file_goes_when_nobody_needs_it),
		TEST(files_of_no_use_are_removed),
	};

	return cmocka_run_group_tests_name("kept", tests, NULL, NULL);
}
