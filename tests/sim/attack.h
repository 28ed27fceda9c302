/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attackers on the network, who forge, replay and flood.  Part of sim.h.
 */
#ifndef NFS_RECLAIM_TESTS_SIM_ATTACK_H
#define NFS_RECLAIM_TESTS_SIM_ATTACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "tests/sim/net.h"

#define ATTACK_SEEN_MAX	 64    /* datagrams of each kind that he remembers */
#define ATTACK_BYTES_MAX 600   /* of one of these */
#define HIGH_PORT_MAX	 19999 /* no statd or lockd is there */

struct host;
struct pair;
struct sim;

/* A datagram of a host that he saw on its way. */
struct seen {
	struct host *sender;
	struct host *dest;
	struct addr from;
	struct addr to;
	struct notice_mark notice; /* that it is, or acknowledges */
	uint8_t bytes[ATTACK_BYTES_MAX];
	size_t len;
};

struct seen_ring {
	struct seen all[ATTACK_SEEN_MAX];
	size_t count; /* ever */
};

enum attack_reach {
	ATTACK_WEAK,   /* has no address of a peer, or no reserved port */
	ATTACK_STRONG, /* forges both: out of reach of the protocol */
};

struct attack {
	struct seen_ring notices;
	struct seen_ring answers;
	unsigned int packets_left; /* of all floods of the run */
	bool is_alone; /* nobody else says anything: see attack_alone() */
	enum attack_reach reach;
};

/* Of a pair: whether an attack alone could make lockd hear of its peer. */
struct quiet {
	uint32_t known_number; /* of the peer, as our lockd may know it */
	uint32_t known_life;   /* ... its statd then, which may be known */
	bool is_quiet;	       /* no honest notice is to come */
	unsigned int heard;    /* callbacks since */
	uint32_t fits;	       /* believed once, after a restart; or 0 */
	uint32_t left;	       /* the baseline that a killed statd left; or 0 */
	bool is_left;	       /* ... the peer says another: believed once */
};

/* A forged answer to a call that left @h lately. */
void attack_answer(struct host *h);
/* A notice from a stranger, to a random statd. */
void attack_stranger(struct sim *s);
/* A notice in the name of a peer, from that peer's address or another. */
void attack_notice(struct sim *s);
/* A notice in the name of a peer of @h, from elsewhere. */
void attack_name(struct host *h);
/* A notice from @from to the statd of @h. */
void attack_send_notice(struct host *h, const struct addr *from,
			const char *name, uint32_t number);
/* Something that was seen once more, from its sender's address or another. */
void attack_replay(struct host *h);
/* Some hundred packets of one kind to @h, while its lockd has work to do. */
void attack_flood(struct host *h);
/*
 * From @delay_ms on, when all has long been calm, replays and forgeries are all
 * that happens: what lockd hears then is their doing.
 */
void attack_alone(struct sim *s, uint64_t delay_ms);

/* @p is on its way to @dest; he sees it. */
void attack_see(const struct packet *p, struct host *dest);
/* lockd asked for @pair, or hears of it: its peer is at @number, it seems. */
void attack_note(struct pair *pair, uint32_t number);
void attack_heard(struct host *h, struct pair *pair, uint32_t number);
/* statd of @h is about to die, whatever it had to write. */
void attack_statd_dies(struct host *h);

#endif
