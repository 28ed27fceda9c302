/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An NSM core in front of a lock manager that answers, and of one peer whose
 * statd says what the test wants.
 */
#ifndef NFS_RECLAIM_TESTS_UNIT_PEER_WORLD_H
#define NFS_RECLAIM_TESTS_UNIT_PEER_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/unit/nsm_rig.h"

#define PEER	 "192.0.2.7"
#define STRANGER "192.0.2.66"

struct world {
	struct rig rig;
	bool is_silent;	      /* no answer at all */
	bool is_lockd_silent; /* no answer of lockd to a callback */
	bool has_no_statd;    /* rpcbind answers, nobody is registered */
	uint32_t number;      /* what its statd says */
	uint16_t port;
	unsigned int asked; /* SM_STATs it got */
	uint32_t heard;	    /* the number of lockd's last callback */
	struct rig_out queue[RIG_OUT_MAX];
};

/* Starts *state, a struct world whose peer says 5 on port 33000. */
int world_setup(void **state, enum verify_check check);

int world_teardown(void **state);

/* Lets lockd and the peer answer until there is no more; how many callbacks. */
size_t world_run(struct world *w);

/* Monitors @name, durably; the peer has answered, if it does. */
void world_monitor(struct world *w, const char *name);

/* A notice, and how many callbacks come of it. */
size_t world_notify(struct world *w, const char *from, uint16_t port,
		    const char *name, int number);

/* Whether a notice is acknowledged at once. */
bool world_is_acknowledged(struct world *w, const char *from, uint16_t port,
			   const char *name, int number);

/* The timer runs until the core wants nothing or @until_ms; the callbacks. */
size_t world_wait(struct world *w, uint64_t until_ms);

#endif
