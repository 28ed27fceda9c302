/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One message from the pipe: no length inside it leads outside of it, and what
 * is understood is written again as it was, but for what it does not carry.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cltrack/upcall.h"
#include "fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_inside(const uint8_t *at, size_t len, const uint8_t *data,
		      size_t size)
{
	return len == 0 ||
	       (at >= data && len <= size && at - data <= (long)(size - len));
}

static void require_same_client(const struct client *a, const struct client *b)
{
	require(a->id_len == b->id_len && a->princhash_len == b->princhash_len);
	if (a->id_len > 0)
		require(memcmp(a->id, b->id, a->id_len) == 0);
	if (a->princhash_len > 0)
		require(memcmp(a->princhash, b->princhash, a->princhash_len) ==
			0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t written[UPCALL_SIZE_MAX];
	struct upcall got, back;
	enum upcall_fault fault = upcall_decode(data, size, &got);

	require(upcall_fault_text(fault) != NULL);
	require(upcall_command_name(got.command) != NULL);
	if (fault != UPCALL_OK) {
		require(got.client.id_len == 0);
		return 0;
	}
	require(size == upcall_size(got.version));
	require(got.client.id_len <= CLIENT_ID_MAX);
	require(got.client.princhash_len == 0 ||
		got.client.princhash_len == CLIENT_PRINCHASH_LEN);
	require(is_inside(got.client.id, got.client.id_len, data, size));
	require(is_inside(got.client.princhash, got.client.princhash_len, data,
			  size));
	require(upcall_encode(&got, written) == size);
	require(memcmp(written, data, UPCALL_HEADER_SIZE) == 0);
	require(upcall_decode(written, size, &back) == UPCALL_OK);
	require(back.offered == got.offered);
	require_same_client(&back.client, &got.client);
	return 0;
}
