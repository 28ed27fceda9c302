/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counts and two lists in the order of last activity; every question is
 * answered from the front of a list or from the map, so a flood costs the same
 * per connection as an honest caller.  Knows no sockets and no clock.
 *
 * SAFETY: lockd has one thread and asks over loopback.  Whatever strangers
 * hold, a local caller gets a place: kept ones first, then theirs.  At a cap
 * the newcomer wins over the most idle one, because who holds connections open
 * without using them is what a flood looks like, and an honest call is over in
 * moments.
 */
#include "lib/connlimit.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/xalloc.h"

/* An address of strangers with at least one connection. */
struct connlimit_host {
	struct map_node by_addr; /* connlimit::hosts */
	struct addr addr;
	unsigned int count;
};

void connlimit_init(struct connlimit *limit, unsigned int total_max,
		    unsigned int per_address_max, uint32_t idle_ms,
		    const uint8_t key[static SIPHASH_KEY_SIZE])
{
	assert(total_max >= 2 && per_address_max >= 1 && idle_ms >= 1);
	*limit = (struct connlimit){.total_max = total_max,
				    .per_address_max = per_address_max,
				    .idle_ms = idle_ms};
	list_init(&limit->order[CONNLIMIT_STRANGER]);
	list_init(&limit->order[CONNLIMIT_LOCAL]);
	map_init(&limit->hosts, key);
}

void connlimit_fini(struct connlimit *limit)
{
	assert(limit->hosts.count == 0);
	map_fini(&limit->hosts);
}

static uint64_t host_hash(const struct connlimit *limit,
			  const struct addr *addr)
{
	uint8_t key[24];

	return map_hash(&limit->hosts, key, addr_key(addr, key));
}

static struct connlimit_host *host_find(const struct connlimit *limit,
					const struct addr *addr)
{
	struct map_node *node =
		map_first(&limit->hosts, host_hash(limit, addr));

	for (; node != NULL; node = map_next(node)) {
		struct connlimit_host *host =
			container_of(node, struct connlimit_host, by_addr);

		if (addr_is_same_host(&host->addr, addr))
			return host;
	}
	return NULL;
}

static struct connlimit_host *host_get(struct connlimit *limit,
				       const struct addr *addr)
{
	struct connlimit_host *host = host_find(limit, addr);

	if (host != NULL)
		return host;
	host = xzalloc(sizeof(*host));
	host->addr = *addr;
	map_add(&limit->hosts, &host->by_addr, host_hash(limit, addr));
	return host;
}

/* The least recently active seat of @kind, or NULL. */
static struct connlimit_seat *oldest(const struct connlimit *limit,
				     enum connlimit_kind kind)
{
	const struct link *order = &limit->order[kind];

	if (list_is_empty(order))
		return NULL;
	return container_of(order->next, struct connlimit_seat, in_order);
}

static bool is_full(const struct connlimit *limit, enum connlimit_kind kind)
{
	unsigned int strangers = limit->count[CONNLIMIT_STRANGER];
	unsigned int kept = limit->total_max / 2;

	if (kept > CONNLIMIT_KEPT_MAX)
		kept = CONNLIMIT_KEPT_MAX;
	if (strangers + limit->count[CONNLIMIT_LOCAL] >= limit->total_max)
		return true;
	return kind == CONNLIMIT_STRANGER &&
	       strangers >= limit->total_max - kept;
}

enum connlimit_verdict connlimit_ask(const struct connlimit *limit,
				     const struct addr *from,
				     enum connlimit_kind kind,
				     struct connlimit_seat **victim)
{
	const struct connlimit_host *host;

	*victim = NULL;
	if (kind == CONNLIMIT_STRANGER) {
		host = host_find(limit, from);
		if (host != NULL && host->count >= limit->per_address_max)
			return CONNLIMIT_GREEDY;
	}
	if (!is_full(limit, kind))
		return CONNLIMIT_ENTER;
	*victim = oldest(limit, CONNLIMIT_STRANGER);
	if (*victim == NULL && kind == CONNLIMIT_LOCAL)
		*victim = oldest(limit, CONNLIMIT_LOCAL);
	return *victim == NULL ? CONNLIMIT_FULL : CONNLIMIT_REPLACE;
}

void connlimit_enter(struct connlimit *limit, struct connlimit_seat *seat,
		     uint64_t now_ms, const struct addr *from,
		     enum connlimit_kind kind)
{
	assert(!is_full(limit, kind));
	*seat = (struct connlimit_seat){.kind = kind, .active_ms = now_ms};
	if (kind == CONNLIMIT_STRANGER) {
		seat->host = host_get(limit, from);
		seat->host->count++;
	}
	limit->count[kind]++;
	list_append(&limit->order[kind], &seat->in_order);
}

void connlimit_touch(struct connlimit *limit, struct connlimit_seat *seat,
		     uint64_t now_ms)
{
	seat->active_ms = now_ms;
	list_remove(&seat->in_order);
	list_append(&limit->order[seat->kind], &seat->in_order);
}

void connlimit_leave(struct connlimit *limit, struct connlimit_seat *seat)
{
	struct connlimit_host *host = seat->host;

	list_remove(&seat->in_order);
	limit->count[seat->kind]--;
	if (host == NULL || --host->count > 0)
		return;
	map_remove(&limit->hosts, &host->by_addr);
	free(host);
}

struct connlimit_seat *connlimit_idle(const struct connlimit *limit,
				      uint64_t now_ms)
{
	if (connlimit_deadline_ms(limit) > now_ms)
		return NULL;
	return oldest(limit, CONNLIMIT_STRANGER);
}

uint64_t connlimit_deadline_ms(const struct connlimit *limit)
{
	const struct connlimit_seat *seat = oldest(limit, CONNLIMIT_STRANGER);

	return seat == NULL ? UINT64_MAX : seat->active_ms + limit->idle_ms;
}
