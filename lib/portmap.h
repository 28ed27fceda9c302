/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The messages of rpcbind: which port has a program there, and "here I am"
 * (RFC 1833).  IPv4 hosts are asked with version 2, which every portmapper has
 * (design decision 13); IPv6 hosts with version 3.
 */
#ifndef NFS_RECLAIM_LIB_PORTMAP_H
#define NFS_RECLAIM_LIB_PORTMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/buf.h"

#define PORTMAP_PORT 111

enum portmap_protocol { PORTMAP_UDP, PORTMAP_TCP };

/*
 * Adds the call that asks the rpcbind of a host of @family for the port of
 * (@prog, @vers) over @protocol: PMAP v2 GETPORT for ADDR_V4, RPCB v3 GETADDR
 * for ADDR_V6.
 * Range:  an IPv6 question must travel over @protocol: version 3 answers for
 *         the transport on which it is asked, whatever the call names.
 * Source: RFC 1833 section 2.2.1 (RPCBPROC_GETADDR), section 3.2.
 */
void portmap_add_getport(struct buf *out, uint32_t xid, enum addr_family family,
			 uint32_t prog, uint32_t vers,
			 enum portmap_protocol protocol);

/*
 * Reads the results of that call.
 * Return: the port, 0 = not registered; -1 where the results are malformed.
 */
int portmap_parse_getport(enum addr_family family, const uint8_t *results,
			  size_t len);

/*
 * Adds an RPCB v4 SET (@is_set) or UNSET of (@prog, @vers) on @netid ("udp",
 * "tcp", "udp6", "tcp6") at the wildcard address and @port, owner @owner.
 * Range:  @port is ignored for UNSET.
 */
void portmap_add_set(struct buf *out, uint32_t xid, bool is_set, uint32_t prog,
		     uint32_t vers, const char *netid, uint16_t port,
		     const char *owner);

/*
 * Reads the results of SET or UNSET: whether rpcbind did it.
 * Errors: false, too, where the results are malformed.
 */
bool portmap_parse_bool(const uint8_t *results, size_t len);

/*
 * Returns the port in the universal address @text ("h1.h2.h3.h4.p1.p2",
 * "v6.p1.p2"), 0 where it is "", -1 where it is malformed.
 * Source: RFC 5665 section 5.2.3.
 */
int portmap_uaddr_port(const char *text);

#endif
