/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From our form of an address to the kernel's, and to a reserved port, which is
 * what lockd and peers trust.
 */
#include "os/sockbind.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <string.h>

#include "os/process.h"

#define RESERVED_FIRST	   512
#define RESERVED_COUNT	   512
#define RESERVED_TRIES_MAX 100 /* look-ups in /etc/services */

struct in6_addr sockbind_v6(const struct addr *addr)
{
	struct in6_addr v6 = {0};

	if (addr->family == ADDR_V4) {
		v6.s6_addr[10] = 0xff;
		v6.s6_addr[11] = 0xff;
		memcpy(&v6.s6_addr[12], addr->bytes, 4);
	} else {
		memcpy(&v6, addr->bytes, sizeof(v6));
	}
	return v6;
}

socklen_t sockbind_address(int family, const struct addr *addr,
			   union addr_sockaddr *out)
{
	if (addr->family == ADDR_NONE ||
	    (family == AF_INET && addr->family != ADDR_V4))
		return 0;
	if (family == AF_INET || addr->family == ADDR_V6)
		return addr_to_sockaddr(addr, out);
	out->v6 = (struct sockaddr_in6){
		.sin6_family = AF_INET6,
		.sin6_port = htons(addr->port),
		.sin6_addr = sockbind_v6(addr),
	};
	return sizeof(out->v6);
}

int sockbind(int fd, int family, const struct addr *local, uint16_t port)
{
	struct addr here = *local;
	union addr_sockaddr sa = {0};
	socklen_t len;

	here.port = port;
	if (here.family == ADDR_NONE)
		here.family = family == AF_INET ? ADDR_V4 : ADDR_V6;
	len = sockbind_address(family, &here, &sa);
	return bind(fd, &sa.any, len) < 0 ? -errno : 0;
}

static bool is_named(uint16_t port, const char *protocol)
{
	return getservbyport(htons(port), protocol) != NULL;
}

/*
 * Takes a free reserved port, from a random one on so that those of successive
 * runs differ; first among those that belong to no known service: a service
 * that starts after us would find its port gone.
 */
static int bind_reserved(int fd, int family, const struct addr *local,
			 const char *protocol)
{
	uint32_t start;
	int error = -EADDRINUSE;

	process_random(&start, sizeof(start));
	start %= RESERVED_COUNT;
	for (uint32_t i = 0; i < RESERVED_TRIES_MAX + RESERVED_COUNT; i++) {
		uint16_t port = (uint16_t)(RESERVED_FIRST +
					   (start + i) % RESERVED_COUNT);

		if (i < RESERVED_TRIES_MAX && is_named(port, protocol))
			continue;
		error = sockbind(fd, family, local, port);
		if (error != -EADDRINUSE)
			break;
	}
	return error;
}

int sockbind_client(int fd, int family, const struct addr *local,
		    const char *protocol)
{
	return local->port != 0 ? sockbind(fd, family, local, local->port)
				: bind_reserved(fd, family, local, protocol);
}
