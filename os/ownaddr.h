/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses of this host.
 */
#ifndef NFS_RECLAIM_OS_OWNADDR_H
#define NFS_RECLAIM_OS_OWNADDR_H

#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"

/*
 * Writes the address from which the kernel would send to @peer now, ADDR_NONE
 * where there is no way to it.  Nothing is sent.
 * Errors: -errno.
 */
int ownaddr_toward(const struct addr *peer, struct addr *out);

/* An address of an interface. */
struct ownaddr {
	struct addr addr;
	uint32_t link; /* interface index */
};

/*
 * Writes the global addresses of this host, those that are up and that a peer
 * may have recorded: no loopback or link-local ones, and of the IPv6 ones none
 * that is temporary, deprecated or not ready (RFC 4862, RFC 8981).
 * Return: how many, at most @size.
 */
size_t ownaddr_list(struct ownaddr *out, size_t size);

#endif
