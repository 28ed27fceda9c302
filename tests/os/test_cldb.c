/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cltrack/cldb as the daemon uses it: clients by epochs, batches, and what is
 * on the disk between two of them.  Forms of the file are test_cldbform's,
 * crashes test_cldbcrash's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "cltrack/cldb.h"
#include "tests/os/sql_rig.h"

static const uint8_t hash[CLIENT_PRINCHASH_LEN] = {1, 2, 3};

static struct cldb *open_db(const struct sql_rig *rig)
{
	struct cldb *db;

	assert_int_equal(cldb_open(rig->dir, CLDB_WAL, &db), 0);
	return db;
}

static struct client named(const char *id)
{
	return (struct client){.id = (const uint8_t *)id, .id_len = strlen(id)};
}

static int create(struct cldb *db, uint64_t epoch, const char *id)
{
	struct client client = named(id);

	return cldb_create(db, epoch, &client);
}

static int has(struct cldb *db, uint64_t epoch, const char *id)
{
	return cldb_has(db, epoch, (const uint8_t *)id, strlen(id));
}

/* Takes "a b+ c ", + where there is a hash. */
static int list_one(void *arg, const struct client *client)
{
	char *text = arg;
	size_t len = strlen(text);

	snprintf(text + len, 64 - len, "%.*s%s ", (int)client->id_len,
		 (const char *)client->id, client->princhash_len ? "+" : "");
	return 0;
}

static void assert_clients(struct cldb *db, uint64_t epoch,
			   const char *expected)
{
	char text[64] = "";

	assert_int_equal(cldb_clients(db, epoch, list_one, text), 0);
	assert_string_equal(text, expected);
}

static void assert_epochs(struct cldb *db, uint64_t current, uint64_t recovery)
{
	struct cldb_epochs epochs;

	assert_int_equal(cldb_epochs(db, &epochs), 0);
	assert_true(epochs.current == current);
	assert_true(epochs.recovery == recovery);
}

static void clients_come_and_go(void **state)
{
	struct cldb *db = open_db(*state);
	struct client client = named("b");

	client.princhash = hash;
	client.princhash_len = sizeof(hash);
	assert_int_equal(create(db, 1, "a"), 0);
	assert_int_equal(cldb_create(db, 1, &client), 0);
	assert_clients(db, 1, "a b+ ");
	assert_int_equal(has(db, 1, "a"), 1);
	assert_int_equal(has(db, 1, "c"), 0);
	/* The later one counts, in all that it says. */
	assert_int_equal(create(db, 1, "b"), 0);
	assert_clients(db, 1, "a b ");
	assert_int_equal(cldb_remove(db, 1, (const uint8_t *)"a", 1), 0);
	assert_int_equal(cldb_remove(db, 1, (const uint8_t *)"a", 1), 0);
	assert_clients(db, 1, "b ");
	cldb_close(db);
}

static void any_bytes_are_an_id(void **state)
{
	static uint8_t id[CLIENT_ID_MAX + 1] = {0, '"', '\'', 0, 0xff};
	struct cldb *db = open_db(*state);
	struct client client = {.id = id, .id_len = CLIENT_ID_MAX};

	assert_int_equal(cldb_create(db, 1, &client), 0);
	assert_int_equal(cldb_has(db, 1, id, CLIENT_ID_MAX), 1);
	assert_int_equal(cldb_has(db, 1, id, CLIENT_ID_MAX - 1), 0);
	client.id_len = 1;
	assert_int_equal(cldb_create(db, 1, &client), 0);
	assert_int_equal(cldb_has(db, 1, id, 1), 1);
	cldb_close(db);
}

static void lengths_that_cannot_be_are_refused(void **state)
{
	static uint8_t id[CLIENT_ID_MAX + 1];
	struct cldb *db = open_db(*state);
	struct client client = {.id = id, .id_len = sizeof(id)};

	assert_int_equal(cldb_create(db, 1, &client), -EINVAL);
	client.id_len = 0;
	assert_int_equal(cldb_create(db, 1, &client), -EINVAL);
	client = named("a");
	client.princhash = hash;
	client.princhash_len = 31;
	assert_int_equal(cldb_create(db, 1, &client), -EINVAL);
	assert_int_equal(cldb_remove(db, 1, id, sizeof(id)), -EINVAL);
	assert_int_equal(cldb_has(db, 1, id, sizeof(id)), -EINVAL);
	assert_clients(db, 1, "");
	cldb_close(db);
}

