/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads the list of peers that are never told.  It is the administrator's, so
 * an item that is no name is no error: it names nobody.
 */
#include "sm-notify/skip.h"

#include <string.h>
#include <strings.h>

#include "lib/addr.h"
#include "lib/hostname.h"

#define DIVIDERS " \t,"

static bool is_item(const char *item, size_t len, const char *peer,
		    const struct addr *peer_addr)
{
	char text[HOSTNAME_LEN_MAX + 1];
	struct addr addr;

	if (len > HOSTNAME_LEN_MAX)
		return false;
	if (strlen(peer) == len && strncasecmp(item, peer, len) == 0)
		return true;
	if (peer_addr->family == ADDR_NONE)
		return false;
	memcpy(text, item, len);
	text[len] = '\0';
	return addr_parse(text, &addr) && addr_is_same_host(&addr, peer_addr);
}

bool skip_has(const char *list, const char *peer)
{
	struct addr peer_addr;
	size_t len;

	if (!list)
		return false;
	if (!addr_parse(peer, &peer_addr))
		peer_addr.family = ADDR_NONE;
	for (list += strspn(list, DIVIDERS); *list != '\0';
	     list += strspn(list, DIVIDERS)) {
		len = strcspn(list, DIVIDERS);
		if (is_item(list, len, peer, &peer_addr))
			return true;
		list += len;
	}
	return false;
}
