/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Formats log lines and hands them to the sink of the program; says which
 * debug classes are let through and how often a complaint may repeat.
 *
 * The one file of lib/ with variables of its own: a process has one log, and
 * carrying it through every call would buy nothing.
 */
#include "lib/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MINUTE_MS 60000u

static log_sink *sink_now;
static unsigned int classes_now;

void log_set_sink(log_sink *sink)
{
	sink_now = sink;
}

void log_set_classes(unsigned int classes)
{
	classes_now = classes;
}

static bool parse_class(const char *word, size_t len, unsigned int *class)
{
	static const struct {
		const char *name;
		unsigned int class;
	} table[] = {
		{"general", LOG_CLASS_GENERAL},
		{"call", LOG_CLASS_CALL},
		{"auth", LOG_CLASS_AUTH},
		{"parse", LOG_CLASS_PARSE},
		{"all", LOG_CLASS_ALL},
		{"1", LOG_CLASS_ALL},
		{"0", 0},
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strlen(table[i].name) == len &&
		    strncasecmp(table[i].name, word, len) == 0) {
			*class = table[i].class;
			return true;
		}
	}
	return false;
}

bool log_parse_classes(const char *text, unsigned int *classes)
{
	static const char between[] = ", \t";
	unsigned int found = 0;
	unsigned int class;
	size_t len;

	for (text += strspn(text, between); *text != '\0';
	     text += strspn(text, between)) {
		len = strcspn(text, between);
		if (!parse_class(text, len, &class))
			return false;
		found |= class;
		text += len;
	}
	*classes = found;
	return true;
}

static void write_line(enum log_level level, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

static void write_line(enum log_level level, const char *format, va_list args)
{
	char text[LOG_TEXT_MAX + 1];

	if (sink_now == NULL)
		return;
	vsnprintf(text, sizeof(text), format, args);
	sink_now(level, text);
}

void log_line(enum log_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line(level, format, args);
	va_end(args);
}

void log_page(enum log_level level, const char *lines)
{
	const char *end;

	for (; (end = strchr(lines, '\n')) != NULL; lines = end + 1)
		log_line(level, "%.*s", (int)(end - lines), lines);
}

void log_debug(enum log_class class, const char *format, ...)
{
	va_list args;

	if ((classes_now & (unsigned int)class) == 0)
		return;
	va_start(args, format);
	write_line(LOG_TRACE, format, args);
	va_end(args);
}

bool log_limit_pass(struct log_limit *limit, uint64_t now_ms,
		    unsigned int burst, unsigned int *held_back)
{
	if (limit->passed == 0 || now_ms - limit->since_ms >= MINUTE_MS) {
		limit->since_ms = now_ms;
		limit->passed = 0;
	}
	if (limit->passed >= burst) {
		limit->held_back++;
		return false;
	}
	limit->passed++;
	*held_back = limit->held_back;
	limit->held_back = 0;
	return true;
}
