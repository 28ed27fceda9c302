/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the effects of the notifier core until the driver takes them, and one
 * more until it asks for the next.  It decides nothing and drops nothing; how
 * long it grows is bounded by what one input can cause, since the driver
 * empties it after each.
 */
#include "sm-notify/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "lib/xalloc.h"

struct outbox_item {
	struct link in_items; /* outbox::items */
	struct notify_out out;
	uint8_t *bytes; /* what out.bytes points at */
	char *text;	/* what its strings point at */
};

void outbox_init(struct outbox *box)
{
	list_init(&box->items);
	box->taken = NULL;
}

static void item_free(struct outbox_item *item)
{
	if (!item)
		return;
	free(item->bytes);
	free(item->text);
	free(item);
}

void outbox_fini(struct outbox *box)
{
	struct link *at;

	item_free(box->taken);
	while ((at = list_take_first(&box->items)))
		item_free(container_of(at, struct outbox_item, in_items));
}

static struct outbox_item *item_add(struct outbox *box,
				    enum notify_out_kind kind)
{
	struct outbox_item *item = xzalloc(sizeof(*item));

	item->out.kind = kind;
	list_append(&box->items, &item->in_items);
	return item;
}

static void item_take_bytes(struct outbox_item *item, struct buf *bytes)
{
	item->out.len = bytes->len;
	item->bytes = buf_take(bytes);
	item->out.bytes = item->bytes;
}

/* Queues @message, to be sent in one way or the other. */
static struct notify_out *add_message(struct outbox *box,
				      enum notify_out_kind kind, uint64_t id,
				      struct buf *message)
{
	struct outbox_item *item = item_add(box, kind);

	item_take_bytes(item, message);
	item->out.send.id = id;
	return &item->out;
}

void outbox_send(struct outbox *box, uint64_t id, const struct addr *peer,
		 const struct addr *source, struct buf *message)
{
	struct notify_out *out = add_message(box, NOTIFY_OUT_SEND, id, message);

	out->send.peer = *peer;
	out->send.source = *source;
}

void outbox_call(struct outbox *box, uint64_t id, const struct addr *peer,
		 const struct addr *source, struct buf *message)
{
	struct notify_out *out = add_message(box, NOTIFY_OUT_CALL, id, message);

	out->send.peer = *peer;
	out->send.source = *source;
}

void outbox_hang_up(struct outbox *box, uint64_t id)
{
	item_add(box, NOTIFY_OUT_HANG_UP)->out.hang_up.id = id;
}

void outbox_resolve(struct outbox *box, uint64_t id, const char *name)
{
	struct outbox_item *item = item_add(box, NOTIFY_OUT_RESOLVE);

	item->text = xstrdup(name);
	item->out.resolve.id = id;
	item->out.resolve.name = item->text;
}

void outbox_rewrite(struct outbox *box, const char *file, struct buf *content)
{
	struct outbox_item *item = item_add(box, NOTIFY_OUT_REWRITE);

	item_take_bytes(item, content);
	item->text = xstrdup(file);
	item->out.rewrite.file = item->text;
}

void outbox_read(struct outbox *box, const char *file)
{
	struct outbox_item *item = item_add(box, NOTIFY_OUT_READ);

	item->text = xstrdup(file);
	item->out.read.file = item->text;
}

void outbox_log(struct outbox *box, enum log_level level, const char *before,
		const char *name, const char *after)
{
	struct outbox_item *item = item_add(box, NOTIFY_OUT_LOG);
	struct buf text;

	buf_init(&text, LOG_TEXT_MAX);
	buf_add_text(&text, before);
	buf_add_escaped(&text, name, strnlen(name, OUTBOX_NAME_MAX));
	buf_add_text(&text, after);
	item->text = (char *)buf_take(&text);
	item->out.log.level = level;
	item->out.log.class = LOG_CLASS_GENERAL;
	item->out.log.text = item->text;
}

void outbox_answer(struct outbox *box, uint64_t id, enum ctl_word word)
{
	struct outbox_item *item = item_add(box, NOTIFY_OUT_ANSWER);

	item->out.answer.id = id;
	item->out.answer.word = word;
}

void outbox_told(struct outbox *box, size_t at)
{
	item_add(box, NOTIFY_OUT_TOLD)->out.told.at = at;
}

void outbox_done(struct outbox *box, size_t told, size_t untold)
{
	struct outbox_item *item = item_add(box, NOTIFY_OUT_DONE);

	item->out.done.told = told;
	item->out.done.untold = untold;
}

bool outbox_take(struct outbox *box, struct notify_out *out)
{
	struct link *first = list_take_first(&box->items);

	item_free(box->taken);
	box->taken = NULL;
	if (!first)
		return false;
	box->taken = container_of(first, struct outbox_item, in_items);
	*out = box->taken->out;
	return true;
}
