/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sqlite as the trackers use it.  What the tables are called and mean is not
 * known here.
 *
 * Source: https://www.sqlite.org/pragma.html, lockingv3.html, wal.html.
 */
#include "cltrack/sql.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/log.h"
#include "lib/xalloc.h"
#include "os/durable.h"

#define DAMAGES_SHOWN 5

/* --- errors --- */

/* What went wrong below sqlite, where it knows. */
static int system_error(const struct sql *sql, int otherwise)
{
	int error = sql->handle ? sqlite3_system_errno(sql->handle) : 0;

	return error > 0 ? -error : otherwise;
}

static int error_of(const struct sql *sql, int result)
{
	switch (result & 0xff) {
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_CANTOPEN:
		return system_error(sql, -ENOENT);
	case SQLITE_IOERR:
		return system_error(sql, -EIO);
	default:
		return -EBADMSG;
	}
}

static void log_file(const struct sql *sql, const char *what, const char *why)
{
	struct buf text;

	buf_init(&text, LOG_TEXT_MAX);
	buf_add_escaped(&text, sql->path, strnlen(sql->path, LOG_TEXT_MAX / 8));
	buf_addf(&text, ": %s%s", what, why ? ": " : "");
	if (why)
		buf_add_escaped(&text, why, strnlen(why, LOG_TEXT_MAX / 8));
	log_line(LOG_ERROR, "%s", buf_text(&text));
	buf_fini(&text);
}

static const char *reason(const struct sql *sql, int result)
{
	/* SAFETY: no reason to end: lengths are the file's, damaged or not. */
	if ((result & 0xff) == SQLITE_NOMEM)
		return "no memory for what it says it holds: it may be damaged";
	return sql->handle ? sqlite3_errmsg(sql->handle)
			   : sqlite3_errstr(result);
}

/* Logs what sqlite says, and gives it as -errno. */
static int fail(const struct sql *sql, const char *what, int result)
{
	int error = error_of(sql, result);

	log_file(sql, what, reason(sql, result));
	return error;
}

int sql_refuse(const struct sql *sql, const char *text)
{
	log_file(sql, text, NULL);
	return -EBADMSG;
}

/* --- opening and closing --- */

/* Makes the names in the directory @path durable. */
static int sync_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error;

	if (fd < 0)
		return -errno;
	error = durable_sync(fd);
	close(fd);
	return error;
}

static int sync_parent(const char *path)
{
	char *above = xstrdup(path);
	size_t len = strlen(above);
	int error;

	while (len > 1 && above[len - 1] == '/')
		len--;
	while (len > 0 && above[len - 1] != '/')
		len--;
	above[len] = '\0';
	error = sync_dir(len == 0 ? "." : above);
	free(above);
	return error;
}

static int make_dir(const char *dir)
{
	if (mkdir(dir, 0700) != 0)
		return errno == EEXIST ? 0 : -errno;
	return sync_parent(dir);
}

