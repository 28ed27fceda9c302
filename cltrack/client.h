/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client of the NFSv4 server, as the kernel names it to its trackers.
 */
#ifndef NFS_RECLAIM_CLTRACK_CLIENT_H
#define NFS_RECLAIM_CLTRACK_CLIENT_H

#include <stddef.h>
#include <stdint.h>

enum {
	CLIENT_ID_MAX = 1024,	   /* bytes of nfs_client_id4 */
	CLIENT_PRINCHASH_LEN = 32, /* a SHA-256 */
};

/* Borrows its bytes. */
struct client {
	const uint8_t *id; /* any bytes, 1 to CLIENT_ID_MAX of them */
	size_t id_len;
	const uint8_t *princhash; /* of the Kerberos principal */
	size_t princhash_len;	  /* 0 or CLIENT_PRINCHASH_LEN */
};

#endif
