/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a run means for lockd's grace period.
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_GRACE_H
#define NFS_RECLAIM_SM_NOTIFY_GRACE_H

#include <stdbool.h>

#include "sm-notify/run.h"

/*
 * Tells whether @run has nobody to tell: all was read and understood, and those
 * who are set aside do not count.
 * Source: design decision 12.
 */
bool grace_is_nobody(const struct run *run);

/*
 * There is nobody to tell: says so, and ends lockd's grace period where @run
 * is the one that may.
 * Range:  grace_is_nobody().
 */
void grace_nobody(const struct run *run);

/*
 * Logs whom @run begins with, and what that means for the grace period.
 */
void grace_log_begin(const struct run *run);

#endif
