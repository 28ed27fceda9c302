/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What /run/sm-notify.pid says of this boot: whether an sm-notify ran, whose it
 * was, and on which directory (doc/formats.md).
 */
#ifndef NFS_RECLAIM_OS_BOOTMARK_H
#define NFS_RECLAIM_OS_BOOTMARK_H

#include <stdbool.h>

#include "lib/statenum.h"
#include "os/bootturn.h"

enum bootmark {
	BOOTMARK_NONE,
	BOOTMARK_OURS,	    /* our sm-notify ran here after the turn, and
			       nobody turned another boot here since */
	BOOTMARK_NFS_UTILS, /* nfs-utils' sm-notify ran */
};

/*
 * Reads the pid file @path.
 * Errors: -errno; *rec is zero then.
 */
int bootmark_read(const char *path, struct pidrec *rec);

/*
 * Tells whether @a and @b are one file.
 */
bool bootmark_is_same_file(const char *a, const char *b);

/*
 * Tells who ran in this boot, going by @place->notify_pid; @dir is the state
 * directory, and @rec what its state.boot says.  A pid file that cannot be read
 * counts as none.
 * Source: design section 4.
 */
enum bootmark bootmark_find(const struct bootturn_place *place, int dir,
			    const struct bootrec *rec);

/*
 * Adds our second line to nfs-utils' pid file, so that it is not taken over
 * twice.
 * Errors: -errno.
 */
int bootmark_write(const struct bootturn_place *place, int dir);

#endif
