/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One heap cell per effect, first in, first out.  Nothing is merged or
 * reordered here: the order of effects *is* the promise of the core.
 */
#include "statd/effects.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/xalloc.h"

#define CALLOUT_TEXT_MAX                                    \
	4096 /* of all words; a name has 1095 bytes at most \
	      */

struct effect {
	struct link in_queue; /* effects::queue */
	struct nsm_out out;
	uint8_t *bytes; /* owned; out.bytes points here */
	char *text;	/* owned; a name or a log line */
};

void effects_init(struct effects *out)
{
	list_init(&out->queue);
	out->taken = NULL;
}

static void effect_free(struct effect *e)
{
	if (e == NULL)
		return;
	free(e->bytes);
	free(e->text);
	free(e);
}

void effects_fini(struct effects *out)
{
	struct link *link;

	while ((link = list_take_first(&out->queue)) != NULL)
		effect_free(container_of(link, struct effect, in_queue));
	effect_free(out->taken);
	out->taken = NULL;
}

/* Queues a new effect; @message (may be NULL) and @text (too) become its own.
 */
static struct effect *effect_add(struct effects *out, enum nsm_out_kind kind,
				 struct buf *message, const char *text)
{
	struct effect *e = xzalloc(sizeof(*e));

	e->out.kind = kind;
	if (message != NULL) {
		e->out.len = message->len;
		e->bytes = buf_take(message);
		e->out.bytes = e->bytes;
	}
	if (text != NULL)
		e->text = xstrdup(text);
	list_append(&out->queue, &e->in_queue);
	return e;
}

void effects_reply(struct effects *out, uint64_t reply_to, struct buf *message)
{
	struct effect *e = effect_add(out, NSM_OUT_REPLY, message, NULL);

	e->out.reply.reply_to = reply_to;
}

void effects_send(struct effects *out, uint64_t id, enum nsm_source source,
		  const struct addr *peer, struct buf *message)
{
	struct effect *e = effect_add(out, NSM_OUT_SEND, message, NULL);

	e->out.send.id = id;
	e->out.send.source = source;
	e->out.send.peer = *peer;
}

void effects_store(struct effects *out, uint64_t id, const char *file,
		   bool is_new, struct buf *content)
{
	struct effect *e = effect_add(out, NSM_OUT_STORE, content, file);

	e->out.store.id = id;
	e->out.store.file = e->text;
	e->out.store.is_new = is_new;
}

void effects_forget(struct effects *out, const char *file)
{
	struct effect *e = effect_add(out, NSM_OUT_FORGET, NULL, file);

	e->out.forget.file = e->text;
}

void effects_memo(struct effects *out, uint64_t id, uint64_t number,
		  struct buf *content)
{
	struct effect *e = effect_add(out, NSM_OUT_MEMO, content, NULL);

	e->out.memo.id = id;
	e->out.memo.number = number;
}

void effects_resolve(struct effects *out, uint64_t id, const char *name)
{
	struct effect *e = effect_add(out, NSM_OUT_RESOLVE, NULL, name);

	e->out.resolve.id = id;
	e->out.resolve.name = e->text;
}

void effects_callout(struct effects *out, uint64_t id, const char *const *words,
		     size_t count)
{
	struct effect *e = effect_add(out, NSM_OUT_CALLOUT, NULL, NULL);
	size_t at[NSM_WORDS_MAX];
	struct buf text;
	size_t i;

	assert(count >= 1 && count <= NSM_WORDS_MAX);
	buf_init(&text, CALLOUT_TEXT_MAX);
	for (i = 0; i < count; i++) {
		at[i] = text.len;
		buf_add(&text, words[i], strlen(words[i]) + 1);
	}
	assert(!text.is_overflowed);
	e->text = (char *)buf_take(&text);
	e->out.callout.id = id;
	e->out.callout.count = count;
	for (i = 0; i < count; i++)
		e->out.callout.words[i] = e->text + at[i];
}

void effects_untold(struct effects *out, uint64_t id, enum ctl_verb verb,
		    const char *subject)
{
	struct effect *e = effect_add(out, NSM_OUT_UNTOLD, NULL, subject);

	e->out.untold.id = id;
	e->out.untold.verb = verb;
	e->out.untold.subject = e->text;
}

void effects_untold_told(struct effects *out, uint64_t id, const char *subject)
{
	struct effect *e = effect_add(out, NSM_OUT_UNTOLD, NULL, subject);

	e->out.untold.id = id;
	e->out.untold.verb = CTL_PARK;
	e->out.untold.subject = e->text;
	e->out.untold.is_noted = true;
}

void effects_note(struct effects *out, const char *line)
{
	struct effect *e = effect_add(out, NSM_OUT_NOTE, NULL, line);

	e->out.note.line = e->text;
}

void effects_grace(struct effects *out)
{
	effect_add(out, NSM_OUT_GRACE, NULL, NULL);
}

static void effect_add_log(struct effects *out, enum log_level level,
			   enum log_class class, const char *text)
{
	struct effect *e = effect_add(out, NSM_OUT_LOG, NULL, text);

	e->out.log.level = level;
	e->out.log.class = class;
	e->out.log.text = e->text;
}

void effects_log(struct effects *out, enum log_level level, const char *format,
		 ...)
{
	char text[LOG_TEXT_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args); /* a cut is fine */
	va_end(args);
	effect_add_log(out, level, LOG_CLASS_GENERAL, text);
}

void effects_debug(struct effects *out, enum log_class class,
		   const char *format, ...)
{
	char text[LOG_TEXT_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args); /* a cut is fine */
	va_end(args);
	effect_add_log(out, LOG_TRACE, class, text);
}

bool effects_take(struct effects *out, struct nsm_out *to)
{
	struct link *link = list_take_first(&out->queue);

	effect_free(out->taken);
	out->taken = NULL;
	if (link == NULL)
		return false;
	out->taken = container_of(link, struct effect, in_queue);
	*to = out->taken->out;
	return true;
}
