/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The notifier core at work: its packets, look-ups, files and timers on this
 * machine, until it is done or the program is told to stop.
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_DRIVER_H
#define NFS_RECLAIM_SM_NOTIFY_DRIVER_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "os/control.h"
#include "sm-notify/lastnotify.h"
#include "sm-notify/notify.h"

struct driver_config {
	struct notify *notify; /* borrowed; all its files are in */
	const char *bak_dir;   /* sm.bak/, where its files are ... */
	int bak_fd;	       /* ... open; borrowed */
	int age_fd;	       /* of ages_count(), borrowed; or -1 */
	int sm_fd;	       /* of monitored_is_late(), borrowed; or -1 */
	const char *source;    /* address or host name to send from, or NULL */
	uint16_t port;	       /* to send from, 0: a reserved one */
	struct lastnotify *last;	    /* borrowed; or NULL */
	void (*told)(void *ctx, size_t at); /* see notify_peer(); or NULL */
	void *ctx;
	int ready_fd;	/* of process_background(), or -1 */
	int control_fd; /* of control_bind(), or -1; the driver closes it */
	struct control_access access;
	const char *turn_file;	   /* state.boot: ends the run when it is ... */
	struct timespec turn_time; /* ... not of this time; NULL: never */
};

/*
 * Runs until every peer is told, time is up, or SIGTERM or SIGINT comes, or
 * somebody turns the boot: a turn adds lines to sm.bak/ that this run does not
 * know, and must not write away.
 * process_ready() is called once there is a socket.
 * Return: 0 where all are told, 1 where some are not; what is untold is still
 *         in its file.
 * Errors: -errno, logged, where it could not begin; nothing was sent then.
 */
int driver_run(const struct driver_config *config);

#endif
