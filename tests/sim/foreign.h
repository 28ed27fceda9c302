/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Peers that do not run our programs: a model of the status monitor of other
 * systems, as far as others can see it.  What was read and what is assumed is
 * in doc/testing.md.  Part of sim.h.
 *
 *   foreign.c  what it remembers, how it answers, what it believes
 *   tidings.c  how it tells others of its reboot
 */
#ifndef NFS_RECLAIM_TESTS_SIM_FOREIGN_H
#define NFS_RECLAIM_TESTS_SIM_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "tests/sim/disk.h"
#include "tests/sim/net.h"

#define FOREIGN_SAYINGS_MAX 2 /* names in its notices to one host */

struct sim;
struct host;
struct pair;
struct packet;
struct statd_call;

enum foreign_kind {
	FOREIGN_NONE, /* it runs our programs */
	FOREIGN_NFS_UTILS,
	FOREIGN_FREEBSD,
	FOREIGN_ILLUMOS,
};

/* How far it is with telling one host. */
struct tidings {
	uint64_t seq; /* of the step that is planned */
	bool is_open;
	uint32_t xid;
	uint16_t port; /* of the statd, 0: not known yet */
	uint16_t from;
	unsigned int sends; /* since something last changed */
	unsigned int tries;
	unsigned int saying; /* which name is to be said */
	uint64_t wait_ms;
	bool has_given_up;
	unsigned int arrivals; /* of its notices */
};

/* What it knows of another host. */
struct foreign_watch {
	bool is_monitored; /* by the process that runs */
	bool is_on_disk;   /* ... and the next one will know */
	bool is_debt;	   /* it is to be told of the last start */
	bool is_fresh;	   /* it got locks while it was still to be told */
	bool is_hearing;   /* it crashed, and has not been heard */
	uint32_t boot;	   /* in which the lock manager last asked for it */
	uint32_t heard;	   /* the last number, 0: none */
	const struct host *heard_of; /* ... and who said it; NULL: a stranger */
	char name[SIM_NAME_SIZE];    /* as the lock manager knows it */
	char file[SIM_NAME_SIZE];    /* where it is told */
	struct tidings tidings;
};

struct foreign {
	enum foreign_kind kind;
	bool is_running;
	bool has_notified; /* nfs-utils: sm-notify has run in this boot */
	bool is_new;	   /* FreeBSD: its file is not there yet */
	bool has_reverse;  /* nfs-utils finds names of addresses */
	bool uses_tcp;	   /* illumos: as its netconfig(5) says */
	uint32_t number;   /* on its disk */
	uint32_t said;	   /* by SM_STAT */
	uint32_t life;	   /* of its statd */
	uint32_t tell_life;
	uint64_t told_since_ms;
	uint64_t retry_ms;  /* nfs-utils: -m */
	unsigned int round; /* FreeBSD: through all hosts */
	unsigned int turn;  /* ... whose turn it is */
	struct foreign_watch watches[SIM_HOSTS_MAX];
};

/* --- foreign.c --------------------------------------------------------- */

/* Makes @h a host of @kind; before any host boots. */
void foreign_prepare(struct host *h, enum foreign_kind kind);
/* Some hosts run other systems; the first, which is always ours, does not. */
void foreign_prepare_some(struct sim *s);
void foreign_power_on(struct host *h);
void foreign_power_fail(struct host *h);
/* Its statd is killed and started again. */
void foreign_restart(struct host *h);
/* FreeBSD and illumos: its file is lost with all records, and it restarts. */
void foreign_lose_file(struct host *h);
/* SM_SIMU_CRASH, which anybody may call. */
void foreign_simulate_crash(struct host *h);
/* Its lock manager shares a lock with @peer; or has none with some host. */
void foreign_lock(struct host *h, struct host *peer);
void foreign_unlock(struct host *h);
/* Where its statd is registered; 0: nowhere. */
uint32_t foreign_port(const struct host *h);
/* A datagram, or the answer to what it sent over TCP. */
void foreign_input(struct host *h, const struct packet *p);
/* A call over TCP. */
void foreign_stream(struct host *h, const struct statd_call *call,
		    const struct packet *p);
/* Whether it will tell @peer of a crash now, under @name (NULL: any). */
bool foreign_owes(const struct host *h, const struct host *peer,
		  const char *name);
/* A notice of it has come to the statd of @peer. */
void foreign_note_arrival(struct host *h, const struct host *peer);
/*
 * Whether @peer cannot be told: nfs-utils has given up, after 15 minutes; or it
 * tells a name that leads elsewhere.
 */
bool foreign_is_excused(const struct host *h, const struct host *peer);
/* The power of @crashed fails: who monitors it must hear of that. */
void foreign_expect(struct host *crashed);
/* lockd of @h hears of @pair: was that late?  It is only counted. */
void foreign_count_late(struct host *h, const struct pair *pair);
void foreign_check_end(struct host *h);

/* --- tidings.c --------------------------------------------------------- */

/* Tells all whom it owes that, from now on. */
void tidings_begin(struct host *h);
void tidings_answer(struct host *h, const struct packet *p);
/* Whether the notices leave from @port. */
bool tidings_is_port(const struct host *h, uint16_t port);
/* The name number @at that it announces; NULL: there are no more. */
const char *tidings_saying(const struct host *h, unsigned int at);

#endif
