/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a run means for lockd's grace period.
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_GRACE_H
#define NFS_RECLAIM_SM_NOTIFY_GRACE_H

#include "sm-notify/run.h"

/*
 * There is nobody to tell: says so, and ends lockd's grace period where @run
 * is the one that may.
 * Range:  after a clean records_read().
 */
void grace_nobody(const struct run *run);

/*
 * Logs whom @run begins with, and what that means for the grace period.
 */
void grace_log_begin(const struct run *run);

#endif
