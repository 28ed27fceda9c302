/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How databases of nfsdcld came to differ, and how they are made alike.  The
 * steps are small and in one transaction, so a crash leaves the old form.
 */
#include "cltrack/schema.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cltrack/client.h"
#include "lib/log.h"
#include "lib/xalloc.h"

#define SCHEMA_VERSION 4
#define VERSION_TEXT   "4"
#define OLD_REC_COLS   "(id BLOB PRIMARY KEY)"

/* The names of the tables with clients; SCHEMA_TABLE or shorter. */
struct tables {
	char names[SCHEMA_TABLES_MAX][SCHEMA_TABLE_LEN + 1];
	uint64_t epochs[SCHEMA_TABLES_MAX];
	size_t count;
};

/* Which rows no client can have, and why. */
#define WHY_BAD                                                            \
	"CASE WHEN typeof(id) != 'blob' THEN 'id is no blob' "             \
	"WHEN length(id) NOT BETWEEN 1 AND %d THEN 'length of id' "        \
	"WHEN typeof(princhash) NOT IN ('null', 'blob') "                  \
	"THEN 'princhash is no blob' "                                     \
	"WHEN princhash IS NOT NULL AND length(princhash) NOT IN (0, %d) " \
	"THEN 'length of princhash' END"

/* --- reading --- */

int schema_parameter(struct sql *sql, const char *key, int64_t *value)
{
	return sql_number(sql, value,
			  "SELECT value FROM parameters WHERE key = %Q", key);
}

/* Both are 64 bits; sqlite knows signed ones alone. */
static int read_grace(struct sql *sql, struct sqlite3_stmt *statement,
		      uint64_t *current, uint64_t *recovery)
{
	int error = sql_step(sql, statement);

	if (error < 0)
		return error;
	if (error == 0)
		return sql_refuse(sql, "has no epochs");
	*current = (uint64_t)sqlite3_column_int64(statement, 0);
	*recovery = (uint64_t)sqlite3_column_int64(statement, 1);
	error = sql_step(sql, statement);
	if (error < 0)
		return error;
	if (error > 0 || *current == 0 || *current == *recovery)
		return sql_refuse(sql, "has no sensible epochs");
	return 0;
}

int schema_epochs(struct sql *sql, uint64_t *current, uint64_t *recovery)
{
	struct sqlite3_stmt *statement;
	int error;

	error = sql_prepare(sql, &statement,
			    "SELECT current, recovery FROM grace LIMIT 2");
	if (error)
		return error;
	error = read_grace(sql, statement, current, recovery);
	sqlite3_finalize(statement);
	return error;
}

int64_t schema_aside_count(struct sql *sql)
{
	int64_t count = 0;
	int got = sql_has_table(sql, "aside");

	if (got > 0)
		got = sql_number(sql, &count, "SELECT count(*) FROM aside");
	return got < 0 ? got : count;
}

/* Takes "rec-" and 1 to 16 hex digits. */
static bool parse_table(const char *name, uint64_t *epoch)
{
	size_t digits = strspn(name + 4, "0123456789abcdefABCDEF");

	if (strncmp(name, "rec-", 4) != 0 || digits == 0 ||
	    digits > SCHEMA_TABLE_LEN - 4 || name[4 + digits] != '\0')
		return false;
	*epoch = strtoull(name + 4, NULL, 16);
	return true;
}

static void add_table(struct tables *tables, const char *name)
{
	uint64_t epoch;

	if (!parse_table(name, &epoch) || tables->count == SCHEMA_TABLES_MAX)
		return;
	snprintf(tables->names[tables->count], sizeof(tables->names[0]), "%s",
		 name);
	tables->epochs[tables->count++] = epoch;
}

/* Taken before any is changed, since a list must not change while it is read.
 */
