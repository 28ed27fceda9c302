/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rooms of the NSM core, for nsm.c and procs.c alone; everybody else uses
 * statd/nsm.h.
 */
#ifndef NFS_RECLAIM_STATD_CORE_H
#define NFS_RECLAIM_STATD_CORE_H

#include "lib/log.h"
#include "lib/prng.h"
#include "statd/aliases.h"
#include "statd/callback.h"
#include "statd/callouts.h"
#include "statd/doubt.h"
#include "statd/effects.h"
#include "statd/late.h"
#include "statd/memos.h"
#include "statd/monitor.h"
#include "statd/names.h"
#include "statd/notice.h"
#include "statd/nsm.h"
#include "statd/peers.h"
#include "statd/question.h"
#include "statd/status.h"

struct nsm {
	struct nsm_config config;
	struct prng rng;
	struct effects out;
	struct peers peers;
	struct callbacks callbacks;
	struct questions questions;
	struct memos memos;
	struct doubts doubts;
	struct notices notices;
	struct names names;
	struct aliases aliases;
	struct callouts callouts;
	struct late late;
	struct monitor monitor;
	struct log_limit refusals;
	struct status_calls calls;
};

/*
 * Takes the CALL @in to the program NSM: decodes it, checks who may make it and
 * which names may be in it, and hands it to the room that knows.
 */
void procs_call(struct nsm *n, uint64_t now_ms, const struct nsm_in *in);

#endif
