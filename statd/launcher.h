/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process that runs the program for HA.  statd has given up what sudo
 * needs, so this one is forked before: it has the user and group of the records
 * and no capability but CAP_KILL, and what it runs can become another user
 * where a program allows that.
 */
#ifndef NFS_RECLAIM_STATD_LAUNCHER_H
#define NFS_RECLAIM_STATD_LAUNCHER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "os/loop.h"
#include "statd/nsm.h"

#define LAUNCHER_RUNS_MAX      4 /* at a time */
#define LAUNCHER_TIMEOUT_S_MAX 3600u

struct launcher;

/* A run asked for as @id ended; or NSM_CALL_LOST: the process has ended. */
typedef void launcher_called(void *ctx, uint64_t id, enum nsm_call_end how,
			     int code);

/* Whom to become, and where to run what is run. */
struct launcher_place {
	const char *dir;
	uid_t uid;
	gid_t gid;
};

/* One run. */
struct launcher_job {
	uint64_t id;
	uint32_t timeout_ms;
	const char *path;
	const char *const *words; /* from argv[1] on */
	size_t count;		  /* of them, at most NSM_WORDS_MAX */
};

/*
 * Forks the process.  It ends, and ends all that it runs, when the launcher is
 * freed or we end, however.
 * ORDER:  while we are root, and before the first thread.
 * Errors: NULL, *error = -errno.
 * Owns:   launcher_free() ends it; @loop and @ctx are borrowed for as long.
 */
struct launcher *launcher_new(struct loop *loop,
			      const struct launcher_place *place,
			      launcher_called *called, void *ctx, int *error);

/*
 * Has @job run; its end is told by the call back.
 * Errors: -errno: it does not run, and no end will be told.
 */
int launcher_run(struct launcher *launcher, const struct launcher_job *job);

/*
 * Ends the process and what it runs; NULL is fine.
 */
void launcher_free(struct launcher *launcher);

#endif
