/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words of a "told" line are those of the record itself: a mon_name has no
 * blank there and my_name goes to the end of the line, so nothing needs to be
 * escaped.  A line that was cut short by the end of its writer is no line, or
 * one about a peer that does not exist.
 */
#include "lib/parked.h"

#include <string.h>

/* Takes @word and a blank from the front. */
static bool take(const char **at, size_t *len, const char *word)
{
	size_t word_len = strlen(word);

	if (*len < word_len || memcmp(*at, word, word_len) != 0)
		return false;
	*at += word_len;
	*len -= word_len;
	return true;
}

/* Takes a number without leading zeros and a blank from the front. */
static bool take_number(const char **at, size_t *len, uint32_t *number)
{
	uint64_t value = 0;
	size_t i;

	for (i = 0; i < *len && (*at)[i] >= '0' && (*at)[i] <= '9'; i++) {
		value = value * 10 + (uint64_t)((*at)[i] - '0');
		if (value == 0 || value > UINT32_MAX)
			return false;
	}
	*number = (uint32_t)value;
	*at += i;
	*len -= i;
	return i > 0 && take(at, len, " ");
}

bool parked_parse(const void *line, size_t len, struct parked_line *out)
{
	const char *at = line;

	if (take(&at, &len, "park ")) {
		out->kind = PARKED_PARK;
		return ctl_parse_subject(at, len, &out->subject);
	}
	if (take(&at, &len, "told ")) {
		out->kind = PARKED_TOLD;
		if (!take_number(&at, &len, &out->number))
			return false;
		out->told = at;
		out->told_len = len;
		return len > 0 && at[0] != ' ' && memchr(at, ' ', len) != NULL;
	}
	out->kind = PARKED_HELD;
	return take(&at, &len, "held") && len == 0;
}
