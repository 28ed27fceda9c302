/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queue between the NSM core's rooms and the world: what is to be done, in
 * the order in which it was decided.  Each effect owns its bytes until it was
 * taken and the next call came.
 */
#ifndef NFS_RECLAIM_STATD_EFFECTS_H
#define NFS_RECLAIM_STATD_EFFECTS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/buf.h"
#include "lib/list.h"
#include "lib/log.h"
#include "statd/nsm.h"

struct effect;

struct effects {
	struct link queue;    /* effect::in_queue */
	struct effect *taken; /* lent out by effects_take() */
};

/*
 * Makes @out empty.
 * Owns:   effects_fini() ends it.
 */
void effects_init(struct effects *out);

/*
 * Frees everything queued.
 */
void effects_fini(struct effects *out);

/*
 * Queues the answer @message to the caller @reply_to; NULL: none will come.
 * Owns:   takes the bytes of @message.
 */
void effects_reply(struct effects *out, uint64_t reply_to, struct buf *message);

/*
 * Queues the datagram @message from @source to @peer as @id.
 * Owns:   takes the bytes of @message.
 */
void effects_send(struct effects *out, uint64_t id, enum nsm_source source,
		  const struct addr *peer, struct buf *message);

/*
 * Queues @content to become the file @file as job @id.
 * Owns:   takes the bytes of @content, copies @file.
 */
void effects_store(struct effects *out, uint64_t id, const char *file,
		   bool is_new, struct buf *content);

/*
 * Queues the removal of @file.
 * Owns:   copies @file.
 */
void effects_forget(struct effects *out, const char *file);

/*
 * Queues @content to become the file @number of sm/.reclaim as job @id; NULL
 * removes that file.
 * Owns:   takes the bytes of @content.
 */
void effects_memo(struct effects *out, uint64_t id, uint64_t number,
		  struct buf *content);

/*
 * Queues the look-up of @name as @id.
 * Owns:   copies @name.
 */
void effects_resolve(struct effects *out, uint64_t id, const char *name);

/*
 * Queues a run of the program for HA as @id, with @count words.
 * Range:  @count is 1..NSM_WORDS_MAX.
 * Owns:   copies @words.
 */
void effects_callout(struct effects *out, uint64_t id, const char *const *words,
		     size_t count);

/*
 * Queues the wish @verb about @subject as @id.
 * Owns:   copies @subject.
 */
void effects_untold(struct effects *out, uint64_t id, enum ctl_verb verb,
		    const char *subject);

/*
 * Queues the wish to park @subject, whose records were noted as told, as @id.
 * Owns:   copies @subject.
 */
void effects_untold_told(struct effects *out, uint64_t id, const char *subject);

/*
 * Queues @line for sm/.reclaim/parked.
 * Owns:   copies @line.
 */
void effects_note(struct effects *out, const char *line);

/*
 * Queues the question whether a grace period runs.
 */
void effects_grace(struct effects *out);

/*
 * Queues a log line at @level.  Bytes from outside must be escaped already.
 */
void effects_log(struct effects *out, enum log_level level, const char *format,
		 ...) __attribute__((format(printf, 3, 4)));

/*
 * Queues a debug line of @class.
 */
void effects_debug(struct effects *out, enum log_class class,
		   const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Takes the oldest effect into *to.
 * Return: false where there is none.
 * Owns:   *to borrows until the next effects_take() or effects_fini().
 */
bool effects_take(struct effects *out, struct nsm_out *to);

#endif
