/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two calls that sm-notify makes.
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_MESSAGE_H
#define NFS_RECLAIM_SM_NOTIFY_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/buf.h"
#include "lib/portmap.h"

/*
 * Adds "where is your statd", for @protocol and a peer of @family.
 */
void message_add_getport(struct buf *out, uint32_t xid, enum addr_family family,
			 enum portmap_protocol protocol);

/* SM_NOTIFY's arguments; the name is borrowed. */
struct message_notice {
	char *name;
	size_t len;
	uint32_t number;
};

/*
 * Adds SM_NOTIFY.
 * Range:  len <= SM_MAXSTRLEN.
 */
void message_add_notice(struct buf *out, uint32_t xid,
			const struct message_notice *notice);

#endif
