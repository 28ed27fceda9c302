/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lib/ctl and lib/parked: there is one way to write each message and line, it
 * is read back as it was meant, and nothing else is accepted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/ctl.h"
#include "lib/parked.h"

static bool parse(const char *text, struct ctl_request *request)
{
	return ctl_parse_request(text, strlen(text), request);
}

static void test_requests(void **state)
{
	struct ctl_request request;
	struct addr addr;

	(void)state;
	assert_true(
		parse("tell 17 peer.example 192.0.2.7 2001:db8::7", &request));
	assert_int_equal(request.verb, CTL_TELL);
	assert_int_equal(request.tag, 17);
	assert_string_equal(request.subject.mon_name, "peer.example");
	assert_int_equal(request.subject.addr_count, 2);
	assert_true(addr_parse("2001:db8::7", &addr));
	assert_true(addr_is_equal(&request.subject.addrs[1], &addr));
	assert_true(parse("ask 0 x", &request));
	assert_int_equal(request.verb, CTL_ASK);
	assert_int_equal(request.subject.addr_count, 0);
	assert_true(parse("park 9223372036854775807 x", &request));
	assert_int_equal(request.verb, CTL_PARK);
	assert_true(request.tag == INT64_MAX);
	assert_true(parse("tell-in-grace 1 x", &request));
	assert_int_equal(request.verb, CTL_TELL_IN_GRACE);
	assert_true(ctl_is_tell(request.verb));
}

