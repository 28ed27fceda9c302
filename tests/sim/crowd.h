/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A busy host: its lock manager monitors many peers, which are no hosts of the
 * simulation and never say a word.  They fill queues, and whoever calls for
 * them has to be served whatever comes from outside.  Part of sim.h.
 */
#ifndef NFS_RECLAIM_TESTS_SIM_CROWD_H
#define NFS_RECLAIM_TESTS_SIM_CROWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/connlimit.h"

#define CROWD_MAX 112

struct event;
struct host;
struct nsm_out;
struct sim;
struct statd_call;

enum crowd_state { CROWD_OUT, CROWD_ASKING, CROWD_IN };

struct crowd_member {
	enum crowd_state state;
	uint32_t life;	 /* of the statd that was asked */
	uint64_t serial; /* of the last call, also its cookie */
	uint64_t errors; /* disk::errors when it was made */
	struct connlimit_seat seat;
	bool has_seat;
};

/* Connections to the statd of one host, as os/rpctcp has them. */
#define SEATS_TOTAL	  64
#define SEATS_PER_ADDRESS 8
#define SEATS_IDLE_MS	  60000
#define SEATS_STRANGERS	  128 /* that are tracked; more than may sit */

struct crowd {
	size_t count;  /* 0: this host has none */
	bool is_named; /* most are monitored by name, not by address */
	size_t asking;
	uint64_t serial;
	struct crowd_member members[CROWD_MAX];
	struct connlimit seats;
	struct connlimit_seat strangers[SEATS_STRANGERS];
	bool is_taken[SEATS_STRANGERS];
};

void crowd_init(struct host *h);
void crowd_fini(struct host *h);
/* Makes it a crowd of @count, which most are known by name or by address. */
void crowd_gather(struct host *h, size_t count, bool is_named);
/* statd is gone, and with it all connections. */
void crowd_statd_died(struct host *h);
void crowd_power_fail(struct host *h);
/* All of them leave: nobody is monitored for them any more. */
void crowd_part(struct sim *s, struct event *e);
/* The lock manager says something about one of them. */
void crowd_call(struct host *h);
/* statd has answered @call, which was one of these. */
void crowd_replied(struct host *h, const struct statd_call *call,
		   const struct nsm_out *out);
/* An address of one of them, if they are monitored by address. */
bool crowd_addr(const struct host *h, size_t at, struct addr *out);
/* Whether a stranger at @from gets a connection; he keeps it. */
bool crowd_stranger_connects(struct host *h, const struct addr *from);

#endif
