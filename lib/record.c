/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The text of sm/ and sm.bak/.  The first 69 bytes of a line have fixed
 * columns; then come two names, the second to the end of the line.  Lines that
 * break the form are somebody else's or torn: they are named, never guessed
 * at, and never in the way of the good ones (contract.md D-7, D-9).
 */
#include "lib/record.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/xalloc.h"

#define PREFIX_LEN 69 /* "8 8 8 8 32 " */

/* Where the columns are. */
enum {
	AT_ADDR = 0,
	AT_PROG = 9,
	AT_VERS = 18,
	AT_PROC = 27,
	AT_PRIV = 36,
	AT_NAME = PREFIX_LEN,
};

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Reads 2 * @count hex digits followed by one blank. */
static bool take_hex(const char *text, uint8_t *out, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		int high = hex_value(text[2 * i]);
		int low = hex_value(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high * 16 + low);
	}
	return text[2 * count] == ' ';
}

static bool take_word32(const char *text, uint32_t *out)
{
	uint8_t bytes[4];

	if (!take_hex(text, bytes, sizeof(bytes)))
		return false;
	*out = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
	       (uint32_t)bytes[2] << 8 | bytes[3];
	return true;
}

enum record_error record_parse(const void *line, size_t len, struct record *out)
{
	const char *text = line;
	const char *blank;
	struct record rec = {0};
	size_t mon_len, my_at;
	uint32_t addr; /* COMPAT: always loopback; nobody uses it */

	if (len > RECORD_LINE_MAX - 1)
		return RECORD_LONG;
	if (len <= PREFIX_LEN)
		return RECORD_SHORT;
	if (!take_word32(text + AT_ADDR, &addr) ||
	    !take_word32(text + AT_PROG, &rec.prog) ||
	    !take_word32(text + AT_VERS, &rec.vers) ||
	    !take_word32(text + AT_PROC, &rec.proc) ||
	    !take_hex(text + AT_PRIV, rec.priv, sizeof(rec.priv)))
		return RECORD_COLUMNS;
	if (memchr(text + AT_NAME, '\0', len - AT_NAME) != NULL)
		return RECORD_NAME;
	blank = memchr(text + AT_NAME, ' ', len - AT_NAME);
	mon_len = blank == NULL ? len - AT_NAME
				: (size_t)(blank - text) - AT_NAME;
	for (my_at = AT_NAME + mon_len; my_at < len && text[my_at] == ' ';)
		my_at++;
	if (mon_len == 0)
		return RECORD_SHORT;
	if (mon_len > RECORD_NAME_MAX || len - my_at > RECORD_NAME_MAX)
		return RECORD_NAME;
	rec.mon_name = xmemdup(text + AT_NAME, mon_len);
	rec.my_name = xmemdup(text + my_at, len - my_at);
	*out = rec;
	return RECORD_OK;
}

const char *record_error_text(enum record_error error)
{
	switch (error) {
	case RECORD_OK:
		return "is fine";
	case RECORD_LONG:
		return "is too long";
	case RECORD_SHORT:
		return "is cut short";
	case RECORD_COLUMNS:
		return "does not have the columns of a record";
	case RECORD_NAME:
		return "has a name that cannot be one";
	}
	return "is bad";
}

enum record_error record_format(const struct record *rec, struct buf *out)
{
	size_t len = PREFIX_LEN + strlen(rec->mon_name) + 1 +
		     strlen(rec->my_name) + 1;
	char priv[2 * RECORD_PRIV_SIZE + 1];
	size_t i;

	if (len > RECORD_LINE_MAX)
		return RECORD_LONG;
	for (i = 0; i < RECORD_PRIV_SIZE; i++)
		(void)snprintf(priv + 2 * i, 3, "%02x", rec->priv[i]);
	/* COMPAT: the network-order word, printed as a host integer. */
	buf_addf(out, "%08x %08x %08x %08x %s %s %s\n", htonl(INADDR_LOOPBACK),
		 rec->prog, rec->vers, rec->proc, priv, rec->mon_name,
		 rec->my_name);
	return RECORD_OK;
}

bool record_is_same_key(const struct record *a, const struct record *b)
{
	return a->prog == b->prog && a->vers == b->vers && a->proc == b->proc &&
	       strcmp(a->mon_name, b->mon_name) == 0 &&
	       strcmp(a->my_name, b->my_name) == 0;
}

void record_copy(struct record *to, const struct record *from)
{
	*to = *from;
	to->mon_name = xstrdup(from->mon_name);
	to->my_name = xstrdup(from->my_name);
}

void record_fini(struct record *rec)
{
	free(rec->mon_name);
	free(rec->my_name);
	*rec = (struct record){0};
}

bool record_lines_next(struct record_lines *lines, const uint8_t **line,
		       size_t *len)
{
	while (lines->at < lines->len) {
		const uint8_t *start = lines->bytes + lines->at;
		size_t left = lines->len - lines->at;
		const uint8_t *lf = memchr(start, '\n', left);
		size_t line_len = lf == NULL ? left : (size_t)(lf - start);

		lines->at += lf == NULL ? line_len : line_len + 1;
		if (line_len == 0)
			continue;
		*line = start;
		*len = line_len;
		return true;
	}
	return false;
}

/* Whether @bytes has the line @line already, or one with the key of @rec. */
static bool has_line(const struct buf *file, const uint8_t *line, size_t len,
		     const struct record *rec)
{
	struct record_lines lines = {.bytes = file->bytes, .len = file->len};
	const uint8_t *have;
	size_t have_len;

	while (record_lines_next(&lines, &have, &have_len)) {
		struct record other;
		bool is_same;

		if (have_len == len && memcmp(have, line, len) == 0)
			return true;
		if (rec == NULL ||
		    record_parse(have, have_len, &other) != RECORD_OK)
			continue;
		is_same = record_is_same_key(rec, &other);
		record_fini(&other);
		if (is_same)
			return true;
	}
	return false;
}

void record_merge(struct buf *into, const void *from, size_t from_len)
{
	struct record_lines lines = {.bytes = from, .len = from_len};
	const uint8_t *line;
	size_t len;

	if (into->len > 0 && into->bytes[into->len - 1] != '\n')
		buf_add_text(into, "\n");
	while (record_lines_next(&lines, &line, &len)) {
		struct record rec;
		bool is_record = record_parse(line, len, &rec) == RECORD_OK;

		if (!has_line(into, line, len, is_record ? &rec : NULL)) {
			buf_add(into, line, len);
			buf_add_text(into, "\n");
		}
		if (is_record)
			record_fini(&rec);
	}
}
