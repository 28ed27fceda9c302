/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cltrack/command: what each command does with what the kernel says, and what
 * it answers.  tests/sys/t-86 has the program beside Debian's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cltrack/command.h"
#include "tests/os/sql_rig.h"

#define HASH_A "0123456789abcdef0123456789abcdef"
#define HASH_B "ffffffffffffffffffffffffffffffff"

static int setup(void **state)
{
	clearenv();
	return sql_rig_setup(state);
}

static void say(const char *name, const char *value)
{
	char full[64];

	snprintf(full, sizeof(full), "NFSDCLTRACK_%s", name);
	setenv(full, value, 1);
}

static int run(const struct sql_rig *rig, const char *name, const char *arg)
{
	return command_run(rig->dir, name, arg);
}

static int64_t count(const struct sql_rig *rig)
{
	return sql_rig_number(rig, "SELECT count(*) FROM clients");
}

static void a_life(void **state)
{
	const struct sql_rig *rig = *state;

	say("GRACE_START", "1000");
	assert_int_equal(run(rig, "init", NULL), 0);
	say("CLIENT_HAS_SESSION", "Y");
	assert_int_equal(run(rig, "create", "6161"), 0);
	say("CLIENT_HAS_SESSION", "N");
	assert_int_equal(run(rig, "create", "6262"), 0);
	assert_int_equal(run(rig, "check", "6161"), 0);
	assert_int_equal(run(rig, "check", "6363"), -EPERM);
	assert_int_equal(run(rig, "remove", "6161"), 0);
	assert_int_equal(run(rig, "remove", "6161"), 0);
	assert_int_equal(run(rig, "check", "6161"), -EPERM);
	assert_int_equal(run(rig, "gracedone", "1000"), 0);
	assert_int_equal(count(rig), 1);
	sql_rig_assert_single(rig);
}

/* One with a session says itself when it has reclaimed. */
static void check_renews_without_a_session(void **state)
{
	const struct sql_rig *rig = *state;

	assert_int_equal(run(rig, "create", "61"), 0);
	say("GRACE_START", "4000000000");
	assert_int_equal(run(rig, "init", NULL), 0);
	say("CLIENT_HAS_SESSION", "Y");
	assert_int_equal(run(rig, "check", "61"), 0);
	assert_int_equal(sql_rig_number(rig, "SELECT time < 4000000000 "
					     "FROM clients"),
			 1);
	say("CLIENT_HAS_SESSION", "N");
	assert_int_equal(run(rig, "check", "61"), 0);
	assert_int_equal(sql_rig_number(rig, "SELECT time FROM clients"),
			 4000000000);
	say("CLIENT_HAS_SESSION", "Y");
	assert_int_equal(run(rig, "create", "61"), 0);
	assert_int_equal(run(rig, "gracedone", "4000000000"), 0);
	assert_int_equal(count(rig), 1);
}

static void bad_words_are_refused(void **state)
{
	const struct sql_rig *rig = *state;
	char text[2051];

	memset(text, 'a', sizeof(text) - 1);
	text[2050] = '\0';
	assert_int_equal(run(rig, "bogus", NULL), -ENOSYS);
	assert_int_equal(run(rig, "create", NULL), -EINVAL);
	assert_int_equal(run(rig, "check", NULL), -EINVAL);
	assert_int_equal(run(rig, "remove", NULL), -EINVAL);
	assert_int_equal(run(rig, "gracedone", NULL), -EINVAL);
	assert_int_equal(run(rig, "create", "6"), -EINVAL);
	assert_int_equal(run(rig, "check", "6g"), -EINVAL);
	assert_int_equal(run(rig, "remove", ""), -EINVAL);
	assert_int_equal(run(rig, "create", text), -ENOBUFS);
	assert_int_equal(run(rig, "gracedone", "x"), -EINVAL);
	assert_int_equal(run(rig, "gracedone", "1 "), -EINVAL);
	assert_int_equal(run(rig, "gracedone", "99999999999999999999"),
			 -ERANGE);
	/* Nothing was opened for any of them. */
	assert_int_equal(access(rig->dir, F_OK), -1);
	assert_int_equal(run(rig, "gracedone", "0x10"), 0);
}

static void outside_is_shown_escaped(void **state)
{
	struct sql_rig *rig = *state;

	assert_int_equal(run(rig, "\033[31m", NULL), -ENOSYS);
	assert_int_equal(run(rig, "create", "6\n"), -EINVAL);
	say("GRACE_START", "\007");
	assert_int_equal(run(rig, "init", NULL), 0);
	assert_null(strchr(rig->said, '\033'));
	assert_null(strchr(rig->said, '\007'));
	assert_non_null(strstr(rig->said, "\\x0a"));
}

