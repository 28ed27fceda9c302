/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses, host names and universal addresses from outside: nothing breaks,
 * what is accepted keeps its promises, and formatting undoes parsing.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/input.h"
#include "lib/addr.h"
#include "lib/hostname.h"
#include "lib/portmap.h"
#include "lib/xalloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_addr(const char *text)
{
	char out[ADDR_TEXT_SIZE];
	union addr_sockaddr sa;
	struct addr addr;
	struct addr back;

	if (!addr_parse(text, &addr))
		return;
	require(addr.family != ADDR_NONE && addr.port == 0);
	require(addr_parse(addr_format(&addr, out), &back));
	require(addr_is_equal(&addr, &back));
	require(addr_to_sockaddr(&addr, &sa) > 0);
	back = addr_from_sockaddr(&sa.any);
	require(addr_is_equal(&addr, &back));
	addr.port = UINT16_MAX;
	require(strlen(addr_format_port(&addr, out)) < ADDR_TEXT_SIZE);
	require(hostname_short_len(text) == strlen(text));
}

static void try_name(char *text, const uint8_t *data, size_t size)
{
	char *folded = xstrdup(text);
	bool is_fine = hostname_check(data, size) == HOSTNAME_OK;

	require(!is_fine || strlen(text) == size);
	require(hostname_short_len(text) <= strlen(text));
	hostname_fold(text, folded);
	require(hostname_is_equal(text, folded));
	hostname_clean(text);
	require(strpbrk(text, " \t\r\n") == NULL);
	require(!is_fine || memcmp(text, data, size) == 0);
	free(folded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xmemdup(data, size);
	int port = portmap_uaddr_port(text);

	require(port >= -1 && port <= UINT16_MAX);
	try_addr(text);
	try_name(text, data, size);
	free(text);
	return 0;
}
