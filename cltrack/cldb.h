/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The database of nfsdcld: which clients may reclaim, by epochs, in schema 4 of
 * nfs-utils, so that either may take over from the other.  One process at a
 * time uses it (the caller sees to that), one thread at a time uses one struct.
 *
 * Every function that gives an int gives 0 or -errno; an error but -EINVAL has
 * been logged by then, with the name of the file.  -EBADMSG: the file is no
 * database of ours, or damaged.  -EBUSY: somebody else held it for ten seconds.
 * Source: contract.md 6.5, 8.7; design decision 18.
 */
#ifndef NFS_RECLAIM_CLTRACK_CLDB_H
#define NFS_RECLAIM_CLTRACK_CLDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cltrack/client.h"

#define CLDB_FILE "main.sqlite" /* in the storage directory */

struct cldb;

struct cldb_epochs {
	uint64_t current;
	uint64_t recovery; /* 0: not in grace */
	bool is_first_time;
};

/* How a commit becomes durable; both survive a power failure. */
enum cldb_journal {
	CLDB_WAL,    /* one flush for a commit */
	CLDB_DELETE, /* a rollback journal, whose end is flushed, too */
};

/*
 * Opens the database in the directory @dir; makes what is missing (the
 * directory 0700, an empty database in epoch 1).  Schemas 1 to 3 become 4;
 * short names of the tables in use get their 16 digits.  A row that no client
 * can have moves to the table "aside", is logged and counted, and stops no
 * other.
 * Errors: -errno, -EBADMSG; what is on the disk is then as it was.
 * Owns:   cldb_close() ends *db.
 */
int cldb_open(const char *dir, enum cldb_journal journal, struct cldb **db);

/*
 * Ends what is open, undoes a batch that is, and leaves the one file
 * main.sqlite, as nfs-utils expects it.  NULL is fine.
 */
void cldb_close(struct cldb *db);

/*
 * Brings all commits into main.sqlite and empties the WAL, so that a copy of
 * that file alone is whole.  For quiet moments: it flushes.
 * Errors: -EBUSY, not logged, where somebody reads; try again later.
 */
int cldb_settle(struct cldb *db);

/*
 * Reads in which epochs the server is.
 */
int cldb_epochs(struct cldb *db, struct cldb_epochs *epochs);

/*
 * Begins a batch: what follows becomes durable together, at its commit.
 * Without one, every change is a batch of its own.
 */
int cldb_begin(struct cldb *db);

/*
 * Ends the batch: all of it is on the disk at 0, nothing of it is valid else.
 */
int cldb_commit(struct cldb *db);

/*
 * Ends the batch, and nothing of it happened.
 */
void cldb_rollback(struct cldb *db);

/*
 * Puts @client into the table of @epoch, in place of one with the same id.
 * Errors: -EINVAL for lengths that a client cannot have.
 */
int cldb_create(struct cldb *db, uint64_t epoch, const struct client *client);

/*
 * Removes the client with that id from the table of @epoch; 0 also where it is
 * not there.
 */
int cldb_remove(struct cldb *db, uint64_t epoch, const uint8_t *id,
		size_t id_len);

/*
 * Writes the epochs, and gives @current an empty table.
 * Errors: -EINVAL where @current is 0 or @recovery.
 */
int cldb_grace_start(struct cldb *db, uint64_t current, uint64_t recovery);

/*
 * Writes that there is no recovery epoch, and drops the table of @recovery
 * (0: there is none).
 * Errors: -EINVAL where that is the current epoch.
 */
int cldb_grace_done(struct cldb *db, uint64_t recovery);

/*
 * Calls @each for every client of @epoch; it returns 0 to go on or -errno to
 * stop, which is then the result, and must not use @db.
 */
int cldb_clients(struct cldb *db, uint64_t epoch,
		 int (*each)(void *arg, const struct client *client),
		 void *arg);

/*
 * Tells whether the client with that id is in the table of @epoch.
 * Return: 1, 0 or -errno.
 */
int cldb_has(struct cldb *db, uint64_t epoch, const uint8_t *id, size_t id_len);

/*
 * Writes whether records of another tracker are still to be cleaned.
 */
int cldb_set_first_time(struct cldb *db, bool is_first_time);

/*
 * Returns how many damaged rows are kept aside.
 */
unsigned int cldb_set_aside(const struct cldb *db);

/*
 * Turns the database in @dir, of schema 4, into one of schema 3, for an older
 * nfs-utils: the hashes of the principals are lost.  0 where it is 3 already.
 * Errors: -errno, -ENOENT where there is none; it is as it was then.
 */
int cldb_downgrade(const char *dir);

#endif
