/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datagram sockets.  A service socket remembers which of our addresses was
 * asked, so that the reply leaves from it (IP_PKTINFO, design decision 15); a
 * client socket has a reserved port, which is what lockd and peers trust.
 */
#ifndef NFS_RECLAIM_OS_RPCUDP_H
#define NFS_RECLAIM_OS_RPCUDP_H

#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "os/loop.h"

struct rpcudp;

/*
 * One datagram: from whom, to which of our addresses (port 0; ADDR_NONE:
 * unknown).  Longer ones than RPCMSG_SIZE_MAX never come.
 * Owns:   everything is borrowed for the call.
 */
typedef void rpcudp_receive(void *ctx, struct rpcudp *udp,
			    const struct addr *from, const struct addr *to,
			    const uint8_t *bytes, size_t len);

/*
 * Opens a service socket of @family on the wildcard address and @port (0: any).
 * Errors: NULL and *error = -errno.
 * Owns:   rpcudp_free() ends it.
 */
struct rpcudp *rpcudp_listen(struct loop *loop, enum addr_family family,
			     uint16_t port, rpcudp_receive *receive, void *ctx,
			     int *error);

/*
 * Opens a client socket bound to @local: its address (ADDR_NONE: IPv6 wildcard
 * that also speaks IPv4, or IPv4 where there is no IPv6), and its port (0: a
 * reserved one below 1024 that /etc/services names for no udp service, where
 * one is free).
 * Errors: NULL and *error = -errno.
 * Owns:   rpcudp_free() ends it.
 * Source: contract.md 2.2 step 10, 4.3, S-6.
 */
struct rpcudp *rpcudp_open(struct loop *loop, const struct addr *local,
			   rpcudp_receive *receive, void *ctx, int *error);

/*
 * Returns the port that @udp is bound to.
 */
uint16_t rpcudp_port(const struct rpcudp *udp);

/*
 * Sends @len bytes to @to; from @from, one of our addresses, unless that is
 * NULL or ADDR_NONE.
 * Errors: -errno; a full socket buffer (-EAGAIN) is a lost datagram.
 */
int rpcudp_send(struct rpcudp *udp, const struct addr *to,
		const struct addr *from, const uint8_t *bytes, size_t len);

/*
 * Closes @udp; safe from inside its own receive call; NULL is fine.
 */
void rpcudp_free(struct rpcudp *udp);

#endif
