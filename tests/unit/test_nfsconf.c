/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The nfs.conf language against the cases in tests/golden/nfsconf: NAME.conf
 * is parsed, NAME.expect says what must come out of it, line by line:
 *
 *   # comment
 *   env NAME=VALUE                          an environment variable
 *   [section "arg"] tag = value @ file:line what nfsconf_get() finds
 *   [section] tag unset                     ... or that it finds nothing
 *   ! complaint                             all of them, in their order
 *
 * The files appear under names relative to that directory, or absolute ones
 * below /golden.  After them come the rules that files cannot show.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/nfsconf.h"
#include "lib/xalloc.h"

#define TEXT_MAX   65536
#define CASES_MIN  20 /* fewer: the golden files were not found */
#define RANDOM_MAX 400

/* The outside of one parser. */
struct outside {
	char dir[512];	   /* where files are; "" = only the two below */
	const char *self;  /* content of every file, where not NULL */
	char env[16][128]; /* "NAME=VALUE" */
	unsigned int env_count;
	struct buf complaints;	/* one line each */
	size_t complaints_seen; /* bytes of it that were expected */
	unsigned int complaint_count;
	unsigned int read_count;
};

static int read_whole(const char *path, struct buf *out)
{
	char bytes[4096];
	FILE *file = fopen(path, "re");
	size_t got;
	int error;

	if (file == NULL)
		return -errno;
	while ((got = fread(bytes, 1, sizeof(bytes), file)) > 0)
		buf_add(out, bytes, got);
	error = ferror(file) ? -EIO : 0;
	(void)fclose(file); /* it was only read */
	return error;
}

static int fake_read_file(void *ctx, const char *path, struct buf *out)
{
	struct outside *o = ctx;
	char full[TEXT_MAX];

	o->read_count++;
	if (o->self != NULL) {
		buf_add_text(out, o->self);
		return 0;
	}
	if (strncmp(path, "/golden/", 8) == 0)
		path += 8;
	snprintf(full, sizeof(full), "%s/%s", o->dir, path);
	return read_whole(full, out);
}

static const char *fake_getenv(void *ctx, const char *name)
{
	struct outside *o = ctx;
	size_t len = strlen(name);
	unsigned int i;

	for (i = 0; i < o->env_count; i++) {
		if (strncmp(o->env[i], name, len) == 0 && o->env[i][len] == '=')
			return o->env[i] + len + 1;
	}
	return NULL;
}

static void fake_complain(void *ctx, const char *text)
{
	struct outside *o = ctx;

	assert_null(strchr(text, '\n'));
	buf_addf(&o->complaints, "%s\n", text);
	o->complaint_count++;
}

static struct nfsconf *conf_new(struct outside *o)
{
	const struct nfsconf_world world = {
		.ctx = o,
		.read_file = fake_read_file,
		.getenv = fake_getenv,
		.complain = fake_complain,
	};

	buf_init(&o->complaints, 1 << 20);
	return nfsconf_new(&world);
}

static void conf_free(struct nfsconf *conf, struct outside *o)
{
	nfsconf_free(conf);
	buf_fini(&o->complaints);
}

static void parse(struct nfsconf *conf, const char *path, const char *text)
{
	nfsconf_parse(conf, path, text, strlen(text));
}

static void assert_value(const struct nfsconf *conf, const char *tag,
			 const char *text)
{
	struct nfsconf_value value;

	assert_true(nfsconf_get(conf, "a", NULL, tag, &value));
	assert_string_equal(value.text, text);
}

/* --- golden files --- */

/*
 * Answers the query of the expect line @line: "[section "arg"] tag ...".
 */
static void answer(const struct nfsconf *conf, const char *line,
		   struct buf *out)
{
	char query[TEXT_MAX];
	char *section = query + 1;
	char *arg = NULL;
	char *tag;
	char *end;
	struct nfsconf_value value;

