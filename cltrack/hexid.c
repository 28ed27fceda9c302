/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two digits, one byte.
 */
#include "cltrack/hexid.h"

#include <string.h>

/* 0 to 15, or -1. */
static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

enum hexid_error hexid_parse(const char *text, uint8_t id[static CLIENT_ID_MAX],
			     size_t *len)
{
	size_t text_len = strlen(text);
	size_t i;

	*len = 0;
	if (text_len == 0)
		return HEXID_EMPTY;
	if (text_len % 2 != 0)
		return HEXID_ODD;
	if (text_len / 2 > CLIENT_ID_MAX)
		return HEXID_LONG;
	for (i = 0; i < text_len / 2; i++) {
		int high = digit(text[2 * i]);
		int low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return HEXID_ODD;
		id[i] = (uint8_t)(high << 4 | low);
	}
	*len = i;
	return HEXID_OK;
}

const char *hexid_error_text(enum hexid_error error)
{
	switch (error) {
	case HEXID_OK:
		break;
	case HEXID_EMPTY:
		return "is empty";
	case HEXID_ODD:
		return "is not made of pairs of hex digits";
	case HEXID_LONG:
		return "has more than 1024 bytes";
	}
	return "is good";
}
