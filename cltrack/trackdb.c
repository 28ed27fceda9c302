/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A handful of statements.  When each is wanted is cltrack/command's matter.
 */
#include "cltrack/trackdb.h"

#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/log.h"

#define VERSION	     2
#define START_KEY    "grace_start"
#define VERSION_TEXT "2"

/* --- form --- */

static int create_all(struct sql *sql)
{
	return sql_run(sql, "CREATE TABLE parameters"
			    " (key TEXT PRIMARY KEY, value TEXT);"
			    "CREATE TABLE clients (id BLOB PRIMARY KEY,"
			    " time INTEGER, has_session INTEGER);"
			    "INSERT INTO parameters"
			    " VALUES ('version', '" VERSION_TEXT "')");
}

static int upgrade(struct sql *sql)
{
	log_line(LOG_NOTE, "%s: schema 1 becomes " VERSION_TEXT, sql->path);
	return sql_run(sql, "ALTER TABLE clients"
			    " ADD COLUMN has_session INTEGER;"
			    "UPDATE parameters SET value = '" VERSION_TEXT
			    "' WHERE key = 'version'");
}

/* 0 where there is nothing at all, the schema, or -errno. */
static int64_t version_of(struct sql *sql)
{
	int64_t number = 0;
	int got =
		sql_number(sql, &number, "SELECT count(*) FROM sqlite_master");

	if (got < 0 || number == 0)
		return got < 0 ? got : 0;
	got = sql_has_table(sql, "parameters");
	if (got > 0)
		got = sql_number(sql, &number,
				 "SELECT value FROM parameters"
				 " WHERE key = 'version'");
	if (got == 0 || number < 1 || number > VERSION)
		return sql_refuse(sql, "has a schema that is not known here");
	return got < 0 ? got : number;
}

static int make_form(struct sql *sql)
{
	int64_t version = version_of(sql);

	if (version < 0 || version == VERSION)
		return version < 0 ? (int)version : 0;
	return version == 0 ? create_all(sql) : upgrade(sql);
}

/* Most calls find it made, and need no lock to see that. */
static int prepare_form(struct sql *sql)
{
	int64_t version = version_of(sql);
	int error;

	if (version < 0 || version == VERSION)
		return version < 0 ? (int)version : 0;
	error = sql_begin(sql);
	return error ? error : sql_end(sql, make_form(sql));
}

int trackdb_open(struct trackdb *db, const char *dir)
{
	int error;

	*db = (struct trackdb){0};
	error = sql_open(&db->sql, dir, SQL_MAKE);
	if (error)
		return error;
	error = prepare_form(&db->sql);
	if (!error)
		error = sql_number(&db->sql, &db->start_s,
				   "SELECT value FROM parameters"
				   " WHERE key = '" START_KEY "'");
	if (error < 0)
		trackdb_close(db);
	return error < 0 ? error : 0;
}

void trackdb_close(struct trackdb *db)
{
	sql_close(&db->sql);
}

int trackdb_check(struct trackdb *db)
{
	return sql_check(&db->sql);
}

/* --- times --- */

/* A clock that was set back does not make a client an old one. */
static int64_t time_of(const struct trackdb *db, int64_t now_s)
{
	return now_s != 0 && now_s < db->start_s ? db->start_s : now_s;
}

static int lower_times(struct sql *sql, int64_t start_s)
{
	int error;

	/* What is no number counts as later than any. */
	error = sql_run(sql,
			"UPDATE clients SET time = %lld"
			" WHERE ifnull(time >= %lld, 1)",
			(long long)start_s - 1, (long long)start_s);
	if (!error)
		error = sql_run(sql,
				"INSERT OR REPLACE INTO parameters"
				" VALUES ('" START_KEY "', '%lld')",
				(long long)start_s);
	return error;
}

int trackdb_start(struct trackdb *db, int64_t start_s)
{
	int error = sql_begin(&db->sql);

	if (!error)
		error = sql_end(&db->sql, lower_times(&db->sql, start_s));
	if (!error)
		db->start_s = start_s;
	return error;
}

int trackdb_forget_before(struct trackdb *db, int64_t start_s)
{
	return sql_run(&db->sql, "DELETE FROM clients WHERE time < %lld",
		       (long long)start_s);
}

