/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of sm/ that the core does not know and that stand where it wants one:
 * an administrator copied them in, or they could not be read at start.  What
 * can be read is kept, line by line; what cannot is set aside under a name with
 * a leading dot.  Neither keeps a peer from being remembered, and nothing of
 * either is lost.  Everything here runs in the store worker and logs nothing.
 */
#ifndef NFS_RECLAIM_STATD_CLAIM_H
#define NFS_RECLAIM_STATD_CLAIM_H

#include <stddef.h>

#include "lib/list.h"
#include "lib/map.h"
#include "os/durable.h"

/* What was done about a file that stood in the way. */
struct claim_report {
	enum { CLAIM_NONE, CLAIM_MERGED, CLAIM_ASIDE } what;
	int error; /* CLAIM_ASIDE: -errno, why it could not be read */
};

/*
 * One entry per such file that was met and is not wholly ours since then, and
 * per file that could not be made.
 */
struct claims {
	struct map by_name; /* claim::by_name */
	struct link all;    /* claim::in_claims */
};

/*
 * Makes @claims empty.
 * Owns:   claims_fini() ends it.
 */
void claims_init(struct claims *claims);

/*
 * Frees what is known of such files; the files stay.
 */
void claims_fini(struct claims *claims);

/*
 * As durable_begin() of @file, whose `how` says whether the core knows the file
 * (DURABLE_REPLACE) or not (DURABLE_NEW).  Lines of others that are in it, or
 * were when it was met, are written behind the @len bytes.
 * Errors: as durable_begin(), and -errno where the file that is there cannot be
 *         read now but may be later; that file is untouched then.
 */
int claims_begin(struct claims *claims, struct durable_file *file,
		 const void *bytes, size_t len, struct claim_report *report);

/*
 * As durable_finish() of @file, after claims_begin() returned 0.
 */
int claims_finish(struct claims *claims, struct durable_file *file);

/*
 * Removes @name from @dir, but for lines of others, which stay.  Where a file
 * could not be made or taken, what has the name is none of ours and stays.
 */
void claims_remove(struct claims *claims, int dir, const char *name);

#endif
