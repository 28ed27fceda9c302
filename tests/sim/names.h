/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A name service: right, wrong, slow, dead for a while, or of another mind from
 * some time on.  Part of sim.h.
 */
#ifndef NFS_RECLAIM_TESTS_SIM_NAMES_H
#define NFS_RECLAIM_TESTS_SIM_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "tests/sim/net.h"

#define NAMES_ADDRS_MAX 3

struct sim;
struct host;
struct pair;

/* What is answered about the name of a host; all zero: its address. */
struct name {
	struct addr instead;	/* of its address, from then on: */
	uint64_t instead_ms;	/* 0: from the beginning */
	bool has_other;		/* its other address, too, in changing order */
	bool is_short_known;	/* the part before the first dot is a name */
	bool has_led_elsewhere; /* so much was answered */
};

struct names {
	struct name all[SIM_HOSTS_MAX];
	uint64_t dead_until_ms[SIM_HOSTS_MAX]; /* for who asks */
	unsigned int slow_percent;	       /* of the look-ups */
	/* When who asks was last told, in vain, the name of that host. */
	uint64_t failed_ms[SIM_HOSTS_MAX][SIM_HOSTS_MAX];
};

/* Each name has a fault, or none. */
void names_prepare(struct sim *s);
/* @h has a second address, from which its notices leave; its name is known. */
void names_add_address(struct host *h);
/* For who asks nobody answers for a while. */
void names_die(struct host *asker);
/* How long an answer takes. */
uint64_t names_wait_ms(struct sim *s);
/* The addresses of @name, as @asker is told; 0: none. */
size_t names_look_up(struct host *asker, const char *name,
		     struct addr out[static NAMES_ADDRS_MAX]);
/* Whether both lead to one address, or are equal. */
bool names_are_one(struct host *asker, const char *a, const char *b);
/* Whether a record about @pair may mean another host by what was answered. */
bool names_may_mislead(const struct pair *pair);
/*
 * Notes whether @p, the answer to a notice of @h, comes from another host to
 * which the name of @pair led: sm-notify cannot know that it is not the peer's,
 * and the line of @pair goes.
 */
void names_note_answer(const struct host *h, struct pair *pair,
		       const struct packet *p);
/* Whether @addr is that of @pair, or the other one that its name may have. */
bool names_may_lead_to(const struct pair *pair, const struct addr *addr);
/* Whether the name of @h was ever said to be at the address of @other. */
bool names_have_led_to(const struct host *h, const struct host *other);
/* Whether the name of @h was never said to be at an address of another. */
bool names_are_right(const struct host *h);

#endif
