/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rpc.statd starts sm-notify, with the options that it was given for it.
 */
#ifndef NFS_RECLAIM_STATD_TELL_H
#define NFS_RECLAIM_STATD_TELL_H

#include "os/bootturn.h"
#include "statd/settings.h"

/*
 * Runs sm-notify beside us; as root, which it needs.
 * Return: its pid;
 * Errors: -errno, logged.
 */
int tell_spawn(const struct settings *settings,
	       const struct bootturn_place *place);

/*
 * Becomes sm-notify; returns only where that failed, which is logged.
 */
void tell_exec(const struct settings *settings,
	       const struct bootturn_place *place);

#endif
