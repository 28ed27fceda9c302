/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Deadlines, soonest first: a binary heap of intrusive timers.  It reads no
 * clock; whoever owns the queue says what time it is.
 */
#ifndef NFS_RECLAIM_LIB_TIMERQ_H
#define NFS_RECLAIM_LIB_TIMERQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIMERQ_NEVER UINT64_MAX

/* Zeroed memory is a timer that is not set. */
struct timer {
	uint64_t at_ms;
	size_t place; /* 1 + index in timerq::heap; 0 = not set */
};

struct timerq {
	struct timer **heap;
	size_t count;
	size_t size;
};

/*
 * Makes @queue empty.
 * Owns:   timerq_fini() ends it.
 */
void timerq_init(struct timerq *queue);

/*
 * Frees the heap of @queue.
 * Owns:   the timers stay their owners'.
 */
void timerq_fini(struct timerq *queue);

/*
 * Sets @timer to @at_ms (monotonic milliseconds), or moves it there.
 * Owns:   @timer must stay where it is until it expires or is cancelled.
 */
void timerq_set(struct timerq *queue, struct timer *timer, uint64_t at_ms);

/*
 * Unsets @timer; harmless where it is not set.
 */
void timerq_cancel(struct timerq *queue, struct timer *timer);

/*
 * Tells whether @timer is waiting in a queue.
 */
bool timer_is_set(const struct timer *timer);

/*
 * Returns when the soonest timer is due, or TIMERQ_NEVER.
 */
uint64_t timerq_deadline_ms(const struct timerq *queue);

/*
 * Takes the soonest timer that is due at @now_ms; NULL where none is.
 * Timers of the same millisecond come in no promised order.
 */
struct timer *timerq_take(struct timerq *queue, uint64_t now_ms);

#endif
