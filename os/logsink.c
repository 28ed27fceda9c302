/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two ends of the log.  It formats nothing and filters nothing: lib/log
 * hands over finished lines, and escaping was done before that.
 *
 * COMPAT: levels and facility are those of nfs-utils (contract.md 2.3), so that
 * the filters which people have on their logs keep working.
 */
#include "os/logsink.h"

#include <stdio.h>
#include <syslog.h>

#include "lib/log.h"

static const char *stderr_ident;
static const char *syslog_ident; /* NULL: standard error */

/* stderr has no buffer of its own, but one fprintf() is one write to it. */
static void write_stderr(enum log_level level, const char *text)
{
	(void)level; /* a terminal shows lines as they come */
	fprintf(stderr, "%s: %s\n", stderr_ident, text);
}

static void write_syslog(enum log_level level, const char *text)
{
	static const int priorities[] = {
		[LOG_ERROR] = LOG_ERR,
		[LOG_WARN] = LOG_WARNING,
		[LOG_NOTE] = LOG_NOTICE,
		[LOG_TRACE] = LOG_INFO,
	};

	syslog(priorities[level], "%s", text);
}

void logsink_stderr(const char *ident)
{
	stderr_ident = ident;
	log_set_sink(write_stderr);
}

void logsink_syslog(const char *ident)
{
	syslog_ident = ident;
	openlog(ident, LOG_PID, LOG_DAEMON);
	log_set_sink(write_syslog);
}

void logsink_reopen(void)
{
	if (syslog_ident == NULL)
		return;
	closelog(); /* which forgets the name, too */
	openlog(syslog_ident, LOG_PID, LOG_DAEMON);
}
