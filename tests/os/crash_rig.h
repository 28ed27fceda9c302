/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Crashes at any system call, and power failures: of a directory, what is
 * there for certain is kept in mind, the bytes of a file since its last flush
 * and the names since that of the directory.  After a power failure any of the
 * rest is there or not, file by file and name by name.
 */
#ifndef NFS_RECLAIM_TESTS_OS_CRASH_RIG_H
#define NFS_RECLAIM_TESTS_OS_CRASH_RIG_H

#include <stdbool.h>

#include "lib/prng.h"
#include "tests/os/tracer.h"

enum crash_how {
	CRASH_KILL,  /* what was written is there */
	CRASH_POWER, /* what was flushed is there, the rest by chance */
	CRASH_WORST, /* nothing but what was flushed is there */
};

struct crash {
	const char *dir; /* which the power failure is about */
	int (*work)(void *ctx);
	void *ctx;
	enum crash_how how;
	struct prng *rng; /* CRASH_POWER */
};

/*
 * Has the work done in a child that crashes when it begins its system call
 * number @at.
 */
enum tracer_end crash_run(const struct crash *crash, unsigned int at);

#endif
