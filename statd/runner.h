/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One run of a program with a time limit, by a process of its own that ends
 * all that the program started, where it has to.
 */
#ifndef NFS_RECLAIM_STATD_RUNNER_H
#define NFS_RECLAIM_STATD_RUNNER_H

#include <stdint.h>

#include "statd/nsm.h"

/* What became of a run; shared memory between two processes. */
struct runner_report {
	enum nsm_call_end how;
	int code; /* status, signal or -errno, as nsm_called has it */
};

/*
 * Forks a process that runs @argv (argv[0] is the path, no PATH is searched)
 * in a new session with standard input on /dev/null, standard output and error
 * as ours, no other descriptor, all signals as they are by default, and the
 * environment as ours.  Once that has ended, *report is set and the process
 * ends.  After @timeout_ms, at SIGTERM, or when we end, it kills the program
 * and all its descendants, whatever session or process group they are in.
 * Range:  @report lies in memory that is shared with children.
 * Return: the pid of the process.
 * Errors: -errno.
 */
int runner_start(char *const *argv, uint32_t timeout_ms,
		 struct runner_report *report);

#endif
