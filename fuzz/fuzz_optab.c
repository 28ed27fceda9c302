/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as the values of every kind of row, once as arguments of options
 * and once through nfs.conf: the bounds of a row always hold, a refusal leaves
 * the field alone, and no message carries a raw byte.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/optab.h"
#include "lib/xalloc.h"

#define TEXT_MAX 65536
#define UNSET	 4 /* within no range below */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct settings {
	unsigned int number;
	unsigned int classes;
	unsigned int word;
	const char *text;
	bool flag;
};

#define FIELD(name) \
	.section = "a", .key = #name, .offset = offsetof(struct settings, name)

static const char *const words[] = {"verify", "address", "legacy", NULL};

static const struct optab table[] = {
	{FIELD(number), .kind = OPTAB_UINT, .min = 5, .max = 1000},
	{FIELD(text), .kind = OPTAB_TEXT},
	{FIELD(classes), .kind = OPTAB_CLASSES},
	{FIELD(word), .kind = OPTAB_WORD, .words = words},
	{FIELD(flag), .kind = OPTAB_FLAG},
	{0},
};

static int fake_read_file(void *ctx, const char *path, struct buf *out)
{
	(void)ctx;
	(void)path;
	(void)out;
	return -ENOENT;
}

static const char *fake_getenv(void *ctx, const char *name)
{
	(void)name;
	return ctx;
}

static void fake_complain(void *ctx, const char *text)
{
	(void)ctx;
	(void)text;
}

static void check_settings(const struct settings *s)
{
	assert(s->number == UNSET || (s->number >= 5 && s->number <= 1000));
	assert(s->classes <= LOG_CLASS_ALL);
	assert(s->word < 3);
	assert(s->text == NULL || *s->text != '\0');
}

static void check_message(const char *text)
{
	for (; *text != '\0'; text++)
		assert(*text == '\n' || (*text >= 0x20 && *text <= 0x7e));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct settings s = {.number = UNSET};
	char *text = xmemdup(data, size);
	const struct nfsconf_world world = {
		.ctx = text,
		.read_file = fake_read_file,
		.getenv = fake_getenv,
		.complain = fake_complain,
	};
	struct nfsconf *conf = nfsconf_new(&world);
	const struct optab *opt;
	struct buf out;

	buf_init(&out, TEXT_MAX);
	for (opt = table; !optab_is_end(opt); opt++) {
		buf_clear(&out);
		assert(optab_set(opt, &s, text, &out) == (out.len == 0));
		check_message(buf_text(&out));
		check_settings(&s);
	}
	buf_clear(&out);
	nfsconf_parse(conf, "/etc/nfs.conf", data, size);
	(void)optab_read_conf(table, &s, conf, &out);
	optab_find_unknown(table, "a", NULL, conf, &out);
	check_message(buf_text(&out));
	check_settings(&s);
	buf_fini(&out);
	nfsconf_free(conf);
	free(text);
	return 0;
}
