/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a boot turn, or a run of sm-notify, would do, without doing it: reads,
 * and neither writes nor locks anything.
 */
#ifndef NFS_RECLAIM_OS_BOOTLOOK_H
#define NFS_RECLAIM_OS_BOOTLOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "os/bootturn.h"

/* Which of the functions of os/bootturn it is about. */
enum bootlook_what {
	BOOTLOOK_RUN,	       /* bootturn_run() */
	BOOTLOOK_FORCE,	       /* bootturn_force() after it */
	BOOTLOOK_COPY,	       /* bootturn_copy() */
	BOOTLOOK_PRIVATE,      /* bootturn_private(), raised */
	BOOTLOOK_PRIVATE_COPY, /* ... not raised */
};

struct bootlook {
	enum bootturn_outcome outcome;
	uint32_t number;
	bool has_monitored; /* the records of sm/ would go to sm.bak/ */
};

/*
 * Writes what @what would come to on @place now.
 * Errors: -errno where STATE or its files cannot be read.
 */
int bootlook(const struct bootturn_place *place, enum bootlook_what what,
	     struct bootlook *out);

#endif
