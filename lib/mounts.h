/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which servers a host has NFS mounts of that use the lock manager, from the
 * text of /proc/PID/mountinfo (proc(5)).
 */
#ifndef NFS_RECLAIM_LIB_MOUNTS_H
#define NFS_RECLAIM_LIB_MOUNTS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"

#define MOUNTS_SERVERS_MAX 256

/* Addresses of servers, each once. */
struct mounts {
	struct addr servers[MOUNTS_SERVERS_MAX];
	size_t count;
};

/*
 * Finds the servers of all mounts of NFS version 2 and 3 in the @len bytes at
 * @bytes, up to MOUNTS_SERVERS_MAX: what addr= says, not mountaddr=.  Lines
 * that are cut or odd are left out.
 */
void mounts_parse(const uint8_t *bytes, size_t len, struct mounts *out);

#endif
