/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The database of nfsdcltrack: clients with the time when they last had state,
 * in schema 2 of nfs-utils, so that either may take over from the other.
 *
 *   parameters(key, value)           version = 2; grace_start, ours
 *   clients(id, time, has_session)   time in seconds since the epoch
 *
 * Times are compared with the one when nfsd started, which a clock gave that
 * may be set meanwhile.  So trackdb_start() lowers all times below it, and
 * later ones are never below it: whether a client came back is then no matter
 * of clocks (contract.md C-11).
 *
 * Every function that gives an int gives 0 or -errno as cltrack/sql does; it
 * has been logged.
 * Source: contract.md 6.2.
 */
#ifndef NFS_RECLAIM_CLTRACK_TRACKDB_H
#define NFS_RECLAIM_CLTRACK_TRACKDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cltrack/sql.h"

struct trackdb {
	struct sql sql;
	int64_t start_s; /* when nfsd started; 0: nobody said so */
};

struct trackdb_id {
	const uint8_t *bytes;
	size_t len; /* 1 to CLIENT_ID_MAX */
};

/*
 * Opens the database in the directory @dir; makes what is missing, schema 2 of
 * 1.
 * Owns:   trackdb_close() ends it after 0.
 */
int trackdb_open(struct trackdb *db, const char *dir);

/*
 * Ends what is open.
 */
void trackdb_close(struct trackdb *db);

/*
 * Says that nfsd started at @start_s: nobody has come back yet.
 */
int trackdb_start(struct trackdb *db, int64_t start_s);

/*
 * Looks for damage in the whole file.
 */
int trackdb_check(struct trackdb *db);

/*
 * Puts the client in, or renews it: it has state at @now_s, or not yet (0).
 */
int trackdb_create(struct trackdb *db, const struct trackdb_id *id,
		   int64_t now_s, bool has_session);

/*
 * Removes the client; 0 also where it is not there.
 */
int trackdb_remove(struct trackdb *db, const struct trackdb_id *id);

/*
 * Tells whether the client is there.
 * Return: 1, 0 or -errno.
 */
int trackdb_has(struct trackdb *db, const struct trackdb_id *id);

/*
 * Says that a client which is there has state at @now_s.
 */
int trackdb_touch(struct trackdb *db, const struct trackdb_id *id,
		  int64_t now_s);

/*
 * Removes every client that has had no state since @start_s.
 */
int trackdb_forget_before(struct trackdb *db, int64_t start_s);

/*
 * Tells whether there is a client whose reclaiming cannot be known to be over
 * since @start_s: it has not come back, or has no session, so that nobody hears
 * when it is done.
 * Return: 1, 0 or -errno.
 */
int trackdb_is_reclaiming(struct trackdb *db, int64_t start_s);

/*
 * Tells whether there is a database in the directory @dir.
 */
bool trackdb_exists(const char *dir);

/*
 * Calls @each for the id of every client in the database in @dir, of whatever
 * length; it returns 0 to go on or -errno to stop.  Changes nothing.
 */
int trackdb_ids(const char *dir,
		int (*each)(void *arg, const uint8_t *id, size_t id_len),
		void *arg);

/*
 * Removes every client from the database in @dir.
 */
int trackdb_empty(const char *dir);

#endif
