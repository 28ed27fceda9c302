/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The option table: which words and numbers are values (contract.md 5.3, F-8),
 * what is said about those that are none, and what the help looks like.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/log.h"
#include "lib/optab.h"

#define TEXT_MAX 4096

struct settings {
	unsigned int port;
	unsigned int any;
	unsigned int classes;
	unsigned int colour;
	const char *name;
	bool is_on;
	bool is_updating;
};

#define FIELD(member) .offset = offsetof(struct settings, member)

static const char *const colours[] = {"red", "green", "blue", NULL};

static const struct optab table[] = {
	{.short_name = 'F',
	 .long_name = "foreground",
	 .help = "do not go into the background",
	 .kind = OPTAB_FLAG,
	 FIELD(is_on)},
	{.short_name = 'h',
	 .short_alias = '?',
	 .long_name = "help",
	 .help = "print this text",
	 .kind = OPTAB_HELP},
	{.short_name = 'p',
	 .long_name = "port",
	 .arg = "PORT",
	 .help = "listen on PORT",
	 .section = "statd",
	 .key = "port",
	 .kind = OPTAB_UINT,
	 .min = 1,
	 .max = 65535,
	 FIELD(port)},
	{.long_name = "a-very-long-option-name",
	 .arg = "NAME",
	 .help = "words that are so many that they must go on in the next "
		 "line of the help text, and then in one more",
	 .section = "statd",
	 .key = "name",
	 .kind = OPTAB_TEXT,
	 FIELD(name)},
	{.short_name = 'n',
	 .help = "do not raise the number",
	 .section = "sm-notify",
	 .key = "update-state",
	 .kind = OPTAB_NOT_FLAG,
	 FIELD(is_updating)},
	{.short_name = 'N', .kind = OPTAB_FLAG, FIELD(is_on)},
	{.help = "lift it",
	 .section = "statd",
	 .key = "lift-grace",
	 .kind = OPTAB_FLAG,
	 FIELD(is_on)},
	{.arg = "CLASSES",
	 .help = "say more",
	 .section = "statd",
	 .key = "debug",
	 .kind = OPTAB_CLASSES,
	 FIELD(classes)},
	{.section = "statd",
	 .key = "any",
	 .kind = OPTAB_UINT,
	 .max = UINT_MAX,
	 FIELD(any)},
	{.section = "statd",
	 .key = "colour",
	 .kind = OPTAB_WORD,
	 .words = colours,
	 FIELD(colour)},
	{0},
};

static const struct optab *row(const char *key)
{
	const struct optab *opt;

	for (opt = table; !optab_is_end(opt); opt++) {
		if (opt->key != NULL && strcmp(opt->key, key) == 0)
			return opt;
	}
	fail_msg("no row %s", key);
	return NULL;
}

/* Sets the field of @key to @text; "" or the reason why not. */
static const char *set(struct settings *s, const char *key, const char *text)
{
	static char why[TEXT_MAX];
	struct buf reason;
	bool is_good;

	buf_init(&reason, sizeof(why) - 1);
	is_good = optab_set(row(key), s, text, &reason);
	snprintf(why, sizeof(why), "%s", buf_text(&reason));
	buf_fini(&reason);
	assert_int_equal(is_good, why[0] == '\0');
	return why;
}

