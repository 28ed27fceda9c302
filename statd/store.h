/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The durable half of rpc.statd: files of sm/ written by one worker thread, so
 * that a slow disk delays nobody but those whose record it is.  All that is
 * queued when the worker looks becomes one batch that shares its flushes.
 */
#ifndef NFS_RECLAIM_STATD_STORE_H
#define NFS_RECLAIM_STATD_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "os/loop.h"

#define STORE_BATCH_MAX 256 /* jobs flushed together */

struct store;

enum store_what { STORE_RECORDS, STORE_MEMO };

/*
 * One store_put(), or one store_memo() that wrote, ended: error is 0 or -errno.
 * In the order in which they were called.
 */
typedef void store_done(void *ctx, enum store_what what, uint64_t id,
			int error);

/* One file that was found at start. */
typedef void store_found(void *ctx, const char *name, const uint8_t *bytes,
			 size_t len);

/* One file of sm/.reclaim that was found at start; len 0: it is unreadable. */
typedef void store_found_memo(void *ctx, uint64_t number, const uint8_t *bytes,
			      size_t len);

/*
 * Opens the store in @state_dir and takes a shared lock on sm/ for life; the
 * boot turn has been done.  Temporary files of a crash are removed, and
 * sm/.reclaim is made where it is missing; where that cannot be, it is logged,
 * and each store_memo() fails.
 * Errors: NULL and *error = -errno.
 * Owns:   store_free() ends it.
 */
struct store *store_open(struct loop *loop, const char *state_dir,
			 store_done *done, void *ctx, int *error);

/*
 * Calls @found for each file of sm/.  One that cannot be read is logged (the
 * first 20 by name) and skipped.
 * Errors: -errno where the directory cannot be read.
 */
int store_load(struct store *store, store_found *found, void *ctx);

/*
 * Calls @found for each file of sm/.reclaim whose name is a number.  Errors are
 * logged and lose nothing but those files.
 */
void store_load_memos(struct store *store, store_found_memo *found, void *ctx);

/*
 * Starts the worker; what was queued before waits for it.
 * ORDER:  after os/sandbox: a thread that runs by then would keep the
 *         capabilities of root.
 * Errors: -errno.
 */
int store_start(struct store *store);

/*
 * Returns what `state` says now; 0 where it is no usable number, which is
 * logged when it begins and when it ends.  One fstatat where nothing changed
 * (design decision 8).
 */
uint32_t store_number(struct store *store);

/*
 * Queues @file to be made to hold exactly @len bytes; store_done is called
 * with @id once that is durable or has failed.  @is_new: create the file;
 * otherwise replace what is there.  Lines of a file that is there but new to
 * the caller stay in it, and one that cannot be read is set aside: both are
 * logged (statd/claim.h).
 * Range:  nothing is refused here; the core has at most MONITOR_STORES_MAX
 * under way. Owns:   copies.
 */
void store_put(struct store *store, uint64_t id, const char *file, bool is_new,
	       const uint8_t *bytes, size_t len);

/*
 * Queues @file to be removed, behind everything queued before; lines of others
 * stay.
 */
void store_remove(struct store *store, const char *file);

/*
 * Queues the file @number of sm/.reclaim to be made to hold exactly @len bytes
 * (0: to be removed), behind everything queued before.  It outlives the
 * process, not the power: that needs no flush.  store_done is called with @id
 * for a write, not for a removal.
 * Owns:   copies.
 */
void store_memo(struct store *store, uint64_t id, uint64_t number,
		const uint8_t *bytes, size_t len);

/*
 * Finishes what is queued, stops the worker and frees @store; NULL is fine.
 * What store_done queues meanwhile is not done.
 */
void store_free(struct store *store);

#endif
