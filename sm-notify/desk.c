/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns who waits for which answer.  The core knows requests by numbers of
 * ours: the tags are the askers', and two may use the same.
 */
#include "sm-notify/desk.h"

#include <stdlib.h>

#include "lib/list.h"
#include "lib/xalloc.h"

/* A request that is not answered yet. */
struct open_request {
	struct link in_open; /* desk::open */
	uint64_t id;
	uint64_t conn;
	uint64_t tag;
};

struct desk {
	struct control *control;
	desk_feed *feed;
	void *ctx;
	struct link open; /* of open_request::in_open */
	uint64_t last_id;
};

static void request_free(struct open_request *request)
{
	list_remove(&request->in_open);
	free(request);
}

static unsigned int count_open(const struct desk *desk, uint64_t conn)
{
	unsigned int count = 0;
	struct link *at;

	list_for_each (at, &desk->open)
		count += container_of(at, struct open_request, in_open)->conn ==
			 conn;
	return count;
}

static void on_message(void *ctx, uint64_t conn, const uint8_t *bytes,
		       size_t len)
{
	struct desk *desk = ctx;
	struct ctl_request request;
	struct notify_in in = {.kind = NOTIFY_IN_REQUEST,
			       .request.request = &request};
	struct open_request *open;

	if (!ctl_parse_request(bytes, len, &request) ||
	    count_open(desk, conn) >= DESK_REQUESTS_MAX) {
		control_end(desk->control, conn);
		return;
	}
	open = xzalloc(sizeof(*open));
	open->id = ++desk->last_id;
	open->conn = conn;
	open->tag = request.tag;
	list_append(&desk->open, &open->in_open);
	in.request.id = open->id;
	desk->feed(desk->ctx, &in);
}

/* Any one that is open on @conn, or NULL. */
static struct open_request *find_open(const struct desk *desk, uint64_t conn)
{
	struct link *at;

	list_for_each (at, &desk->open) {
		struct open_request *open =
			container_of(at, struct open_request, in_open);

		if (open->conn == conn)
			return open;
	}
	return NULL;
}

static void on_gone(void *ctx, uint64_t conn)
{
	struct notify_in in = {.kind = NOTIFY_IN_CANCEL};
	struct desk *desk = ctx;
	struct open_request *open;

	/* From the start each time: what is fed may answer any other. */
	while ((open = find_open(desk, conn))) {
		in.request.id = open->id;
		request_free(open);
		desk->feed(desk->ctx, &in);
	}
}

struct desk *desk_new(struct loop *loop, int fd,
		      const struct control_access *access, desk_feed *feed,
		      void *ctx)
{
	struct desk *desk = xzalloc(sizeof(*desk));

	desk->feed = feed;
	desk->ctx = ctx;
	list_init(&desk->open);
	desk->control = control_new(loop, fd, access, CTL_LEN_MAX, on_message,
				    on_gone, desk);
	return desk;
}

void desk_answer(struct desk *desk, uint64_t id, enum ctl_word word)
{
	struct link *at;
	struct buf text;

	list_for_each (at, &desk->open) {
		struct open_request *open =
			container_of(at, struct open_request, in_open);

		if (open->id != id)
			continue;
		buf_init(&text, CTL_LEN_MAX);
		ctl_add_answer(&text, open->tag, word);
		control_send(desk->control, open->conn, text.bytes, text.len);
		buf_fini(&text);
		request_free(open);
		return;
	}
}

void desk_free(struct desk *desk)
{
	struct link *at;

	if (!desk)
		return;
	while ((at = list_take_first(&desk->open)))
		free(container_of(at, struct open_request, in_open));
	control_free(desk->control);
	free(desk);
}
