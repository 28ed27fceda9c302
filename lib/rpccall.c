/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls that are on their way, by xid.  An xid is 32 random bits, and no two
 * open calls share one, so whoever cannot see our packets cannot answer for the
 * peer (contract.md S-2, S-3).  Nothing is sent or repeated here, and no time
 * passes: a call stays open until it is answered or closed by its owner.
 */
#include "lib/rpccall.h"

#include <string.h>

#include "lib/list.h"

void rpccalls_init(struct rpccalls *calls, struct prng *rng)
{
	uint8_t key[SIPHASH_KEY_SIZE];
	uint64_t bits;

	for (size_t at = 0; at < sizeof(key); at += sizeof(bits)) {
		bits = prng_u64(rng);
		memcpy(key + at, &bits, sizeof(bits));
	}
	map_init(&calls->by_xid, key);
	calls->rng = rng;
}

void rpccalls_fini(struct rpccalls *calls)
{
	map_fini(&calls->by_xid);
}

static struct rpccall *find(const struct rpccalls *calls, uint32_t xid)
{
	uint64_t hash = map_hash(&calls->by_xid, &xid, sizeof(xid));
	struct map_node *node = map_first(&calls->by_xid, hash);

	for (; node; node = map_next(node)) {
		struct rpccall *call =
			container_of(node, struct rpccall, by_xid);

		if (call->xid == xid)
			return call;
	}
	return NULL;
}

uint32_t rpccalls_open(struct rpccalls *calls, struct rpccall *call,
		       const struct addr *peer)
{
	rpccalls_close(calls, call);
	do {
		call->xid = prng_u32(calls->rng);
	} while (find(calls, call->xid));
	call->peer = *peer;
	call->is_open = 1;
	map_add(&calls->by_xid, &call->by_xid,
		map_hash(&calls->by_xid, &call->xid, sizeof(call->xid)));
	return call->xid;
}

void rpccalls_close(struct rpccalls *calls, struct rpccall *call)
{
	if (!call->is_open)
		return;
	map_remove(&calls->by_xid, &call->by_xid);
	call->is_open = 0;
}

enum rpccall_match rpccalls_match(struct rpccalls *calls,
				  const struct addr *from, const uint8_t *bytes,
				  size_t len, struct rpccall **call,
				  struct rpcmsg_reply *reply)
{
	*call = NULL;
	if (!rpcmsg_parse_reply(bytes, len, reply))
		return RPCCALL_STRANGER;
	*call = find(calls, reply->xid);
	if (!*call)
		return RPCCALL_STRANGER;
	if (!addr_is_equal(from, &(*call)->peer))
		return RPCCALL_OTHER_ADDRESS;
	rpccalls_close(calls, *call);
	return RPCCALL_MATCHED;
}