static void test_numbers(void **state)
{
	static const struct {
		const char *text;
		unsigned int value; /* 0: refused */
	} cases[] = {
		{"1", 1},
		{"65535", 65535},
		{"0080", 80},
		{"0", 0},
		{"65536", 0},
		{"70000", 0},
		{"", 0},
		{"-1", 0},
		{"+1", 0},
		{" 1", 0},
		{"1 ", 0},
		{"0x10", 0},
		{"1e3", 0},
		{"80a", 0},
		{"a", 0},
		{"4294967297", 0},
		{"4294967296", 0},
		{"18446744073709551617", 0},
		{"99999999999999999999999999999999", 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct settings s = {.port = 7};

		if (cases[i].value != 0) {
			assert_string_equal(set(&s, "port", cases[i].text), "");
			assert_int_equal(s.port, cases[i].value);
		} else {
			assert_string_equal(set(&s, "port", cases[i].text),
					    "a number from 1 to 65535");
			assert_int_equal(s.port, 7);
		}
	}
}

static void test_number_edges(void **state)
{
	struct settings s = {.any = 7};

	(void)state;
	assert_string_equal(set(&s, "any", "4294967295"), "");
	assert_int_equal(s.any, UINT_MAX);
	assert_string_equal(set(&s, "any", "4294967296"),
			    "a number from 0 to 4294967295");
	assert_string_equal(set(&s, "any", "0"), "");
	assert_int_equal(s.any, 0);
}

static void test_booleans(void **state)
{
	static const char *const yes[] = {"1",	"t",  "true", "y", "yes",
					  "on", "ON", "True", "Y"};
	static const char *const no[] = {"0",  "f",   "false", "n",
					 "no", "off", "OFF",   "FALSE"};
	static const char *const bad[] = {"",	   "2",	  "00", "yes ",
					  "maybe", "tru", "o",	"enabled"};
	struct settings s = {.is_on = false};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		s.is_on = s.is_updating = false;
		assert_string_equal(set(&s, "lift-grace", yes[i]), "");
		assert_string_equal(set(&s, "update-state", yes[i]), "");
		assert_true(s.is_on && s.is_updating);
	}
	for (i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		s.is_on = s.is_updating = true;
		assert_string_equal(set(&s, "lift-grace", no[i]), "");
		assert_string_equal(set(&s, "update-state", no[i]), "");
		assert_false(s.is_on || s.is_updating);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		s.is_on = true;
		assert_string_equal(
			set(&s, "lift-grace", bad[i]),
			"one of yes, no, true, false, on, off, 1, 0");
		assert_true(s.is_on);
	}
}

/* As options: one sets, the other clears. */
static void test_flags_without_text(void **state)
{
	struct settings s = {.is_on = false, .is_updating = true};

	(void)state;
	assert_string_equal(set(&s, "lift-grace", NULL), "");
	assert_string_equal(set(&s, "update-state", NULL), "");
	assert_true(s.is_on);
	assert_false(s.is_updating);
}

static void test_text_and_classes(void **state)
{
	struct settings s = {.name = "before", .classes = 7};
	const char *text = "a name";

	(void)state;
	assert_string_equal(set(&s, "name", ""), "a text of one byte or more");
	assert_string_equal(s.name, "before");
	assert_string_equal(set(&s, "name", text), "");
	assert_ptr_equal(s.name, text);
	assert_string_equal(set(&s, "debug", "call,loud"),
			    "a list of general, call, auth, parse, all, 0, 1");
	assert_int_equal(s.classes, 7);
	assert_string_equal(set(&s, "debug", "general,call"), "");
	assert_int_equal(s.classes, LOG_CLASS_GENERAL | LOG_CLASS_CALL);
}

static void test_words(void **state)
{
	static const char *const bad[] = {"", "gre", "greens", " red", "1"};
	struct settings s = {.colour = 7};
	size_t i;

	(void)state;
	assert_true(optab_takes_arg(row("colour")));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_string_equal(set(&s, "colour", bad[i]),
				    "one of red, green, blue");
	assert_int_equal(s.colour, 7);
	assert_string_equal(set(&s, "colour", "Green"), "");
	assert_int_equal(s.colour, 1);
	assert_string_equal(set(&s, "colour", "red"), "");
	assert_int_equal(s.colour, 0);
}

static void test_by_letter(void **state)
{
	(void)state;
	assert_ptr_equal(optab_by_letter(table, 'h'), &table[1]);
	assert_ptr_equal(optab_by_letter(table, '?'), &table[1]);
	assert_ptr_equal(optab_by_letter(table, 'p'), &table[2]);
	assert_null(optab_by_letter(table, 'x'));
	assert_null(optab_by_letter(table, 0));
	assert_true(optab_takes_arg(optab_by_letter(table, 'p')));
	assert_false(optab_takes_arg(optab_by_letter(table, 'F')));
}

static int no_file(void *ctx, const char *path, struct buf *out)
{
	(void)ctx;
	(void)path;
	(void)out;
	return -1;
}

static const char *no_env(void *ctx, const char *name)
{
	(void)ctx;
	(void)name;
	return NULL;
}

static void no_complaint(void *ctx, const char *text)
{
	(void)ctx;
	fail_msg("%s", text);
}

static struct nfsconf *conf_of(const char *text)
{
	const struct nfsconf_world world = {
		.read_file = no_file,
		.getenv = no_env,
		.complain = no_complaint,
	};
	struct nfsconf *conf = nfsconf_new(&world);

