/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lib/log: classes, the sink, and the limit on repeated complaints.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/log.h"

static char last_text[LOG_TEXT_MAX + 1];
static enum log_level last_level;
static unsigned int lines;

static void keep(enum log_level level, const char *text)
{
	assert_true(strlen(text) < sizeof(last_text));
	strcpy(last_text, text);
	last_level = level;
	lines++;
}

static void test_lines_reach_the_sink(void **state)
{
	char text[2 * LOG_TEXT_MAX];

	(void)state;
	log_line(LOG_ERROR, "nobody listens");
	log_set_sink(keep);
	log_line(LOG_WARN, "%s %d", "peer", 7);
	assert_string_equal(last_text, "peer 7");
	assert_int_equal(last_level, LOG_WARN);
	assert_int_equal(lines, 1);
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	log_line(LOG_NOTE, "%s", text);
	assert_int_equal(strlen(last_text), LOG_TEXT_MAX);
	log_set_sink(NULL);
}

static void test_debug_obeys_classes(void **state)
{
	(void)state;
	log_set_sink(keep);
	lines = 0;
	log_debug(LOG_CLASS_CALL, "off at first");
	log_set_classes(LOG_CLASS_CALL | LOG_CLASS_AUTH);
	log_debug(LOG_CLASS_PARSE, "not let through");
	assert_int_equal(lines, 0);
	log_debug(LOG_CLASS_CALL, "call %d", 1);
	assert_int_equal(lines, 1);
	assert_string_equal(last_text, "call 1");
	assert_int_equal(last_level, LOG_TRACE);
	log_set_classes(0);
	log_set_sink(NULL);
}

static void test_parses_classes(void **state)
{
	static const struct {
		const char *text;
		unsigned int classes;
	} rows[] = {
		{"general", LOG_CLASS_GENERAL},
		{"general,call", LOG_CLASS_GENERAL | LOG_CLASS_CALL},
		{" auth ,\tPARSE ", LOG_CLASS_AUTH | LOG_CLASS_PARSE},
		{"all", LOG_CLASS_ALL},
		{"1", LOG_CLASS_ALL},
		{"0", 0},
		{"", 0},
	};
	unsigned int classes;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		classes = 99;
		assert_true(log_parse_classes(rows[i].text, &classes));
		assert_int_equal(classes, rows[i].classes);
	}
	classes = 99;
	assert_false(log_parse_classes("call,nonsense", &classes));
	assert_false(log_parse_classes("calls", &classes));
	assert_false(log_parse_classes("cal", &classes));
	assert_false(log_parse_classes("2", &classes));
	assert_int_equal(classes, 99);
}

static char collected[64];

static void collect(enum log_level level, const char *text)
{
	assert_int_equal(level, LOG_NOTE);
	strcat(collected, text);
	strcat(collected, "|");
}

static void test_lines_one_by_one(void **state)
{
	(void)state;
	log_set_sink(collect);
	log_page(LOG_NOTE, "");
	log_page(LOG_NOTE, "one\n\n100 %s\n");
	log_set_sink(NULL);
	assert_string_equal(collected, "one||100 %s|");
}

static void test_limit_holds_back_and_counts(void **state)
{
	struct log_limit limit = {0};
	unsigned int held_back = 99;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_true(log_limit_pass(&limit, 50000, 3, &held_back));
		assert_int_equal(held_back, 0);
	}
	for (int i = 0; i < 5; i++)
		assert_false(log_limit_pass(&limit, 50001, 3, &held_back));
	/* The minute counts from the first line, not from the clock's zero. */
	assert_false(log_limit_pass(&limit, 109999, 3, &held_back));
	assert_true(log_limit_pass(&limit, 110000, 3, &held_back));
	assert_int_equal(held_back, 6);
	assert_true(log_limit_pass(&limit, 110000, 3, &held_back));
	assert_int_equal(held_back, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_reach_the_sink),
		cmocka_unit_test(test_debug_obeys_classes),
		cmocka_unit_test(test_parses_classes),
		cmocka_unit_test(test_lines_one_by_one),
		cmocka_unit_test(test_limit_holds_back_and_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
