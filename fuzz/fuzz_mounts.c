/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A table of mounts: whatever it says, the servers are bounded, addresses, and
 * each there once; and a table cut in two at a line has no others.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/input.h"
#include "lib/mounts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool has(const struct mounts *mounts, const struct addr *addr)
{
	size_t i;

	for (i = 0; i < mounts->count; i++)
		if (addr_is_same_host(&mounts->servers[i], addr))
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mounts all, head, tail;
	const uint8_t *lf = size == 0 ? NULL : memchr(data, '\n', size);
	size_t cut = lf == NULL ? size : (size_t)(lf - data) + 1;
	size_t i, j;

	mounts_parse(data, size, &all);
	mounts_parse(data, cut, &head);
	mounts_parse(data + cut, size - cut, &tail);
	require(all.count <= MOUNTS_SERVERS_MAX);
	for (i = 0; i < all.count; i++) {
		require(all.servers[i].family != ADDR_NONE);
		require(has(&head, &all.servers[i]) ||
			has(&tail, &all.servers[i]));
		for (j = 0; j < i; j++)
			require(!addr_is_same_host(&all.servers[i],
						   &all.servers[j]));
	}
	return 0;
}
