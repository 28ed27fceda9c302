/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Log lines: levels and classes, and how often the same complaint may repeat.
 * Where the text goes is a sink that main() sets; this file opens nothing and
 * asks no clock.  Bytes from outside pass buf_add_escaped() before they get
 * here.
 */
#ifndef NFS_RECLAIM_LIB_LOG_H
#define NFS_RECLAIM_LIB_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_TEXT_MAX 1024 /* bytes of one log line; longer ones are cut */

/* Not the names of <syslog.h>, which os/logsink includes beside this. */
enum log_level { LOG_ERROR, LOG_WARN, LOG_NOTE, LOG_TRACE };

/* COMPAT: nfs-utils' names for `debug =`, contract.md 2.3. */
enum log_class {
	LOG_CLASS_GENERAL = 1 << 0,
	LOG_CLASS_CALL = 1 << 1,
	LOG_CLASS_AUTH = 1 << 2,
	LOG_CLASS_PARSE = 1 << 3,
	LOG_CLASS_ALL = (1 << 4) - 1,
};

/* Takes one finished line without LF. */
typedef void log_sink(enum log_level level, const char *text);

/*
 * Sends every later line to @sink (stderr-less silence before the first call).
 */
void log_set_sink(log_sink *sink);

/*
 * Lets debug lines of the classes in @classes through (a set of log_class).
 */
void log_set_classes(unsigned int classes);

/*
 * Reads a `debug =` value: "general,call", "all", "0", "1".
 * Errors: false where a word is none of the classes; *classes untouched then.
 * Source: contract.md 2.3.
 */
bool log_parse_classes(const char *text, unsigned int *classes);

/*
 * Logs one line at @level.
 */
void log_line(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Logs each line of @lines, which are ended by LF.
 */
void log_page(enum log_level level, const char *lines);

/*
 * Logs one line at LOG_TRACE where @class is let through.
 */
void log_debug(enum log_class class, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* How often one kind of complaint was let through lately.  Zeroed = new. */
struct log_limit {
	uint64_t since_ms;
	unsigned int passed;
	unsigned int held_back;
};

/*
 * Tells whether one more line may be logged: @burst per minute.
 * Return: true, and *held_back = how many were not since the last one.
 */
bool log_limit_pass(struct log_limit *limit, uint64_t now_ms,
		    unsigned int burst, unsigned int *held_back);

#endif
