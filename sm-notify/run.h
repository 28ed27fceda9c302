/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One run of sm-notify: what its parts know of it before the first packet.
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_RUN_H
#define NFS_RECLAIM_SM_NOTIFY_RUN_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "lib/buf.h"
#include "os/bootturn.h"
#include "os/control.h"
#include "os/notifylock.h"
#include "sm-notify/notify.h"
#include "sm-notify/settings.h"

#define RUN_PID_FILE  "/run/sm-notify.pid"
#define RUN_NAMES_MAX 20u  /* peers in one log line */
#define RUN_GO_ON     (-1) /* no exit status yet */

/* Exit statuses of --wait beside 0 and 1 (design section 4). */
enum { RUN_EXIT_UNTOLD = 3, RUN_EXIT_NOTHING = 4 };

#define RUN_BAK_LEN_MAX	 (PATH_MAX + 8)
#define RUN_TURN_LEN_MAX (PATH_MAX + 12)

/* Which of the runs of design section 4 this is. */
enum run_mode {
	RUN_BOOT,    /* the run of this boot, or one that resumes it */
	RUN_FORCE,   /* -f */
	RUN_COPY,    /* -n */
	RUN_PRIVATE, /* -P of a directory that no statd of ours lives on */
};

struct run {
	struct settings settings;
	struct bootturn_place place;
	enum run_mode mode;
	char default_dir[PATH_MAX];
	char state_dir[PATH_MAX];
	char bak_dir[RUN_BAK_LEN_MAX];
	char turn_file[RUN_TURN_LEN_MAX];
	struct stat turned; /* turn_file before sm/ was copied; or zero */
	struct bootturn_result turn;
	struct notify_lock lock; /* RUN_BOOT, RUN_FORCE */
	int bak_lock;		 /* RUN_COPY, RUN_PRIVATE; or -1 */
	int bak_fd;
	struct control_access access; /* to the control socket ... */
	int control_fd;		      /* ... or -1 */

	struct notify *notify;
	bool is_parking_over; /* --dry-run: what is parked would not count */
	unsigned int files;   /* read, of peers that are not set aside */
	unsigned int unread;  /* names in sm.bak that could not be read, at
				 first */
	struct buf names;     /* of the files, the first few */
};

/*
 * Makes @run one that has nothing.
 * Owns:   run_fini() ends it.
 */
void run_init(struct run *run);

/*
 * Lets go of everything that @run holds.
 */
void run_fini(struct run *run);

/*
 * Logs that @what failed with -errno @error.
 * Return: the exit status that this means.
 */
int run_failed(const char *what, int error);

#endif
