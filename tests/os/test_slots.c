/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cltrack/slots: what one nfsdcld has read, the next one finds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "cltrack/slots.h"
#include "tests/os/sql_rig.h"

#define DEVICE 7
#define INODE  11

static struct slots *open_slots(const struct sql_rig *rig)
{
	char path[128];
	struct slots *slots;
	int error;

	snprintf(path, sizeof(path), "%s/slots", rig->root);
	slots = slots_open(path, &error);
	assert_int_equal(error, 0);
	return slots;
}

/* Two upcalls were read; of the second nobody came to say how long it is. */
static struct slots *begin(const struct sql_rig *rig)
{
	struct slots *slots = open_slots(rig);

	slots_attach(slots, DEVICE, INODE);
	memcpy(slots_at(slots, 3), "\2abc", 4);
	slots_set_len(slots, 3, 4);
	memcpy(slots_at(slots, 4), "\2def", 4);
	return slots;
}

static void what_was_read_outlives_the_process(void **state)
{
	const struct sql_rig *rig = *state;
	struct slots *slots = begin(rig);

	slots_free(slots);
	slots = open_slots(rig);
	slots_attach(slots, DEVICE, INODE);
	assert_int_equal(slots_len(slots, 3), 4);
	assert_memory_equal(slots_at(slots, 3), "\2abc", 4);
	assert_int_equal(slots_len(slots, 4), 0);
	assert_true(slots_is_used(slots, 4));
	assert_memory_equal(slots_at(slots, 4), "\2def", 4);
	assert_false(slots_is_used(slots, 5));
	slots_clear(slots, 3);
	slots_clear(slots, 4);
	slots_free(slots);
	slots = open_slots(rig);
	assert_false(slots_is_used(slots, 3));
	assert_false(slots_is_used(slots, 4));
	slots_free(slots);
}

static void another_pipe_has_other_upcalls(void **state)
{
	struct slots *slots = begin(*state);

	slots_attach(slots, DEVICE, INODE + 1);
	assert_false(slots_is_used(slots, 3));
	assert_false(slots_is_used(slots, 4));
	slots_free(slots);
	slots = begin(*state);
	slots_attach(slots, DEVICE + 1, INODE);
	assert_false(slots_is_used(slots, 3));
	slots_free(slots);
}

static void a_length_without_sense_is_none(void **state)
{
	struct slots *slots = begin(*state);

	slots_set_len(slots, 3, SLOT_SIZE + 1);
	assert_int_equal(slots_len(slots, 3), 0);
	slots_free(slots);
}

static void another_file_is_not_believed(void **state)
{
	const struct sql_rig *rig = *state;
	struct slots *slots = begin(rig);
	char path[128];
	FILE *file;

	slots_free(slots);
	snprintf(path, sizeof(path), "%s/slots", rig->root);
	file = fopen(path, "r+");
	assert_non_null(file);
	fputs("something", file);
	fclose(file);
	slots = open_slots(rig);
	assert_false(slots_is_used(slots, 3));
	slots_free(slots);
}

#define CASE(name) \
	cmocka_unit_test_setup_teardown(name, sql_rig_setup, sql_rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_was_read_outlives_the_process),
		CASE(another_pipe_has_other_upcalls),
		CASE(a_length_without_sense_is_none),
		CASE(another_file_is_not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
