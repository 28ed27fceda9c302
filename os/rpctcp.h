/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stream service: accepts connections, cuts them into RPC records, writes
 * replies back.  A connection is named by a number that is never used again,
 * so a late reply to one that is gone is dropped, not misdelivered.
 */
#ifndef NFS_RECLAIM_OS_RPCTCP_H
#define NFS_RECLAIM_OS_RPCTCP_H

#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "os/loop.h"

#define RPCTCP_CONNECTIONS_MAX 4096
#define RPCTCP_OUT_MAX	       (256 * 1024) /* unsent bytes of a connection */

struct rpctcp;

/*
 * One record.  May call rpctcp_send(), but not rpctcp_free().
 * Owns:   @from and @bytes are borrowed for the call, also where a reply ends
 *         the connection.
 */
typedef void rpctcp_receive(void *ctx, struct rpctcp *tcp, uint64_t connection,
			    const struct addr *from, const uint8_t *bytes,
			    size_t len);

/*
 * Opens a listener of @family on the wildcard address and @port (0: any).
 * Records over RPCMSG_SIZE_MAX end their connection.
 * Errors: NULL and *error = -errno.
 * Owns:   rpctcp_free() ends it.
 */
struct rpctcp *rpctcp_listen(struct loop *loop, enum addr_family family,
			     uint16_t port, rpctcp_receive *receive, void *ctx,
			     int *error);

/*
 * Returns the port that @tcp is bound to.
 */
uint16_t rpctcp_port(const struct rpctcp *tcp);

/*
 * Sends @len bytes as one record to @connection; dropped where it is gone, and
 * the connection is closed where its peer reads nothing (RPCTCP_OUT_MAX).
 */
void rpctcp_send(struct rpctcp *tcp, uint64_t connection, const uint8_t *bytes,
		 size_t len);

/*
 * Closes the listener and all its connections; NULL is fine.
 */
void rpctcp_free(struct rpctcp *tcp);

#endif
