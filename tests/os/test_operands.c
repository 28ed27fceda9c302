/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os/options for programs of words: what follows the options is left to the
 * program.  The options themselves are test_options'.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "os/options.h"

struct settings {
	bool is_debugging;
};

static const struct optab table[] = {
	{.short_name = 'd',
	 .kind = OPTAB_FLAG,
	 .help = "log everything",
	 .offset = offsetof(struct settings, is_debugging)},
	{0},
};

static int read_args(int argc, char **argv, struct settings *settings)
{
	int first = -1;
	const struct options_program program = {
		.name = "prog",
		.table = table,
		.operands = &first,
	};

	options_apply_args(&program, argc, argv, settings);
	return first;
}

/* COMPAT: nfs-utils takes options before, between and after the words. */
static void options_stand_anywhere(void **state)
{
	char *argv[] = {(char[]){"prog"}, (char[]){"create"}, (char[]){"-d"},
			(char[]){"6162"}, NULL};
	struct settings settings = {0};

	(void)state;
	assert_int_equal(read_args(4, argv, &settings), 2);
	assert_true(settings.is_debugging);
	assert_string_equal(argv[2], "create");
	assert_string_equal(argv[3], "6162");
}

static void words_may_look_like_options(void **state)
{
	char *argv[] = {(char[]){"prog"}, (char[]){"--"}, (char[]){"-d"}, NULL};
	struct settings settings = {0};

	(void)state;
	assert_int_equal(read_args(3, argv, &settings), 2);
	assert_false(settings.is_debugging);
}

static void there_may_be_none(void **state)
{
	char *argv[] = {(char[]){"prog"}, NULL};
	struct settings settings = {0};

	(void)state;
	assert_int_equal(read_args(1, argv, &settings), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_stand_anywhere),
		cmocka_unit_test(words_may_look_like_options),
		cmocka_unit_test(there_may_be_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
