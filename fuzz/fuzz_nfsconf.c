/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as nfs.conf.  The input is also what every include reads and what
 * every environment variable holds, so files that include themselves and names
 * that lead to each other come up without being asked for.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/nfsconf.h"
#include "lib/xalloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t size;
	const char *text; /* the same, ended by a NUL */
	const struct nfsconf *conf;
	unsigned int read_count;
	unsigned int complaint_count;
};

static int fake_read_file(void *ctx, const char *path, struct buf *out)
{
	struct input *in = ctx;

	assert(strlen(path) < NFSCONF_PATH_MAX);
	in->read_count++;
	if (strchr(path, 'q') != NULL)
		return -ENOENT;
	buf_add(out, in->data, in->size);
	return 0;
}

static const char *fake_getenv(void *ctx, const char *name)
{
	const struct input *in = ctx;

	return strchr(name, 'e') != NULL ? in->text : NULL;
}

/* A complaint must be safe for any terminal. */
static void fake_complain(void *ctx, const char *text)
{
	struct input *in = ctx;

	in->complaint_count++;
	for (; *text != '\0'; text++)
		assert(*text >= 0x20 && *text <= 0x7e);
}

static void visit(void *ctx, const char *tag, const struct nfsconf_value *value)
{
	const struct input *in = ctx;
	struct nfsconf_value got;

	assert(*tag != '\0' && *value->text != '\0' && value->line > 0);
	if (nfsconf_get(in->conf, "a", NULL, tag, &got))
		assert(*got.text != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {.data = data, .size = size};
	const struct nfsconf_world world = {
		.ctx = &in,
		.read_file = fake_read_file,
		.getenv = fake_getenv,
		.complain = fake_complain,
	};
	struct nfsconf *conf;
	struct nfsconf_value value;
	char *text;

	/* Looking each of many assignments up among all is for no input. */
	if (size > 1024)
		return 0;
	text = xmemdup(data, size);
	in.text = text;
	conf = nfsconf_new(&world);
	in.conf = conf;
	nfsconf_parse(conf, "/etc/nfs.conf", data, size);
	assert(in.read_count < NFSCONF_FILES_MAX);
	assert(in.complaint_count <= NFSCONF_COMPLAINTS_MAX + 1);
	if (size <= 256)
		nfsconf_each(conf, "a", visit, &in);
	(void)nfsconf_get(conf, "a", "b", "x", &value);
	(void)nfsconf_get(conf, "environment", NULL, "x", &value);
	nfsconf_free(conf);
	free(text);
	return 0;
}
