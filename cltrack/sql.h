/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the databases of client tracking have in common: a file main.sqlite in
 * a directory of its own, opened so that a commit survives a power failure,
 * statements, and errors as -errno.  An error has been logged, with the name
 * of the file, by whoever gives it here.
 *
 * -EBADMSG: no database, damaged, or not of the form that was asked for.
 * -EBUSY: somebody else held it for SQL_WAIT_MS.
 * -ENOMEM: a length in the file is damaged, or there is no memory.
 */
#ifndef NFS_RECLAIM_CLTRACK_SQL_H
#define NFS_RECLAIM_CLTRACK_SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SQL_FILE    "main.sqlite"
#define SQL_WAIT_MS 10000 /* COMPAT: nfs-utils' busy timeout */

struct sqlite3;
struct sqlite3_stmt;

struct sql {
	struct sqlite3 *handle;
	char *path;
};

enum sql_how {
	SQL_EXISTING, /* -ENOENT where there is none */
	SQL_MAKE,     /* makes the directory (0700), too, but none above it */
};

/*
 * Opens main.sqlite in the directory @dir.  What was made is durable, also by
 * name.  Commits are flushed together with the end of their journal.
 * Errors: -errno; nothing is open then.
 * Owns:   sql_close() ends it.
 * Source: contract.md C-8.
 */
int sql_open(struct sql *sql, const char *dir, enum sql_how how);

/*
 * Ends what is open; every statement must have been ended.
 */
void sql_close(struct sql *sql);

/*
 * Has commits go to a write-ahead log, which takes one flush.  Where the file
 * system cannot do that, a warning is logged and the journal stays.
 * Errors: -errno.
 */
int sql_use_wal(struct sql *sql);

/*
 * Brings the write-ahead log into the file and does without it from then on.
 * Errors: -EBUSY where somebody else has the database open, -errno.
 */
int sql_leave_wal(struct sql *sql);

/*
 * Brings the write-ahead log into the file and empties it.
 * Errors: -EBUSY, not logged, where somebody reads at this moment; -errno.
 */
int sql_checkpoint(struct sql *sql);

/*
 * Looks for damage in the whole file; a damaged index is made anew.
 * Errors: -EBADMSG, -errno.
 */
int sql_check(struct sql *sql);

/*
 * Runs the statements that sqlite3_mprintf() makes of @format, without their
 * results.
 * Errors: -errno.
 */
int sql_run(struct sql *sql, const char *format, ...);

/*
 * Makes a statement of the same.
 * Errors: -errno; *statement is NULL then.
 * Owns:   sqlite3_finalize() ends it.
 */
int sql_prepare(struct sql *sql, struct sqlite3_stmt **statement,
		const char *format, ...);

/*
 * Puts the @len bytes at @bytes in the place number @at of @statement.
 * Errors: -errno.
 * Owns:   borrows @bytes until the statement is reset.
 */
int sql_bind(struct sql *sql, struct sqlite3_stmt *statement, int at,
	     const void *bytes, size_t len);

/*
 * Goes to the next row.
 * Return: 1, 0 where there is none, -errno.
 */
int sql_step(struct sql *sql, struct sqlite3_stmt *statement);

/*
 * Runs a bound @statement that has no rows, and makes it ready for the next
 * time.
 * Errors: -errno.
 */
int sql_finish(struct sql *sql, struct sqlite3_stmt *statement);

/*
 * Reads the number in the first column of the first row of what is asked.
 * Return: 1, 0 where there is no row, -errno.
 */
int sql_number(struct sql *sql, int64_t *number, const char *format, ...);

/*
 * Begins a transaction that nobody else can write beside.
 * Errors: -errno.
 */
int sql_begin(struct sql *sql);

/*
 * Ends the transaction: with @error 0 by a commit, else by taking it back.
 * Return: @error, or what came of the commit, which is taken back then.
 */
int sql_end(struct sql *sql, int error);

/*
 * Tells whether a transaction is open.
 */
bool sql_is_begun(const struct sql *sql);

/*
 * Tells whether there is a table @name.
 * Return: 1, 0 or -errno.
 */
int sql_has_table(struct sql *sql, const char *name);

/*
 * Logs "FILE: @text" as an error.
 * Return: -EBADMSG.
 */
int sql_refuse(const struct sql *sql, const char *text);

#endif
