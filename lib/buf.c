/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Growing byte buffers with a cap.  One NUL is always kept behind the bytes,
 * outside of the cap, so that what was put together as text can be read as a
 * string.
 */
#include "lib/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/xalloc.h"

#define SIZE_FIRST 64

void buf_init(struct buf *buf, size_t len_max)
{
	assert(len_max < SIZE_MAX);
	*buf = (struct buf){.len_max = len_max};
}

void buf_fini(struct buf *buf)
{
	free(buf->bytes);
	buf_init(buf, buf->len_max);
}

void buf_clear(struct buf *buf)
{
	buf->len = 0;
	buf->is_overflowed = false;
	if (buf->bytes != NULL)
		buf->bytes[0] = '\0';
}

/* Makes room for @len more bytes and a NUL; false at the cap. */
static bool reserve(struct buf *buf, size_t len)
{
	size_t size;

	if (buf->is_overflowed || len > buf->len_max - buf->len) {
		buf->is_overflowed = true;
		return false;
	}
	if (buf->len + len < buf->size)
		return true;
	size = buf->size > 0 ? buf->size : SIZE_FIRST;
	while (size <= buf->len + len)
		size = size <= SIZE_MAX / 2 ? size * 2 : SIZE_MAX;
	if (size > buf->len_max + 1)
		size = buf->len_max + 1;
	buf->bytes = xreallocarray(buf->bytes, size, 1);
	buf->size = size;
	return true;
}

void buf_add(struct buf *buf, const void *bytes, size_t len)
{
	if (!reserve(buf, len))
		return;
	if (len > 0)
		memcpy(buf->bytes + buf->len, bytes, len);
	buf->len += len;
	buf->bytes[buf->len] = '\0';
}

void buf_add_text(struct buf *buf, const char *text)
{
	buf_add(buf, text, strlen(text));
}

void buf_addf(struct buf *buf, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	assert(len >= 0);
	if (!reserve(buf, (size_t)len))
		return;
	va_start(args, format);
	vsnprintf((char *)buf->bytes + buf->len, (size_t)len + 1, format, args);
	va_end(args);
	buf->len += (size_t)len;
}

void buf_add_be32(struct buf *buf, uint32_t value)
{
	const uint8_t bytes[4] = {
		(uint8_t)(value >> 24),
		(uint8_t)(value >> 16),
		(uint8_t)(value >> 8),
		(uint8_t)value,
	};

	buf_add(buf, bytes, sizeof(bytes));
}

static bool is_safe(uint8_t byte)
{
	return byte >= 0x20 && byte <= 0x7e && byte != '\\' && byte != '"' &&
	       byte != '\'';
}

void buf_add_escaped(struct buf *buf, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	const uint8_t *end = at + len;

	for (; at < end; at++) {
		if (is_safe(*at))
			buf_add(buf, at, 1);
		else
			buf_addf(buf, "\\x%02x", *at);
	}
}

const char *buf_text(const struct buf *buf)
{
	return buf->bytes != NULL ? (const char *)buf->bytes : "";
}

uint8_t *buf_take(struct buf *buf)
{
	uint8_t *bytes = buf->bytes;

	buf_init(buf, buf->len_max);
	return bytes != NULL ? bytes : xzalloc(1);
}
