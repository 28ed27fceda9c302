/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A core that keeps notices, and may die: its disk, its lock manager and its
 * name service, for tests of what outlives it.
 */
#ifndef NFS_RECLAIM_TESTS_UNIT_KEPT_HOST_H
#define NFS_RECLAIM_TESTS_UNIT_KEPT_HOST_H

#include <stddef.h>
#include <stdint.h>

#include "tests/unit/nsm_rig.h"

#define PEER	  "192.0.2.7"
#define STRANGER  "192.0.2.66"
#define CLIENT	  "client.example"
#define FILES_MAX 160
#define JOBS_MAX  256

/* A file of sm/.reclaim. */
struct file {
	uint64_t number;
	uint8_t *bytes;
	size_t len;
};

/* A core that may die, its disk, its lock manager and its name service. */
struct host {
	struct rig rig;
	struct file files[FILES_MAX];
	size_t file_count;
	uint64_t jobs[JOBS_MAX]; /* writes whose end nobody has told */
	size_t job_count;
	struct rig_out sends[RIG_OUT_MAX];
	size_t send_count;
	uint64_t resolve_id; /* the last */
	uint32_t heard;	     /* the number of the last callback */
	uint32_t peer_stat;  /* what PEER answers when asked; 0: nothing */
	uint64_t answered;   /* the last reply_to */
	size_t answered_count;
	size_t refused_count;
};

/* Takes what came of the last input. */
void host_collect(struct host *h);

/* Ends all writes with @error. */
void host_run_disk(struct host *h, int error);

/* rpcbind and lockd answer all they were asked; how many callbacks. */
size_t host_run_lockd(struct host *h);

/* SM_MON of @name; nothing is stored yet. */
void host_monitor(struct host *h, const char *name, char cookie);

/* SM_NOTIFY from @from and a reserved port; what it is to be answered as. */
uint64_t host_notify(struct host *h, const char *from, const char *name,
		     int number);

/* The look-up that began last ends with @addr, or with none. */
void host_resolve(struct host *h, const char *addr);

/* Lets time pass until nothing is due before @until_ms. */
void host_wait_until(struct host *h, uint64_t until_ms);

/* The process dies; the next one finds PEER, CLIENT and sm/.reclaim. */
void host_restart(struct host *h);

/* The same; notify-check is "verify" from now on, so that PEER is asked. */
void host_restart_asking(struct host *h);

/* *state is a struct host that has PEER and CLIENT monitored. */
int host_setup(void **state);

int host_teardown(void **state);

#endif