/* SAFETY: a file that somebody prepared runs nothing of its own. */
static int harden(struct sql *sql)
{
	sqlite3_db_config(sql->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(sql->handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(sql->handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite3_db_config(sql->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	/* A name that is meant as a column is no text by mistake. */
	sqlite3_db_config(sql->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	return sql_run(sql, "PRAGMA cell_size_check = ON");
}

/* SQLite flushes the directory before it writes to a file. */
static bool is_new(const char *path)
{
	struct stat st;

	return stat(path, &st) != 0 || st.st_size == 0;
}

static int open_handle(struct sql *sql, enum sql_how how)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
	int result;

	if (how == SQL_MAKE)
		flags |= SQLITE_OPEN_CREATE;
	result = sqlite3_open_v2(sql->path, &sql->handle, flags, NULL);
	if (result != SQLITE_OK)
		return fail(sql, "cannot be opened", result);
	sqlite3_extended_result_codes(sql->handle, 1);
	sqlite3_busy_timeout(sql->handle, SQL_WAIT_MS);
	/* EXTRA: the end of a rollback journal is flushed, too (C-8). */
	return sql_run(sql, "PRAGMA synchronous = EXTRA");
}

int sql_open(struct sql *sql, const char *dir, enum sql_how how)
{
	struct buf path;
	int error;

	buf_init(&path, 2 * strlen(dir) + sizeof("/" SQL_FILE));
	buf_addf(&path, "%s/%s", dir, SQL_FILE);
	*sql = (struct sql){.path = (char *)buf_take(&path)};
	error = how == SQL_MAKE ? make_dir(dir) : 0;
	if (error)
		log_file(sql, "its directory cannot be made", strerror(-error));
	if (!error && how == SQL_EXISTING && access(sql->path, F_OK) != 0) {
		error = -errno;
		log_file(sql, "cannot be opened", strerror(-error));
	}
	if (!error)
		error = open_handle(sql, how);
	if (!error)
		error = harden(sql);
	/* ORDER: a commit is worth nothing under a name that is not durable. */
	if (!error && how == SQL_MAKE && is_new(sql->path)) {
		error = sync_dir(dir);
		if (error)
			log_file(sql, "its directory", strerror(-error));
	}
	if (error)
		sql_close(sql);
	return error;
}

void sql_close(struct sql *sql)
{
	if (sql->handle)
		sqlite3_close_v2(sql->handle);
	free(sql->path);
	*sql = (struct sql){0};
}

/* Asks for the journal @mode; *is_so tells whether it came to that. */
static int set_journal(struct sql *sql, const char *mode, bool *is_so)
{
	struct sqlite3_stmt *statement;
	const unsigned char *got;
	int error;

	error = sql_prepare(sql, &statement, "PRAGMA journal_mode = %s", mode);
	if (error)
		return error;
	error = sql_step(sql, statement);
	*is_so = false;
	if (error > 0) {
		got = sqlite3_column_text(statement, 0);
		*is_so = got && strcmp((const char *)got, mode) == 0;
		error = 0;
	}
	sqlite3_finalize(statement);
	return error;
}

int sql_use_wal(struct sql *sql)
{
	bool is_so;
	int error = set_journal(sql, "wal", &is_so);

	/* The log is opened by use, and keeps others from leaving it. */
	if (!error)
		error = sql_run(sql, "SELECT 1 FROM sqlite_master");
	if (!error && !is_so)
		log_line(LOG_WARN,
			 "%s: no write-ahead log is possible here, so each "
			 "commit costs more",
			 sql->path);
	return error;
}

int sql_leave_wal(struct sql *sql)
{
	bool is_so;
	int error = set_journal(sql, "delete", &is_so);

	if (!error && !is_so) {
		log_file(sql, "is open elsewhere", NULL);
		error = -EBUSY;
	}
	return error;
}

int sql_checkpoint(struct sql *sql)
{
	int result;

	/* Whoever reads is not waited for: so are those who want an answer. */
	sqlite3_busy_timeout(sql->handle, 0);
	result = sqlite3_wal_checkpoint_v2(sql->handle, NULL,
					   SQLITE_CHECKPOINT_TRUNCATE, NULL,
					   NULL);
	sqlite3_busy_timeout(sql->handle, SQL_WAIT_MS);
	if ((result & 0xff) == SQLITE_BUSY)
		return -EBUSY;
	return result == SQLITE_OK ? 0 : fail(sql, "cannot be used", result);
}

/* --- statements --- */

/* What sqlite3_mprintf() makes; sqlite3_free() ends it. */
static char *make_text(const char *format, va_list args)
{
	char *text = sqlite3_vmprintf(format, args);

	if (!text)
		abort();
	return text;
}

static int prepare_text(struct sql *sql, struct sqlite3_stmt **statement,
			const char *text)
{
	int result =
		sqlite3_prepare_v3(sql->handle, text, -1,
				   SQLITE_PREPARE_PERSISTENT, statement, NULL);

	return result == SQLITE_OK ? 0 : fail(sql, "cannot be used", result);
}

int sql_prepare(struct sql *sql, struct sqlite3_stmt **statement,
		const char *format, ...)
{
	va_list args;
	char *text;
	int error;

	va_start(args, format);
	text = make_text(format, args);
	va_end(args);
	error = prepare_text(sql, statement, text);
	sqlite3_free(text);
	return error;
}

int sql_run(struct sql *sql, const char *format, ...)
{
	va_list args;
	char *text;
	int result;

	va_start(args, format);
	text = make_text(format, args);
	va_end(args);
	result = sqlite3_exec(sql->handle, text, NULL, NULL, NULL);
	sqlite3_free(text);
	return result == SQLITE_OK ? 0 : fail(sql, "cannot be used", result);
}

int sql_bind(struct sql *sql, struct sqlite3_stmt *statement, int at,
	     const void *bytes, size_t len)
{
	int result =
		sqlite3_bind_blob64(statement, at, bytes, len, SQLITE_STATIC);

	return result == SQLITE_OK ? 0 : fail(sql, "cannot be used", result);
}

int sql_step(struct sql *sql, struct sqlite3_stmt *statement)
{
	int result = sqlite3_step(statement);

	if (result == SQLITE_ROW)
		return 1;
	return result == SQLITE_DONE ? 0 : fail(sql, "cannot be used", result);
}

int sql_finish(struct sql *sql, struct sqlite3_stmt *statement)
{
	int error = sql_step(sql, statement);

	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return error > 0 ? 0 : error;
}

int sql_number(struct sql *sql, int64_t *number, const char *format, ...)
{
	struct sqlite3_stmt *statement;
	va_list args;
	char *text;
	int error;

	va_start(args, format);
	text = make_text(format, args);
	va_end(args);
	error = prepare_text(sql, &statement, text);
	sqlite3_free(text);
	if (error)
		return error;
	error = sql_step(sql, statement);
	if (error > 0)
		*number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return error;
}

int sql_has_table(struct sql *sql, const char *name)
{
	int64_t count = 0;
	int error = sql_number(sql, &count,
			       "SELECT count(*) FROM sqlite_master "
			       "WHERE type = 'table' AND name = %Q",
			       name);

	return error < 0 ? error : count > 0;
}

/* --- transactions --- */

int sql_begin(struct sql *sql)
{
	return sql_run(sql, "BEGIN EXCLUSIVE");
}

int sql_end(struct sql *sql, int error)
{
	if (!error)
		error = sql_run(sql, "COMMIT");
	/* Some errors of a statement end the transaction by themselves. */
	if (error && sql_is_begun(sql))
		(void)sql_run(sql, "ROLLBACK");
	return error;
}

bool sql_is_begun(const struct sql *sql)
{
	return !sqlite3_get_autocommit(sql->handle);
}

/* --- damage --- */

/* Logs what is damaged; 1 where nothing is, 0, or -errno. */
static int look(struct sql *sql)
{
	struct sqlite3_stmt *statement;
	const char *text;
	int error, got;
	bool is_sound = false;

	error = sql_prepare(sql, &statement, "PRAGMA integrity_check(%d)",
			    DAMAGES_SHOWN);
	if (error)
		return error;
	while ((got = sql_step(sql, statement)) > 0) {
		text = (const char *)sqlite3_column_text(statement, 0);
		if (text && strcmp(text, "ok") == 0)
			is_sound = true;
		else
			log_file(sql, "damaged", text ? text : "");
	}
	sqlite3_finalize(statement);
	return got < 0 ? got : is_sound;
}

int sql_check(struct sql *sql)
{
	int got = look(sql);

	if (got == 0 && sql_run(sql, "REINDEX") == 0)
		got = look(sql);
	if (got == 0)
		return sql_refuse(sql, "is damaged, and not used");
	return got < 0 ? got : 0;
}
