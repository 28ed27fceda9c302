/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line at a time.  SAFETY: what a client says of itself (its name, the name
 * of its implementation) stands in quotes, where the kernel writes LF, quotes
 * and backslashes as \xNN; so a line of ours cannot be forged in there.  The
 * first line of a kind counts, which the kernel wrote before any of that.
 */
#include "cltrack/clientinfo.h"

#include <string.h>

#define MINOR_MAX 9u /* one digit: there are three minor versions */

static int hex_value(uint8_t digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/* One byte of a name, maybe \xNN; how many bytes of @text it took, or 0. */
static size_t take_byte(const uint8_t *text, size_t len, uint8_t *out)
{
	int high, low;

	*out = text[0];
	if (text[0] != '\\')
		return text[0] == '"' ? 0 : 1;
	if (len < 4 || text[1] != 'x')
		return 0;
	high = hex_value(text[2]);
	low = hex_value(text[3]);
	if (high < 0 || low < 0)
		return 0;
	*out = (uint8_t)(high * 16 + low);
	return 4;
}

/* "..." and nothing behind it. */
static bool parse_name(const uint8_t *text, size_t len, struct clientinfo *out)
{
	size_t at = 1;

	if (len < 3 || text[0] != '"' || text[len - 1] != '"')
		return false;
	out->id_len = 0;
	while (at < len - 1) {
		size_t took;

		if (out->id_len == sizeof(out->id))
			return false;
		took = take_byte(text + at, len - 1 - at,
				 &out->id[out->id_len]);
		if (took == 0)
			return false;
		out->id_len++;
		at += took;
	}
	return true;
}

/* Courtesy: its lease ran out, but nobody wanted what it holds. */
static bool parse_status(const uint8_t *text, size_t len,
			 struct clientinfo *out)
{
	static const char *const alive[] = {"confirmed", "courtesy"};

	out->is_confirmed = false;
	for (size_t i = 0; i < sizeof(alive) / sizeof(alive[0]); i++)
		if (len == strlen(alive[i]) && memcmp(text, alive[i], len) == 0)
			out->is_confirmed = true;
	return true;
}

static bool parse_minor(const uint8_t *text, size_t len, struct clientinfo *out)
{
	if (len != 1 || text[0] < '0' || text[0] > '0' + (int)MINOR_MAX)
		return false;
	out->minor = (unsigned int)(text[0] - '0');
	return true;
}

static const struct {
	const char *key;
	bool (*parse)(const uint8_t *text, size_t len, struct clientinfo *out);
} lines[] = {
	{"status: ", parse_status},
	{"name: ", parse_name},
	{"minor version: ", parse_minor},
};

#define LINES (sizeof(lines) / sizeof(lines[0]))

/* Returns false where the line is one of ours, and of no use. */
static bool parse_line(const uint8_t *line, size_t len, struct clientinfo *out,
		       bool has[static LINES])
{
	for (size_t i = 0; i < LINES; i++) {
		size_t key_len = strlen(lines[i].key);

		if (has[i] || len < key_len ||
		    memcmp(line, lines[i].key, key_len) != 0)
			continue;
		has[i] = lines[i].parse(line + key_len, len - key_len, out);
		return has[i];
	}
	return true;
}

bool clientinfo_parse(const uint8_t *text, size_t len, struct clientinfo *out)
{
	bool has[LINES] = {false};
	size_t at = 0;

	*out = (struct clientinfo){.id_len = 0};
	while (at < len) {
		const uint8_t *end = memchr(text + at, '\n', len - at);
		size_t line_len;

		if (end == NULL) /* cut: no line is believed by half */
			break;
		line_len = (size_t)(end - (text + at));
		if (!parse_line(text + at, line_len, out, has))
			return false;
		at += line_len + 1;
	}
	return has[0] && has[1] && has[2];
}
