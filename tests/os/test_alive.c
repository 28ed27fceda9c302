/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cltrack/alive: which of nfsd's clients count (contract.md C-14).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/stat.h>

#include "cltrack/alive.h"
#include "tests/os/sql_rig.h"

#define OPEN "- 0x00000001c8edb7f6: { type: open, access: rw }\n"

static void make_dir(const struct sql_rig *rig, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", rig->root, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void put(const struct sql_rig *rig, const char *dir, const char *name,
		const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s/%s", rig->root, dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* The client @number, whose name is the same. */
static void put_client(const struct sql_rig *rig, const char *number,
		       const char *status, int minor, const char *states)
{
	char info[256];

	snprintf(info, sizeof(info),
		 "clientid: 0x1\nstatus: %s\nname: \"%s\"\n"
		 "minor version: %d\n",
		 status, number, minor);
	make_dir(rig, number);
	put(rig, number, "info", info);
	put(rig, number, "states", states);
}

static void who_holds_state_counts(void **state)
{
	const struct sql_rig *rig = *state;
	struct clientlist list = {.count = 0};

	put_client(rig, "1", "confirmed", 0, OPEN);
	put_client(rig, "2", "confirmed", 0, "");
	put_client(rig, "3", "confirmed", 1, OPEN);
	put_client(rig, "4", "unconfirmed", 0, OPEN);
	make_dir(rig, "5"); /* gone before its files were read */
	put_client(rig, "x", "confirmed", 0, OPEN);
	assert_int_equal(alive_read(rig->root, &list), 0);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.clients[0].id_len, 1);
	assert_memory_equal(list.clients[0].id, "1", 1);
	clientlist_fini(&list);
}

static void one_unreadable_hides_no_other(void **state)
{
	const struct sql_rig *rig = *state;
	struct clientlist list = {.count = 0};

	make_dir(rig, "1");
	make_dir(rig, "1/info");
	put_client(rig, "2", "confirmed", 0, OPEN);
	assert_int_equal(alive_read(rig->root, &list), -EISDIR);
	assert_int_equal(list.count, 1);
	clientlist_fini(&list);
	assert_int_equal(alive_read(rig->dir, &list), -ENOENT);
	assert_int_equal(list.count, 0);
}

#define CASE(name) \
	cmocka_unit_test_setup_teardown(name, sql_rig_setup, sql_rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(who_holds_state_counts),
		CASE(one_unreadable_hides_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
