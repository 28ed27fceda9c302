/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One call over a connection of its own: connected from a reserved port, sent
 * as one record, answered by one, closed (RFC 5531 section 11).
 */
#ifndef NFS_RECLAIM_OS_TCPCALL_H
#define NFS_RECLAIM_OS_TCPCALL_H

#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "os/loop.h"

#define TCPCALL_TIMEOUT_MS 10000u /* from the start to the whole answer */

struct tcpcall;

/*
 * The end of a call: its answer, or @error -errno and no bytes.  Comes once;
 * the call may be freed in it.
 * Owns:   @bytes is borrowed for the call of this.
 */
typedef void tcpcall_done(void *ctx, int error, const uint8_t *bytes,
			  size_t len);

/*
 * Begins to send @len bytes to @peer from the address @local (ADDR_NONE: any)
 * and its port (0: a reserved one).
 * Errors: NULL and *error = -errno; @done does not come then.
 * Owns:   copies the bytes; tcpcall_free() ends it, also after @done.
 */
struct tcpcall *tcpcall_open(struct loop *loop, const struct addr *local,
			     const struct addr *peer, int *error,
			     tcpcall_done *done, void *ctx);

/*
 * Makes @len bytes what the call says; right after tcpcall_open().
 * Range:  len <= RPCMSG_SIZE_MAX.
 * Owns:   copies.
 */
void tcpcall_say(struct tcpcall *call, const uint8_t *bytes, size_t len);

/*
 * Closes the connection, and @done does not come any more; NULL is fine.
 */
void tcpcall_free(struct tcpcall *call);

#endif
