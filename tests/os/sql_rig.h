/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A scratch directory with a database of client tracking, seen past the code
 * under test: by SQL text, and by the golden texts of tests/golden/cltrack.
 */
#ifndef NFS_RECLAIM_TESTS_OS_SQL_RIG_H
#define NFS_RECLAIM_TESTS_OS_SQL_RIG_H

#include <stdbool.h>
#include <stdint.h>

struct sql_rig {
	char root[64];
	char dir[96]; /* of the database; not there at first */
	char file[128];
	char said[4096]; /* all log lines, since it was last emptied */
};

/*
 * Makes the scratch directory; the log goes to .said.  A cmocka set-up;
 * *state is the struct sql_rig.
 */
int sql_rig_setup(void **state);

/*
 * Removes it all.
 */
int sql_rig_teardown(void **state);

/*
 * Makes the database of the text tests/golden/cltrack/@golden.sql.
 */
void sql_rig_load(const struct sql_rig *here, const char *golden);

/*
 * Runs @text on the database @file.
 */
void sql_rig_run(const char *file, const char *text);

/*
 * Returns the number that @text selects from the database.
 */
int64_t sql_rig_number(const struct sql_rig *here, const char *text);

/*
 * Fails where the database is not what @golden says, all tables and rows in
 * their order; case and blanks of CREATE TABLE do not count.
 */
void sql_rig_assert_is(const struct sql_rig *here, const char *golden);

/*
 * Fails where main.sqlite is not the only file, or needs another beside it.
 */
void sql_rig_assert_single(const struct sql_rig *here);

/*
 * Returns how many names there are in the directory @path.
 */
unsigned int sql_rig_count(const char *path);

#endif
