/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What `--wait` prints: one line per peer as it is told.
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_WATCH_H
#define NFS_RECLAIM_SM_NOTIFY_WATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "sm-notify/notify.h"

struct watch {
	const struct notify *notify; /* borrowed */
	size_t told;
	bool is_terminal; /* standard output: it has a progress line, too */
};

/*
 * Begins to watch @notify, which has all its files.
 */
void watch_begin(struct watch *watch, const struct notify *notify);

/*
 * Prints that the peer @at is told.
 */
void watch_told(struct watch *watch, size_t at);

/*
 * Ends the progress line.
 */
void watch_end(const struct watch *watch);

#endif
