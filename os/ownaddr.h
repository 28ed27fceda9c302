/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses of this host.
 */
#ifndef NFS_RECLAIM_OS_OWNADDR_H
#define NFS_RECLAIM_OS_OWNADDR_H

#include "lib/addr.h"

/*
 * Writes the address from which the kernel would send to @peer now, ADDR_NONE
 * where there is no way to it.  Nothing is sent.
 * Errors: -errno.
 */
int ownaddr_toward(const struct addr *peer, struct addr *out);

#endif
