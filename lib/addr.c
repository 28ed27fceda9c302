/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host addresses in one form.  Everything that makes a struct addr goes
 * through from_v4() or from_v6(), so that a v4-mapped address cannot exist
 * here and two that are equal have equal fields (contract.md N-5).
 *
 * Refuses to know interface names: a scope is a number.
 */
#include "lib/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static struct addr from_v4(const void *bytes)
{
	struct addr addr = {.family = ADDR_V4};

	memcpy(addr.bytes, bytes, 4);
	return addr;
}

static struct addr from_v6(const struct in6_addr *v6, uint32_t scope)
{
	struct addr addr = {.family = ADDR_V6};

	if (IN6_IS_ADDR_V4MAPPED(v6))
		return from_v4(&v6->s6_addr[12]);
	memcpy(addr.bytes, v6->s6_addr, sizeof(addr.bytes));
	if (IN6_IS_ADDR_LINKLOCAL(v6))
		addr.scope = scope;
	return addr;
}

/* Reads one to ten digits that make at most 2^32 - 1. */
static bool parse_scope(const char *text, uint32_t *out)
{
	uint64_t scope = 0;
	const char *at;

	for (at = text; *at >= '0' && *at <= '9'; at++) {
		scope = scope * 10 + (uint64_t)(*at - '0');
		if (scope > UINT32_MAX)
			return false;
	}
	if (at == text || *at != '\0')
		return false;
	*out = (uint32_t)scope;
	return true;
}

static bool parse_v6(const char *text, struct addr *out)
{
	const char *percent = strchr(text, '%');
	size_t len = percent != NULL ? (size_t)(percent - text) : strlen(text);
	char bare[INET6_ADDRSTRLEN];
	struct in6_addr v6;
	uint32_t scope = 0;

	if (len >= sizeof(bare))
		return false;
	memcpy(bare, text, len);
	bare[len] = '\0';
	if (inet_pton(AF_INET6, bare, &v6) != 1)
		return false;
	if (percent != NULL &&
	    (!IN6_IS_ADDR_LINKLOCAL(&v6) || !parse_scope(percent + 1, &scope)))
		return false;
	*out = from_v6(&v6, scope);
	return true;
}

bool addr_parse(const char *text, struct addr *out)
{
	struct in_addr v4;

	if (inet_pton(AF_INET, text, &v4) != 1)
		return parse_v6(text, out);
	*out = from_v4(&v4);
	return true;
}

const char *addr_format(const struct addr *addr,
			char out[static ADDR_TEXT_SIZE])
{
	size_t len;

	if (addr->family == ADDR_NONE)
		return strcpy(out, "-");
	/* Cannot fail: the family is known and the room is enough. */
	(void)inet_ntop(addr->family == ADDR_V4 ? AF_INET : AF_INET6,
			addr->bytes, out, ADDR_TEXT_SIZE);
	len = strlen(out);
	if (addr->scope != 0)
		snprintf(out + len, ADDR_TEXT_SIZE - len, "%%%u", addr->scope);
	return out;
}

const char *addr_format_port(const struct addr *addr,
			     char out[static ADDR_TEXT_SIZE])
{
	size_t len;

	if (addr->family == ADDR_NONE)
		return addr_format(addr, out);
	addr_format(addr, out);
	len = strlen(out);
	if (addr->family == ADDR_V6) {
		memmove(out + 1, out, len);
		out[0] = '[';
		out[len + 1] = ']';
		len += 2;
	}
	snprintf(out + len, ADDR_TEXT_SIZE - len, ":%u", addr->port);
	return out;
}

bool addr_is_same_host(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && a->scope == b->scope &&
	       memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool addr_is_equal(const struct addr *a, const struct addr *b)
{
	return addr_is_same_host(a, b) && a->port == b->port;
}

bool addr_is_loopback(const struct addr *addr)
{
	static const uint8_t v6_loopback[16] = {[15] = 1};

	if (addr->family == ADDR_V4)
		return addr->bytes[0] == 127;
	return addr->family == ADDR_V6 &&
	       memcmp(addr->bytes, v6_loopback, sizeof(v6_loopback)) == 0;
}

struct addr addr_loopback(uint16_t port)
{
	return (struct addr){
		.family = ADDR_V4,
		.port = port,
		.bytes = {127, 0, 0, 1},
	};
}

size_t addr_key(const struct addr *addr, uint8_t out[static 24])
{
	out[0] = (uint8_t)addr->family;
	memcpy(out + 1, &addr->scope, 4);
	memcpy(out + 5, addr->bytes, 16);
	return 21;
}

struct addr addr_from_sockaddr(const struct sockaddr *sa)
{
	struct addr addr = {.family = ADDR_NONE};
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (sa->sa_family == AF_INET) {
		memcpy(&v4, sa, sizeof(v4));
		addr = from_v4(&v4.sin_addr);
		addr.port = ntohs(v4.sin_port);
	} else if (sa->sa_family == AF_INET6) {
		memcpy(&v6, sa, sizeof(v6));
		addr = from_v6(&v6.sin6_addr, v6.sin6_scope_id);
		addr.port = ntohs(v6.sin6_port);
	}
	return addr;
}

socklen_t addr_to_sockaddr(const struct addr *addr, union addr_sockaddr *out)
{
	memset(out, 0, sizeof(*out));
	if (addr->family == ADDR_V4) {
		out->v4.sin_family = AF_INET;
		out->v4.sin_port = htons(addr->port);
		memcpy(&out->v4.sin_addr, addr->bytes, 4);
		return sizeof(out->v4);
	}
	if (addr->family == ADDR_V6) {
		out->v6.sin6_family = AF_INET6;
		out->v6.sin6_port = htons(addr->port);
		out->v6.sin6_scope_id = addr->scope;
		memcpy(&out->v6.sin6_addr, addr->bytes, 16);
		return sizeof(out->v6);
	}
	return 0;
}
