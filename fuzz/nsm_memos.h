/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A model of sm/.reclaim for the fuzzer of rpc.statd's core: which writes are
 * under way.
 */
#ifndef NFS_RECLAIM_FUZZ_NSM_MEMOS_H
#define NFS_RECLAIM_FUZZ_NSM_MEMOS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "statd/nsm.h"

#define MEMO_JOBS_MAX 4096 /* no input makes so many */

struct memo_job {
	uint64_t id;
	uint64_t number;
};

/* Zeroed: none. */
struct memo_jobs {
	struct memo_job open[MEMO_JOBS_MAX];
	size_t count;
};

/*
 * Takes the MEMO @out: at most one write of a file is under way, and what is
 * written can be read back.
 */
void memo_jobs_note(struct memo_jobs *jobs, const struct nsm_out *out);

/*
 * Ends the oldest write.
 * Return: false where none is under way; else *id is that of the MEMO.
 */
bool memo_jobs_work(struct memo_jobs *jobs, uint64_t *id);

#endif
