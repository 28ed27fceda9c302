/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A model of the callers for the fuzzer of rpc.statd's core: who waits for an
 * answer, and what the lock manager was promised.
 */
#ifndef NFS_RECLAIM_FUZZ_NSM_CALLS_H
#define NFS_RECLAIM_FUZZ_NSM_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuzz/nsm_disk.h"
#include "lib/record.h"
#include "statd/nsm.h"

#define CALLS_MAX	    96
#define CALLS_RESERVED_PORT 1023 /* nsm_config::reserved_port_max */

/* A CALL; its reply_to is 1 + its index. */
struct call {
	bool is_open;
	bool is_mon;	  /* rec is set: SM_MON of that pair */
	bool is_wanted;	  /* nobody unmonitored it since */
	bool is_promised; /* answered with success */
	struct record rec;
};

struct calls {
	struct call calls[CALLS_MAX];
	size_t count;
};

/*
 * Frees what zeroed and then used @calls hold.
 */
void calls_fini(struct calls *calls);

/*
 * Notes the CALL @in, which is about to be fed.
 * Return: its reply_to; 0 where there were too many.
 */
uint64_t calls_note(struct calls *calls, const struct nsm_in *in);

/*
 * Takes the REPLY @out: one for each call, and success for an SM_MON only with
 * its record on @disk.
 */
void calls_note_reply(struct calls *calls, const struct disk *disk,
		      const struct nsm_out *out);

/*
 * Checks that nothing the lock manager believes remembered is missing on @disk.
 */
void calls_check(const struct calls *calls, const struct disk *disk);

/*
 * Returns how many calls wait for an answer.
 */
size_t calls_open_count(const struct calls *calls);

#endif
