/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sockets on which the program NSM is served: one per visible transport of
 * netconfig(5), and who waits for an answer on which of them.
 */
#ifndef NFS_RECLAIM_STATD_SERVICE_H
#define NFS_RECLAIM_STATD_SERVICE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/buf.h"
#include "os/loop.h"
#include "os/rpctcp.h"
#include "statd/nsm.h"

#define SERVICE_SOCKETS_MAX 4	  /* udp, tcp, udp6, tcp6 */
#define SERVICE_WAITING_MAX 65536 /* calls without an answer */

struct service;

struct service_config {
	uint16_t port; /* 0: what services(5) gives to "status", else any */
	struct rpctcp_limits limits; /* of both stream sockets together */
};

typedef void service_call(void *ctx, uint64_t reply_to,
			  enum nsm_transport transport, const struct addr *from,
			  const uint8_t *bytes, size_t len);

/*
 * Opens the sockets, and allows the process the descriptors that the limits
 * need; where it may not have them, the limits are lowered, which is logged.
 * Errors: NULL and *error = -errno where not one socket could be opened; each
 *         that could not is logged.
 * Owns:   service_free() ends it.
 * Source: contract.md 2.5.
 */
struct service *service_open(struct loop *loop,
			     const struct service_config *config,
			     service_call *call, void *ctx, int *error);

/*
 * Returns the netid of socket @index and its port; NULL behind the last.
 * Owns:   static.
 */
const char *service_socket(const struct service *service, size_t index,
			   uint16_t *port);

/*
 * Answers the call @reply_to with @len bytes; 0: it gets no answer.  A caller
 * that is gone is passed over.
 */
void service_reply(struct service *service, uint64_t reply_to,
		   const uint8_t *bytes, size_t len);

/*
 * Adds to @out, for an administrator, the connections and who waits: lines,
 * each ended by LF.
 */
void service_add_status(const struct service *service, struct buf *out);

/*
 * Closes the sockets; NULL is fine.
 */
void service_free(struct service *service);

#endif
