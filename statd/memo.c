/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines of words.  Names of notices are written as in a URL, every byte that
 * is no printable ASCII as %XX, so that none can look like another line.
 */
#include "statd/memo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/statenum.h"
#include "lib/xalloc.h"

#define FIRST_LINE    "peer"
#define LAST_LINE     "end"

#define RESERVED_PORT "reserved"
#define OTHER_PORT    "other"

static void add_name(struct buf *out, const char *name)
{
	const uint8_t *at;

	for (at = (const uint8_t *)name; *at != '\0'; at++) {
		if (*at > 0x20 && *at < 0x7f && *at != '%')
			buf_add(out, at, 1);
		else
			buf_addf(out, "%%%02x", *at);
	}
}

static void add_items(struct buf *out, const char *word,
		      const struct memo_item *items, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		buf_addf(out, "%s %u ", word, items[i].number);
		add_name(out, items[i].name);
		buf_add_text(out, "\n");
	}
}

bool memo_format(const struct memo *memo, struct buf *out)
{
	char addr[ADDR_TEXT_SIZE];

	buf_add_text(out, FIRST_LINE "\nrecord ");
	if (record_format(&memo->rec, out) != RECORD_OK)
		return false;
	if (memo->has_baseline)
		buf_addf(out, "baseline %u %s %u\n", memo->baseline,
			 addr_format(&memo->baseline_of, addr),
			 memo->baseline_of.port);
	add_items(out, "delivered", memo->delivered, memo->delivered_count);
	add_items(out, "event", memo->events, memo->event_count);
	buf_add_text(out, LAST_LINE "\n");
	return !out->is_overflowed;
}

/* --- reading ----------------------------------------------------------- */

/* What is left of a line. */
struct words {
	const uint8_t *at;
	size_t len;
};

/* Takes the next word of @words, up to a blank or the end; it may be "". */
static struct words take_word(struct words *words)
{
	struct words word = {.at = words->at};

	while (word.len < words->len && words->at[word.len] != ' ')
		word.len++;
	words->at += word.len;
	words->len -= word.len;
	if (words->len > 0) {
		words->at++;
		words->len--;
	}
	return word;
}

static bool is_word(struct words word, const char *text)
{
	return word.len == strlen(text) && memcmp(word.at, text, word.len) == 0;
}

/* Reads a decimal number of 1..@max. */
static bool parse_number(struct words word, uint32_t max, uint32_t *out)
{
	uint64_t number = 0;
	size_t i;

	if (word.len == 0 || word.len > 10 || word.at[0] == '0')
		return false;
	for (i = 0; i < word.len; i++) {
		if (word.at[i] < '0' || word.at[i] > '9')
			return false;
		number = number * 10 + (word.at[i] - '0');
	}
	*out = (uint32_t)number;
	return number <= max;
}

/* The value of the hex digit @byte, or -1. */
static int hex_value(uint8_t byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	if (byte >= 'a' && byte <= 'f')
		return byte - 'a' + 10;
	return -1;
}

/* Takes one byte of a name; -1 where there is none that may be there. */
static int take_byte(struct words *word)
{
	int byte = word->at[0];
	size_t used = 1;

	if (byte <= 0x20 || byte >= 0x7f)
		return -1;
	if (byte == '%') {
		if (word->len < 3 || hex_value(word->at[1]) < 0 ||
		    hex_value(word->at[2]) < 0)
			return -1;
		byte = hex_value(word->at[1]) * 16 + hex_value(word->at[2]);
		used = 3;
	}
	word->at += used;
	word->len -= used;
	return byte != 0 ? byte : -1;
}

/* Returns the name in @word, or NULL; the caller frees it. */
static char *parse_name(struct words word)
{
	char name[MEMO_NAME_MAX + 1];
	size_t len = 0;

	while (word.len > 0) {
		int byte = take_byte(&word);

		if (byte < 0 || len == MEMO_NAME_MAX)
			return NULL;
		name[len++] = (char)byte;
	}
	name[len] = '\0';
	return xstrdup(name);
}

/* Reads a number and a name; @line is left behind them. */
static bool take_item(struct words *line, struct memo_item *items,
		      size_t *count)
{
	struct memo_item *item = &items[*count];
	struct words word = take_word(line);

	if (*count == MEMO_ITEMS_MAX ||
	    !parse_number(word, UINT32_MAX, &item->number))
		return false;
	word = take_word(line);
	item->name = parse_name(word);
	if (item->name == NULL)
		return false;
	(*count)++;
	return true;
}

static bool parse_item(struct words *line, struct memo_item *items,
		       size_t *count)
{
	return take_item(line, items, count) && line->len == 0;
}

static bool parse_addr(struct words word, struct addr *out)
{
	char text[ADDR_TEXT_SIZE];

	if (word.len >= sizeof(text))
		return false;
	memcpy(text, word.at, word.len);
	text[word.len] = '\0';
	return strlen(text) == word.len && addr_parse(text, out);
}

