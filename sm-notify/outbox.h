/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queue between the notifier core and the world: what is to be done, in
 * the order in which it was decided.
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_OUTBOX_H
#define NFS_RECLAIM_SM_NOTIFY_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/buf.h"
#include "lib/list.h"
#include "lib/log.h"
#include "sm-notify/notify.h"

struct outbox_item;

struct outbox {
	struct link items;	   /* of outbox_item::in_items */
	struct outbox_item *taken; /* lent out by outbox_take() */
};

/*
 * Makes @box empty.
 * Owns:   outbox_fini() ends it.
 */
void outbox_init(struct outbox *box);

/*
 * Frees everything that is queued.
 */
void outbox_fini(struct outbox *box);

/*
 * Queues the datagram @message to @peer, from @source.
 * Owns:   takes the bytes of @message.
 */
void outbox_send(struct outbox *box, uint64_t id, const struct addr *peer,
		 const struct addr *source, struct buf *message);

/*
 * Queues the call @message to @peer over a connection from @source.
 * Owns:   takes the bytes of @message.
 */
void outbox_call(struct outbox *box, uint64_t id, const struct addr *peer,
		 const struct addr *source, struct buf *message);

/*
 * Queues the end of the call @id.
 */
void outbox_hang_up(struct outbox *box, uint64_t id);

/*
 * Queues the question for the addresses of @name.
 * Owns:   copies @name.
 */
void outbox_resolve(struct outbox *box, uint64_t id, const char *name);

/*
 * Queues the new content of @file; empty: remove it.
 * Owns:   takes the bytes of @content, copies @file.
 */
void outbox_rewrite(struct outbox *box, const char *file, struct buf *content);

/*
 * Queues that @file is to be read.
 * Owns:   copies.
 */
void outbox_read(struct outbox *box, const char *file);

/*
 * Queues the line "@before NAME @after" (no blanks are added).
 * Owns:   copies; @name is escaped, and cut after OUTBOX_NAME_MAX bytes.
 */
void outbox_log(struct outbox *box, enum log_level level, const char *before,
		const char *name, const char *after);

/* Bytes of a name in a log line. */
#define OUTBOX_NAME_MAX 200

/*
 * Queues the answer @word to the request @id.
 */
void outbox_answer(struct outbox *box, uint64_t id, enum ctl_word word);

/*
 * Queues that the peer @at is told.
 */
void outbox_told(struct outbox *box, size_t at);

/*
 * Queues the end.
 */
void outbox_done(struct outbox *box, size_t told, size_t untold);

/*
 * Takes the next effect, in order.
 * Return: false when there is none.
 * Owns:   *out borrows from @box until the next outbox_take().
 */
bool outbox_take(struct outbox *box, struct notify_out *out);

#endif
