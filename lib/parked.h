/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line of sm/.reclaim/parked: what rpc.statd has decided about records that
 * are still in sm.bak/ (doc/formats.md).
 *
 *   park MON_NAME [ADDRESS...]   monitored again: send nothing in this boot
 *   told NUMBER MON_NAME MY_NAME rpc.statd told it this state number: a run
 *                                that announces the same removes the record,
 *                                to any other it is parked
 *   held                         an SM_MON has waited beside an NFS server
 */
#ifndef NFS_RECLAIM_LIB_PARKED_H
#define NFS_RECLAIM_LIB_PARKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ctl.h"

#define PARKED_FILE	".reclaim/parked" /* in sm/ */
#define PARKED_FILE_MAX (16 * 1024 * 1024)

enum parked_kind { PARKED_PARK, PARKED_TOLD, PARKED_HELD };

struct parked_line {
	enum parked_kind kind;
	struct ctl_subject subject; /* PARK */
	uint32_t number;	    /* TOLD, not 0 */
	const char *told;	    /* TOLD: "MON_NAME MY_NAME", borrowed */
	size_t told_len;
};

/*
 * Reads one line of @len bytes, without its LF.
 * Errors: false where it is none of these; it says nothing then.
 * Owns:   *out borrows from the line.
 */
bool parked_parse(const void *line, size_t len, struct parked_line *out);

#endif
