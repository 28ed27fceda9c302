/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small: a count per sender, and a list per thing that is waited for.
 */
#include "statd/senders.h"

#include <stdlib.h>

#include "lib/rpcmsg.h"
#include "lib/xalloc.h"

/* That a sender waits in a list. */
struct waiter {
	struct link in_list; /* waiters of an event, kept notice, doubt */
	struct sender *sender;
};

void senders_answer(struct effects *out, uint64_t reply_to, uint32_t xid)
{
	struct buf message;

	buf_init(&message, RPCMSG_SIZE_MAX);
	rpcmsg_add_reply(&message, xid, RPCMSG_SUCCESS, 0);
	effects_reply(out, reply_to, &message);
}

struct sender *sender_new(uint64_t reply_to, uint32_t xid)
{
	struct sender *sender = xzalloc(sizeof(*sender));

	sender->reply_to = reply_to;
	sender->xid = xid;
	return sender;
}

void sender_wait(struct sender *sender, struct link *waiters)
{
	struct waiter *waiter = xzalloc(sizeof(*waiter));

	waiter->sender = sender;
	sender->open++;
	list_append(waiters, &waiter->in_list);
}

static void end_sender(struct effects *out, struct sender *sender)
{
	if (sender->is_mute)
		effects_reply(out, sender->reply_to, NULL);
	else
		senders_answer(out, sender->reply_to, sender->xid);
	free(sender);
}

void senders_release(struct effects *out, struct link *waiters,
		     bool is_answered)
{
	struct link *link;

	while ((link = list_take_first(waiters)) != NULL) {
		struct waiter *waiter =
			container_of(link, struct waiter, in_list);
		struct sender *sender = waiter->sender;

		free(waiter);
		sender->is_mute |= !is_answered;
		if (--sender->open == 0)
			end_sender(out, sender);
	}
}
