/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Speaks for whoever knows which peers are untold, one input at a time.
 */
#include "tests/unit/late_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/portmap.h"
#include "proto/sm_inter.h"

int late_setup(void **state)
{
	static struct rig rig;

	rig_init(&rig);
	rig.is_untold_asked = true;
	*state = &rig;
	return 0;
}

int late_teardown(void **state)
{
	rig_fini(*state);
	return 0;
}

uint64_t expect_untold(const struct rig *rig, enum ctl_verb verb,
		       const char *subject)
{
	const struct rig_out *out = rig_get(rig, NSM_OUT_UNTOLD, 0);

	assert_int_equal(rig_count(rig, NSM_OUT_UNTOLD), 1);
	assert_int_equal(out->out.untold.verb, verb);
	assert_string_equal(out->text, subject);
	return out->out.untold.id;
}

void feed(struct rig *rig, uint64_t id, enum nsm_untold what)
{
	struct nsm_in in = {.kind = NSM_IN_UNTOLD,
			    .untold = {.id = id, .what = what}};

	rig_feed(rig, &in);
}

void feed_yes(struct rig *rig, uint64_t id, struct nsm_untold_facts facts,
	      const char *lines)
{
	struct nsm_in in = {
		.kind = NSM_IN_UNTOLD,
		.bytes = (const uint8_t *)lines,
		.len = strlen(lines),
		.untold = {.id = id, .what = NSM_UNTOLD_YES, .facts = facts}};

	rig_feed(rig, &in);
}

uint64_t mon(struct rig *rig)
{
	uint64_t store_id, id;

	rig_mon(rig, PEER, 'a');
	id = expect_untold(rig, CTL_ASK, SUBJ);
	store_id = rig_get(rig, NSM_OUT_STORE, 0)->out.store.id;
	rig_stored(rig, store_id, 0);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
	return id;
}

void expect_success(const struct rig *rig)
{
	int number;

	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 1);
	assert_int_equal(rig_result(rig, 0, &number), SM_STAT_SUCC);
	assert_int_equal(number, 3);
}

unsigned int run_peer(struct rig *rig)
{
	unsigned int notices = 0;
	struct rig_out send;
	const struct rig_out *out;

	while ((out = rig_get(rig, NSM_OUT_SEND, 0)) != NULL) {
		send = *out;
		assert_int_equal(send.out.send.source, NSM_FROM_ANY);
		if (send.out.send.peer.port == PORTMAP_PORT) {
			rig_answer_port(rig, &send, 33000);
			continue;
		}
		assert_int_equal(send.out.send.peer.port, 33000);
		notices++;
		rig_answer_void(rig, &send, PEER, 0);
	}
	return notices;
}

void feed_grace(struct rig *rig, bool is_grace)
{
	struct nsm_in in = {.kind = NSM_IN_GRACE, .is_grace = is_grace};

	rig_feed(rig, &in);
}
