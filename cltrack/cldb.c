/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clients by epochs, in statements that are prepared once for an epoch.  When
 * an epoch begins or ends is cltrack/cld's matter.
 */
#include "cltrack/cldb.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "cltrack/schema.h"
#include "cltrack/sql.h"
#include "lib/log.h"
#include "lib/xalloc.h"

/* NOLINTNEXTLINE(misc-redundant-expression): the same is what is asserted */
_Static_assert(sizeof(CLDB_FILE) == sizeof(SQL_FILE), "one name");

enum verb { VERB_CREATE, VERB_REMOVE, VERB_HAS, VERB_COUNT };

/* What is prepared for the table of one epoch. */
struct prepared {
	uint64_t epoch;
	struct sqlite3_stmt *of[VERB_COUNT];
};

struct cldb {
	struct sql sql;
	/* Two epochs are in use at most, and they are neighbours. */
	struct prepared prepared[2];
	unsigned int aside;
	bool is_wal;
};

static const char *const verb_texts[VERB_COUNT] = {
	[VERB_CREATE] = "INSERT OR REPLACE INTO \"" SCHEMA_TABLE
			"\" (id, princhash) VALUES (?1, ?2)",
	[VERB_REMOVE] = "DELETE FROM \"" SCHEMA_TABLE "\" WHERE id = ?1",
	[VERB_HAS] = "SELECT 1 FROM \"" SCHEMA_TABLE "\" WHERE id = ?1",
};

/* --- statements --- */

static void prepared_end(struct prepared *prepared)
{
	int verb;

	for (verb = 0; verb < VERB_COUNT; verb++) {
		sqlite3_finalize(prepared->of[verb]);
		prepared->of[verb] = NULL;
	}
	prepared->epoch = 0;
}

static void prepared_end_all(struct cldb *db)
{
	prepared_end(&db->prepared[0]);
	prepared_end(&db->prepared[1]);
}

/* The statement for @verb in @epoch, with the id in its first place. */
static int use(struct cldb *db, uint64_t epoch, enum verb verb,
	       const struct client *client, struct sqlite3_stmt **statement)
{
	struct prepared *prepared = &db->prepared[epoch % 2];
	int error = 0;

	if (client->id_len == 0 || client->id_len > CLIENT_ID_MAX)
		return -EINVAL;
	if (prepared->epoch != epoch) {
		prepared_end(prepared);
		prepared->epoch = epoch;
	}
	*statement = prepared->of[verb];
	if (*statement == NULL)
		error = sql_prepare(&db->sql, statement, verb_texts[verb],
				    (unsigned long long)epoch);
	if (error)
		return error;
	prepared->of[verb] = *statement;
	return sql_bind(&db->sql, *statement, 1, client->id, client->id_len);
}

int cldb_create(struct cldb *db, uint64_t epoch, const struct client *client)
{
	struct sqlite3_stmt *statement;
	int error;

	if (client->princhash_len != 0 &&
	    client->princhash_len != CLIENT_PRINCHASH_LEN)
		return -EINVAL;
	error = use(db, epoch, VERB_CREATE, client, &statement);
	if (!error && client->princhash_len != 0)
		error = sql_bind(&db->sql, statement, 2, client->princhash,
				 client->princhash_len);
	return error ? error : sql_finish(&db->sql, statement);
}

int cldb_remove(struct cldb *db, uint64_t epoch, const uint8_t *id,
		size_t id_len)
{
	const struct client client = {.id = id, .id_len = id_len};
	struct sqlite3_stmt *statement;
	int error = use(db, epoch, VERB_REMOVE, &client, &statement);

	return error ? error : sql_finish(&db->sql, statement);
}

int cldb_has(struct cldb *db, uint64_t epoch, const uint8_t *id, size_t id_len)
{
	const struct client client = {.id = id, .id_len = id_len};
	struct sqlite3_stmt *statement;
	int got = use(db, epoch, VERB_HAS, &client, &statement);

	if (got)
		return got;
	got = sql_step(&db->sql, statement);
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return got;
}

/* --- clients --- */

/*
 * SAFETY: the lengths are those of the file, and somebody else may have written
 * them since it was opened (contract.md C-3).
 */
static bool read_client(struct sqlite3_stmt *statement, struct client *client)
{
	int id_type = sqlite3_column_type(statement, 0);
	int hash_type = sqlite3_column_type(statement, 1);

	/* In this order: the bytes, then how many of them. */
	client->id = sqlite3_column_blob(statement, 0);
	client->id_len = (size_t)sqlite3_column_bytes(statement, 0);
	client->princhash = sqlite3_column_blob(statement, 1);
	client->princhash_len = (size_t)sqlite3_column_bytes(statement, 1);
	return id_type == SQLITE_BLOB && client->id_len > 0 &&
	       client->id_len <= CLIENT_ID_MAX &&
	       (hash_type == SQLITE_NULL || hash_type == SQLITE_BLOB) &&
	       (client->princhash_len == 0 ||
		client->princhash_len == CLIENT_PRINCHASH_LEN);
}

