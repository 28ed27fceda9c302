/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the log says about those who stay untold.
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_REPORT_H
#define NFS_RECLAIM_SM_NOTIFY_REPORT_H

#include "sm-notify/outbox.h"
#include "sm-notify/targetset.h"

#define REPORT_LINES_MAX 20u /* peers named, a line for each */
#define REPORT_NAMES_MAX 8u  /* peers named in one line */
#define REPORT_NAME_MAX	 80u /* bytes of a name there */

/*
 * Queues, at the beginning, who is not told because it is monitored again.
 */
void report_parked(struct outbox *box, const struct target_set *set);

/*
 * Queues, at the end, who was tried and is left.
 */
void report_untold(struct outbox *box, const struct target_set *set);

/*
 * Adds "; still to be told: A, B and 3 more" to @line, or nothing: who would be
 * tried if the run went on.
 * Owns:   names are escaped, and cut after REPORT_NAME_MAX bytes.
 */
void report_add_left(struct buf *line, const struct target_set *set);

#endif