static void errors_are_the_commands(void **state)
{
	struct sql_rig *rig = *state;

	assert_int_equal(run(rig, "init", NULL), 0);
	sql_rig_run(rig->file, "DROP TABLE clients");
	assert_int_equal(run(rig, "create", "61"), -EREMOTEIO);
	assert_int_equal(run(rig, "remove", "61"), -EREMOTEIO);
	assert_int_equal(run(rig, "check", "61"), -EPERM);
	assert_int_equal(run(rig, "gracedone", "1"), -EREMOTEIO);
	say("GRACE_START", "1");
	assert_int_equal(run(rig, "init", NULL), -EACCES);
	snprintf(rig->dir, sizeof(rig->dir), "%s/no/db", rig->root);
	assert_int_equal(run(rig, "init", NULL), -EACCES);
	assert_int_equal(run(rig, "create", "61"), -ENOENT);
	assert_int_equal(run(rig, "check", "61"), -ENOENT);
}

static void make_dir(const struct sql_rig *rig, const char *name, char out[256])
{
	snprintf(out, 256, "%s/%s", rig->root, name);
	assert_int_equal(mkdir(out, 0700), 0);
}

static void check_takes_over_a_directory(void **state)
{
	const struct sql_rig *rig = *state;
	char top[256], one[256], two[256];

	make_dir(rig, "v4recovery", top);
	make_dir(rig, "v4recovery/" HASH_A, one);
	make_dir(rig, "v4recovery/" HASH_B, two);
	say("GRACE_START", "1000");
	assert_int_equal(run(rig, "init", NULL), 0);
	say("CLIENT_HAS_SESSION", "Y");
	say("LEGACY_RECDIR", one);
	assert_int_equal(run(rig, "check", "61"), 0);
	assert_int_equal(access(one, F_OK), -1);
	assert_int_equal(sql_rig_number(rig, "SELECT time FROM clients"), 0);
	assert_int_equal(run(rig, "check", "61"), 0);
	say("CLIENT_HAS_SESSION", "N");
	say("LEGACY_RECDIR", two);
	assert_int_equal(run(rig, "check", "62"), 0);
	assert_int_equal(sql_rig_number(rig, "SELECT time > 1000 FROM clients "
					     "WHERE id = X'62'"),
			 1);
	say("LEGACY_RECDIR", "/nowhere");
	assert_int_equal(run(rig, "check", "63"), -EPERM);
	assert_int_equal(count(rig), 2);
	assert_int_equal(run(rig, "gracedone", "1000"), 0);
	assert_int_equal(count(rig), 1);
}

/* Where init could not say when that was, and the clock was set back. */
static void create_is_never_before_the_start(void **state)
{
	const struct sql_rig *rig = *state;

	say("GRACE_START", "4000000000");
	assert_int_equal(run(rig, "create", "61"), 0);
	assert_int_equal(sql_rig_number(rig, "SELECT time FROM clients"),
			 4000000000);
	assert_int_equal(run(rig, "gracedone", "4000000000"), 0);
	assert_int_equal(count(rig), 1);
}

/* Else the client has neither, and loses its locks. */
static void directory_stays_until_the_record_is_there(void **state)
{
	const struct sql_rig *rig = *state;
	char one[256];

	make_dir(rig, HASH_A, one);
	assert_int_equal(run(rig, "init", NULL), 0);
	sql_rig_run(rig->file,
		    "DROP TABLE clients;"
		    "CREATE TABLE clients (id BLOB PRIMARY KEY,"
		    " time INTEGER, has_session INTEGER CHECK (time < 0))");
	say("LEGACY_RECDIR", one);
	assert_int_equal(run(rig, "check", "61"), -EPERM);
	assert_int_equal(access(one, F_OK), 0);
}

static void gracedone_cleans_clients_alone(void **state)
{
	struct sql_rig *rig = *state;
	char top[256], one[256], full[256], inner[256], other[256];

	make_dir(rig, "v4recovery", top);
	make_dir(rig, "v4recovery/" HASH_A, one);
	make_dir(rig, "v4recovery/" HASH_B, full);
	make_dir(rig, "v4recovery/" HASH_B "/x", inner);
	make_dir(rig, "v4recovery/others", other);
	say("LEGACY_TOPDIR", top);
	assert_int_equal(run(rig, "gracedone", "1000"), 0);
	assert_int_equal(access(one, F_OK), -1);
	assert_int_equal(access(inner, F_OK), 0);
	assert_int_equal(access(other, F_OK), 0);
	assert_non_null(strstr(rig->said, HASH_B));
	say("LEGACY_TOPDIR", "/nowhere/at all");
	assert_int_equal(run(rig, "gracedone", "1000"), 0);
}

#define CASE(name) \
	cmocka_unit_test_setup_teardown(name, setup, sql_rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_life),
		CASE(check_renews_without_a_session),
		CASE(bad_words_are_refused),
		CASE(outside_is_shown_escaped),
		CASE(errors_are_the_commands),
		CASE(check_takes_over_a_directory),
		CASE(create_is_never_before_the_start),
		CASE(directory_stays_until_the_record_is_there),
		CASE(gracedone_cleans_clients_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
