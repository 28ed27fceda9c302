/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses as sockets want them, and the port that a client socket sends from.
 */
#ifndef NFS_RECLAIM_OS_SOCKBIND_H
#define NFS_RECLAIM_OS_SOCKBIND_H

#include <stdint.h>

#include "lib/addr.h"

/*
 * Returns @addr for an IPv6 socket: IPv4 as ::ffff:a.b.c.d.
 * Source: RFC 4291 section 2.5.5.2.
 */
struct in6_addr sockbind_v6(const struct addr *addr);

/*
 * Writes @addr for a socket of @family (AF_INET or AF_INET6).
 * Return: its length, 0 where @family cannot express @addr.
 */
socklen_t sockbind_address(int family, const struct addr *addr,
			   union addr_sockaddr *out);

/*
 * Binds @fd of @family to the address @local (ADDR_NONE: any) and @port.
 * Errors: -errno.
 */
int sockbind(int fd, int family, const struct addr *local, uint16_t port);

/*
 * Binds @fd of @family to @local: its address (ADDR_NONE: any) and its port
 * (0: a reserved one below 1024 that /etc/services names for no service of
 * @protocol, "udp" or "tcp", where one is free).
 * Errors: -errno.
 * Source: contract.md 2.2 step 10, 4.3, S-6.
 */
int sockbind_client(int fd, int family, const struct addr *local,
		    const char *protocol);

#endif
