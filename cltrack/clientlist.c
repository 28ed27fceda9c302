/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One block of memory per client: its id, then the hash of its principal.
 */
#include "cltrack/clientlist.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/xalloc.h"

#define FIRST_SIZE 8u

void clientlist_add(struct clientlist *list, const struct client *client)
{
	uint8_t *bytes = xzalloc(client->id_len + client->princhash_len);
	struct client *copy;

	assert(client->id_len > 0);
	if (list->count == list->size) {
		list->size = list->size == 0 ? FIRST_SIZE : list->size * 2;
		list->clients = xreallocarray(list->clients, list->size,
					      sizeof(*list->clients));
	}
	copy = &list->clients[list->count++];
	*copy = *client;
	memcpy(bytes, client->id, client->id_len);
	copy->id = bytes;
	if (client->princhash_len > 0)
		memcpy(bytes + client->id_len, client->princhash,
		       client->princhash_len);
	copy->princhash = bytes + client->id_len;
}

void clientlist_fini(struct clientlist *list)
{
	for (size_t i = 0; i < list->count; i++)
		free((void *)(uintptr_t)list->clients[i].id);
	free(list->clients);
	*list = (struct clientlist){.count = 0};
}
