/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The boot turn: once per boot, by whichever of rpc.statd and sm-notify comes
 * first, the records of the boot before are retired to sm.bak/ and the NSM
 * state number is raised, before statd answers anything.  Every step is
 * idempotent, so a crash at any point is harmless (design section 4;
 * contract.md D-2, D-3, D-5, D-12).
 */
#ifndef NFS_RECLAIM_OS_BOOTTURN_H
#define NFS_RECLAIM_OS_BOOTTURN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/statenum.h"

/* Where things are.  The programs fill in the real places; a test, its own. */
struct bootturn_place {
	const char *state_dir;	 /* STATE */
	const char *default_dir; /* whose FLOOR a private directory raises */
	const char *notify_pid;	 /* /run/sm-notify.pid */
	const char *statd_pid;	 /* /run/rpc.statd.pid */
	char key[BOOTKEY_SIZE];	 /* BOOTKEY, from bootturn_key() */
};

enum bootturn_outcome {
	BOOTTURN_TURNED,     /* this call did it */
	BOOTTURN_ALREADY,    /* it was done in this boot; nothing was retired */
	BOOTTURN_TAKEN_OVER, /* nfs-utils had done it; nothing was retired */
};

struct bootturn_result {
	enum bootturn_outcome outcome;
	uint32_t number;       /* the state number in force, durable */
	unsigned int retired;  /* files merged into sm.bak/ */
	unsigned int unmerged; /* files that had to stay in sm/; reported */
	bool has_left;	       /* sm/ may have records of earlier boots */
	int hold_fd; /* private: locks sm.bak/ until it is closed; else -1 */
};

/*
 * Writes the key of this boot and network namespace.
 * Errors: -errno where the kernel does not tell.
 */
int bootturn_key(char out[static BOOTKEY_SIZE]);

/*
 * Does what is left of the turn of this boot.  Missing sm/ and sm.bak/ are
 * made (0700).  Complaints are logged.
 * Errors: -errno; nothing may be answered or announced then.  -EBUSY: a statd
 *         of another network namespace lives on this directory.
 */
int bootturn_run(const struct bootturn_place *place,
		 struct bootturn_result *out);

/*
 * The operator declares the locks lost (`sm-notify -f`): raises the number,
 * durably, then copies sm/ into sm.bak/; the records in sm/ stay.
 * Errors: as bootturn_run().
 */
int bootturn_force(const struct bootturn_place *place,
		   struct bootturn_result *out);

/*
 * `sm-notify -n`: copies sm/ into sm.bak/ and raises nothing; the turn of this
 * boot is left to whoever comes next.
 * Errors: as bootturn_run().
 */
int bootturn_copy(const struct bootturn_place *place,
		  struct bootturn_result *out);

/*
 * `sm-notify -P DIR` on a directory that no statd of ours lives on: works from
 * state, sm/ and sm.bak/ alone.  The number is above its own and the default
 * directory's, and durable as FLOOR there.  @is_raised false (-n): the number
 * as it stands.
 * Errors: as bootturn_run().
 */
int bootturn_private(const struct bootturn_place *place, bool is_raised,
		     struct bootturn_result *out);

/*
 * Tells whether `sm-notify -P` must use bootturn_private(): the directory is
 * not the default and has no state.boot of its own.
 */
bool bootturn_is_private(const struct bootturn_place *place);

#endif