	snprintf(query, sizeof(query), "%s", line);
	end = strchr(query, ']');
	assert_non_null(end);
	*end = '\0';
	tag = end + 2;
	arg = strstr(section, "\"");
	if (arg != NULL) {
		*strrchr(arg, '"') = '\0';
		*arg++ = '\0';
		if (arg - 2 >= section)
			arg[-2] = '\0'; /* the blank before the quote */
	}
	end = strstr(tag, " = ");
	if (end == NULL)
		end = strstr(tag, " unset");
	assert_non_null(end);
	*end = '\0';
	buf_add(out, line, (size_t)(end - query));
	if (nfsconf_get(conf, section, arg, tag, &value))
		buf_addf(out, " = %s @ %s:%u", value.text, value.file,
			 value.line);
	else
		buf_add_text(out, " unset");
}

/* Takes the next complaint that was not expected yet; adds none at the end. */
static void next_complaint(struct outside *o, struct buf *out)
{
	const char *text = buf_text(&o->complaints) + o->complaints_seen;
	const char *end = strchr(text, '\n');

	if (end == NULL)
		return;
	buf_addf(out, "! %.*s", (int)(end - text), text);
	o->complaints_seen += (size_t)(end - text) + 1;
}

static void check_line(const struct nfsconf *conf, struct outside *o,
		       const char *name, const char *line)
{
	struct buf got;

	if (*line == '#' || *line == '\0' || strncmp(line, "env ", 4) == 0)
		return;
	buf_init(&got, TEXT_MAX);
	if (*line == '!')
		next_complaint(o, &got);
	else
		answer(conf, line, &got);
	if (strcmp(buf_text(&got), line) != 0)
		fail_msg("%s\n  wanted %s\n  got    %s", name, line,
			 buf_text(&got));
	buf_fini(&got);
}

/* Takes the "env" lines out of @expect. */
static void read_env(struct outside *o, const char *expect)
{
	const char *line;

	for (line = expect; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, "env ", 4) == 0)
			snprintf(o->env[o->env_count++], sizeof(o->env[0]),
				 "%.*s", (int)strcspn(line + 4, "\n"),
				 line + 4);
	}
}

static void check_case(const char *dir, const char *name)
{
	struct outside o = {.self = NULL};
	struct nfsconf *conf = conf_new(&o);
	char path[1024];
	struct buf bytes, expect;
	char *line, *rest;

	buf_init(&bytes, NFSCONF_FILE_MAX);
	buf_init(&expect, TEXT_MAX);
	snprintf(o.dir, sizeof(o.dir), "%s", dir);
	snprintf(path, sizeof(path), "%s/%s.expect", dir, name);
	assert_int_equal(read_whole(path, &expect), 0);
	snprintf(path, sizeof(path), "%s/%s.conf", dir, name);
	assert_int_equal(read_whole(path, &bytes), 0);
	read_env(&o, buf_text(&expect));
	snprintf(path, sizeof(path), "%s.conf", name);
	nfsconf_parse(conf, path, buf_text(&bytes), bytes.len);
	rest = (char *)buf_take(&expect);
	for (line = rest; *line != '\0';) {
		char *end = strchr(line, '\n');

		assert_non_null(end);
		*end = '\0';
		check_line(conf, &o, name, line);
		line = end + 1;
	}
	free(rest);
	assert_string_equal(buf_text(&o.complaints) + o.complaints_seen, "");
	buf_fini(&bytes);
	conf_free(conf, &o);
}

static void test_golden(void **state)
{
	const char *srcdir = getenv("srcdir");
	char dir[256];
	char name[256];
	struct dirent *entry;
	const char *end;
	unsigned int count = 0;
	DIR *listing;

	(void)state;
	snprintf(dir, sizeof(dir), "%s/tests/golden/nfsconf",
		 srcdir != NULL ? srcdir : ".");
	listing = opendir(dir);
	assert_non_null(listing);
	while ((entry = readdir(listing)) != NULL) {
		end = strrchr(entry->d_name, '.');
		if (end == NULL || strcmp(end, ".conf") != 0)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(end - entry->d_name),
			 entry->d_name);
		check_case(dir, name);
		count++;
	}
	closedir(listing);
	assert_true(count >= CASES_MIN);
}

/* --- what files cannot show --- */