static int list_tables(struct sql *sql, struct tables *tables)
{
	struct sqlite3_stmt *statement;
	int error;

	tables->count = 0;
	error = sql_prepare(sql, &statement,
			    "SELECT name FROM sqlite_master "
			    "WHERE type = 'table' AND name GLOB 'rec-*'");
	if (error)
		return error;
	while ((error = sql_step(sql, statement)) > 0)
		add_table(tables,
			  (const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	return error;
}

/* --- new and old forms --- */

static int create_all(struct sql *sql)
{
	return sql_run(
		sql,
		"CREATE TABLE parameters"
		" (key TEXT PRIMARY KEY, value TEXT);"
		"CREATE TABLE grace (current INTEGER , recovery INTEGER);"
		"INSERT INTO grace VALUES (1, 0);"
		"CREATE TABLE \"rec-0000000000000001\" " SCHEMA_NEW_REC_COLS ";"
		"INSERT INTO parameters VALUES ('version', '" VERSION_TEXT "');"
		"INSERT INTO parameters VALUES ('first_time', '1')");
}

/*
 * From schema 1 and 2, which knew no epochs.  Their clients may reclaim after
 * the next start of the server.
 * COMPAT: nfs-utils takes 2 for 3 and then cannot use it (contract.md C-6).
 */
static int leave_clients(struct sql *sql)
{
	return sql_run(
		sql,
		"CREATE TABLE grace (current INTEGER , recovery INTEGER);"
		"INSERT INTO grace VALUES (1, 0);"
		"CREATE TABLE \"rec-0000000000000001\" " SCHEMA_NEW_REC_COLS ";"
		"INSERT INTO \"rec-0000000000000001\" (id)"
		" SELECT id FROM clients ORDER BY rowid;"
		"DROP TABLE clients;"
		"INSERT OR REPLACE INTO parameters"
		" VALUES ('first_time', '1')");
}

/* Adds the column that came with schema 4 where it is missing. */
static int add_princhash(struct sql *sql, const struct tables *tables)
{
	int64_t count;
	int error = 0;
	size_t i;

	for (i = 0; i < tables->count && error >= 0; i++) {
		error = sql_number(sql, &count,
				   "SELECT count(*) FROM pragma_table_info(%Q)"
				   " WHERE name = 'princhash'",
				   tables->names[i]);
		if (error > 0 && count == 0)
			error = sql_run(sql,
					"ALTER TABLE \"%w\""
					" ADD COLUMN princhash BLOB",
					tables->names[i]);
	}
	return error < 0 ? error : 0;
}

/* What is there is schema @version, as far as that can be believed. */
static int upgrade_from(struct sql *sql, int64_t version)
{
	int has_grace = sql_has_table(sql, "grace");
	int has_clients = sql_has_table(sql, "clients");

	if (has_grace < 0 || has_clients < 0)
		return has_grace < 0 ? has_grace : has_clients;
	if (version < 1 || version > SCHEMA_VERSION)
		return sql_refuse(sql, "has a schema that is not known here");
	/* COMPAT: "4" without epochs is a 2 that nfs-utils spoiled (C-6). */
	if (!has_grace && has_clients)
		return leave_clients(sql);
	return has_grace ? 0 : sql_refuse(sql, "has no table of epochs");
}

/* --- repairs --- */

/* Gives the clients of a short-named table to that with the full name. */
static int rename_table(struct sql *sql, const char *name, const char *full)
{
	int got = sql_has_table(sql, full);

	if (got < 0)
		return got;
	log_line(LOG_WARN, "%s: table %s becomes %s", sql->path, name, full);
	if (got == 0)
		return sql_run(sql, "ALTER TABLE \"%w\" RENAME TO \"%w\"", name,
			       full);
	return sql_run(sql,
		       "INSERT OR IGNORE INTO \"%w\" (id, princhash)"
		       " SELECT id, princhash FROM \"%w\" ORDER BY rowid;"
		       "DROP TABLE \"%w\"",
		       full, name, name);
}

/*
 * COMPAT: some versions of nfs-utils wrote names without leading zeros.  Where
 * the epoch is none that is in use, the table is left alone; nfs-utils would
 * not start (contract.md 6.5).
 */
static int fix_names(struct sql *sql, const struct tables *tables,
		     uint64_t current, uint64_t recovery)
{
	char full[SCHEMA_TABLE_LEN + 1];
	int error = 0;
	size_t i;

	for (i = 0; i < tables->count && error == 0; i++) {
		snprintf(full, sizeof(full), SCHEMA_TABLE,
			 (unsigned long long)tables->epochs[i]);
		if (tables->epochs[i] == 0 ||
		    (tables->epochs[i] != current &&
		     tables->epochs[i] != recovery) ||
		    strcmp(full, tables->names[i]) == 0)
			continue;
		error = rename_table(sql, tables->names[i], full);
	}
	return error;
}

/* A table that is gone is said loudly: its clients cannot reclaim. */
static int make_missing(struct sql *sql, uint64_t epoch)
{
	char name[SCHEMA_TABLE_LEN + 1];
	int got;

	if (epoch == 0)
		return 0;
	snprintf(name, sizeof(name), SCHEMA_TABLE, (unsigned long long)epoch);
	got = sql_has_table(sql, name);
	if (got != 0)
		return got < 0 ? got : 0;
	log_line(LOG_ERROR,
		 "%s: table %s was missing, its clients are not known",
		 sql->path, name);
	return sql_run(sql, "CREATE TABLE \"%w\" " SCHEMA_NEW_REC_COLS, name);
}

/* Moves the bad rows of one table to "aside". */
static int move_aside(struct sql *sql, const char *name, uint64_t epoch)
{
	int64_t count = 0;
	int error;

	error = sql_number(sql, &count,
			   "SELECT count(*) FROM \"%w\" WHERE " WHY_BAD
			   " IS NOT NULL",
			   name, CLIENT_ID_MAX, CLIENT_PRINCHASH_LEN);
	if (error < 0 || count == 0)
		return error < 0 ? error : 0;
	log_line(LOG_ERROR,
		 "%s: %lld damaged rows of table %s are kept in table aside",
		 sql->path, (long long)count, name);
	error = sql_run(sql, "CREATE TABLE IF NOT EXISTS aside"
			     " (epoch INTEGER, id, princhash, reason TEXT)");
	if (!error)
		error = sql_run(
			sql,
			"INSERT INTO aside SELECT %lld, id, princhash, " WHY_BAD
			" FROM \"%w\" WHERE " WHY_BAD " IS NOT NULL",
			(long long)epoch, CLIENT_ID_MAX, CLIENT_PRINCHASH_LEN,
			name, CLIENT_ID_MAX, CLIENT_PRINCHASH_LEN);
	if (!error)
		error = sql_run(sql,
				"DELETE FROM \"%w\" WHERE " WHY_BAD
				" IS NOT NULL",
				name, CLIENT_ID_MAX, CLIENT_PRINCHASH_LEN);
	return error;
}

static int repair(struct sql *sql, struct tables *tables)
{
	uint64_t current = 0, recovery = 0;
	int error = schema_epochs(sql, &current, &recovery);
	size_t i;

	if (!error)
		error = list_tables(sql, tables);
	if (!error)
		error = add_princhash(sql, tables);
	if (!error)
		error = fix_names(sql, tables, current, recovery);
	if (!error)
		error = make_missing(sql, current);
	if (!error)
		error = make_missing(sql, recovery);
	if (!error)
		error = list_tables(sql, tables);
	for (i = 0; i < tables->count && error == 0; i++)
		error = move_aside(sql, tables->names[i], tables->epochs[i]);
	return error;
}

/* --- what the header promises --- */

/* The schema of what is there, 0 where there is nothing at all, -errno. */
static int64_t version_of(struct sql *sql)
{
	int64_t number = 0;
	int got =
		sql_number(sql, &number, "SELECT count(*) FROM sqlite_master");

	if (got < 0 || number == 0)
		return got < 0 ? got : 0;
	got = sql_has_table(sql, "parameters");
	if (got > 0)
		got = schema_parameter(sql, "version", &number);
	if (got == 0 || number <= 0)
		return sql_refuse(sql, "is no database of client tracking");
	return got < 0 ? got : number;
}

static int prepare(struct sql *sql, struct tables *tables)
{
	int64_t version = version_of(sql);
	int error;

	if (version < 0)
		return (int)version;
	if (version == 0)
		return create_all(sql);
	error = upgrade_from(sql, version);
	if (!error)
		error = repair(sql, tables);
	if (error || version == SCHEMA_VERSION)
		return error;
	log_line(LOG_NOTE, "%s: schema %lld becomes " VERSION_TEXT, sql->path,
		 (long long)version);
	return sql_run(sql, "UPDATE parameters SET value = '" VERSION_TEXT
			    "' WHERE key = 'version'");
}

int schema_prepare(struct sql *sql)
{
	struct tables *tables = xzalloc(sizeof(*tables));
	int error = sql_begin(sql);

	if (!error)
		error = sql_end(sql, prepare(sql, tables));
	free(tables);
	return error;
}

/* By way of a new table, which takes nothing but what schema 3 has. */
static int drop_princhash(struct sql *sql, const struct tables *tables)
{
	int error = 0;
	size_t i;

	for (i = 0; i < tables->count && error == 0; i++)
		error = sql_run(sql,
				"CREATE TABLE \"new_%w\" " OLD_REC_COLS ";"
				"INSERT INTO \"new_%w\""
				" SELECT id FROM \"%w\" ORDER BY rowid;"
				"DROP TABLE \"%w\";"
				"ALTER TABLE \"new_%w\" RENAME TO \"%w\"",
				tables->names[i], tables->names[i],
				tables->names[i], tables->names[i],
				tables->names[i], tables->names[i]);
	return error;
}

static int downgrade(struct sql *sql, struct tables *tables)
{
	int64_t version = version_of(sql);
	int error;

	if (version == 3 || version < 0)
		return version < 0 ? (int)version : 0;
	if (version != SCHEMA_VERSION)
		return sql_refuse(sql, "is not of schema " VERSION_TEXT);
	error = repair(sql, tables);
	if (!error)
		error = drop_princhash(sql, tables);
	if (error)
		return error;
	return sql_run(sql, "UPDATE parameters SET value = '3'"
			    " WHERE key = 'version'");
}

int schema_downgrade(struct sql *sql)
{
	struct tables *tables = xzalloc(sizeof(*tables));
	int error = sql_begin(sql);

	if (!error)
		error = sql_end(sql, downgrade(sql, tables));
	free(tables);
	return error;
}
