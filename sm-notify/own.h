/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Our own addresses: from which others a peer is to be told, too.
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_OWN_H
#define NFS_RECLAIM_SM_NOTIFY_OWN_H

#include <stddef.h>

#include "sm-notify/notify.h"

/*
 * Writes the addresses in the @count of @own that share interface and family
 * with @used, the one that a peer's answer came to; not @used itself.
 * Return: how many, at most NOTIFY_SOURCES_MAX - 1; 0 where @used is none of
 *         @own.
 * Source: design decision 13.
 */
size_t own_others(const struct notify_own *own, size_t count,
		  const struct addr *used,
		  struct addr out[static NOTIFY_SOURCES_MAX - 1]);

#endif
