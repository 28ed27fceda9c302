/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is still to be told of our reboot, as this machine knows it: a running
 * sm-notify is asked over its socket, else sm.bak/ is looked at; and the file
 * sm/.reclaim/parked, in which the core's decisions outlive us.
 */
#ifndef NFS_RECLAIM_STATD_UNTOLD_H
#define NFS_RECLAIM_STATD_UNTOLD_H

#include "lib/buf.h"
#include "os/loop.h"
#include "statd/nsm.h"

#define UNTOLD_PENDING_MAX 4096u /* wishes that sm-notify has not answered */
#define UNTOLD_OPEN_MAX	   32u	 /* ... sent to it: to tell; all others */

struct untold;

/* Something for the core. */
typedef void untold_feed(void *ctx, const struct nsm_in *in);

/*
 * Makes one for the records in @state_dir.
 * Errors: NULL, and *error = -errno, where the directories cannot be opened.
 * Owns:   untold_free() ends it.
 */
struct untold *untold_open(struct loop *loop, const char *state_dir,
			   untold_feed *feed, void *ctx, int *error);

/*
 * Takes @number for the state number in force; 0, which is none, changes
 * nothing.
 */
void untold_set_number(struct untold *untold, uint32_t number);

/*
 * Carries out an UNTOLD; its outcome is fed at once or later.  Never waits for
 * sm-notify.
 */
void untold_wish(struct untold *untold, const struct nsm_out *out);

/*
 * Carries out a NOTE.
 */
void untold_note(struct untold *untold, const struct nsm_out *out);

/*
 * Adds one line about who is parked to @out.
 */
void untold_add_status(const struct untold *untold, struct buf *out);

/*
 * Closes all; nothing is fed any more.  NULL is fine.
 */
void untold_free(struct untold *untold);

#endif
