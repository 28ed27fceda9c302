/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One line per thing that happened: printed where somebody wants to read it,
 * and part of one hash, so that two runs can be compared; or neither, where
 * only the rules are looked at.
 */
#include "tests/sim/sim.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define LINE_SIZE 1400

static const uint8_t hash_key[SIPHASH_KEY_SIZE] = {'s', 'i', 'm'};

void trace(struct sim *s, const struct host *h, const char *format, ...)
{
	char line[LINE_SIZE];
	va_list args;
	int len;

	if (s->trace.use == TRACE_NONE)
		return;
	len = snprintf(line, sizeof(line), "%6" PRIu64 ".%03u %c%c ",
		       s->now_ms / 1000, (unsigned int)(s->now_ms % 1000),
		       h != NULL ? 'h' : '-',
		       h != NULL ? (char)('0' + h->index) : '-');
	va_start(args, format);
	len += vsnprintf(line + len, sizeof(line) - (size_t)len, format, args);
	va_end(args);
	if ((size_t)len >= sizeof(line))
		len = sizeof(line) - 1;
	s->trace.hash ^= siphash(hash_key, line, (size_t)len);
	s->trace.hash *= UINT64_C(0x9e3779b97f4a7c15);
	if (s->trace.use == TRACE_SHOW)
		puts(line);
}
