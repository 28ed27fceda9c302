/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whom to tell: the files of sm.bak/, handed to a new notifier.
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_RECORDS_H
#define NFS_RECLAIM_SM_NOTIFY_RECORDS_H

#include <stdbool.h>

#include "sm-notify/run.h"

/*
 * Hands every record of sm.bak/ to a new notifier, @run->notify.
 * Range:  after prepare_run().
 * Return: RUN_GO_ON, or an exit status where nothing can be read; logged.
 * Owns:   the caller frees @run->notify.
 */
int records_read(struct run *run);

/*
 * Makes @run->notify without a record.
 */
void records_begin(struct run *run);

/*
 * Hands it the records of sm/, too, for a run that only looks.
 * Return: as records_read().
 */
int records_read_monitored(struct run *run);

/*
 * Tells whether @run counts for how many boots a record stays unanswered: not
 * where it leaves no mark of this boot, or works on nfs-utils' items alone.
 */
bool records_have_ages(const struct run *run);

#endif
