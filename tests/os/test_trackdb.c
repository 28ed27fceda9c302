/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cltrack/trackdb: the form of nfsdcltrack's database, and who has come back
 * whatever the clock does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "cltrack/trackdb.h"
#include "tests/os/sql_rig.h"

#define BOOT 1700000000 /* when nfsd started */

static const struct trackdb_id a = {(const uint8_t *)"a", 1};
static const struct trackdb_id b = {(const uint8_t *)"b", 1};

static void open_db(const struct sql_rig *rig, struct trackdb *db)
{
	assert_int_equal(trackdb_open(db, rig->dir), 0);
}

static int64_t time_of(const struct sql_rig *rig, const char *id)
{
	char text[96];

	snprintf(text, sizeof(text),
		 "SELECT time FROM clients WHERE id = CAST('%s' AS BLOB)", id);
	return sql_rig_number(rig, text);
}

static void new_one_is_schema_2(void **state)
{
	const struct sql_rig *rig = *state;
	struct trackdb db;

	open_db(rig, &db);
	trackdb_close(&db);
	sql_rig_assert_single(rig);
	sql_rig_run(rig->file,
		    "INSERT INTO clients VALUES "
		    "(X'4c696e7578204e465376342e302061', 1350000000, 1), "
		    "(X'00ff2722', 0, NULL)");
	sql_rig_assert_is(rig, "schema-2");
}

static void schema_1_becomes_2(void **state)
{
	const struct sql_rig *rig = *state;
	struct trackdb db;

	sql_rig_load(rig, "schema-1");
	open_db(rig, &db);
	trackdb_close(&db);
	sql_rig_run(rig->file, "UPDATE clients SET has_session = 1 "
			       "WHERE time > 0");
	sql_rig_assert_is(rig, "schema-2");
	open_db(rig, &db);
	trackdb_close(&db);
	sql_rig_assert_is(rig, "schema-2");
}

static void other_schemas_are_refused(void **state)
{
	struct sql_rig *rig = *state;
	struct trackdb db;

	sql_rig_load(rig, "schema-4");
	assert_int_equal(trackdb_open(&db, rig->dir), -EBADMSG);
	assert_non_null(strstr(rig->said, rig->file));
	sql_rig_assert_is(rig, "schema-4");
}

static void clients_come_and_go(void **state)
{
	struct trackdb db;

	open_db(*state, &db);
	assert_int_equal(trackdb_has(&db, &a), 0);
	assert_int_equal(trackdb_create(&db, &a, BOOT, false), 0);
	assert_int_equal(trackdb_create(&db, &a, BOOT + 1, true), 0);
	assert_int_equal(trackdb_has(&db, &a), 1);
	assert_int_equal(time_of(*state, "a"), BOOT + 1);
	assert_int_equal(trackdb_touch(&db, &a, BOOT + 5), 0);
	assert_int_equal(trackdb_touch(&db, &b, BOOT + 5), 0);
	assert_int_equal(time_of(*state, "a"), BOOT + 5);
	assert_int_equal(trackdb_has(&db, &b), 0);
	assert_int_equal(trackdb_remove(&db, &a), 0);
	assert_int_equal(trackdb_remove(&db, &a), 0);
	assert_int_equal(trackdb_has(&db, &a), 0);
	trackdb_close(&db);
}

/* Two clients had state; one comes back, the clock being @now_s by then. */
static void who_came_back_stays(const struct sql_rig *rig, int64_t before_s,
				int64_t now_s)
{
	struct trackdb db;

	open_db(rig, &db);
	assert_int_equal(trackdb_create(&db, &a, before_s, true), 0);
	assert_int_equal(trackdb_create(&db, &b, before_s, true), 0);
	trackdb_close(&db);
	open_db(rig, &db);
	assert_int_equal(trackdb_start(&db, BOOT), 0);
	assert_int_equal(trackdb_is_reclaiming(&db, BOOT), 1);
	trackdb_close(&db);
	open_db(rig, &db);
	assert_int_equal(trackdb_create(&db, &a, now_s, true), 0);
	assert_int_equal(trackdb_is_reclaiming(&db, BOOT), 1);
	trackdb_close(&db);
	open_db(rig, &db);
	assert_int_equal(trackdb_forget_before(&db, BOOT), 0);
	assert_int_equal(trackdb_has(&db, &a), 1);
	assert_int_equal(trackdb_has(&db, &b), 0);
	assert_int_equal(trackdb_is_reclaiming(&db, BOOT), 0);
	trackdb_close(&db);
}

static void clock_as_it_should_be(void **state)
{
	who_came_back_stays(*state, BOOT - 1000, BOOT + 10);
}

/* The clock was wrong at boot, and time was set back to what it is. */
static void clock_set_back_deletes_no_client(void **state)
{
	who_came_back_stays(*state, BOOT - 1000, BOOT - 500000);
}

/* The records are of a clock that was ahead. */
static void clock_ahead_keeps_no_dead_client(void **state)
{
	who_came_back_stays(*state, BOOT + 500000, BOOT + 10);
}

static void times_without_sense_are_old(void **state)
{
	const struct sql_rig *rig = *state;
	struct trackdb db;

	open_db(rig, &db);
	trackdb_close(&db);
	sql_rig_run(rig->file, "INSERT INTO clients VALUES "
			       "(X'61', NULL, 1), (X'62', 'x', 1)");
	open_db(rig, &db);
	assert_int_equal(trackdb_start(&db, BOOT), 0);
	assert_int_equal(time_of(rig, "a"), BOOT - 1);
	assert_int_equal(time_of(rig, "b"), BOOT - 1);
	trackdb_close(&db);
}

/* Nobody hears when such a one has reclaimed. */
static void client_without_session_is_waited_for(void **state)
{
	struct trackdb db;

	open_db(*state, &db);
	assert_int_equal(trackdb_start(&db, BOOT), 0);
	assert_int_equal(trackdb_is_reclaiming(&db, BOOT), 0);
	assert_int_equal(trackdb_create(&db, &a, BOOT + 1, false), 0);
	assert_int_equal(trackdb_is_reclaiming(&db, BOOT), 1);
	assert_int_equal(trackdb_create(&db, &a, BOOT + 1, true), 0);
	assert_int_equal(trackdb_is_reclaiming(&db, BOOT), 0);
	/* Taken from an older tracker, not yet back. */
	assert_int_equal(trackdb_create(&db, &b, 0, true), 0);
	assert_int_equal(time_of(*state, "b"), 0);
	assert_int_equal(trackdb_is_reclaiming(&db, BOOT), 1);
	trackdb_close(&db);
}

#define CASE(name) \
	cmocka_unit_test_setup_teardown(name, sql_rig_setup, sql_rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(new_one_is_schema_2),
		CASE(schema_1_becomes_2),
		CASE(other_schemas_are_refused),
		CASE(clients_come_and_go),
		CASE(clock_as_it_should_be),
		CASE(clock_set_back_deletes_no_client),
		CASE(clock_ahead_keeps_no_dead_client),
		CASE(times_without_sense_are_old),
		CASE(client_without_session_is_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
