/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What nfsdcld takes over from the trackers before it: the database of
 * nfsdcltrack, and the recovery directory of the kernel itself.  It is taken
 * once, before the first grace period of the new database, and cleaned after
 * that period.
 *
 * ORDER: every step can be repeated, so a crash at any moment costs nothing:
 *   1. legacy_import()     at each start, while "first time"
 *   2. the grace period begins, and ends durably (cldb_grace_done())
 *   3. legacy_clean()
 *   4. cldb_set_first_time(db, false)
 * Clean before 2, and a crash has lost the clients; nfs-utils cleans even where
 * 2 failed (contract.md C-2).  After 2 nothing is imported again, though 4 may
 * be missing: whoever did not reclaim must not do so later.  4 may also be part
 * of 2's batch.
 * Source: contract.md 6.5, 8.7.
 */
#ifndef NFS_RECLAIM_CLTRACK_LEGACY_H
#define NFS_RECLAIM_CLTRACK_LEGACY_H

#include <stdint.h>

#include "cltrack/cldb.h"

#define LEGACY_RECOVERYDIR_FILE "/proc/fs/nfsd/nfsv4recoverydir"

struct legacy {
	const char *trackdb_dir;      /* nfsdcltrack's storage directory */
	const char *recoverydir_file; /* which says where that one is */
};

/*
 * Puts the clients of both into @epoch, which is the current one; those of the
 * recovery directory as "hash:", its name and a NUL, which is how the kernel
 * knows them again.  What an earlier import found in nfsdcltrack's database is
 * replaced.  Nothing happens where it is not the first time, or a grace period
 * has begun since.
 * Return: 0 or the first -errno, logged; what could be read is there then.
 */
int legacy_import(const struct legacy *legacy, struct cldb *db, uint64_t epoch);

/*
 * Empties both.  Where they are not there, nothing is to be done.
 * Return: 0 or the first -errno, logged.
 */
int legacy_clean(const struct legacy *legacy);

#endif
