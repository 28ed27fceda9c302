/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a piece of work in a child and stops it before and after each of its
 * system calls (ptrace), so that a test can see in which order it changes the
 * disk, kill it between any two calls, or change the disk under it.
 */
#ifndef NFS_RECLAIM_TESTS_OS_TRACER_H
#define NFS_RECLAIM_TESTS_OS_TRACER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define TRACER_PATH_SIZE 512

/* Where the child stands. */
struct tracer_stop {
	pid_t pid;
	unsigned int count; /* system calls begun so far, this one included */
	bool is_done;	    /* it has just returned; else not begun yet */
	uint64_t nr;
	uint64_t args[6];
	int64_t result; /* where it is done; < 0: -errno */
};

/* Looks on; false kills the child at once. */
typedef bool tracer_watch(void *ctx, const struct tracer_stop *stop);

enum tracer_end {
	TRACER_EXITED,	/* the work came to its end; *status is its result */
	TRACER_KILLED,	/* the watch wanted it */
	TRACER_REFUSED, /* ptrace is not permitted here */
};

/*
 * Has @work done in a child under the eyes of @watch.
 * Range:  @work returns 0..255; it must not rely on memory that the test is to
 *         see, but for shared mappings.
 */
enum tracer_end tracer_run(int (*work)(void *ctx), void *work_ctx,
			   tracer_watch *watch, void *watch_ctx, int *status);

/*
 * Writes the full name of what the descriptor @fd of the child has open.
 */
void tracer_fd_path(const struct tracer_stop *stop, uint64_t fd,
		    char out[static TRACER_PATH_SIZE]);

/*
 * Writes the full name that the string at @address means in the directory @fd
 * of the child.
 */
void tracer_path(const struct tracer_stop *stop, uint64_t fd, uint64_t address,
		 char out[static TRACER_PATH_SIZE]);

#endif
