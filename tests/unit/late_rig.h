/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a test of late SM_MONs says and expects beside tests/unit/nsm_rig.h: the
 * part of whoever knows which peers are untold.
 */
#ifndef NFS_RECLAIM_TESTS_UNIT_LATE_RIG_H
#define NFS_RECLAIM_TESTS_UNIT_LATE_RIG_H

#include <stdint.h>

#include "lib/ctl.h"
#include "tests/unit/nsm_rig.h"

#define PEER  "192.0.2.7"
#define SUBJ  PEER " " PEER
#define PRIV  "00000000000000000000000000000000"
#define FRONT "0100007f 000186b5 00000003 00000010 " PRIV
#define LINES FRONT " " PEER " me.example\n"

/*
 * For cmocka: a rig in each test, which asks who is untold.
 */
int late_setup(void **state);
int late_teardown(void **state);

/*
 * Returns the id of the one UNTOLD of the last input, whose verb and subject
 * must be these.
 */
uint64_t expect_untold(const struct rig *rig, enum ctl_verb verb,
		       const char *subject);

/*
 * Feeds the outcome @what of the UNTOLD @id.
 */
void feed(struct rig *rig, uint64_t id, enum nsm_untold what);

/*
 * Feeds that there are untold records: @lines, or, empty, those of a running
 * sm-notify.
 */
void feed_yes(struct rig *rig, uint64_t id, struct nsm_untold_facts facts,
	      const char *lines);

/*
 * Feeds whether a grace period runs, as an outcome of GRACE.
 */
void feed_grace(struct rig *rig, bool is_grace);

/*
 * Has an SM_MON of PEER come and be stored; it must not be answered yet.
 * Return: the id of its ASK.
 */
uint64_t mon(struct rig *rig);

/*
 * Demands that one SM_MON was answered, with success.
 */
void expect_success(const struct rig *rig);

/*
 * Answers as PEER does, rpcbind first, whatever is sent to it, until nothing
 * is.
 * Return: how many notices there were.
 */
unsigned int run_peer(struct rig *rig);

#endif
