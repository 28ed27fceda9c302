/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calls over TCP that are under way, by the number of the peer.
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_DIALER_H
#define NFS_RECLAIM_SM_NOTIFY_DIALER_H

#include <stddef.h>
#include <stdint.h>

#include "os/loop.h"
#include "sm-notify/notify.h"

struct dialer;

/* What came of a call, for the core. */
typedef void dialer_feed(void *ctx, const struct notify_in *in);

/*
 * Returns a dialer that calls from the address @local (ADDR_NONE: any).
 * Owns:   dialer_free() ends it.
 */
struct dialer *dialer_new(struct loop *loop, const struct addr *local,
			  dialer_feed *feed, void *ctx);

/*
 * Carries NOTIFY_OUT_CALL out; what comes of it is fed later, from the loop.
 */
void dialer_call(struct dialer *dialer, const struct notify_out *out);

/*
 * Carries NOTIFY_OUT_HANG_UP out: nothing is fed about the call @id any more.
 */
void dialer_hang_up(struct dialer *dialer, uint64_t id);

/*
 * Ends all calls; NULL is fine.
 */
void dialer_free(struct dialer *dialer);

#endif
