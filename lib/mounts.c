/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line is words divided by one blank; blanks inside of names are written as
 * \040 and so divide nothing.  A word "-" ends the optional fields; behind it
 * are the type, the source and the options of the file system.
 */
#include "lib/mounts.h"

#include <stdbool.h>
#include <string.h>

#define FIELDS_BEFORE 6 /* at least, in front of the "-" */

struct text {
	const char *at;
	size_t len;
};

/* Takes what is in front of the next @divider, or all that is left. */
static struct text take_until(struct text *rest, char divider)
{
	const char *end = memchr(rest->at, divider, rest->len);
	struct text word = {.at = rest->at,
			    .len = end == NULL ? rest->len
					       : (size_t)(end - rest->at)};
	size_t used = end == NULL ? word.len : word.len + 1;

	rest->at += used;
	rest->len -= used;
	return word;
}

static bool is_text(struct text word, const char *text)
{
	return word.len == strlen(text) && memcmp(word.at, text, word.len) == 0;
}

/* Skips to behind the "-"; false where there is none. */
static bool skip_fields(struct text *line)
{
	unsigned int count = 0;

	while (line->len > 0) {
		struct text word = take_until(line, ' ');

		if (count >= FIELDS_BEFORE && is_text(word, "-"))
			return true;
		count++;
	}
	return false;
}

/* Whether @option is @name=...; then it is what follows. */
static bool take_value(struct text *option, const char *name)
{
	size_t len = strlen(name);

	if (option->len <= len || memcmp(option->at, name, len) != 0)
		return false;
	option->at += len;
	option->len -= len;
	return true;
}

/* Reads the options: the server, where it is one that lockd speaks with. */
static bool parse_options(struct text options, struct addr *server)
{
	char addr[ADDR_TEXT_SIZE];
	bool has_version = false, has_addr = false;

	while (options.len > 0) {
		struct text option = take_until(&options, ',');

		if (take_value(&option, "vers=")) {
			has_version =
				is_text(option, "2") || is_text(option, "3");
		} else if (take_value(&option, "addr=") &&
			   option.len < sizeof(addr) &&
			   memchr(option.at, '\0', option.len) == NULL) {
			memcpy(addr, option.at, option.len);
			addr[option.len] = '\0';
			has_addr = addr_parse(addr, server);
		}
	}
	return has_version && has_addr;
}

static void add_server(struct mounts *out, const struct addr *server)
{
	size_t i;

	for (i = 0; i < out->count; i++)
		if (addr_is_same_host(&out->servers[i], server))
			return;
	if (out->count < MOUNTS_SERVERS_MAX)
		out->servers[out->count++] = *server;
}

void mounts_parse(const uint8_t *bytes, size_t len, struct mounts *out)
{
	struct text rest = {.at = (const char *)bytes, .len = len};

	out->count = 0;
	while (rest.len > 0) {
		struct text line = take_until(&rest, '\n');
		struct addr server;

		if (!skip_fields(&line) ||
		    !is_text(take_until(&line, ' '), "nfs"))
			continue;
		(void)take_until(&line, ' '); /* the source */
		if (parse_options(take_until(&line, ' '), &server))
			add_server(out, &server);
	}
}