/* A main file masks all that was read before it (F-5, kept). */
static void test_clear_forgets(void **state)
{
	struct outside o = {.self = NULL};
	struct nfsconf *conf = conf_new(&o);
	struct nfsconf_value value;

	(void)state;
	parse(conf, "/usr/etc/nfs.conf", "[a]\nx = 1\ny = 1\n");
	nfsconf_clear(conf);
	parse(conf, "/etc/nfs.conf", "[a]\ny = 2\n");
	parse(conf, "/etc/nfs.conf.d/1.conf", "[a]\nz = 3\n");
	assert_false(nfsconf_get(conf, "a", NULL, "x", &value));
	assert_value(conf, "y", "2");
	assert_value(conf, "z", "3");
	conf_free(conf, &o);
}

/* The last assignment wins over files, too; a section ends with its file. */
static void test_files_merge(void **state)
{
	struct outside o = {.self = NULL};
	struct nfsconf *conf = conf_new(&o);

	(void)state;
	parse(conf, "1", "[a]\nx = 1\ny = 1");
	parse(conf, "2", "y = lost\n[A]\nX = 2\n");
	assert_value(conf, "x", "2");
	assert_value(conf, "y", "1");
	assert_int_equal(o.complaint_count, 1);
	assert_string_equal(buf_text(&o.complaints),
			    "2:1: in no section, ignored: y = lost\n");
	conf_free(conf, &o);
}

static void count_visit(void *ctx, const char *tag,
			const struct nfsconf_value *value)
{
	(void)tag;
	(void)value;
	++*(unsigned int *)ctx;
}

/* F-6: the main file, and as many levels below it as are allowed. */
static void test_include_depth(void **state)
{
	struct outside o = {.self = "x = 1\ninclude = x\n"};
	struct nfsconf *conf = conf_new(&o);
	unsigned int count = 0;

	(void)state;
	parse(conf, "/x", "[a]\nx = 1\ninclude = x\n");
	nfsconf_each(conf, "a", count_visit, &count);
	assert_int_equal(count, 1 + NFSCONF_INCLUDE_DEPTH_MAX);
	assert_int_equal(o.complaint_count, 1);
	conf_free(conf, &o);
}

/* Two includes of itself would be 2^10 files: the limit on files holds. */
static void test_include_bomb(void **state)
{
	struct outside o = {.self = "include = x\ninclude = x\nend = 1\n"};
	struct nfsconf *conf = conf_new(&o);

	(void)state;
	parse(conf, "/x", "[a]\ninclude = x\ny = 2\n");
	assert_value(conf, "end", "1");
	assert_value(conf, "y", "2");
	assert_true(o.read_count < NFSCONF_FILES_MAX);
	assert_int_equal(o.complaint_count, NFSCONF_COMPLAINTS_MAX + 1);
	parse(conf, "/z", "[a]\nz = 3\n");
	assert_int_equal(o.complaint_count, NFSCONF_COMPLAINTS_MAX + 1);
	conf_free(conf, &o);
}

static void test_include_path_long(void **state)
{
	struct outside o = {.self = "x = 1\n"};
	struct nfsconf *conf = conf_new(&o);
	struct buf text;
	char name[NFSCONF_PATH_MAX];
	struct nfsconf_value value;

	(void)state;
	memset(name, 'n', sizeof(name));
	buf_init(&text, TEXT_MAX);
	/* "/d/" and the name, with the NUL: one byte too long. */
	buf_addf(&text, "[a]\ninclude = %.*s\n", NFSCONF_PATH_MAX - 3, name);
	nfsconf_parse(conf, "/d/f", buf_text(&text), text.len);
	assert_int_equal(o.read_count, 0);
	assert_int_equal(o.complaint_count, 1);
	buf_clear(&text);
	buf_addf(&text, "[a]\ninclude = %.*s\n", NFSCONF_PATH_MAX - 4, name);
	nfsconf_parse(conf, "/d/f", buf_text(&text), text.len);
	assert_true(nfsconf_get(conf, "a", NULL, "x", &value));
	assert_int_equal(strlen(value.file), NFSCONF_PATH_MAX - 1);
	buf_fini(&text);
	conf_free(conf, &o);
}

