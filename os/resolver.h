/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host names to addresses, without ever blocking the caller: a few helper
 * processes run getaddrinfo(3), so names mean what they mean to mount(8)
 * (files, DNS, LDAP), and a dead name service stops nobody (design decision
 * 3).
 */
#ifndef NFS_RECLAIM_OS_RESOLVER_H
#define NFS_RECLAIM_OS_RESOLVER_H

#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "os/loop.h"

#define RESOLVER_HELPERS    4
#define RESOLVER_QUEUE_MAX  4096
#define RESOLVER_TIMEOUT_MS 10000u
#define RESOLVER_ADDRS_MAX  16

struct resolver;

/*
 * One answer; count 0: the name does not resolve, or not in time.  Ports are
 * 0.  0.0.0.0 and :: are left out.  May ask again, but not free the resolver.
 * Owns:   @addrs is borrowed for the call.
 */
typedef void resolver_answer(void *ctx, uint64_t id, const struct addr *addrs,
			     size_t count);

/*
 * Returns a resolver whose helpers are forked on the first question.
 * Owns:   resolver_free() ends it.
 */
struct resolver *resolver_new(struct loop *loop, resolver_answer *answer,
			      void *ctx);

/*
 * Gives each name @timeout_ms from when a helper takes it, instead of
 * RESOLVER_TIMEOUT_MS; for the names taken from now on.
 */
void resolver_set_timeout(struct resolver *resolver, uint32_t timeout_ms);

/*
 * Asks for the addresses of @name; the answer comes later, from the loop, once
 * for each question, also where the queue was full (count 0).
 * Range:  @name 1..HOSTNAME_LEN_MAX bytes.
 * Owns:   copies @name.
 */
void resolver_ask(struct resolver *resolver, uint64_t id, const char *name);

/*
 * Ends the helpers and frees @resolver; open questions get no answer.  NULL is
 * fine.
 */
void resolver_free(struct resolver *resolver);

#endif
