/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows of doc/differences.md that no other test sees: what nfs-utils does and
 * we must not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/prng.h"
#include "lib/rpccall.h"
#include "proto/sm_inter.h"
#include "tests/unit/nsm_rig.h"

#define XIDS 64u

/* The file has the name that nfs-utils gave it; the record is of an address. */
static const char *const file_name = "client.example";
static const char *const line =
	"0100007f 000186b5 00000003 00000010 "
	"63636363636363636363636363636363 192.0.2.7 my_host\n";

static int setup_check(void **state, enum verify_check check)
{
	static struct rig rig;
	struct nsm_in in = {.kind = NSM_IN_FILE,
			    .bytes = (const uint8_t *)line,
			    .len = strlen(line),
			    .file.name = file_name};

	rig_init_check(&rig, check);
	rig_feed(&rig, &in);
	*state = &rig;
	return 0;
}

static int setup(void **state)
{
	return setup_check(state, VERIFY_CHECK_ADDRESS);
}

static int setup_legacy(void **state)
{
	return setup_check(state, VERIFY_CHECK_LEGACY);
}

static int teardown(void **state)
{
	rig_fini(*state);
	return 0;
}

/* SM_UNMON_ALL of "my host", as a lock manager with that node name has it. */
static void unmon_all(struct rig *rig, const char *from)
{
	char me[] = "my host";
	struct sm_my_id id = {.my_name = {7, me},
			      .my_prog = 100021,
			      .my_vers = 3,
			      .my_proc = 16};

	rig_call(rig, from, 1000, SM_PROC_UNMON_ALL, (void *)xdr_sm_my_id, &id);
}

/* The number in the first REPLY, which is an sm_stat. */
static uint32_t number_in_reply(const struct rig *rig)
{
	const struct rig_out *out = rig_get(rig, NSM_OUT_REPLY, 0);
	const uint8_t *last;

	assert_non_null(out);
	assert_in_range(out->out.len, 28, 28); /* header, verifier, status */
	last = out->bytes + out->out.len - 4;
	return (uint32_t)last[0] << 24 | (uint32_t)last[1] << 16 |
	       (uint32_t)last[2] << 8 | last[3];
}

/* M-8: what SM_MON made of the name, SM_UNMON_ALL has to make of it, too. */
static void unmon_all_cleans_my_name_as_mon_does(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(nsm_peer_count(rig->nsm), 1);
	unmon_all(rig, "127.0.0.1");
	assert_int_equal(nsm_peer_count(rig->nsm), 0);
	assert_int_equal(rig_count(rig, NSM_OUT_FORGET), 1);
}

/* M-8: a stranger's answer says nothing of calls before it. */
static void stranger_who_unmonitors_all_is_told_the_number(void **state)
{
	struct rig *rig = *state;

	unmon_all(rig, "192.0.2.99");
	assert_int_equal(nsm_peer_count(rig->nsm), 1);
	assert_int_equal(number_in_reply(rig), 3);
	unmon_all(rig, "127.0.0.1");
	assert_int_equal(number_in_reply(rig), 3);
}

/* M-6: who owns an address owns what its reverse zone says. */
static void sender_of_a_notice_is_never_looked_up(void **state)
{
	struct rig *rig = *state;

	rig_notify(rig, "192.0.2.66", "192.0.2.66", 9);
	assert_int_equal(rig_count(rig, NSM_OUT_RESOLVE), 0);
	assert_int_equal(rig_count(rig, NSM_OUT_SEND), 0);
	rig_notify(rig, "192.0.2.7", "client.example", 9);
	assert_int_equal(rig_count(rig, NSM_OUT_RESOLVE), 0);
}

/* M-9: the name of a file names nobody; what lockd said does. */
static void notice_is_matched_with_what_lockd_said(void **state)
{
	struct rig *rig = *state;

	rig_notify(rig, "192.0.2.66", file_name, 9);
	assert_int_equal(rig_count(rig, NSM_OUT_SEND), 0);
	rig_notify(rig, "192.0.2.66", "192.0.2.7", 9);
	assert_int_equal(rig_run_lockd(rig, NULL), 1);
}

/* D-4: a new cookie is one replacement, never a removal and a new line. */
static void new_cookie_is_one_step(void **state)
{
	struct rig *rig = *state;

	rig_monitor(rig, "192.0.2.8", 'c');
	rig_mon(rig, "192.0.2.8", 'd');
	assert_int_equal(rig_count(rig, NSM_OUT_FORGET), 0);
	assert_int_equal(rig_count(rig, NSM_OUT_STORE), 1);
	assert_false(rig_get(rig, NSM_OUT_STORE, 0)->out.store.is_new);
}

/* S-2: whoever sees one call cannot tell the numbers of the next ones. */
static void xids_do_not_count_up(void **state)
{
	static const uint8_t seed[SIPHASH_KEY_SIZE] = "a test's key";
	struct addr peer = {.family = ADDR_V4, .port = 111};
	struct rpccall calls_open[XIDS] = {0};
	struct rpccalls calls;
	unsigned int steps = 0;
	struct prng rng;
	size_t i;

	(void)state; /* needs no core */
	prng_init(&rng, seed);
	rpccalls_init(&calls, &rng);
	for (i = 0; i < XIDS; i++) {
		rpccalls_open(&calls, &calls_open[i], &peer);
		if (i > 0 && calls_open[i].xid - calls_open[i - 1].xid < 65536)
			steps++;
	}
	assert_in_range(steps, 0, 1);
	for (i = 0; i < XIDS; i++)
		rpccalls_close(&calls, &calls_open[i]);
	rpccalls_fini(&calls);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(unmon_all_cleans_my_name_as_mon_does),
		TEST(stranger_who_unmonitors_all_is_told_the_number),
		TEST(sender_of_a_notice_is_never_looked_up),
		cmocka_unit_test_setup_teardown(
			notice_is_matched_with_what_lockd_said, setup_legacy,
			teardown),
		TEST(new_cookie_is_one_step),
		cmocka_unit_test(xids_do_not_count_up),
	};

	return cmocka_run_group_tests_name("differences", tests, NULL, NULL);
}
