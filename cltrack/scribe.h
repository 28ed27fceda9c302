/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The durable half of nfsdcld: the only thread that touches the database while
 * the daemon serves, so that a slow disk never stops the loop.  All that is
 * queued when it looks is one transaction.
 */
#ifndef NFS_RECLAIM_CLTRACK_SCRIBE_H
#define NFS_RECLAIM_CLTRACK_SCRIBE_H

#include "cltrack/cld.h"
#include "cltrack/cldb.h"
#include "os/loop.h"

#define SCRIBE_BATCH_MAX 256 /* jobs of one transaction */

struct scribe;

struct scribe_config {
	const char *clients_dir; /* ALIVE_DIR */
	/* What a job came to: STORED, CLIENTS or ALIVE; in the loop. */
	void (*done)(void *ctx, const struct cld_in *in);
	void (*clean)(void *ctx); /* CLEAN; in the thread */
	void *ctx;
};

/*
 * Returns a scribe for @db, without its thread.
 * Errors: NULL, and *error = -errno.
 * Owns:   borrows @db until scribe_free(), which ends it; copies @config.
 */
struct scribe *scribe_new(struct loop *loop, struct cldb *db,
			  const struct scribe_config *config, int *error);

/*
 * Starts the thread; nobody else may use the database from here on.
 * ORDER:  after capabilities are given up: a thread keeps its own.
 * Errors: -errno.
 */
int scribe_start(struct scribe *scribe);

/*
 * Queues the effect *out: STORE, LOAD, LOOK or CLEAN.
 * Owns:   copies.
 */
void scribe_do(struct scribe *scribe, const struct cld_out *out);

/*
 * Finishes what is queued, hands the results out, and ends; NULL is fine.
 */
void scribe_free(struct scribe *scribe);

#endif
