/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the NSM core looks like from outside, in words, for whoever has to find
 * out in a hurry why a lock is not given back.
 */
#ifndef NFS_RECLAIM_STATD_STATUS_H
#define NFS_RECLAIM_STATD_STATUS_H

#include <stdint.h>

#include "lib/buf.h"
#include "proto/sm_inter.h"
#include "statd/callback.h"
#include "statd/callouts.h"
#include "statd/notice.h"
#include "statd/peers.h"

#define STATUS_LINES_MAX 30 /* with those of the service */
#define STATUS_SHOWN_MAX 4  /* peers named for one trouble */
#define STATUS_TEXT_MAX	 (STATUS_LINES_MAX * 1024)

/* What came in, since the start. */
struct status_calls {
	uint64_t made[SM_PROC_NOTIFY + 1]; /* by procedure */
	uint64_t refused;
	uint64_t malformed; /* no call of NSM */
};

/* The rooms of the core. */
struct status_view {
	uint32_t number; /* 0: the store cannot be used */
	const struct peers *peers;
	const struct callbacks *callbacks;
	const struct notice_counts *notices;
	const struct status_calls *calls;
	const struct callouts *callouts;
	const struct memos *memos;
};

/*
 * Adds the status to @out: lines, each ended by LF, what is wrong first by
 * STATUS_SHOWN_MAX names and then by how many more.  Visits every peer once.
 */
void status_add(const struct status_view *view, uint64_t now_ms,
		struct buf *out);

#endif
