/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stream service: accepts connections, cuts them into RPC records, writes
 * replies back.  A connection is named by a number that is never used again,
 * so a late reply to one that is gone is dropped, not misdelivered.
 */
#ifndef NFS_RECLAIM_OS_RPCTCP_H
#define NFS_RECLAIM_OS_RPCTCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "os/loop.h"

#define RPCTCP_CONNECTIONS_MAX 65536u	    /* of one rpctcp_limit */
#define RPCTCP_OUT_MAX	       (256 * 1024) /* unsent bytes of a connection */

struct rpctcp;
struct rpctcp_limit;

/* What the listeners of a daemon may hold together; see lib/connlimit.h. */
struct rpctcp_limits {
	unsigned int connections_max; /* 2..RPCTCP_CONNECTIONS_MAX */
	unsigned int per_address_max; /* 1 or more; of strangers only */
	uint32_t idle_ms; /* 1 or more: strangers without a call for so long */
	/* Who is no stranger; NULL: loopback. */
	bool (*is_local)(const struct addr *from);
};

/* What became of connections, since the start. */
struct rpctcp_counts {
	unsigned int open_local; /* now */
	unsigned int open_strangers;
	uint64_t accepted;
	uint64_t refused;
	uint64_t idle;	    /* closed for idleness */
	uint64_t replaced;  /* closed at the cap, for others */
	uint64_t malformed; /* closed: what they sent is no record */
};

/*
 * Returns what the listeners of a daemon share: how many connections they may
 * have, and the timer that closes idle ones.
 * Owns:   rpctcp_limit_free() ends it, after all its listeners; *limits is
 *         copied.
 */
struct rpctcp_limit *rpctcp_limit_new(struct loop *loop,
				      const struct rpctcp_limits *limits);

/*
 * Frees @limit; NULL is fine.
 */
void rpctcp_limit_free(struct rpctcp_limit *limit);

/*
 * Reads what was counted so far.
 */
void rpctcp_limit_counts(const struct rpctcp_limit *limit,
			 struct rpctcp_counts *counts);

/*
 * One record.  May call rpctcp_send(), but not rpctcp_free().
 * Owns:   @from and @bytes are borrowed for the call, also where a reply ends
 *         the connection.
 */
typedef void rpctcp_receive(void *ctx, struct rpctcp *tcp, uint64_t connection,
			    const struct addr *from, const uint8_t *bytes,
			    size_t len);

/*
 * Opens a listener of @family on the wildcard address and @port (0: any), in
 * the loop of @limit, which it shares with others.  Records over
 * RPCMSG_SIZE_MAX end their connection.  Refused and replaced connections are
 * logged, ten a minute.
 * Errors: NULL and *error = -errno.
 * Owns:   rpctcp_free() ends it; borrows @limit.
 */
struct rpctcp *rpctcp_listen(struct rpctcp_limit *limit,
			     enum addr_family family, uint16_t port,
			     rpctcp_receive *receive, void *ctx, int *error);

/*
 * Returns the port that @tcp is bound to.
 */
uint16_t rpctcp_port(const struct rpctcp *tcp);

/*
 * Sends @len bytes as one record to @connection; dropped where it is gone.
 * Nothing is read from a peer that does not take what was sent, and past
 * RPCTCP_OUT_MAX its connection is closed.
 */
void rpctcp_send(struct rpctcp *tcp, uint64_t connection, const uint8_t *bytes,
		 size_t len);

/*
 * Closes the listener and all its connections; NULL is fine.
 */
void rpctcp_free(struct rpctcp *tcp);

#endif
