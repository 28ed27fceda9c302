/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A translator of addresses: some hosts are behind it, and have one address for
 * all others.  Part of sim.h.
 */
#ifndef NFS_RECLAIM_TESTS_SIM_NAT_H
#define NFS_RECLAIM_TESTS_SIM_NAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "tests/sim/net.h"

#define NAT_MAPPINGS_MAX 64

struct sim;
struct host;
struct pair;

/* A port of a host inside, as it is seen outside. */
struct nat_mapping {
	struct host *host; /* NULL: none */
	uint16_t port;
	uint16_t outside;
	uint64_t until_ms;
};

struct nat {
	struct addr addr; /* outside; ADDR_NONE: there is no translator */
	bool is_inside[SIM_HOSTS_MAX];
	struct host *forward; /* who is called from outside, or NULL */
	bool keeps_low_ports; /* a port below 1024 becomes another such */
	uint64_t life_ms;     /* of a mapping that is not used */
	struct nat_mapping mappings[NAT_MAPPINGS_MAX];
	size_t next;
};

/* Some hosts are behind one address. */
void nat_prepare(struct sim *s);
/* By which address @of is known to @to; borrowed. */
const struct addr *nat_addr(const struct host *of, const struct host *to);
/* Whether the translator is between them. */
bool nat_is_between(const struct host *a, const struct host *b);
/* Whether nobody outside can call @h. */
bool nat_is_hidden(const struct host *h, const struct host *from);
/* Whether nobody at all answers @from at the address of @h. */
bool nat_is_closed(const struct host *h, const struct host *from);
/* Whether @a and @b have the same address for @to. */
bool nat_is_same(const struct host *a, const struct host *b,
		 const struct host *to);
/* Which host a packet of @h gets to; @to becomes its address there. */
struct host *nat_enter(struct host *h, struct addr *to);
/* Gives a packet of @h to @dest the address that is seen there. */
void nat_leave(struct host *h, const struct host *dest, struct addr *from);
/* The translator forgets what it has noted. */
void nat_forget(struct host *h);

#endif