	nfsconf_parse(conf, "/etc/nfs.conf", text, strlen(text));
	return conf;
}

static void test_read_conf(void **state)
{
	struct nfsconf *conf = conf_of("[StatD]\nPort = 111\nname = \"x y\"\n"
				       "[sm-notify]\nupdate-state = no\n"
				       "[statd \"arg\"]\nany = 5\n");
	struct settings s = {.is_updating = true, .any = 3};
	struct buf errors;

	(void)state;
	buf_init(&errors, TEXT_MAX);
	assert_int_equal(optab_read_conf(table, &s, conf, &errors), 0);
	assert_string_equal(buf_text(&errors), "");
	assert_int_equal(s.port, 111);
	assert_string_equal(s.name, "x y");
	assert_false(s.is_updating);
	assert_int_equal(s.any, 3);
	buf_fini(&errors);
	nfsconf_free(conf);
}

/* F-8: nfs-utils makes port 4464 of 70000, and "default" of a bad word. */
static void test_read_conf_errors(void **state)
{
	struct nfsconf *conf = conf_of(
		"[statd]\nport = 1\nport = 70000\nlift-grace = perhaps\n"
		"any = 1\033[2J\\\ndebug = "
		"0123456789012345678901234567890123456789"
		"0123456789012345678901234567890123456789\n"
		"[sm-notify]\nupdate-state = $none\n");
	struct settings s = {.port = 7, .is_updating = true};
	struct buf errors;

	(void)state;
	buf_init(&errors, TEXT_MAX);
	assert_int_equal(optab_read_conf(table, &s, conf, &errors), 3);
	assert_string_equal(
		buf_text(&errors),
		"/etc/nfs.conf:3: [statd] port = 70000: "
		"not a number from 1 to 65535\n"
		"/etc/nfs.conf:4: [statd] lift-grace = perhaps: "
		"not one of yes, no, true, false, on, off, 1, 0\n"
		"/etc/nfs.conf:5: [statd] any = 1\\x1b[2J  debug = "
		"0123456789012345678901234567890123456789012345678...: "
		"not a number from 0 to 4294967295\n");
	assert_int_equal(s.port, 7);
	buf_fini(&errors);
	nfsconf_free(conf);
}

static void test_renew(void **state)
{
	static const struct optab live[] = {
		{.section = "a",
		 .key = "port",
		 .kind = OPTAB_UINT,
		 FIELD(port)},
		{.section = "a",
		 .key = "any",
		 .kind = OPTAB_UINT,
		 .is_live = true,
		 FIELD(any)},
		{.section = "b",
		 .key = "on",
		 .kind = OPTAB_FLAG,
		 .is_live = true,
		 FIELD(is_on)},
		{.section = "b",
		 .key = "update",
		 .kind = OPTAB_NOT_FLAG,
		 FIELD(is_updating)},
		{.section = "b",
		 .key = "name",
		 .kind = OPTAB_TEXT,
		 FIELD(name)},
		{.short_name = 'd', .kind = OPTAB_UINT, FIELD(classes)},
		{0},
	};
	char name[] = "x";
	const struct settings before = {.port = 1, .any = 2, .name = "x"};
	struct settings fresh = {
		.port = 1, .any = 3, .name = name, .classes = 5, .is_on = true};
	struct settings s = {.port = 9, .any = 2, .classes = 4};
	struct buf fixed;

	(void)state;
	buf_init(&fixed, TEXT_MAX);
	optab_renew(live, &s, &before, &fresh, &fixed);
	assert_string_equal(buf_text(&fixed), "");
	assert_int_equal(s.port, 9);
	assert_int_equal(s.any, 3);
	assert_true(s.is_on);
	assert_int_equal(s.classes, 4);
	fresh.name = NULL;
	fresh.port = 2;
	fresh.is_updating = true;
	optab_renew(live, &s, &before, &fresh, &fixed);
	assert_string_equal(buf_text(&fixed),
			    "[a] port\n[b] update\n[b] name\n");
	assert_int_equal(s.port, 9);
	assert_null(s.name);
	buf_fini(&fixed);
}

