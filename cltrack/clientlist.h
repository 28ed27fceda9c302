/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clients with bytes of their own.  How many there may be the database says:
 * one row each.
 */
#ifndef NFS_RECLAIM_CLTRACK_CLIENTLIST_H
#define NFS_RECLAIM_CLTRACK_CLIENTLIST_H

#include "cltrack/client.h"

/* Zeroed = empty. */
struct clientlist {
	struct client *clients;
	size_t count;
	size_t size;
};

/*
 * Adds @client at the end.
 * Owns:   copies; clientlist_fini() ends it.
 */
void clientlist_add(struct clientlist *list, const struct client *client);

/*
 * Frees all of @list, which is empty then.
 */
void clientlist_fini(struct clientlist *list);

#endif
