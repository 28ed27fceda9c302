/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whom to tell: the files of sm.bak/, handed to a new notifier.
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_RECORDS_H
#define NFS_RECLAIM_SM_NOTIFY_RECORDS_H

#include "sm-notify/run.h"

/*
 * Hands every record of sm.bak/ to a new notifier, @run->notify.
 * Range:  after prepare_run().
 * Return: RUN_GO_ON, or an exit status where nothing can be read; logged.
 * Owns:   the caller frees @run->notify.
 */
int records_read(struct run *run);

#endif