static void test_values_max(void **state)
{
	struct outside o = {.self = NULL};
	struct nfsconf *conf = conf_new(&o);
	struct buf text;
	struct nfsconf_value value;
	unsigned int i;

	(void)state;
	buf_init(&text, NFSCONF_FILE_MAX);
	buf_add_text(&text, "[a]\n");
	for (i = 0; i < NFSCONF_VALUES_MAX; i++)
		buf_addf(&text, "t%u=1\n", i);
	buf_add_text(&text, "more=1\n");
	assert_false(text.is_overflowed);
	nfsconf_parse(conf, "f", buf_text(&text), text.len);
	assert_value(conf, "t0", "1");
	assert_value(conf, "t65535", "1");
	assert_false(nfsconf_get(conf, "a", NULL, "more", &value));
	assert_string_equal(buf_text(&o.complaints),
			    "f:65538: too many assignments, ignored: more\n");
	buf_fini(&text);
	conf_free(conf, &o);
}

/* What a path holds must not reach a terminal either. */
static void test_path_is_escaped(void **state)
{
	struct outside o = {.self = NULL};
	struct nfsconf *conf = conf_new(&o);

	(void)state;
	parse(conf, "a\nb\033", "x");
	assert_string_equal(buf_text(&o.complaints),
			    "a\\x0ab\\x1b:1: in no section, ignored: x\n");
	conf_free(conf, &o);
}

static void add_visited(void *ctx, const char *tag,
			const struct nfsconf_value *value)
{
	buf_addf(ctx, "%s=%s@%u ", tag, value->text, value->line);
}

static void test_each(void **state)
{
	struct outside o = {.self = NULL};
	struct nfsconf *conf = conf_new(&o);
	struct buf seen;

	(void)state;
	buf_init(&seen, TEXT_MAX);
	parse(conf, "f",
	      "[a]\nX=$y\n[a \"arg\"]\nhidden=1\n[b]\nz=1\n[A]\nx=2\nw=3\n");
	nfsconf_each(conf, "a", add_visited, &seen);
	assert_string_equal(buf_text(&seen), "X=$y@2 x=2@8 w=3@9 ");
	buf_fini(&seen);
	conf_free(conf, &o);
}

static void test_nothing(void **state)
{
	struct outside o = {.self = NULL};
	struct nfsconf *conf = conf_new(&o);
	struct nfsconf_value value;

	(void)state;
	nfsconf_free(NULL);
	nfsconf_parse(conf, "f", NULL, 0);
	assert_false(nfsconf_get(conf, "a", NULL, "x", &value));
	assert_int_equal(o.complaint_count, 0);
	conf_free(conf, &o);
}

/* Any bytes end, within the limits, and leave what was read before alone. */
static void test_random_bytes(void **state)
{
	static const char *const words[] = {
		"[", "]",  "\"",	  "'",	"=",	"a",  "x",
		"$", "$x", "include",	  "-",	"\\\n", "\n", " ",
		"#", ";",  "environment", "\t", "/",	"\\",
	};
	const char *env = getenv("SEED");
	unsigned int seed = env ? (unsigned int)strtoul(env, NULL, 10)
				: (unsigned int)getpid();
	struct nfsconf_value value;
	struct nfsconf *conf;
	char text[RANDOM_MAX * 16];
	unsigned int round, i;

	(void)state;
	print_message("SEED=%u\n", seed);
	srandom(seed);
	for (round = 0; round < 2000; round++) {
		struct outside o = {.self = text};

		text[0] = '\0';
		for (i = (unsigned int)random() % RANDOM_MAX; i > 0; i--)
			strcat(text, words[(size_t)random() %
					   (sizeof(words) / sizeof(words[0]))]);
		conf = conf_new(&o);
		parse(conf, "/first", "[sure]\nkept = yes\n");
		parse(conf, "/x", text);
		(void)nfsconf_get(conf, "a", NULL, "x", &value);
		assert_true(nfsconf_get(conf, "sure", NULL, "kept", &value));
		assert_true(o.read_count < NFSCONF_FILES_MAX);
		conf_free(conf, &o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_clear_forgets),
		cmocka_unit_test(test_files_merge),
		cmocka_unit_test(test_include_depth),
		cmocka_unit_test(test_include_bomb),
		cmocka_unit_test(test_include_path_long),
		cmocka_unit_test(test_values_max),
		cmocka_unit_test(test_path_is_escaped),
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
