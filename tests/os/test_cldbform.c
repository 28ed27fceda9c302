/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cltrack/cldb and databases that others left: what they become, what stays as
 * it is, and what is not taken.  The golden texts are what nfs-utils' programs
 * write; tests/sys/t-85 asks those.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <sys/stat.h>

#include "cltrack/cldb.h"
#include "tests/os/sql_rig.h"

static unsigned int open_and_close(const struct sql_rig *rig)
{
	unsigned int aside;
	struct cldb *db;

	assert_int_equal(cldb_open(rig->dir, CLDB_WAL, &db), 0);
	aside = cldb_set_aside(db);
	cldb_close(db);
	sql_rig_assert_single(rig);
	return aside;
}

/* @before becomes @after, and that stays as it is, in either journal. */
static void becomes(const struct sql_rig *rig, const char *before,
		    const char *after)
{
	struct cldb *db;

	sql_rig_load(rig, before);
	(void)open_and_close(rig);
	sql_rig_assert_is(rig, after);
	assert_int_equal(cldb_open(rig->dir, CLDB_DELETE, &db), 0);
	cldb_close(db);
	sql_rig_assert_single(rig);
	sql_rig_assert_is(rig, after);
}

static void new_one_is_in_epoch_one(void **state)
{
	const struct sql_rig *rig = *state;
	struct stat st;

	(void)open_and_close(rig);
	assert_int_equal(stat(rig->dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	sql_rig_run(rig->file, "INSERT INTO \"rec-0000000000000001\" VALUES "
			       "(X'4c696e7578204e465376342e302061', NULL), "
			       "(X'00ff2722', NULL)");
	sql_rig_assert_is(rig, "schema-1-is-4");
}

static void empty_file_is_a_new_one(void **state)
{
	const struct sql_rig *rig = *state;

	assert_int_equal(mkdir(rig->dir, 0700), 0);
	close(open(rig->file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	(void)open_and_close(rig);
	assert_int_equal(sql_rig_number(rig, "SELECT current FROM grace"), 1);
}

static void schema_1_becomes_4(void **state)
{
	becomes(*state, "schema-1", "schema-1-is-4");
}

static void schema_2_becomes_4(void **state)
{
	becomes(*state, "schema-2", "schema-1-is-4");
}

static void schema_2_that_nfs_utils_spoiled_becomes_4(void **state)
{
	becomes(*state, "schema-2-spoiled", "schema-1-is-4");
}

static void schema_3_becomes_4(void **state)
{
	becomes(*state, "schema-3", "schema-3-is-4");
}

static void schema_4_stays(void **state)
{
	becomes(*state, "schema-4", "schema-4");
}

static void short_names_get_their_digits(void **state)
{
	const struct sql_rig *rig = *state;

	becomes(*state, "short-names", "short-names-are-long");
	assert_non_null(strstr(rig->said, "rec-1a becomes rec-00"));
	assert_null(strstr(rig->said, "rec-7"));
}

static void damaged_rows_stop_no_others(void **state)
{
	const struct sql_rig *rig = *state;

	becomes(*state, "damaged", "damaged-is-aside");
	assert_int_equal(open_and_close(rig), 10);
	assert_non_null(strstr(rig->said, "9 damaged rows"));
	/* Those of later come to the others. */
	sql_rig_run(rig->file, "INSERT INTO \"rec-0000000000000002\" VALUES "
			       "(NULL, NULL)");
	assert_int_equal(open_and_close(rig), 11);
}

static void missing_table_is_made_and_said(void **state)
{
	struct sql_rig *rig = *state;

	sql_rig_load(rig, "schema-4");
	sql_rig_run(rig->file, "DROP TABLE \"rec-0000000000000002\"");
	(void)open_and_close(rig);
	assert_non_null(strstr(rig->said, "0002 was missing"));
	rig->said[0] = '\0';
	(void)open_and_close(rig);
	assert_string_equal(rig->said, "");
}

static void takes_back(struct sql_rig *rig, const char *before,
		       const char *after)
{
	sql_rig_load(rig, before);
	assert_int_equal(cldb_downgrade(rig->dir), 0);
	sql_rig_assert_single(rig);
	sql_rig_assert_is(rig, after);
	assert_int_equal(cldb_downgrade(rig->dir), 0);
	sql_rig_assert_is(rig, after);
}

static void downgrade_gives_3(void **state)
{
	takes_back(*state, "schema-4", "schema-3");
}

static void downgrade_and_back_loses_hashes_alone(void **state)
{
	struct sql_rig *rig = *state;

	takes_back(rig, "schema-4", "schema-3");
	(void)open_and_close(rig);
	sql_rig_assert_is(rig, "schema-3-is-4");
}

static void downgrade_takes_4_alone(void **state)
{
	struct sql_rig *rig = *state;

	assert_int_equal(cldb_downgrade(rig->dir), -ENOENT);
	sql_rig_load(rig, "schema-2");
	assert_int_equal(cldb_downgrade(rig->dir), -EBADMSG);
	sql_rig_assert_is(rig, "schema-2");
	assert_non_null(strstr(rig->said, rig->file));
}

static void downgrade_does_not_pull_it_away(void **state)
{
	struct sql_rig *rig = *state;
	struct cldb *db;

	assert_int_equal(cldb_open(rig->dir, CLDB_WAL, &db), 0);
	assert_int_equal(cldb_downgrade(rig->dir), -EBUSY);
	cldb_close(db);
	assert_int_equal(cldb_downgrade(rig->dir), 0);
}

/* Refused, said with the file's name, and as it was. */
static void refused(struct sql_rig *rig, const char *change)
{
	char before[4096], after[4096];
	ssize_t len;
	int fd = open(rig->file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct cldb *db;

	close(fd);
	sql_rig_run(rig->file, change);
	fd = open(rig->file, O_RDONLY | O_CLOEXEC);
	len = read(fd, before, sizeof(before));
	rig->said[0] = '\0';
	assert_int_equal(cldb_open(rig->dir, CLDB_WAL, &db), -EBADMSG);
	assert_null(db);
	assert_non_null(strstr(rig->said, rig->file));
	assert_int_equal(pread(fd, after, sizeof(after), 0), len);
	assert_memory_equal(before, after, (size_t)len);
	close(fd);
	assert_int_equal(sql_rig_count(rig->dir), 1);
}

static void newer_schema_is_refused(void **state)
{
	struct sql_rig *rig = *state;

	sql_rig_load(rig, "schema-4");
	refused(rig, "UPDATE parameters SET value = '5' WHERE key = 'version'");
	refused(rig, "UPDATE parameters SET value = 'x' WHERE key = 'version'");
	refused(rig, "DELETE FROM parameters");
}

static void epochs_without_sense_are_refused(void **state)
{
	struct sql_rig *rig = *state;

	sql_rig_load(rig, "schema-4");
	refused(rig, "UPDATE grace SET current = recovery");
	refused(rig, "UPDATE grace SET current = 0");
	refused(rig, "DELETE FROM grace");
	refused(rig, "INSERT INTO grace VALUES (3, 2), (4, 3)");
	refused(rig, "DROP TABLE grace");
}

static void database_of_others_is_refused(void **state)
{
	struct sql_rig *rig = *state;

	assert_int_equal(mkdir(rig->dir, 0700), 0);
	refused(rig, "CREATE TABLE a (b)");
}

static void file_that_is_none_is_refused(void **state)
{
	struct sql_rig *rig = *state;
	struct cldb *db;
	FILE *file;

	assert_int_equal(mkdir(rig->dir, 0700), 0);
	file = fopen(rig->file, "w");
	fprintf(file, "%0600d", 1);
	fclose(file);
	assert_int_equal(cldb_open(rig->dir, CLDB_WAL, &db), -EBADMSG);
	assert_non_null(strstr(rig->said, rig->file));
}

static void damage_is_found_at_start(void **state)
{
	struct sql_rig *rig = *state;
	char garbage[4096];
	struct cldb *db;
	int fd;

	sql_rig_load(rig, "schema-4");
	memset(garbage, 0xa5, sizeof(garbage));
	fd = open(rig->file, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, garbage, sizeof(garbage), 4096 * 5),
			 sizeof(garbage));
	close(fd);
	assert_int_equal(cldb_open(rig->dir, CLDB_WAL, &db), -EBADMSG);
	assert_non_null(strstr(rig->said, "damaged"));
}

/* A row says that it is of 4 GiB, and sqlite asks for them. */
static void length_that_cannot_be_is_damage(void **state)
{
	enum { CELL_POINTER = 100 + 8, CELL = 0x90 };
	static const uint8_t at[] = {CELL >> 8, CELL & 0xff};
	static const char cell[] =
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff" /* bytes of it */
		"\xff\xff\xff\xff\xff\xff\xff "	       /* its number */
		"KEY, time INTEGER)-\4\6\27A";	       /* what is in it */
	struct sql_rig *rig = *state;
	struct cldb *db;
	int fd;

	assert_int_equal(mkdir(rig->dir, 0700), 0);
	sql_rig_run(rig->file, "PRAGMA page_size = 512;"
			       "CREATE TABLE a (id BLOB PRIMARY KEY);"
			       "CREATE TABLE b (id BLOB PRIMARY KEY);");
	fd = open(rig->file, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, cell, sizeof(cell) - 1, CELL),
			 sizeof(cell) - 1);
	assert_int_equal(pwrite(fd, at, sizeof(at), CELL_POINTER), sizeof(at));
	close(fd);
	assert_int_equal(cldb_open(rig->dir, CLDB_WAL, &db), -ENOMEM);
	assert_non_null(strstr(rig->said, "main.sqlite: "));
	assert_non_null(strstr(rig->said, "it may be damaged"));
}

static void no_directory_above_is_an_error(void **state)
{
	struct sql_rig *rig = *state;
	char dir[256];
	struct cldb *db;

	snprintf(dir, sizeof(dir), "%s/no/where", rig->root);
	assert_int_equal(cldb_open(dir, CLDB_WAL, &db), -ENOENT);
	assert_non_null(strstr(rig->said, "no/where/main.sqlite"));
}

#define CASE(name) \
	cmocka_unit_test_setup_teardown(name, sql_rig_setup, sql_rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(new_one_is_in_epoch_one),
		CASE(empty_file_is_a_new_one),
		CASE(schema_1_becomes_4),
		CASE(schema_2_becomes_4),
		CASE(schema_2_that_nfs_utils_spoiled_becomes_4),
		CASE(schema_3_becomes_4),
		CASE(schema_4_stays),
		CASE(short_names_get_their_digits),
		CASE(damaged_rows_stop_no_others),
		CASE(missing_table_is_made_and_said),
		CASE(downgrade_gives_3),
		CASE(downgrade_and_back_loses_hashes_alone),
		CASE(downgrade_takes_4_alone),
		CASE(downgrade_does_not_pull_it_away),
		CASE(newer_schema_is_refused),
		CASE(epochs_without_sense_are_refused),
		CASE(database_of_others_is_refused),
		CASE(file_that_is_none_is_refused),
		CASE(damage_is_found_at_start),
		CASE(length_that_cannot_be_is_damage),
		CASE(no_directory_above_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
