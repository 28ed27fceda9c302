/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Our entries in the local rpcbind.  Registration is a call over rpcbind's own
 * socket that never blocks us, repeated until it holds, and made again when
 * rpcbind went away (design decision 1).
 */
#ifndef NFS_RECLAIM_OS_RPCBIND_H
#define NFS_RECLAIM_OS_RPCBIND_H

#include <stdbool.h>
#include <stdint.h>

#include "os/loop.h"

#define RPCBIND_SOCKET	   "/run/rpcbind.sock"
#define RPCBIND_NETIDS_MAX 4
#define RPCBIND_SILENCE_MS 10000u /* rpcbind is given up after that */

struct rpcbind;

/*
 * Told once when every entry holds, and once each time that they do not: when
 * the first try fails, and when they are lost.  May not free the registrar.
 */
typedef void rpcbind_change(void *ctx, bool is_registered);

/*
 * Returns a registrar of (@prog, @vers) that has nothing to register yet.
 * Owns:   rpcbind_free() ends it.
 */
struct rpcbind *rpcbind_new(struct loop *loop, uint32_t prog, uint32_t vers,
			    rpcbind_change *change, void *ctx);

/*
 * Adds the entry @netid ("udp", "tcp", "udp6", "tcp6") with @port.
 * Range:  at most RPCBIND_NETIDS_MAX, before rpcbind_start().
 */
void rpcbind_add(struct rpcbind *bind, const char *netid, uint16_t port);

/*
 * Talks to the rpcbind at @path, which must answer within @silence_ms_max,
 * instead of RPCBIND_SOCKET and RPCBIND_SILENCE_MS.
 * Range:  @path fits into a sockaddr_un; before rpcbind_start().
 * Owns:   copies @path.
 */
void rpcbind_set_server(struct rpcbind *bind, const char *path,
			uint32_t silence_ms_max);

/*
 * Begins: what stands there for (@prog, @vers) is unset, whatever its netid;
 * ours is set; tried again after 1, 2, 4 .. 30 s until it holds.
 */
void rpcbind_start(struct rpcbind *bind);

/*
 * Frees @bind, leaving the entries; NULL is fine.
 */
void rpcbind_free(struct rpcbind *bind);

/*
 * Removes every entry of (@prog, @vers), whoever made it, as far as rpcbind
 * lets us: root everything, others their own.  Waits for rpcbind at most 1 s.
 */
void rpcbind_clear(struct rpcbind *bind);

/*
 * Removes every entry of (@prog, @vers) and frees @bind; waits for rpcbind at
 * most 1 s in all. NULL is fine.
 */
void rpcbind_withdraw(struct rpcbind *bind);

/*
 * Tells whether a service of (@prog, @vers) on this host answers a NULL call
 * over UDP: asks rpcbind on 127.0.0.1 for its port, then pings it.  Blocks at
 * most 2 s; for the start of a program only.
 * Source: contract.md 2.1 (already running check).
 */
bool rpcbind_is_served(uint32_t prog, uint32_t vers);

#endif