static void grace_moves_the_epochs(void **state)
{
	struct cldb *db = open_db(*state);

	assert_epochs(db, 1, 0);
	assert_int_equal(create(db, 1, "a"), 0);
	assert_int_equal(cldb_grace_start(db, 2, 1), 0);
	assert_epochs(db, 2, 1);
	assert_clients(db, 1, "a ");
	assert_clients(db, 2, "");
	assert_int_equal(create(db, 2, "b"), 0);
	/* A second start in the grace period: who reclaimed does so again. */
	assert_int_equal(cldb_grace_start(db, 2, 1), 0);
	assert_clients(db, 1, "a ");
	assert_clients(db, 2, "");
	assert_int_equal(create(db, 2, "a"), 0);
	assert_int_equal(cldb_grace_done(db, 1), 0);
	assert_epochs(db, 2, 0);
	assert_clients(db, 2, "a ");
	assert_int_equal(cldb_clients(db, 1, list_one, NULL), -EBADMSG);
	/* There is no recovery epoch to be dropped. */
	assert_int_equal(cldb_grace_done(db, 0), 0);
	assert_epochs(db, 2, 0);
	cldb_close(db);
}

static void current_table_is_never_dropped(void **state)
{
	struct cldb *db = open_db(*state);

	assert_int_equal(create(db, 1, "a"), 0);
	assert_int_equal(cldb_grace_done(db, 1), -EINVAL);
	assert_int_equal(cldb_grace_start(db, 1, 1), -EINVAL);
	assert_int_equal(cldb_grace_start(db, 0, 1), -EINVAL);
	assert_clients(db, 1, "a ");
	cldb_close(db);
}

static void epochs_have_64_bits(void **state)
{
	const uint64_t top = UINT64_MAX;
	struct cldb *db = open_db(*state);

	assert_int_equal(cldb_grace_start(db, top, top - 1), 0);
	assert_int_equal(create(db, top, "a"), 0);
	assert_epochs(db, top, top - 1);
	cldb_close(db);
	db = open_db(*state);
	assert_epochs(db, top, top - 1);
	assert_clients(db, top, "a ");
	cldb_close(db);
	assert_int_equal(sql_rig_number(*state, "SELECT current FROM grace"),
			 -1);
}

static void batch_is_whole(void **state)
{
	struct cldb *db = open_db(*state);

	assert_int_equal(cldb_begin(db), 0);
	assert_int_equal(create(db, 1, "a"), 0);
	assert_int_equal(cldb_grace_start(db, 2, 1), 0);
	assert_int_equal(create(db, 2, "b"), 0);
	cldb_rollback(db);
	assert_epochs(db, 1, 0);
	assert_clients(db, 1, "");
	assert_int_equal(cldb_begin(db), 0);
	assert_int_equal(create(db, 1, "a"), 0);
	assert_int_equal(cldb_grace_start(db, 2, 1), 0);
	assert_int_equal(create(db, 2, "b"), 0);
	assert_int_equal(cldb_commit(db), 0);
	assert_int_equal(cldb_begin(db), 0);
	assert_int_equal(cldb_set_first_time(db, false), 0);
	assert_int_equal(cldb_grace_done(db, 1), 0);
	cldb_close(db); /* in the middle of it */
	db = open_db(*state);
	assert_epochs(db, 2, 1);
	assert_clients(db, 1, "a ");
	assert_clients(db, 2, "b ");
	cldb_close(db);
}

