/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What comes before anybody is told: alone, and after the turn of this boot.
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_PREPARE_H
#define NFS_RECLAIM_SM_NOTIFY_PREPARE_H

#include "sm-notify/run.h"

/*
 * Finds the directories, this boot's key and the mode of @run.
 * Range:  its settings are read.
 * Return: RUN_GO_ON, or an exit status; logged.
 */
int prepare_place(struct run *run);

/*
 * Does what @run's mode demands before a record is read: the turn of this
 * boot, or a new number, and the lock that keeps others away.
 * Range:  after prepare_place().
 * Return: RUN_GO_ON, or an exit status; logged.
 * Owns:   lock, bak_lock and turn of @run are set; the caller lets go of them.
 * Source: design section 4.
 */
int prepare_run(struct run *run);

#endif
