/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bytes that may be in names from outside.  ASCII rules only, whatever the
 * locale: bytes from 0x80 up are left alone and never folded (design decision
 * 6).  Refuses to resolve anything.
 */
#include "lib/hostname.h"

#include <assert.h>
#include <string.h>

#include "lib/addr.h"

static bool has_control(const uint8_t *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (bytes[i] <= 0x20 || bytes[i] == 0x7f)
			return true;
	}
	return false;
}

enum hostname_error hostname_check(const void *name, size_t len)
{
	const uint8_t *bytes = name;

	if (len == 0)
		return HOSTNAME_EMPTY;
	if (len > HOSTNAME_LEN_MAX)
		return HOSTNAME_LONG;
	if (memchr(bytes, '/', len) != NULL)
		return HOSTNAME_SLASH;
	if (bytes[0] == '.')
		return HOSTNAME_DOT;
	if (has_control(bytes, len))
		return HOSTNAME_CONTROL;
	return HOSTNAME_OK;
}

const char *hostname_error_text(enum hostname_error error)
{
	switch (error) {
	case HOSTNAME_OK:
		return "is fine";
	case HOSTNAME_EMPTY:
		return "is empty";
	case HOSTNAME_LONG:
		return "is longer than 255 bytes";
	case HOSTNAME_SLASH:
		return "contains a slash";
	case HOSTNAME_DOT:
		return "begins with a dot";
	case HOSTNAME_CONTROL:
		return "contains a blank or control character";
	}
	assert(false);
	return "";
}

void hostname_clean(char *name)
{
	char *at;

	for (at = strpbrk(name, " \t\r\n"); at != NULL;
	     at = strpbrk(at, " \t\r\n"))
		*at = '_';
}

size_t hostname_short_len(const char *name)
{
	struct addr addr;
	size_t len = strcspn(name, ".");

	/* A cut "192.0.2.1" would be read as the address 0.0.0.192 (N-2). */
	if (len == 0 || addr_parse(name, &addr))
		return strlen(name);
	return len;
}

static char fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool hostname_is_equal(const char *a, const char *b)
{
	for (; *a != '\0' && fold(*a) == fold(*b); a++, b++)
		;
	return *a == '\0' && *b == '\0';
}

void hostname_fold(const char *name, char *out)
{
	for (; *name != '\0'; name++, out++)
		*out = fold(*name);
	*out = '\0';
}
