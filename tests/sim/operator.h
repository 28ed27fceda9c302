/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What operators and their scripts do with a state directory: other runs of
 * sm-notify than the plain one, other programs, other machines.  Part of sim.h.
 */
#ifndef NFS_RECLAIM_TESTS_SIM_OPERATOR_H
#define NFS_RECLAIM_TESTS_SIM_OPERATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/sim/disk.h"

#define MACHINES 2 /* that share the directory of one host */

struct host;
struct notify_out;

/* Which of the runs of design section 4 is on the directory itself. */
enum run_kind {
	OPERATOR_PLAIN, /* and what follows a -f */
	OPERATOR_COPY,	/* -n */
};

/* A machine, and what /run/sm-notify.pid says there. */
struct machine {
	uint32_t boot;
	bool has_mark;
	bool is_mark_ours; /* with our second line; else nfs-utils' */
};

struct operator
{
	enum run_kind kind;	  /* of the sm-notify that runs or ran last */
	uint32_t number;	  /* it announces */
	char name[SIM_NAME_SIZE]; /* -v; or "" */
	bool has_renamed;	  /* in this boot some run had a -v */
	bool has_copied;	  /* -n has put who is monitored into sm.bak/ */
	uint32_t turns;		  /* how often state.boot was written */
	uint32_t turns_seen;	  /* ... when -n looked */
	bool is_rewriting;	  /* sm-notify writes, and not the turn */
	unsigned int machine;	  /* that has the directory now */
	struct machine machines[MACHINES];
};

struct machine *operator_machine(struct host *h);
/* Power comes: a new boot of the machine that has the directory. */
void operator_boot(struct host *h);
/* "sm-notify -n", with or without -v. */
void operator_copy(struct host *h);
/* A plain run, or -f, with -v. */
void operator_rename(struct host *h);
/* Whether the run must end before it writes: another program turned. */
bool operator_is_outdone(struct host *h);
/* Whether @name is one of the two forms of @full: 0 full, 1 short. */
bool operator_is_form(const char *full, int which, const char *name);

#endif
