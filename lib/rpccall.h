/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The client half, sans-IO: calls that are on their way, found again by their
 * random xid.  A reply counts only when it comes from the address that was
 * asked (contract.md S-2, S-3): a right xid from elsewhere is told apart.
 */
#ifndef NFS_RECLAIM_LIB_RPCCALL_H
#define NFS_RECLAIM_LIB_RPCCALL_H

#include <stdint.h>

#include "lib/addr.h"
#include "lib/map.h"
#include "lib/prng.h"
#include "lib/rpcmsg.h"

/* One call on its way; lives inside what waits for it.  Zeroed = not sent. */
struct rpccall {
	struct map_node by_xid; /* rpccalls::by_xid */
	uint32_t xid;
	int is_open;
	struct addr peer; /* whom we asked, with the port */
};

struct rpccalls {
	struct map by_xid;
	struct prng *rng; /* borrowed */
};

/*
 * Makes @calls empty; xids come from @rng.
 * Owns:   rpccalls_fini() ends it; @rng is borrowed for as long.
 */
void rpccalls_init(struct rpccalls *calls, struct prng *rng);

/*
 * Frees the table of @calls; the calls stay their owners'.
 */
void rpccalls_fini(struct rpccalls *calls);

/*
 * Opens @call to @peer under a fresh random xid, forgetting the one it had.
 * Return: the xid.
 */
uint32_t rpccalls_open(struct rpccalls *calls, struct rpccall *call,
		       const struct addr *peer);

/*
 * Forgets @call: no reply will match it any more.  Harmless where not open.
 */
void rpccalls_close(struct rpccalls *calls, struct rpccall *call);

enum rpccall_match {
	RPCCALL_MATCHED,       /* *call is set, and closed */
	RPCCALL_STRANGER,      /* not a reply, or no call with that xid */
	RPCCALL_OTHER_ADDRESS, /* right xid, wrong sender; *call stays open */
};

/*
 * Finds the call that the bytes received from @from answer.  The port of the
 * sender counts too.
 * Return: as the enum says; *reply is set unless RPCCALL_STRANGER.
 * Owns:   *reply borrows from @bytes.
 */
enum rpccall_match rpccalls_match(struct rpccalls *calls,
				  const struct addr *from, const uint8_t *bytes,
				  size_t len, struct rpccall **call,
				  struct rpcmsg_reply *reply);

#endif
