/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One heap cell per effect, first in, first out.  Nothing is merged or
 * reordered here: the order of effects *is* the promise of the core.
 */
#include "cltrack/cldout.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cltrack/clientlist.h"
#include "lib/xalloc.h"

struct cldeffect {
	struct link in_queue; /* cldout::queue */
	struct cld_out out;
	void *bytes;		   /* owned; a message or a text */
	struct clientlist clients; /* STORE */
};

void cldout_init(struct cldout *out)
{
	list_init(&out->queue);
	out->taken = NULL;
}

static void effect_free(struct cldeffect *e)
{
	if (e == NULL)
		return;
	clientlist_fini(&e->clients);
	free(e->bytes);
	free(e);
}

void cldout_fini(struct cldout *out)
{
	struct link *link;

	while ((link = list_take_first(&out->queue)) != NULL)
		effect_free(container_of(link, struct cldeffect, in_queue));
	effect_free(out->taken);
	out->taken = NULL;
}

static struct cldeffect *effect_add(struct cldout *out, enum cld_out_kind kind)
{
	struct cldeffect *e = xzalloc(sizeof(*e));

	e->out.kind = kind;
	list_append(&out->queue, &e->in_queue);
	return e;
}

void cldout_send(struct cldout *out, enum cld_out_kind kind, uint64_t reply_to,
		 const uint8_t *bytes, size_t len)
{
	struct cldeffect *e = effect_add(out, kind);

	e->bytes = len > 0 ? xmemdup(bytes, len) : NULL;
	e->out.reply.reply_to = reply_to;
	e->out.reply.bytes = e->bytes;
	e->out.reply.len = len;
}

void cldout_store(struct cldout *out, const struct cld_store *store)
{
	struct cldeffect *e = effect_add(out, CLD_OUT_STORE);

	for (size_t i = 0; i < store->count; i++)
		clientlist_add(&e->clients, &store->clients[i]);
	e->out.store = *store;
	e->out.store.clients = e->clients.clients;
}

void cldout_load(struct cldout *out, uint64_t id, uint64_t epoch)
{
	struct cldeffect *e = effect_add(out, CLD_OUT_LOAD);

	e->out.load.id = id;
	e->out.load.epoch = epoch;
}

void cldout_look(struct cldout *out, uint64_t id)
{
	struct cldeffect *e = effect_add(out, CLD_OUT_LOOK);

	e->out.look.id = id;
}

void cldout_clean(struct cldout *out)
{
	effect_add(out, CLD_OUT_CLEAN);
}

void cldout_log(struct cldout *out, enum log_level level, const char *format,
		...)
{
	struct cldeffect *e = effect_add(out, CLD_OUT_LOG);
	char text[LOG_TEXT_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args); /* a cut is fine */
	va_end(args);
	e->bytes = xstrdup(text);
	e->out.log.level = level;
	e->out.log.class =
		level == LOG_TRACE ? LOG_CLASS_CALL : LOG_CLASS_GENERAL;
	e->out.log.text = e->bytes;
}

bool cldout_take(struct cldout *out, struct cld_out *to)
{
	struct link *link = list_take_first(&out->queue);

	effect_free(out->taken);
	out->taken = NULL;
	if (link == NULL)
		return false;
	out->taken = container_of(link, struct cldeffect, in_queue);
	*to = out->taken->out;
	return true;
}
