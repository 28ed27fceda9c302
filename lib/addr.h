/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host addresses as this project compares them: one form for IPv4, IPv6 and
 * IPv4-in-IPv6, with a port beside it.  A v4-mapped IPv6 address *is* the IPv4
 * address (contract.md N-5); only a link-local one has a scope.
 */
#ifndef NFS_RECLAIM_LIB_ADDR_H
#define NFS_RECLAIM_LIB_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>

#define ADDR_TEXT_SIZE 64 /* any address, scope and port, with its NUL */

enum addr_family { ADDR_NONE, ADDR_V4, ADDR_V6 };

/* Compared field by field; unused bytes are zero. */
struct addr {
	enum addr_family family;
	uint16_t port;	   /* host order; 0 = unknown */
	uint32_t scope;	   /* interface index, link-local IPv6 only */
	uint8_t bytes[16]; /* network order; IPv4 uses the first four */
};

/* Room for either family, as the socket calls want it. */
union addr_sockaddr {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/*
 * Reads the numeric address @text: dotted quad, IPv6, "v6%N" with a numeric
 * scope.  v4-mapped IPv6 becomes IPv4.  The port becomes 0.
 * Errors: false where @text is no numeric address; *out is untouched then.
 * Source: RFC 4291 section 2.2; contract.md 7.1 (lockd's presentation form).
 */
bool addr_parse(const char *text, struct addr *out);

/*
 * Writes the address of @addr without its port, "-" for ADDR_NONE.
 * Owns:   @out, which is returned for use as an argument.
 */
const char *addr_format(const struct addr *addr,
			char out[static ADDR_TEXT_SIZE]);

/*
 * Writes address and port: "192.0.2.1:111", "[2001:db8::1]:111".
 * Owns:   @out, which is returned for use as an argument.
 */
const char *addr_format_port(const struct addr *addr,
			     char out[static ADDR_TEXT_SIZE]);

/*
 * Tells whether @a and @b are the same host address; ports do not count.
 */
bool addr_is_same_host(const struct addr *a, const struct addr *b);

/*
 * Tells whether @a and @b are the same host address and the same port.
 */
bool addr_is_equal(const struct addr *a, const struct addr *b);

/*
 * Tells whether @addr is 127.0.0.0/8 or ::1.
 */
bool addr_is_loopback(const struct addr *addr);

/*
 * Returns IPv4 127.0.0.1 with @port (host order).
 */
struct addr addr_loopback(uint16_t port);

/*
 * Writes the bytes that identify the host (not the port) for a map key.
 * Return: how many bytes of @out were used, at most 24.
 */
size_t addr_key(const struct addr *addr, uint8_t out[static 24]);

/*
 * Reads @sa as the socket calls deliver it; other families give ADDR_NONE.
 */
struct addr addr_from_sockaddr(const struct sockaddr *sa);

/*
 * Writes @addr for the socket calls.
 * Return: its length; 0 for ADDR_NONE.
 */
socklen_t addr_to_sockaddr(const struct addr *addr, union addr_sockaddr *out);

#endif