/* COMPAT: a NULL of schema 1 is not "without a session" to nfs-utils. */
int trackdb_is_reclaiming(struct trackdb *db, int64_t start_s)
{
	int64_t count = 0;
	int got = sql_number(&db->sql, &count,
			     "SELECT count(*) FROM clients"
			     " WHERE time < %lld OR has_session != 1",
			     (long long)start_s);

	return got < 0 ? got : count > 0;
}

/* --- clients --- */

static int prepare_id(struct trackdb *db, const struct trackdb_id *id,
		      struct sqlite3_stmt **statement, const char *text)
{
	int error = sql_prepare(&db->sql, statement, "%s", text);

	if (error)
		return error;
	error = sql_bind(&db->sql, *statement, 1, id->bytes, id->len);
	if (error)
		sqlite3_finalize(*statement);
	return error;
}

static int run_id(struct trackdb *db, const struct trackdb_id *id, char *text)
{
	struct sqlite3_stmt *statement;
	int error = prepare_id(db, id, &statement, text);

	sqlite3_free(text);
	if (error)
		return error;
	error = sql_finish(&db->sql, statement);
	sqlite3_finalize(statement);
	return error;
}

int trackdb_create(struct trackdb *db, const struct trackdb_id *id,
		   int64_t now_s, bool has_session)
{
	return run_id(db, id,
		      sqlite3_mprintf("INSERT OR REPLACE INTO clients"
				      " VALUES (?1, %lld, %d)",
				      (long long)time_of(db, now_s),
				      has_session));
}

int trackdb_remove(struct trackdb *db, const struct trackdb_id *id)
{
	return run_id(db, id,
		      sqlite3_mprintf("DELETE FROM clients WHERE id = ?1"));
}

int trackdb_touch(struct trackdb *db, const struct trackdb_id *id,
		  int64_t now_s)
{
	return run_id(db, id,
		      sqlite3_mprintf("UPDATE clients SET time = %lld"
				      " WHERE id = ?1",
				      (long long)time_of(db, now_s)));
}

int trackdb_has(struct trackdb *db, const struct trackdb_id *id)
{
	struct sqlite3_stmt *statement;
	int got = prepare_id(db, id, &statement,
			     "SELECT 1 FROM clients WHERE id = ?1");

	if (got)
		return got;
	got = sql_step(&db->sql, statement);
	sqlite3_finalize(statement);
	return got;
}

/* --- from outside --- */

bool trackdb_exists(const char *dir)
{
	struct buf path;
	bool is_there;

	buf_init(&path, strlen(dir) + sizeof("/" SQL_FILE));
	buf_addf(&path, "%s/" SQL_FILE, dir);
	is_there = access(buf_text(&path), F_OK) == 0;
	buf_fini(&path);
	return is_there;
}

/*
 * As it is: the program that it belongs to may be an older one.
 * Return: 1, 0 where it is empty (still open), -errno.
 */
static int open_foreign(struct sql *sql, const char *dir)
{
	int error = sql_open(sql, dir, SQL_EXISTING);
	int64_t version;

	if (error)
		return error;
	version = version_of(sql);
	if (version < 0)
		sql_close(sql);
	return version < 0 ? (int)version : version > 0;
}

static int each_id(struct sql *sql,
		   int (*each)(void *arg, const uint8_t *id, size_t id_len),
		   void *arg)
{
	struct sqlite3_stmt *statement;
	const uint8_t *id;
	int error;

	error = sql_prepare(sql, &statement,
			    "SELECT id FROM clients ORDER BY rowid");
	if (error)
		return error;
	while ((error = sql_step(sql, statement)) > 0) {
		id = sqlite3_column_blob(statement, 0);
		error = each(arg, id,
			     (size_t)sqlite3_column_bytes(statement, 0));
		if (error)
			break;
	}
	sqlite3_finalize(statement);
	return error;
}

int trackdb_ids(const char *dir,
		int (*each)(void *arg, const uint8_t *id, size_t id_len),
		void *arg)
{
	struct sql sql;
	int error = open_foreign(&sql, dir);

	if (error < 0)
		return error;
	if (error > 0)
		error = each_id(&sql, each, arg);
	sql_close(&sql);
	return error;
}

int trackdb_empty(const char *dir)
{
	struct sql sql;
	int error = open_foreign(&sql, dir);

	if (error < 0)
		return error;
	if (error > 0)
		error = sql_run(&sql, "DELETE FROM clients");
	sql_close(&sql);
	return error;
}
