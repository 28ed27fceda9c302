/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What befalls the hosts.  A scenario is a file in scenarios/ and a line in
 * scenarios.c; doc/testing.md shows how to write one.  Part of sim.h.
 */
#ifndef NFS_RECLAIM_TESTS_SIM_SCENARIO_H
#define NFS_RECLAIM_TESTS_SIM_SCENARIO_H

#include <stdbool.h>

struct host;
struct sim;

/* What may happen to a host at any time, and how often among the others. */
struct mishap {
	unsigned int share; /* 0 ends a list */
	void (*strike)(struct host *h);
};

struct scenario {
	const char *name;
	const char *what;		/* in a line */
	bool has_operators;		/* -n before the turn */
	void (*calm)(struct sim *s);	/* when the misfortunes end; or NULL */
	void (*prepare)(struct sim *s); /* changes what was chosen by the seed,
					   before any host boots; or NULL */
	const struct mishap *mishaps;
};

/* All of them, ended by NULL. */
extern const struct scenario *const scenarios[];

/* --- mishaps.c --------------------------------------------------------- */

/* It locks something with another host; both monitor each other. */
void mishap_lock(struct host *h);
/* lockd is not registered for a while. */
void mishap_lockd_leaves(struct host *h);
/* Nothing gets to another host for a while, and often nothing back. */
void mishap_cut_link(struct host *h);
/* Some hosts and the others do not hear each other, for minutes. */
void mishap_partition(struct host *h);
/* Notices that no honest host has sent; to anybody. */
void mishap_forge_notice(struct host *h);
/* ... by a name that somebody monitors, from an address of nobody's. */
void mishap_forge_name(struct host *h);
void mishap_send_stranger(struct host *h);

#endif
