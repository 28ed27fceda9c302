/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Translation of addresses and ports: what leaves a host inside gets the
 * address of the translator and a port of it, and answers find their way back
 * while that is remembered.  Calls from outside go to one host, or to nobody.
 */
#include "tests/sim/nat.h"

#include <string.h>

#include "lib/portmap.h"
#include "tests/sim/sim.h"

#define NAT_PORT_LOW	 40000
#define NAT_PORT_HIGH	 59999
#define NAT_RESERVED_LOW 600

void nat_prepare(struct sim *s)
{
	struct nat *nat = &s->nat;
	unsigned int i, first = (unsigned int)sim_between(s, 1, 2);
	unsigned int count = (unsigned int)sim_between(s, 1, 3);

	nat->addr = (struct addr){.family = ADDR_V4, .bytes = {10, 0, 2, 1}};
	nat->life_ms = sim_between(s, 10000, 180000);
	nat->keeps_low_ports = prng_below(&s->rng, 3) == 0;
	/* Host 0 is always outside. */
	if (first >= s->host_count)
		first = s->host_count - 1;
	for (i = first; i < s->host_count && i < first + count; i++) {
		nat->is_inside[i] = true;
		s->hosts[i].other = (struct addr){.family = ADDR_NONE};
		if (prng_below(&s->rng, 2) == 0)
			nat->forward = &s->hosts[i];
	}
}

bool nat_is_between(const struct host *a, const struct host *b)
{
	const struct nat *nat = &a->sim->nat;

	return nat->is_inside[a->index] != nat->is_inside[b->index];
}

const struct addr *nat_addr(const struct host *of, const struct host *to)
{
	const struct nat *nat = &of->sim->nat;

	return nat->is_inside[of->index] && !nat->is_inside[to->index]
		       ? &nat->addr
		       : &of->addr;
}

bool nat_is_hidden(const struct host *h, const struct host *from)
{
	const struct nat *nat = &h->sim->nat;

	return nat->is_inside[h->index] && !nat->is_inside[from->index] &&
	       nat->forward != h;
}

bool nat_is_closed(const struct host *h, const struct host *from)
{
	return nat_is_hidden(h, from) && h->sim->nat.forward == NULL;
}

bool nat_is_same(const struct host *a, const struct host *b,
		 const struct host *to)
{
	return addr_is_same_host(nat_addr(a, to), nat_addr(b, to));
}

static bool is_alive(const struct sim *s, const struct nat_mapping *mapping)
{
	return mapping->host != NULL && mapping->until_ms > s->now_ms;
}

static uint16_t choose_port(struct sim *s, uint16_t port)
{
	if (s->nat.keeps_low_ports && port < 1024)
		return (uint16_t)sim_between(s, NAT_RESERVED_LOW, 1023);
	return (uint16_t)sim_between(s, NAT_PORT_LOW, NAT_PORT_HIGH);
}

static struct nat_mapping *mapping_of(struct host *h, uint16_t port)
{
	struct nat *nat = &h->sim->nat;
	struct nat_mapping *mapping;
	size_t i;

	for (i = 0; i < NAT_MAPPINGS_MAX; i++) {
		mapping = &nat->mappings[i];
		if (is_alive(h->sim, mapping) && mapping->host == h &&
		    mapping->port == port)
			return mapping;
	}
	mapping = &nat->mappings[nat->next++ % NAT_MAPPINGS_MAX];
	*mapping = (struct nat_mapping){.host = h, .port = port};
	mapping->outside = choose_port(h->sim, port);
	return mapping;
}

/* Only answers leave from there, so nothing is to be remembered. */
static bool is_service(const struct host *h, uint16_t port)
{
	return port == PORTMAP_PORT || port == h->statd.port;
}

void nat_leave(struct host *h, const struct host *dest, struct addr *from)
{
	struct nat *nat = &h->sim->nat;
	struct nat_mapping *mapping;
	uint16_t port = from->port;

	if (dest == NULL || !nat->is_inside[h->index] ||
	    nat->is_inside[dest->index])
		return;
	*from = nat->addr;
	from->port = port;
	if (nat->forward == h && is_service(h, port))
		return;
	mapping = mapping_of(h, port);
	mapping->until_ms = h->sim->now_ms + nat->life_ms;
	from->port = mapping->outside;
}

static struct host *arrive_outside(struct sim *s, struct addr *to)
{
	struct nat *nat = &s->nat;
	uint16_t port = to->port;
	size_t i;

	for (i = 0; i < NAT_MAPPINGS_MAX; i++) {
		const struct nat_mapping *mapping = &nat->mappings[i];

		if (!is_alive(s, mapping) || mapping->outside != port)
			continue;
		*to = mapping->host->addr;
		to->port = mapping->port;
		return mapping->host;
	}
	if (nat->forward == NULL)
		return NULL;
	*to = nat->forward->addr;
	to->port = port;
	return nat->forward;
}

struct host *nat_enter(struct host *h, struct addr *to)
{
	struct sim *s = h->sim;
	struct nat *nat = &s->nat;
	struct host *dest;

	if (nat->addr.family != ADDR_NONE && addr_is_same_host(to, &nat->addr))
		return nat->is_inside[h->index] ? NULL : arrive_outside(s, to);
	dest = sim_host_at(s, to);
	/* Addresses inside mean nothing outside. */
	if (dest != NULL && nat->is_inside[dest->index] &&
	    !nat->is_inside[h->index])
		return NULL;
	return dest;
}

void nat_forget(struct host *h)
{
	struct nat *nat = &h->sim->nat;

	if (nat->addr.family == ADDR_NONE)
		return;
	trace(h->sim, NULL, "the translator forgets all");
	memset(nat->mappings, 0, sizeof(nat->mappings));
}
