/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `--dry-run`: what a run would do now.
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_DRYRUN_H
#define NFS_RECLAIM_SM_NOTIFY_DRYRUN_H

#include "sm-notify/run.h"

/*
 * Prints whom @run would tell: one line per peer, with names, addresses and
 * number.  Looks names up; sends nothing to a peer, and neither writes nor
 * locks anything.
 * Range:  after prepare_place().
 * Return: an exit status: 1 where something could not be read, which is logged.
 */
int dryrun(struct run *run);

#endif
