/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asks the kernel which of our addresses are meant for what.
 */
#include "os/ownaddr.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_addr.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANY_PORT  9 /* nothing is sent there */
#define V6_FILE	  "/proc/net/if_inet6"
#define V6_GLOBAL 0 /* its column of scopes */
#define V6_UNWANTED \
	(IFA_F_TEMPORARY | IFA_F_DEPRECATED | IFA_F_TENTATIVE | IFA_F_DADFAILED)

int ownaddr_toward(const struct addr *peer, struct addr *out)
{
	struct addr to = *peer;
	union addr_sockaddr name;
	socklen_t len;
	int fd, error;

	*out = (struct addr){.family = ADDR_NONE};
	to.port = ANY_PORT;
	len = addr_to_sockaddr(&to, &name);
	fd = socket(name.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	error = connect(fd, &name.any, len) ? -errno : 0;
	len = sizeof(name);
	if (!error && getsockname(fd, &name.any, &len))
		error = -errno;
	close(fd);
	if (!error)
		*out = addr_from_sockaddr(&name.any);
	out->port = 0;
	return error;
}

/* Addresses that are being gathered. */
struct list {
	struct ownaddr *out;
	size_t size;
	size_t count;
};

static void add(struct list *list, const struct addr *addr, uint32_t link)
{
	if (link != 0 && list->count < list->size)
		list->out[list->count++] = (struct ownaddr){*addr, link};
}

/* Not 169.254.0.0/16 (RFC 3927). */
static bool is_wanted_v4(const struct addr *addr)
{
	return addr->family == ADDR_V4 && !addr_is_loopback(addr) &&
	       !(addr->bytes[0] == 169 && addr->bytes[1] == 254);
}

/* An address with a label is on "eth0:1", which is no interface. */
static uint32_t link_of(const char *name)
{
	char link[IF_NAMESIZE];

	snprintf(link, sizeof(link), "%.*s", (int)strcspn(name, ":"), name);
	return if_nametoindex(link);
}

static void list_v4(struct list *list)
{
	struct ifaddrs *all, *at;
	struct addr addr;

	if (getifaddrs(&all) != 0)
		return;
	for (at = all; at; at = at->ifa_next) {
		if (!at->ifa_addr || at->ifa_addr->sa_family != AF_INET ||
		    !(at->ifa_flags & IFF_UP))
			continue;
		addr = addr_from_sockaddr(at->ifa_addr);
		if (is_wanted_v4(&addr))
			add(list, &addr, link_of(at->ifa_name));
	}
	freeifaddrs(all);
}

/* Reads 32 hex digits. */
static bool read_v6(const char *text, struct addr *out)
{
	unsigned int byte;

	*out = (struct addr){.family = ADDR_V6};
	for (size_t i = 0; i < sizeof(out->bytes); i++) {
		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			return false;
		out->bytes[i] = (uint8_t)byte;
	}
	return true;
}

/* The flags that matter are in this file, and not in getifaddrs(3). */
static void list_v6(struct list *list)
{
	FILE *file = fopen(V6_FILE, "re");
	unsigned int link, prefix, scope, flags;
	char text[33];
	struct addr addr;

	if (!file)
		return;
	while (fscanf(file, "%32s %x %x %x %x %*s", text, &link, &prefix,
		      &scope, &flags) == 5) {
		if (scope == V6_GLOBAL && !(flags & V6_UNWANTED) &&
		    read_v6(text, &addr))
			add(list, &addr, link);
	}
	fclose(file);
}

size_t ownaddr_list(struct ownaddr *out, size_t size)
{
	struct list list = {.out = out, .size = size};

	list_v4(&list);
	list_v6(&list);
	return list.count;
}
