/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A peer may have recorded any address that it can reach us at, and that is one
 * of the interface through which we reach it.
 */
#include "sm-notify/own.h"

#include <stdbool.h>

static const struct notify_own *find(const struct notify_own *own, size_t count,
				     const struct addr *addr)
{
	for (size_t i = 0; i < count; i++) {
		if (addr_is_same_host(&own[i].addr, addr))
			return &own[i];
	}
	return NULL;
}

size_t own_others(const struct notify_own *own, size_t count,
		  const struct addr *used,
		  struct addr out[static NOTIFY_SOURCES_MAX - 1])
{
	const struct notify_own *self = find(own, count, used);
	size_t found = 0;

	if (!self)
		return 0;
	for (size_t i = 0; i < count && found < NOTIFY_SOURCES_MAX - 1; i++) {
		if (&own[i] == self || own[i].link != self->link ||
		    own[i].addr.family != self->addr.family)
			continue;
		out[found++] = own[i].addr;
	}
	return found;
}
