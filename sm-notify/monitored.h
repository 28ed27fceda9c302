/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is monitored in this boot, as sm-notify sees it.
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_MONITORED_H
#define NFS_RECLAIM_SM_NOTIFY_MONITORED_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/addr.h"
#include "sm-notify/run.h"

/*
 * Opens sm/ of @run for monitored_is_late().
 * Return: -1 where that is not to be asked: locks are declared lost, or sm/ may
 *         hold records of earlier boots; or where it cannot be read.
 * Owns:   the caller closes it.
 */
int monitored_open(const struct run *run);

/*
 * Tells whether a notice to one of the @count addresses at @addrs comes too
 * late: the lock manager has it monitored again, by that address, and either no
 * grace period runs or it serves an NFS mount of this host.
 * Range:  @sm_fd of monitored_open(); -1: false.
 * Source: design decision 14.
 */
bool monitored_is_late(int sm_fd, const struct addr *addrs, size_t count);

#endif
