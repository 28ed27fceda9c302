/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Allocation that cannot fail: it aborts instead.  The only file of the pure
 * half that calls malloc(3) and its kin, which tests/checks/layers.sh holds it
 * to.
 */
#include "lib/xalloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void *xzalloc(size_t size)
{
	return xcalloc(1, size);
}

void *xcalloc(size_t count, size_t size)
{
	void *fresh;

	/* calloc(3) checks the product, but may return NULL for 0 bytes. */
	if (count == 0 || size == 0)
		count = size = 1;
	fresh = calloc(count, size);
	if (fresh == NULL)
		abort();
	return fresh;
}

void *xreallocarray(void *old, size_t count, size_t size)
{
	void *fresh;

	if (count == 0 || size == 0)
		count = size = 1;
	if (count > SIZE_MAX / size)
		abort();
	fresh = realloc(old, count * size);
	if (fresh == NULL)
		abort();
	return fresh;
}

void *xmemdup(const void *bytes, size_t len)
{
	char *copy;

	if (len == SIZE_MAX)
		abort();
	copy = xzalloc(len + 1);
	if (len > 0)
		memcpy(copy, bytes, len);
	return copy;
}

char *xstrdup(const char *text)
{
	return xmemdup(text, strlen(text));
}