static void test_no_requests(void **state)
{
	static const char *const bad[] = {
		"",
		"ask",
		"ask 1",
		"ask 1 ",
		"ask  1 x",
		"ask 1  x",
		"ask 1 x ",
		"ask 1 x  192.0.2.7",
		"ask 1 x y",
		"ask 1 x 192.0.2.7:1",
		"Ask 1 x",
		"asks 1 x",
		"ask -1 x",
		"ask 01 x",
		"ask 1a x",
		"ask 9223372036854775808 x",
		"ask 99999999999999999999 x",
		"ask 1 .x",
		"ask 1 a/b",
		"ask 1 a\nb",
		"ask 1 a\x7f",
		"ask 1 x 1::1%a",
		"forget 1 x",
	};
	struct ctl_request request;
	char text[2 * CTL_LEN_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(parse(bad[i], &request));
	/* A name of 255 bytes, and of one more. */
	snprintf(text, sizeof(text), "ask 1 %0255d", 7);
	assert_true(parse(text, &request));
	snprintf(text, sizeof(text), "ask 1 %0256d", 7);
	assert_false(parse(text, &request));
	assert_false(ctl_parse_request("ask 1 a\0b", 9, &request));
	assert_false(ctl_parse_request("ask 1 a 1.2.3.4\0", 16, &request));
}

static void test_addresses_have_a_cap(void **state)
{
	struct ctl_subject subject, back;
	struct addr addrs[CTL_ADDRS_MAX + 1];
	struct buf text;

	(void)state;
	for (size_t i = 0; i <= CTL_ADDRS_MAX; i++) {
		assert_true(addr_parse("fe80::1%4", &addrs[i]));
		addrs[i].bytes[15] = (uint8_t)i;
		addrs[i].port = 111;
	}
	assert_true(ctl_set_subject(&subject, "x", addrs, CTL_ADDRS_MAX + 1));
	assert_int_equal(subject.addr_count, CTL_ADDRS_MAX);
	buf_init(&text, CTL_LEN_MAX);
	ctl_add_subject(&text, &subject);
	assert_false(text.is_overflowed);
	assert_true(ctl_parse_subject(text.bytes, text.len, &back));
	assert_int_equal(back.addr_count, CTL_ADDRS_MAX);
	assert_true(addr_is_equal(&back.addrs[15], &subject.addrs[15]));
	buf_add_text(&text, " 192.0.2.7");
	assert_false(ctl_parse_subject(text.bytes, text.len, &back));
	buf_fini(&text);
	assert_false(ctl_set_subject(&subject, "a b", addrs, 1));
}

static void test_answers(void **state)
{
	enum ctl_word word;
	struct buf text;
	uint64_t tag;

	(void)state;
	buf_init(&text, CTL_LEN_MAX);
	for (int i = CTL_NONE; i <= CTL_PARKED; i++) {
		buf_clear(&text);
		ctl_add_answer(&text, 100, (enum ctl_word)i);
		assert_true(
			ctl_parse_answer(text.bytes, text.len, &tag, &word));
		assert_int_equal(tag, 100);
		assert_int_equal(word, i);
	}
	buf_fini(&text);
	assert_false(ctl_parse_answer("100", 3, &tag, &word));
	assert_false(ctl_parse_answer("100 non", 7, &tag, &word));
	assert_false(ctl_parse_answer("100 none ", 9, &tag, &word));
	assert_false(ctl_parse_answer("100 none x", 10, &tag, &word));
	assert_false(ctl_parse_answer("x none", 6, &tag, &word));
}

static bool parse_line(const char *text, struct parked_line *line)
{
	return parked_parse(text, strlen(text), line);
}

static void test_lines(void **state)
{
	struct parked_line line;

	(void)state;
	assert_true(parse_line("park peer.example 192.0.2.7", &line));
	assert_int_equal(line.kind, PARKED_PARK);
	assert_string_equal(line.subject.mon_name, "peer.example");
	assert_int_equal(line.subject.addr_count, 1);
	/* my_name may have blanks in files of nfs-utils, or be empty. */
	assert_true(parse_line("told 35 192.0.2.7 my host", &line));
	assert_int_equal(line.kind, PARKED_TOLD);
	assert_int_equal(line.number, 35);
	assert_int_equal(line.told_len, 17);
	assert_memory_equal(line.told, "192.0.2.7 my host", 17);
	assert_true(parse_line("told 4294967295 192.0.2.7 ", &line));
	assert_int_equal(line.number, UINT32_MAX);
	assert_true(parse_line("held", &line));
	assert_int_equal(line.kind, PARKED_HELD);
	assert_false(parse_line("", &line));
	assert_false(parse_line("park", &line));
	assert_false(parse_line("park ", &line));
	assert_false(parse_line("told ", &line));
	assert_false(parse_line("told x", &line));
	assert_false(parse_line("told  x", &line));
	assert_false(parse_line("told 5", &line));
	assert_false(parse_line("told 5 ", &line));
	assert_false(parse_line("told 5 x", &line));
	assert_false(parse_line("told 5  x", &line));
	/* Without a number, or with one that none can be. */
	assert_false(parse_line("told peer.example my host", &line));
	assert_false(parse_line("told 0 x y", &line));
	assert_false(parse_line("told 05 x y", &line));
	assert_false(parse_line("told -5 x y", &line));
	assert_false(parse_line("told 5x x y", &line));
	assert_false(parse_line("told 4294967296 x y", &line));
	assert_false(parse_line("told 18446744073709551617 x y", &line));
	assert_false(parse_line("held ", &line));
	assert_false(parse_line("later", &line));
}

static void test_requests_are_written_as_they_are_read(void **state)
{
	static const char *const texts[] = {"ask 0 x", "tell 17 x 192.0.2.7",
					    "tell-in-grace 1 x",
					    "park 9223372036854775807 x"};
	struct ctl_request request;
	struct ctl_subject subject;
	struct buf written, name;

	(void)state;
	buf_init(&written, CTL_LEN_MAX);
	buf_init(&name, CTL_LEN_MAX);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_true(parse(texts[i], &request));
		subject = request.subject;
		buf_clear(&name);
		buf_clear(&written);
		ctl_add_subject(&name, &subject);
		ctl_add_request(&written, request.verb, request.tag,
				buf_text(&name));
		assert_string_equal(buf_text(&written), texts[i]);
	}
	buf_fini(&written);
	buf_fini(&name);
}

/* Each within the message, so only their own bounds can refuse them. */
static void test_long_words_are_refused(void **state)
{
	char text[CTL_LEN_MAX + 2];
	struct ctl_request request;
	enum ctl_word word;
	uint64_t tag;
	int len;

	(void)state;
	len = snprintf(text, sizeof(text), "ask 1 x ::%0*d", ADDR_TEXT_SIZE, 1);
	assert_false(ctl_parse_request(text, (size_t)len, &request));
	assert_false(ctl_parse_request("ask 1 x ::1\0", 12, &request));
	assert_false(ctl_parse_answer("", 0, &tag, &word));
	assert_false(ctl_parse_answer(" none", 5, &tag, &word));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_no_requests),
		cmocka_unit_test(test_addresses_have_a_cap),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_requests_are_written_as_they_are_read),
		cmocka_unit_test(test_long_words_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
