/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where others come with requests: the control socket of sm-notify, its
 * messages turned into inputs of the core, and answers into messages.
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_DESK_H
#define NFS_RECLAIM_SM_NOTIFY_DESK_H

#include <stdint.h>

#include "lib/ctl.h"
#include "os/control.h"
#include "os/loop.h"
#include "sm-notify/notify.h"

#define DESK_DIR	  "/run/nfs-reclaim"
#define DESK_SOCKET	  "sm-notify.sock"
#define DESK_REQUESTS_MAX 64u /* of one connection, not answered yet */

struct desk;

/* Something for the core. */
typedef void desk_feed(void *ctx, const struct notify_in *in);

/*
 * Serves the socket @fd of control_bind() to those of @access.
 * Owns:   takes @fd; desk_free() ends it.
 */
struct desk *desk_new(struct loop *loop, int fd,
		      const struct control_access *access, desk_feed *feed,
		      void *ctx);

/*
 * Sends the answer @word to the request @id, where its asker is still there.
 */
void desk_answer(struct desk *desk, uint64_t id, enum ctl_word word);

/*
 * Closes the socket; nobody is answered.  NULL is fine.
 */
void desk_free(struct desk *desk);

#endif
