/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A binary heap of pointers to timers, the soonest at its root.  Each timer
 * knows its place, so moving and cancelling one costs as little as taking the
 * first.
 */
#include "lib/timerq.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/xalloc.h"

#define HEAP_SIZE_FIRST 16

void timerq_init(struct timerq *queue)
{
	*queue = (struct timerq){0};
}

void timerq_fini(struct timerq *queue)
{
	free(queue->heap);
	timerq_init(queue);
}

static void put(struct timerq *queue, size_t at, struct timer *timer)
{
	queue->heap[at] = timer;
	timer->place = at + 1;
}

/* Moves @timer from the hole at @at towards the root as far as it belongs. */
static void rise(struct timerq *queue, size_t at, struct timer *timer)
{
	size_t parent;

	while (at > 0) {
		parent = (at - 1) / 2;
		if (queue->heap[parent]->at_ms <= timer->at_ms)
			break;
		put(queue, at, queue->heap[parent]);
		at = parent;
	}
	put(queue, at, timer);
}

/* Moves @timer from the hole at @at away from the root likewise. */
static void sink(struct timerq *queue, size_t at, struct timer *timer)
{
	struct timer **heap = queue->heap;
	size_t child;

	for (child = 2 * at + 1; child < queue->count; child = 2 * at + 1) {
		if (child + 1 < queue->count &&
		    heap[child + 1]->at_ms < heap[child]->at_ms)
			child++;
		if (heap[child]->at_ms >= timer->at_ms)
			break;
		put(queue, at, heap[child]);
		at = child;
	}
	put(queue, at, timer);
}

/* Fills the hole at @at with @timer, whichever way it has to go from there. */
static void settle(struct timerq *queue, size_t at, struct timer *timer)
{
	if (at > 0 && queue->heap[(at - 1) / 2]->at_ms > timer->at_ms)
		rise(queue, at, timer);
	else
		sink(queue, at, timer);
}

void timerq_set(struct timerq *queue, struct timer *timer, uint64_t at_ms)
{
	timer->at_ms = at_ms;
	if (timer->place != 0) {
		assert(queue->heap[timer->place - 1] == timer);
		settle(queue, timer->place - 1, timer);
		return;
	}
	if (queue->count == queue->size) {
		queue->size =
			queue->size > 0 ? queue->size * 2 : HEAP_SIZE_FIRST;
		queue->heap = xreallocarray(queue->heap, queue->size,
					    sizeof(struct timer *));
	}
	queue->count++;
	rise(queue, queue->count - 1, timer);
}

void timerq_cancel(struct timerq *queue, struct timer *timer)
{
	struct timer *last;
	size_t at;

	if (timer->place == 0)
		return;
	at = timer->place - 1;
	assert(at < queue->count && queue->heap[at] == timer);
	timer->place = 0;
	last = queue->heap[--queue->count];
	if (last != timer)
		settle(queue, at, last);
}

bool timer_is_set(const struct timer *timer)
{
	return timer->place != 0;
}

uint64_t timerq_deadline_ms(const struct timerq *queue)
{
	return queue->count > 0 ? queue->heap[0]->at_ms : TIMERQ_NEVER;
}

struct timer *timerq_take(struct timerq *queue, uint64_t now_ms)
{
	struct timer *first;

	if (queue->count == 0 || queue->heap[0]->at_ms > now_ms)
		return NULL;
	first = queue->heap[0];
	timerq_cancel(queue, first);
	return first;
}