static void first_time_is_kept(void **state)
{
	struct cldb *db = open_db(*state);
	struct cldb_epochs epochs;

	assert_int_equal(cldb_epochs(db, &epochs), 0);
	assert_true(epochs.is_first_time);
	assert_int_equal(cldb_grace_start(db, 2, 1), 0);
	assert_int_equal(cldb_grace_done(db, 1), 0);
	assert_int_equal(cldb_epochs(db, &epochs), 0);
	assert_true(epochs.is_first_time);
	assert_int_equal(cldb_set_first_time(db, false), 0);
	cldb_close(db);
	db = open_db(*state);
	assert_int_equal(cldb_epochs(db, &epochs), 0);
	assert_false(epochs.is_first_time);
	cldb_close(db);
}

static int stop_at_once(void *arg, const struct client *client)
{
	(void)client;
	++*(unsigned int *)arg;
	return -EPIPE;
}

static void listing_can_be_stopped(void **state)
{
	struct cldb *db = open_db(*state);
	unsigned int count = 0;

	assert_int_equal(create(db, 1, "a"), 0);
	assert_int_equal(create(db, 1, "b"), 0);
	assert_int_equal(cldb_clients(db, 1, stop_at_once, &count), -EPIPE);
	assert_int_equal(count, 1);
	assert_int_equal(cldb_grace_start(db, 2, 1), 0);
	cldb_close(db);
}

/* What came in since the file was opened. */
static void damaged_row_is_not_listed(void **state)
{
	struct sql_rig *rig = *state;
	struct cldb *db = open_db(rig);

	sql_rig_run(rig->file, "INSERT INTO \"rec-0000000000000001\" VALUES "
			       "(X'61', X'00'), (NULL, NULL), (X'62', NULL)");
	assert_clients(db, 1, "b ");
	assert_non_null(strstr(rig->said, "a damaged row is left out"));
	cldb_close(db);
}

/* Whoever copies main.sqlite alone has all of it. */
static void settled_file_is_whole(void **state)
{
	const struct sql_rig *rig = *state;
	struct cldb *db = open_db(rig);
	char wal[160];
	struct stat st;

	snprintf(wal, sizeof(wal), "%s-wal", rig->file);
	assert_int_equal(create(db, 1, "a"), 0);
	assert_int_equal(stat(wal, &st), 0);
	assert_true(st.st_size > 0);
	assert_int_equal(cldb_settle(db), 0);
	assert_int_equal(stat(wal, &st), 0);
	assert_int_equal(st.st_size, 0);
	cldb_close(db);
	sql_rig_assert_single(rig);
}

static void reader_is_not_waited_for(void **state)
{
	const struct sql_rig *rig = *state;
	struct cldb *db = open_db(rig);
	sqlite3_stmt *statement;
	sqlite3 *reader;

	assert_int_equal(create(db, 1, "a"), 0);
	assert_int_equal(sqlite3_open(rig->file, &reader), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(reader,
					    "SELECT * FROM sqlite_master", -1,
					    &statement, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	assert_int_equal(create(db, 1, "b"), 0);
	assert_int_equal(cldb_settle(db), -EBUSY);
	assert_clients(db, 1, "a b ");
	sqlite3_finalize(statement);
	sqlite3_close(reader);
	assert_int_equal(cldb_settle(db), 0);
	cldb_close(db);
	sql_rig_assert_single(rig);
}

static void rollback_journal_is_no_log(void **state)
{
	const struct sql_rig *rig = *state;
	struct cldb *db;

	assert_int_equal(cldb_open(rig->dir, CLDB_DELETE, &db), 0);
	assert_int_equal(create(db, 1, "a"), 0);
	sql_rig_assert_single(rig);
	assert_int_equal(cldb_settle(db), 0);
	cldb_close(db);
}

#define CASE(name) \
	cmocka_unit_test_setup_teardown(name, sql_rig_setup, sql_rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(clients_come_and_go),
		CASE(any_bytes_are_an_id),
		CASE(lengths_that_cannot_be_are_refused),
		CASE(grace_moves_the_epochs),
		CASE(current_table_is_never_dropped),
		CASE(epochs_have_64_bits),
		CASE(batch_is_whole),
		CASE(first_time_is_kept),
		CASE(listing_can_be_stopped),
		CASE(damaged_row_is_not_listed),
		CASE(settled_file_is_whole),
		CASE(reader_is_not_waited_for),
		CASE(rollback_journal_is_no_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
