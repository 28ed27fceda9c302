/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event loop of the daemons: descriptors, signals, timers.  The only file
 * that includes libevent (design decision 2).
 */
#ifndef NFS_RECLAIM_OS_LOOP_H
#define NFS_RECLAIM_OS_LOOP_H

#include <stdint.h>

enum loop_events { LOOP_READ = 1, LOOP_WRITE = 2 };

struct loop;
struct loop_watch;
struct loop_timer;

typedef void loop_fd_call(void *ctx, int fd, unsigned int events);
typedef void loop_call(void *ctx);

/*
 * Returns the monotonic time in milliseconds; the cores live on this clock.
 */
uint64_t loop_now_ms(void);

/*
 * Returns a loop that watches nothing.
 * Errors: aborts where the kernel gives none.
 * Owns:   loop_free() ends it, after everything watched by it.
 */
struct loop *loop_new(void);

/*
 * Frees @loop; NULL is fine.
 */
void loop_free(struct loop *loop);

/*
 * Calls @call while @fd has any of @events (a set of loop_events), level
 * triggered.
 * Owns:   loop_unwatch() ends it; @fd stays the caller's.
 */
struct loop_watch *loop_watch(struct loop *loop, int fd, unsigned int events,
			      loop_fd_call *call, void *ctx);

/*
 * Watches for @events from now on; 0 = none for now.
 */
void loop_watch_set(struct loop_watch *watch, unsigned int events);

/*
 * Ends @watch; safe from inside its own call; NULL is fine.
 */
void loop_unwatch(struct loop_watch *watch);

/*
 * Calls @call (in the loop, not in signal context) after each @signal.
 * Owns:   loop_unwatch() ends it.
 */
struct loop_watch *loop_signal(struct loop *loop, int signal, loop_call *call,
			       void *ctx);

/*
 * Returns a timer that is not set.
 * Owns:   loop_timer_free() ends it.
 */
struct loop_timer *loop_timer_new(struct loop *loop, loop_call *call,
				  void *ctx);

/*
 * Sets @timer to @at_ms on loop_now_ms()'s clock; UINT64_MAX unsets it.
 */
void loop_timer_set(struct loop_timer *timer, uint64_t at_ms);

/*
 * Frees @timer; safe from inside its own call; NULL is fine.
 */
void loop_timer_free(struct loop_timer *timer);

/*
 * Runs until loop_stop().
 * Return: 0, or -EIO where the loop itself failed.
 */
int loop_run(struct loop *loop);

/*
 * Makes loop_run() return after the call that is under way.
 */
void loop_stop(struct loop *loop);

#endif
