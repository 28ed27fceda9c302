/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queue between the core of nfsdcld and the world: what is to be done, in
 * the order in which it was decided.
 */
#ifndef NFS_RECLAIM_CLTRACK_CLDOUT_H
#define NFS_RECLAIM_CLTRACK_CLDOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cltrack/cld.h"
#include "lib/list.h"
#include "lib/log.h"

struct cldeffect;

struct cldout {
	struct link queue;	 /* cldeffect::in_queue */
	struct cldeffect *taken; /* lent out by cldout_take() */
};

/*
 * Makes @out empty.
 * Owns:   cldout_fini() ends it.
 */
void cldout_init(struct cldout *out);

/*
 * Frees everything queued.
 */
void cldout_fini(struct cldout *out);

/*
 * Queues the @len bytes at @bytes as @kind, REPLY or RECORD, for @reply_to.
 * Owns:   copies.
 */
void cldout_send(struct cldout *out, enum cld_out_kind kind, uint64_t reply_to,
		 const uint8_t *bytes, size_t len);

/*
 * Queues *store.
 * Owns:   copies, its clients too.
 */
void cldout_store(struct cldout *out, const struct cld_store *store);

/*
 * Queues the question for the clients of @epoch as @id.
 */
void cldout_load(struct cldout *out, uint64_t id, uint64_t epoch);

/*
 * Queues the question which clients hold state now as @id.
 */
void cldout_look(struct cldout *out, uint64_t id);

/*
 * Queues the removal of what other trackers left.
 */
void cldout_clean(struct cldout *out);

/*
 * Queues a log line at @level.  Bytes from outside must be escaped already.
 */
void cldout_log(struct cldout *out, enum log_level level, const char *format,
		...) __attribute__((format(printf, 3, 4)));

/*
 * Takes the oldest effect into *to.
 * Return: false where there is none.
 * Owns:   *to borrows until the next cldout_take() or cldout_fini().
 */
bool cldout_take(struct cldout *out, struct cld_out *to);

#endif