static bool parse_baseline(struct words *line, struct memo *out)
{
	struct words number = take_word(line);
	struct words addr = take_word(line);
	struct words port = take_word(line);
	uint32_t value;

	if (out->has_baseline || line->len > 0 ||
	    !parse_number(number, UINT32_MAX, &out->baseline) ||
	    !parse_addr(addr, &out->baseline_of) ||
	    !parse_number(port, UINT16_MAX, &value))
		return false;
	out->baseline_of.port = (uint16_t)value;
	out->has_baseline = true;
	return true;
}

/* Reads a line behind the record's; true with *is_ended where it is the last.
 */
static bool parse_line(struct words line, struct memo *out, bool *is_ended)
{
	struct words word = take_word(&line);

	if (is_word(word, "baseline"))
		return parse_baseline(&line, out);
	if (is_word(word, "delivered"))
		return parse_item(&line, out->delivered, &out->delivered_count);
	if (is_word(word, "event"))
		return parse_item(&line, out->events, &out->event_count);
	*is_ended = is_word(word, LAST_LINE) && line.len == 0;
	return *is_ended;
}

static bool next_line(struct record_lines *lines, struct words *out)
{
	return record_lines_next(lines, &out->at, &out->len);
}

static bool parse_all(struct record_lines *lines, struct memo *out)
{
	struct words line;
	bool is_ended = false;

	if (!next_line(lines, &line) || !is_word(line, FIRST_LINE) ||
	    !next_line(lines, &line) || !is_word(take_word(&line), "record") ||
	    record_parse(line.at, line.len, &out->rec) != RECORD_OK)
		return false;
	while (next_line(lines, &line))
		if (is_ended || !parse_line(line, out, &is_ended))
			return false;
	return is_ended;
}

bool memo_parse(const uint8_t *bytes, size_t len, struct memo *out)
{
	struct record_lines lines = {.bytes = bytes, .len = len};

	*out = (struct memo){.has_baseline = false};
	if (len > 0 && len <= MEMO_SIZE_MAX && bytes[len - 1] == '\n' &&
	    parse_all(&lines, out))
		return true;
	memo_fini(out);
	return false;
}

void memo_fini(struct memo *memo)
{
	size_t i;

	record_fini(&memo->rec);
	for (i = 0; i < memo->delivered_count; i++)
		free(memo->delivered[i].name);
	for (i = 0; i < memo->event_count; i++)
		free(memo->events[i].name);
	*memo = (struct memo){.has_baseline = false};
}

/* --- a notice ---------------------------------------------------------- */

void memo_notice_format(const struct memo_notice *notice, struct buf *out)
{
	char addr[ADDR_TEXT_SIZE];

	buf_addf(out, MEMO_NOTICE_WORD " %s %s ",
		 addr_format(&notice->from, addr),
		 notice->is_reserved_port ? RESERVED_PORT : OTHER_PORT);
	buf_addf(out, "%u ", notice->item.number);
	add_name(out, notice->item.name);
	if (notice->newer != 0)
		buf_addf(out, " %s %u",
			 notice->is_newer_reserved_port ? RESERVED_PORT
							: OTHER_PORT,
			 notice->newer);
	buf_add_text(out, "\n");
}

static bool parse_port(struct words word, bool *is_reserved)
{
	*is_reserved = is_word(word, RESERVED_PORT);
	return *is_reserved || is_word(word, OTHER_PORT);
}

/* Reads what may follow the name. */
static bool parse_newer(struct words *line, struct memo_notice *out)
{
	if (line->len == 0)
		return true;
	return parse_port(take_word(line), &out->is_newer_reserved_port) &&
	       parse_number(take_word(line), UINT32_MAX, &out->newer) &&
	       statenum_is_newer(out->newer, out->item.number) &&
	       line->len == 0;
}

static bool parse_notice(struct words *line, struct memo_notice *out)
{
	size_t count = 0;

	if (!is_word(take_word(line), MEMO_NOTICE_WORD) ||
	    !parse_addr(take_word(line), &out->from))
		return false;
	return parse_port(take_word(line), &out->is_reserved_port) &&
	       take_item(line, &out->item, &count) && parse_newer(line, out);
}

bool memo_notice_parse(const uint8_t *bytes, size_t len,
		       struct memo_notice *out)
{
	struct words line = {.at = bytes, .len = len - 1};

	*out = (struct memo_notice){.is_reserved_port = false};
	if (len > 0 && len <= MEMO_SIZE_MAX && bytes[len - 1] == '\n' &&
	    parse_notice(&line, out))
		return true;
	memo_notice_fini(out);
	return false;
}

void memo_notice_fini(struct memo_notice *notice)
{
	free(notice->item.name);
	*notice = (struct memo_notice){.is_reserved_port = false};
}