int cldb_clients(struct cldb *db, uint64_t epoch,
		 int (*each)(void *arg, const struct client *client), void *arg)
{
	struct sqlite3_stmt *statement;
	struct client client;
	int error;

	error = sql_prepare(&db->sql, &statement,
			    "SELECT id, princhash FROM \"" SCHEMA_TABLE "\"",
			    (unsigned long long)epoch);
	if (error)
		return error;
	while ((error = sql_step(&db->sql, statement)) > 0) {
		if (!read_client(statement, &client)) {
			log_line(LOG_ERROR, "%s: a damaged row is left out",
				 db->sql.path);
			continue;
		}
		error = each(arg, &client);
		if (error)
			break;
	}
	sqlite3_finalize(statement);
	return error;
}

/* --- batches --- */

int cldb_begin(struct cldb *db)
{
	assert(!sql_is_begun(&db->sql));
	return sql_begin(&db->sql);
}

int cldb_commit(struct cldb *db)
{
	/* Some errors end a batch before its end: nothing of it is there. */
	if (!sql_is_begun(&db->sql))
		return -EIO;
	return sql_end(&db->sql, 0);
}

void cldb_rollback(struct cldb *db)
{
	if (sql_is_begun(&db->sql))
		(void)sql_end(&db->sql, -ECANCELED);
}

/* --- epochs --- */

int cldb_epochs(struct cldb *db, struct cldb_epochs *epochs)
{
	int64_t first_time = 0;
	int error;

	error = schema_epochs(&db->sql, &epochs->current, &epochs->recovery);
	if (error)
		return error;
	error = schema_parameter(&db->sql, "first_time", &first_time);
	epochs->is_first_time = first_time != 0;
	return error < 0 ? error : 0;
}

/*
 * Runs @text, which is freed, as part of the caller's batch, or as one of its
 * own.
 */
static int change(struct cldb *db, char *text)
{
	bool is_own = !sql_is_begun(&db->sql);
	int error = is_own ? sql_begin(&db->sql) : 0;

	if (!text)
		abort();
	/* The tables that statements were made for may go. */
	prepared_end_all(db);
	if (!error)
		error = sql_run(&db->sql, "%s", text);
	sqlite3_free(text);
	return is_own ? sql_end(&db->sql, error) : error;
}

int cldb_grace_start(struct cldb *db, uint64_t current, uint64_t recovery)
{
	if (current == 0 || current == recovery)
		return -EINVAL;
	return change(
		db, sqlite3_mprintf(
			    "UPDATE grace SET current = %lld, recovery = %lld;"
			    "CREATE TABLE IF NOT EXISTS \"" SCHEMA_TABLE
			    "\" " SCHEMA_NEW_REC_COLS ";"
			    "DELETE FROM \"" SCHEMA_TABLE "\"",
			    (long long)current, (long long)recovery,
			    (unsigned long long)current,
			    (unsigned long long)current));
}

int cldb_grace_done(struct cldb *db, uint64_t recovery)
{
	struct cldb_epochs epochs;
	int error = cldb_epochs(db, &epochs);

	if (error)
		return error;
	/* SAFETY: that table is a promise. */
	if (recovery == epochs.current)
		return -EINVAL;
	return change(db, sqlite3_mprintf("UPDATE grace SET recovery = 0;"
					  "DROP TABLE IF EXISTS \"" SCHEMA_TABLE
					  "\"",
					  (unsigned long long)recovery));
}

int cldb_set_first_time(struct cldb *db, bool is_first_time)
{
	return change(db, sqlite3_mprintf("UPDATE parameters SET value = '%d'"
					  " WHERE key = 'first_time'",
					  is_first_time));
}

/* --- opening and closing --- */

static int prepare_file(struct cldb *db, enum cldb_journal journal)
{
	int error = sql_check(&db->sql);
	int64_t count;

	if (!error)
		error = schema_prepare(&db->sql);
	if (error)
		return error;
	count = schema_aside_count(&db->sql);
	if (count < 0)
		return (int)count;
	db->aside = count > UINT_MAX ? UINT_MAX : (unsigned int)count;
	/* ORDER: nothing is written to a file before it is known to be ours. */
	db->is_wal = journal == CLDB_WAL;
	return db->is_wal ? sql_use_wal(&db->sql) : sql_leave_wal(&db->sql);
}

int cldb_open(const char *dir, enum cldb_journal journal, struct cldb **db)
{
	int error;

	*db = xzalloc(sizeof(**db));
	error = sql_open(&(*db)->sql, dir, SQL_MAKE);
	if (!error)
		error = prepare_file(*db, journal);
	if (error) {
		sql_close(&(*db)->sql);
		free(*db);
		*db = NULL;
	}
	return error;
}

void cldb_close(struct cldb *db)
{
	if (!db)
		return;
	prepared_end_all(db);
	cldb_rollback(db);
	/* Whoever reads at this moment keeps the log in place; it is whole. */
	(void)sql_leave_wal(&db->sql);
	sql_close(&db->sql);
	free(db);
}

int cldb_settle(struct cldb *db)
{
	return db->is_wal ? sql_checkpoint(&db->sql) : 0;
}

unsigned int cldb_set_aside(const struct cldb *db)
{
	return db->aside;
}

int cldb_downgrade(const char *dir)
{
	struct sql sql;
	int error = sql_open(&sql, dir, SQL_EXISTING);

	if (error)
		return error;
	error = sql_check(&sql);
	/* Fails where a daemon has the database open with its log. */
	if (!error)
		error = sql_leave_wal(&sql);
	if (!error)
		error = schema_downgrade(&sql);
	sql_close(&sql);
	return error;
}
