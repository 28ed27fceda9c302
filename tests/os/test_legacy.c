/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cltrack/legacy: what is taken over from older trackers and when it is
 * cleaned, with a crash at any system call on the way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cltrack/cldb.h"
#include "cltrack/legacy.h"
#include "lib/buf.h"
#include "tests/os/crash_rig.h"
#include "tests/os/sql_rig.h"

#define HASH	 "0123456789abcdef0123456789abcdef"
#define ID_A	 "Linux NFSv4.0 a" /* both of schema-2.sql */
#define ID_B	 "\\x00\\xff\\x27\\x22"
#define IMPORTED ID_A " " ID_B " hash:" HASH "\\x00 "

/* The rig's database is the older one's; ours is beside it. */
struct host {
	struct sql_rig *rig;
	char ours[128];
	char recovery[128];
	char file[128]; /* stands in for nfsv4recoverydir */
	struct legacy legacy;
};

static struct host host;

static void make_dirs(const char *name)
{
	char path[256];

	assert_int_equal(mkdir(host.recovery, 0700), 0);
	snprintf(path, sizeof(path), "%s/%s", host.recovery, name);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/lost+found", host.recovery);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void put_place(const char *text)
{
	FILE *file = fopen(host.file, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int setup(void **state)
{
	char place[256];

	if (sql_rig_setup(state) != 0)
		return -1;
	host.rig = *state;
	snprintf(host.ours, sizeof(host.ours), "%s/nfsdcld", host.rig->root);
	snprintf(host.recovery, sizeof(host.recovery), "%s/v4recovery",
		 host.rig->root);
	snprintf(host.file, sizeof(host.file), "%s/place", host.rig->root);
	host.legacy.trackdb_dir = host.rig->dir;
	host.legacy.recoverydir_file = host.file;
	sql_rig_load(host.rig, "schema-2");
	make_dirs(HASH);
	snprintf(place, sizeof(place), "%s\n", host.recovery);
	put_place(place);
	return 0;
}

static struct cldb *open_db(void)
{
	struct cldb *db;

	assert_int_equal(cldb_open(host.ours, CLDB_WAL, &db), 0);
	return db;
}

static int list_one(void *arg, const struct client *client)
{
	buf_add_escaped(arg, client->id, client->id_len);
	buf_add_text(arg, " ");
	return 0;
}

static void assert_clients(struct cldb *db, uint64_t epoch,
			   const char *expected)
{
	struct buf text;

	buf_init(&text, 4096);
	assert_int_equal(cldb_clients(db, epoch, list_one, &text), 0);
	assert_string_equal(buf_text(&text), expected);
	buf_fini(&text);
}

static void both_are_taken_over(void **state)
{
	struct cldb *db = open_db();

	(void)state;
	assert_int_equal(legacy_import(&host.legacy, db, 1), 0);
	assert_clients(db, 1, IMPORTED);
	/* Again: nfsdcltrack may have gone on. */
	sql_rig_run(host.rig->file, "DELETE FROM clients WHERE time > 0");
	assert_int_equal(legacy_import(&host.legacy, db, 1), 0);
	assert_clients(db, 1, ID_B " hash:" HASH "\\x00 ");
	cldb_close(db);
}

static void schema_1_is_read_as_it_is(void **state)
{
	struct cldb *db;

	(void)state;
	sql_rig_run(host.rig->file,
		    "UPDATE parameters SET value = '1';"
		    "ALTER TABLE clients DROP COLUMN has_session");
	db = open_db();
	assert_int_equal(legacy_import(&host.legacy, db, 1), 0);
	assert_clients(db, 1, IMPORTED);
	cldb_close(db);
	sql_rig_assert_is(host.rig, "schema-1");
}

static void nothing_there_is_no_error(void **state)
{
	struct cldb *db = open_db();
	const struct legacy none = {"/nowhere", "/nowhere/either"};

	(void)state;
	assert_int_equal(legacy_import(&none, db, 1), 0);
	assert_int_equal(legacy_clean(&none), 0);
	assert_string_equal(host.rig->said, "");
	put_place("");
	assert_int_equal(rmdir(host.recovery), -1);
	assert_int_equal(legacy_import(&host.legacy, db, 1), 0);
	assert_clients(db, 1, ID_A " " ID_B " ");
	put_place("not/absolute\n");
	assert_int_equal(legacy_clean(&host.legacy), 0);
	put_place("/nowhere/at/all\n");
	assert_int_equal(legacy_import(&host.legacy, db, 1), 0);
	assert_int_equal(legacy_clean(&host.legacy), 0);
	cldb_close(db);
}

static void it_is_taken_once(void **state)
{
	struct cldb *db = open_db();

	(void)state;
	assert_int_equal(cldb_set_first_time(db, false), 0);
	assert_int_equal(legacy_import(&host.legacy, db, 1), 0);
	assert_clients(db, 1, "");
	assert_int_equal(cldb_set_first_time(db, true), 0);
	assert_int_equal(cldb_grace_start(db, 2, 1), 0);
	assert_int_equal(legacy_import(&host.legacy, db, 2), 0);
	assert_clients(db, 2, "");
	assert_int_equal(cldb_grace_done(db, 1), 0);
	assert_int_equal(legacy_import(&host.legacy, db, 2), 0);
	assert_clients(db, 2, "");
	cldb_close(db);
}

static void damaged_source_does_not_stop_the_other(void **state)
{
	struct cldb *db = open_db();

	(void)state;
	sql_rig_run(host.rig->file, "DROP TABLE clients");
	assert_int_equal(legacy_import(&host.legacy, db, 1), -EBADMSG);
	assert_clients(db, 1, "hash:" HASH "\\x00 ");
	assert_non_null(strstr(host.rig->said, "are not taken over"));
	cldb_close(db);
}

static void damaged_client_does_not_stop_the_others(void **state)
{
	struct cldb *db = open_db();

	(void)state;
	sql_rig_run(host.rig->file, "INSERT INTO clients VALUES (NULL, 1, 1), "
				    "(zeroblob(1025), 1, 1), (X'', 1, 1)");
	assert_int_equal(legacy_import(&host.legacy, db, 1), 0);
	assert_clients(db, 1, IMPORTED);
	assert_non_null(strstr(host.rig->said, "3 damaged clients"));
	cldb_close(db);
}

static bool are_sources_whole(void)
{
	return sql_rig_number(host.rig, "SELECT count(*) FROM clients") == 2 &&
	       sql_rig_count(host.recovery) == 2;
}

static bool are_sources_clean(void)
{
	return sql_rig_number(host.rig, "SELECT count(*) FROM clients") == 0 &&
	       sql_rig_count(host.recovery) == 1;
}

static void cleaning_leaves_what_is_no_client(void **state)
{
	(void)state;
	assert_true(are_sources_whole());
	assert_int_equal(legacy_clean(&host.legacy), 0);
	assert_true(are_sources_clean());
	assert_int_equal(legacy_clean(&host.legacy), 0);
	sql_rig_assert_single(host.rig);
}

/* --- crashes --- */

/* The daemon from its start to the end of its grace period. */
static int work(void *ctx)
{
	struct cldb_epochs epochs;
	struct cldb *db;
	int error;

	(void)ctx;
	error = cldb_open(host.ours, CLDB_WAL, &db);
	if (!error)
		error = cldb_epochs(db, &epochs);
	if (!error && epochs.is_first_time)
		error = legacy_import(&host.legacy, db, epochs.current);
	if (!error && epochs.current == 1)
		error = cldb_grace_start(db, 2, 1);
	if (!error)
		error = cldb_grace_done(db, 1);
	if (!error)
		error = legacy_clean(&host.legacy);
	if (!error)
		error = cldb_set_first_time(db, false);
	if (!error)
		cldb_close(db);
	return error != 0;
}

/* What the next start finds. */
static void assert_nothing_lost(void)
{
	struct cldb *db = open_db();
	struct cldb_epochs epochs;

	assert_int_equal(cldb_epochs(db, &epochs), 0);
	assert_int_equal(legacy_import(&host.legacy, db, epochs.current), 0);
	if (epochs.current == 1) {
		assert_true(are_sources_whole());
		assert_clients(db, 1, IMPORTED);
	} else if (epochs.recovery == 1) {
		assert_true(are_sources_whole());
		assert_clients(db, 1, IMPORTED);
		assert_clients(db, 2, "");
	} else { /* nobody came back, so nobody may */
		assert_clients(db, 2, "");
	}
	if (!epochs.is_first_time)
		assert_true(are_sources_clean());
	cldb_close(db);
	assert_int_equal(work(NULL), 0);
	assert_true(are_sources_clean());
}

static void crash_all(void **state, enum crash_how how)
{
	const char *stride_text = getenv("STRIDE");
	unsigned int stride =
		stride_text ? (unsigned int)strtoul(stride_text, NULL, 10) : 5;
	uint8_t key[SIPHASH_KEY_SIZE] = {0};
	struct crash crash = {.work = work, .how = how};
	enum tracer_end end = TRACER_KILLED;
	unsigned int at, count = 0;
	struct prng rng;

	prng_init(&rng, key);
	crash.rng = &rng;
	for (at = 1; end == TRACER_KILLED; at += stride) {
		sql_rig_teardown(state);
		assert_int_equal(setup(state), 0);
		assert_int_equal(mkdir(host.ours, 0700), 0);
		crash.dir = host.ours;
		end = crash_run(&crash, at);
		if (end == TRACER_REFUSED)
			skip();
		assert_nothing_lost();
		count++;
	}
	print_message("%u crashes\n", count - 1);
}

static void killed_at_any_call(void **state)
{
	crash_all(state, CRASH_KILL);
}

static void power_fails_at_any_call(void **state)
{
	crash_all(state, CRASH_WORST);
	crash_all(state, CRASH_POWER);
}

#define CASE(name) \
	cmocka_unit_test_setup_teardown(name, setup, sql_rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(both_are_taken_over),
		CASE(schema_1_is_read_as_it_is),
		CASE(nothing_there_is_no_error),
		CASE(it_is_taken_once),
		CASE(damaged_source_does_not_stop_the_other),
		CASE(damaged_client_does_not_stop_the_others),
		CASE(cleaning_leaves_what_is_no_client),
		CASE(killed_at_any_call),
		CASE(power_fails_at_any_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
