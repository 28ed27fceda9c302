/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tells one peer of our reboot where no sm-notify does: the core of sm-notify,
 * which knows how, with the effects of ours.
 */
#ifndef NFS_RECLAIM_STATD_ENVOY_H
#define NFS_RECLAIM_STATD_ENVOY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/ctl.h"
#include "lib/prng.h"
#include "statd/effects.h"

struct envoy;

enum envoy_state {
	ENVOY_BUSY,
	ENVOY_TOLD,   /* all has been acknowledged, and noted so */
	ENVOY_FAILED, /* there is no way to reach it */
};

/* What the envoys of one core share. */
struct envoy_rooms {
	struct effects *out;
	struct prng *rng;
	const char *name; /* announced instead of my_name, or NULL */
	uint32_t number;  /* announced */
	bool is_in_grace; /* told only as long as a grace period runs */
};

/*
 * Returns one that begins to tell the peer @subject, urgently; the records are
 * the lines in @in, an UNTOLD.  @id is one that no other envoy has.
 * Owns:   envoy_free() ends it; the rooms are borrowed for as long.
 */
struct envoy *envoy_new(const struct envoy_rooms *rooms, uint64_t now_ms,
			uint64_t id, const struct ctl_subject *subject,
			const struct nsm_in *in);

/*
 * Frees @envoy; NULL is fine.
 */
void envoy_free(struct envoy *envoy);

/*
 * Feeds an ANSWER, a RESOLVED or a TIMER; what is for others is passed over.
 * One that tells in grace fails where that is over.
 */
void envoy_feed(struct envoy *envoy, uint64_t now_ms, const struct nsm_in *in);

/*
 * Tells how it stands.
 */
enum envoy_state envoy_state(const struct envoy *envoy);

/*
 * Tells whether the RESOLVE @id was some envoy's.
 */
bool envoy_is_resolve(uint64_t id);

/*
 * Returns when a TIMER is wanted next, or UINT64_MAX.
 */
uint64_t envoy_deadline_ms(const struct envoy *envoy);

#endif
