/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See sql_rig.h.  It uses sqlite by itself and nothing of cltrack/.
 */
#define _GNU_SOURCE
#include "tests/os/sql_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/log.h"

#define DUMP_MAX (1024 * 1024)

static struct sql_rig rig;

static void take_line(enum log_level level, const char *text)
{
	size_t len = strlen(rig.said);

	(void)level;
	snprintf(rig.said + len, sizeof(rig.said) - len, "%s\n", text);
}

int sql_rig_setup(void **state)
{
	rig = (struct sql_rig){0};
	/* Nothing here asks a real disk; in memory it is much faster. */
	snprintf(rig.root, sizeof(rig.root), "/dev/shm/test_sql.XXXXXX");
	if (mkdtemp(rig.root) == NULL) {
		snprintf(rig.root, sizeof(rig.root), "/tmp/test_sql.XXXXXX");
		if (mkdtemp(rig.root) == NULL)
			return -1;
	}
	snprintf(rig.dir, sizeof(rig.dir), "%s/db", rig.root);
	snprintf(rig.file, sizeof(rig.file), "%s/main.sqlite", rig.dir);
	log_set_sink(take_line);
	*state = &rig;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

int sql_rig_teardown(void **state)
{
	struct sql_rig *here = *state;

	return nftw(here->root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static sqlite3 *open_file(const char *file)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	return db;
}

static void run(sqlite3 *db, const char *text)
{
	char *error = NULL;

	if (sqlite3_exec(db, text, NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s: %s", text, error);
}

void sql_rig_run(const char *file, const char *text)
{
	sqlite3 *db = open_file(file);

	run(db, text);
	sqlite3_close(db);
}

int64_t sql_rig_number(const struct sql_rig *here, const char *text)
{
	sqlite3 *db = open_file(here->file);
	sqlite3_stmt *statement;
	int64_t number;

	assert_int_equal(sqlite3_prepare_v2(db, text, -1, &statement, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return number;
}

/* The text of a golden database; the caller frees it. */
static char *golden_text(const char *golden)
{
	const char *srcdir = getenv("srcdir");
	static char bytes[DUMP_MAX];
	char path[512];
	FILE *file;
	size_t len;

	snprintf(path, sizeof(path), "%s/tests/golden/cltrack/%s.sql",
		 srcdir ? srcdir : ".", golden);
	file = fopen(path, "r");
	if (file == NULL)
		fail_msg("%s is missing", path);
	len = fread(bytes, 1, sizeof(bytes) - 1, file);
	fclose(file);
	bytes[len] = '\0';
	return strdup(bytes);
}

void sql_rig_load(const struct sql_rig *here, const char *golden)
{
	char *text = golden_text(golden);

	assert_int_equal(mkdir(here->dir, 0700), 0);
	sql_rig_run(here->file, text);
	free(text);
}

/* --- dumps --- */

/* Adds @text in lower case, with single blanks and none before ',' and ')'. */
static void add_plain(struct buf *out, const char *text)
{
	char last = ' ';

	for (; *text; text++) {
		char c = isspace((unsigned char)*text)
				 ? ' '
				 : (char)tolower((unsigned char)*text);

		if (c == ' ' && (last == ' ' || text[1] == ','))
			continue;
		buf_add(out, &c, 1);
		last = c;
	}
	buf_add_text(out, "\n");
}

static void add_rows(struct buf *out, sqlite3 *db, const char *table)
{
	char *text = sqlite3_mprintf("SELECT * FROM \"%w\"", table);
	sqlite3_stmt *statement;
	int i;

	assert_int_equal(sqlite3_prepare_v2(db, text, -1, &statement, NULL),
			 SQLITE_OK);
	while (sqlite3_step(statement) == SQLITE_ROW) {
		for (i = 0; i < sqlite3_column_count(statement); i++) {
			sqlite3_value *value =
				sqlite3_column_value(statement, i);
			const uint8_t *bytes = sqlite3_value_blob(value);
			int len = sqlite3_value_bytes(value);

			buf_addf(out, " %d:", sqlite3_value_type(value));
			if (len > 0)
				buf_add_escaped(out, bytes, (size_t)len);
		}
		buf_add_text(out, "\n");
	}
	sqlite3_finalize(statement);
	sqlite3_free(text);
}

/* All tables and rows of @db. */
static void dump(sqlite3 *db, struct buf *out)
{
	sqlite3_stmt *statement;

	assert_int_equal(
		sqlite3_prepare_v2(db,
				   "SELECT name, sql FROM sqlite_master "
				   "WHERE sql IS NOT NULL ORDER BY name",
				   -1, &statement, NULL),
		SQLITE_OK);
	while (sqlite3_step(statement) == SQLITE_ROW) {
		add_plain(out, (const char *)sqlite3_column_text(statement, 1));
		add_rows(out, db,
			 (const char *)sqlite3_column_text(statement, 0));
	}
	sqlite3_finalize(statement);
	assert_false(out->is_overflowed);
}

void sql_rig_assert_is(const struct sql_rig *here, const char *golden)
{
	sqlite3 *is = open_file(here->file);
	sqlite3 *wanted = open_file(":memory:");
	char *text = golden_text(golden);
	struct buf one, two;

	run(wanted, text);
	buf_init(&one, DUMP_MAX);
	buf_init(&two, DUMP_MAX);
	dump(is, &one);
	dump(wanted, &two);
	assert_string_equal(buf_text(&one), buf_text(&two));
	buf_fini(&one);
	buf_fini(&two);
	free(text);
	sqlite3_close(wanted);
	sqlite3_close(is);
}

unsigned int sql_rig_count(const char *path)
{
	DIR *stream = opendir(path);
	struct dirent *entry;
	unsigned int count = 0;

	assert_non_null(stream);
	while ((entry = readdir(stream)) != NULL)
		count += strcmp(entry->d_name, ".") != 0 &&
			 strcmp(entry->d_name, "..") != 0;
	closedir(stream);
	return count;
}

void sql_rig_assert_single(const struct sql_rig *here)
{
	/* https://www.sqlite.org/fileformat.html 1.3: 1 is a journal, 2 WAL. */
	uint8_t header[20];
	int fd = open(here->file, O_RDONLY | O_CLOEXEC);

	assert_int_equal(read(fd, header, sizeof(header)), sizeof(header));
	close(fd);
	assert_int_equal(header[18], 1);
	assert_int_equal(header[19], 1);
	assert_int_equal(sql_rig_count(here->dir), 1);
}
