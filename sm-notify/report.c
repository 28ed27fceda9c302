/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names the first few and counts the others: a log is no place for thousands.
 */
#include "sm-notify/report.h"

#include <stdio.h>
#include <string.h>

static void add_count(struct outbox *box, size_t count, const char *text)
{
	char digits[24];

	if (count == 0)
		return;
	snprintf(digits, sizeof(digits), "%zu", count);
	outbox_log(box, LOG_NOTE, "", digits, text);
}

void report_parked(struct outbox *box, const struct target_set *set)
{
	size_t count = 0;

	for (size_t i = 0; i < set->count; i++) {
		const struct target *t = set->targets[i];

		if (!t->is_parked || target_is_aside(t) ||
		    count++ >= REPORT_LINES_MAX)
			continue;
		outbox_log(box, LOG_NOTE, "not notifying ", t->mon_name,
			   ": untold, monitored again");
	}
	if (count > REPORT_LINES_MAX)
		add_count(box, count - REPORT_LINES_MAX,
			  " more peers are untold, monitored again");
}

void report_untold(struct outbox *box, const struct target_set *set)
{
	size_t parked = 0;
	size_t left = 0;

	for (size_t i = 0; i < set->count; i++) {
		const struct target *t = set->targets[i];

		if (target_is_told(t) || target_is_aside(t))
			continue;
		parked += t->is_parked;
		if (t->is_parked || left++ >= REPORT_LINES_MAX)
			continue;
		outbox_log(box, LOG_NOTE, "unable to notify ", t->mon_name,
			   ", giving up");
	}
	if (left > REPORT_LINES_MAX)
		add_count(box, left - REPORT_LINES_MAX,
			  " more peers could not be notified");
	add_count(box, parked,
		  " peers are left to the next boot: untold, monitored again");
}

void report_add_left(struct buf *line, const struct target_set *set)
{
	size_t left = 0;

	for (size_t i = 0; i < set->count; i++) {
		const struct target *t = set->targets[i];

		if (target_is_told(t) || target_is_aside(t) || t->is_parked ||
		    left++ >= REPORT_NAMES_MAX)
			continue;
		buf_add_text(line, left == 1 ? "; still to be told: " : ", ");
		buf_add_escaped(line, t->mon_name,
				strnlen(t->mon_name, REPORT_NAME_MAX));
	}
	if (left > REPORT_NAMES_MAX)
		buf_addf(line, " and %zu more", left - REPORT_NAMES_MAX);
}
