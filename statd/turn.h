/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The boot turn as rpc.statd does it: once while it is root, and where that
 * fails again and again, by a child that stays root.
 */
#ifndef NFS_RECLAIM_STATD_TURN_H
#define NFS_RECLAIM_STATD_TURN_H

#include "os/bootturn.h"

/*
 * Does what is left of the turn of this boot, and tells lockd the number.
 * Errors: -errno, logged.
 */
int turn_run(const struct bootturn_place *place);

/*
 * Starts a child that repeats turn_run() after 1, 2, 4 .. 30 s, and sends one
 * byte over *fd each time that it worked.  It goes on until the caller closes
 * *fd or ends; the end of the file at *fd means that the child has ended.
 * Return: its pid;
 * Errors: -errno.
 */
int turn_repeat(const struct bootturn_place *place, int *fd);

#endif
