/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The form of nfsdcld's database: schema 4 of nfs-utils, how one gets there
 * from what older programs left, and back to 3.
 *
 *   parameters(key, value)       version = 4, first_time = 1 or 0
 *   grace(current, recovery)     one row; u64 stored as signed
 *   rec-%016x(id, princhash)     the clients of one epoch
 *   aside(...)                   ours: rows that no client can have
 * Source: contract.md 6.5, 8.7.
 */
#ifndef NFS_RECLAIM_CLTRACK_SCHEMA_H
#define NFS_RECLAIM_CLTRACK_SCHEMA_H

#include <stdint.h>

#include "cltrack/sql.h"

#define SCHEMA_TABLE	    "rec-%016llx" /* of an unsigned long long */
#define SCHEMA_TABLE_LEN    20
#define SCHEMA_TABLES_MAX   1024 /* epochs that are looked at */
#define SCHEMA_NEW_REC_COLS "(id BLOB PRIMARY KEY, princhash BLOB)"

/*
 * Makes the database what schema 4 says, in one transaction: an empty one in
 * epoch 1 where there is nothing; from 1, 2 and 3; with tables of 16 digits,
 * and with bad rows moved to "aside", which is logged.
 * Errors: -errno, -EBADMSG where it cannot be made so; nothing changed then.
 */
int schema_prepare(struct sql *sql);

/*
 * Makes schema 3 of schema 4, in one transaction; 0 where it is 3.
 * Errors: as schema_prepare().
 */
int schema_downgrade(struct sql *sql);

/*
 * Reads the one row of "grace".
 * Errors: -errno, -EBADMSG where there is no such row, or no sense in it.
 */
int schema_epochs(struct sql *sql, uint64_t *current, uint64_t *recovery);

/*
 * Reads the number that is the value of @key.
 * Return: 1, 0 where there is none, -errno.
 */
int schema_parameter(struct sql *sql, const char *key, int64_t *value);

/*
 * Returns how many rows are kept aside, or -errno.
 */
int64_t schema_aside_count(struct sql *sql);

#endif