static void test_renew_text(void **state)
{
	static const struct optab live[] = {
		{.section = "b",
		 .key = "name",
		 .kind = OPTAB_TEXT,
		 .is_live = true,
		 FIELD(name)},
		{0},
	};
	const struct settings before = {.name = "x"};
	struct settings fresh = {.name = "y"};
	struct settings s = {.name = "x"};
	struct buf fixed;

	(void)state;
	buf_init(&fixed, TEXT_MAX);
	optab_renew(live, &s, &before, &fresh, &fixed);
	assert_ptr_equal(s.name, fresh.name);
	fresh.name = NULL;
	optab_renew(live, &s, &before, &fresh, &fixed);
	assert_null(s.name);
	assert_string_equal(buf_text(&fixed), "");
	buf_fini(&fixed);
}

/* What is read again has another place; whether it has changed, no place. */
static void test_renew_fixed_text(void **state)
{
	static const struct optab fixed_row[] = {
		{.section = "b",
		 .key = "name",
		 .kind = OPTAB_TEXT,
		 FIELD(name)},
		{0},
	};
	char text[] = "x";
	static const struct {
		const char *before, *fresh;
		bool is_said;
	} cases[] = {
		{NULL, NULL, false}, {NULL, "x", true}, {"x", NULL, true},
		{"x", "y", true},    {"x", "x1", true},
	};
	struct settings before = {.name = "x"}, fresh = {.name = text};
	struct settings s = {.name = "z"};
	struct buf said;

	(void)state;
	buf_init(&said, TEXT_MAX);
	optab_renew(fixed_row, &s, &before, &fresh, &said);
	assert_string_equal(buf_text(&said), "");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		before.name = cases[i].before;
		fresh.name = cases[i].fresh;
		buf_clear(&said);
		optab_renew(fixed_row, &s, &before, &fresh, &said);
		assert_string_equal(buf_text(&said),
				    cases[i].is_said ? "[b] name\n" : "");
	}
	assert_string_equal(s.name, "z");
	buf_fini(&said);
}

static void test_find_unknown(void **state)
{
	static const char *const others[] = {"Later", NULL};
	struct nfsconf *conf =
		conf_of("[statd]\nport = 1\nprot = 2\nlater = 3\n"
			"update-state = 4\nPROT = 5\n[other]\nx = 1\n"
			"[statd \"arg\"]\ny = 1\n");
	struct buf out;

	(void)state;
	buf_init(&out, TEXT_MAX);
	optab_find_unknown(table, "statd", others, conf, &out);
	assert_string_equal(
		buf_text(&out),
		"/etc/nfs.conf:3: [statd] prot: unknown key\n"
		"/etc/nfs.conf:5: [statd] update-state: unknown key\n"
		"/etc/nfs.conf:6: [statd] PROT: unknown key\n");
	buf_clear(&out);
	optab_find_unknown(table, "Other", NULL, conf, &out);
	assert_string_equal(buf_text(&out),
			    "/etc/nfs.conf:8: [Other] x: unknown key\n");
	buf_fini(&out);
	nfsconf_free(conf);
}

static void test_help(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, TEXT_MAX);
	optab_add_help(table, "rpc.statd [options]", &out);
	assert_string_equal(
		buf_text(&out),
		"Usage: rpc.statd [options]\n"
		"\n"
		"  -F, --foreground            do not go into the background\n"
		"  -h, -?, --help              print this text\n"
		"  -p, --port PORT             listen on PORT [statd] port\n"
		"      --a-very-long-option-name NAME\n"
		"                              words that are so many that "
		"they "
		"must go on in the\n"
		"                              next line of the help text, and "
		"then in one more\n"
		"                              [statd] name\n"
		"  -n                          do not raise the number "
		"[sm-notify] update-state\n"
		"\n"
		"Only in nfs.conf:\n"
		"  lift-grace = yes|no         lift it [statd] lift-grace\n"
		"  debug = CLASSES             say more [statd] debug\n");
	buf_fini(&out);
}

static void test_end(void **state)
{
	const struct optab end = {0};

	(void)state;
	assert_true(optab_is_end(&end));
	assert_false(optab_is_end(&table[5]));
	assert_false(optab_is_end(&table[6]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_number_edges),
		cmocka_unit_test(test_booleans),
		cmocka_unit_test(test_flags_without_text),
		cmocka_unit_test(test_text_and_classes),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_by_letter),
		cmocka_unit_test(test_read_conf),
		cmocka_unit_test(test_read_conf_errors),
		cmocka_unit_test(test_renew),
		cmocka_unit_test(test_renew_text),
		cmocka_unit_test(test_renew_fixed_text),
		cmocka_unit_test(test_find_unknown),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
