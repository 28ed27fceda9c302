/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Settings from files and arguments.  Files are laid out below a directory of
 * our own; what may exit runs in a child whose output is caught.
 */
#define _GNU_SOURCE /* nftw() */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "lib/log.h"
#include "os/logsink.h"
#include "os/options.h"

#define HANG_S	 10
#define ARGS_MAX 8

static char root[64];
static struct buf logged;

static void catch_log(enum log_level level, const char *text)
{
	buf_addf(&logged, "%d %s\n", (int)level, text);
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void make_dir(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s%s", root, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static int set_up(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/test_options.XXXXXX");
	assert_non_null(mkdtemp(root));
	make_dir("/etc");
	make_dir("/usr");
	make_dir("/usr/etc");
	buf_init(&logged, 65536);
	log_set_sink(catch_log);
	alarm(HANG_S); /* a lock or FIFO that is waited for must not hang us */
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	alarm(0);
	log_set_sink(NULL);
	buf_fini(&logged);
	return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void write_file(const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s%s", root, name);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static const char *get(const struct nfsconf *conf, const char *tag)
{
	struct nfsconf_value value;

	return nfsconf_get(conf, "statd", NULL, tag, &value) ? value.text
							     : "unset";
}

/* --- files --- */

static void test_no_files(void **state)
{
	struct nfsconf *conf = options_load_conf_below(root);

	(void)state;
	assert_string_equal(get(conf, "x"), "unset");
	assert_string_equal(buf_text(&logged), "");
	nfsconf_free(conf);
}

/* COMPAT F-5: /etc/nfs.conf masks /usr/etc/nfs.conf and its drop-ins. */
static void test_main_masks(void **state)
{
	struct nfsconf *conf;

	(void)state;
	make_dir("/usr/etc/nfs.conf.d");
	make_dir("/etc/nfs.conf.d");
	write_file("/usr/etc/nfs.conf", "[statd]\na = usr\nb = usr\nc = usr\n");
	write_file("/usr/etc/nfs.conf.d/1.conf", "[statd]\nb = usr.d\n");
	write_file("/etc/nfs.conf.d/1.conf", "[statd]\nc = etc.d\n");
	conf = options_load_conf_below(root);
	assert_string_equal(get(conf, "a"), "usr");
	assert_string_equal(get(conf, "b"), "usr.d");
	assert_string_equal(get(conf, "c"), "etc.d");
	nfsconf_free(conf);

	write_file("/etc/nfs.conf", "[statd]\nd = etc\n");
	conf = options_load_conf_below(root);
	assert_string_equal(get(conf, "a"), "unset");
	assert_string_equal(get(conf, "b"), "unset");
	assert_string_equal(get(conf, "c"), "etc.d");
	assert_string_equal(get(conf, "d"), "etc");
	nfsconf_free(conf);
	assert_string_equal(buf_text(&logged), "");
}

static void test_drop_in_order(void **state)
{
	struct nfsconf *conf;
	char path[256], target[256];

	(void)state;
	make_dir("/etc/nfs.conf.d");
	make_dir("/etc/nfs.conf.d/dir.conf");
	write_file("/etc/nfs.conf", "[statd]\nx = main\n");
	write_file("/etc/nfs.conf.d/10-b.conf", "[statd]\nx = 10\nten = 1\n");
	write_file("/etc/nfs.conf.d/9-a.conf", "[statd]\nx = 9\nnine = 1\n");
	write_file("/etc/nfs.conf.d/99", "[statd]\nno_suffix = 1\n");
	write_file("/etc/nfs.conf.d/99.conf~", "[statd]\nbackup = 1\n");
	write_file("/etc/nfs.conf.d/.99.conf", "[statd]\nhidden = 1\n");
	write_file("/etc/nfs.conf.d/.conf", "[statd]\nonly_suffix = 1\n");
	write_file("/elsewhere", "[statd]\nlinked = 1\n");
	snprintf(target, sizeof(target), "%s/elsewhere", root);
	snprintf(path, sizeof(path), "%s/etc/nfs.conf.d/1-link.conf", root);
	assert_int_equal(symlink(target, path), 0);
	conf = options_load_conf_below(root);
	assert_string_equal(get(conf, "x"), "10");
	assert_string_equal(get(conf, "nine"), "1");
	assert_string_equal(get(conf, "ten"), "1");
	assert_string_equal(get(conf, "linked"), "1");
	assert_string_equal(get(conf, "no_suffix"), "unset");
	assert_string_equal(get(conf, "backup"), "unset");
	assert_string_equal(get(conf, "hidden"), "unset");
	assert_string_equal(get(conf, "only_suffix"), "unset");
	assert_string_equal(buf_text(&logged), "");
	nfsconf_free(conf);
}

static void test_include_and_environment(void **state)
{
	struct nfsconf *conf;

	(void)state;
	assert_int_equal(setenv("TEST_OPTIONS_VALUE", "from env", 1), 0);
	write_file("/etc/more", "x = included\n");
	write_file("/etc/nfs.conf",
		   "[statd]\ninclude = more\ny = $TEST_OPTIONS_VALUE\n");
	conf = options_load_conf_below(root);
	assert_string_equal(get(conf, "x"), "included");
	assert_string_equal(get(conf, "y"), "from env");
	nfsconf_free(conf);
}

/* F-7: nfs-utils waits here for as long as the lock is held. */
static void test_lock_is_not_waited_for(void **state)
{
	struct nfsconf *conf;
	char path[256], wanted[512];
	int fd;

	(void)state;
	write_file("/etc/nfs.conf", "[statd]\nx = 1\n");
	snprintf(path, sizeof(path), "%s/etc/nfs.conf", root);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	conf = options_load_conf_below(root);
	assert_string_equal(get(conf, "x"), "1");
	snprintf(wanted, sizeof(wanted), "%d %s: read without its lock: %s\n",
		 LOG_WARN, path, strerror(EWOULDBLOCK));
	assert_string_equal(buf_text(&logged), wanted);
	nfsconf_free(conf);
	close(fd);
}

/* A shared lock of somebody else is no reason to warn. */
static void test_lock_is_shared(void **state)
{
	struct nfsconf *conf;
	char path[256];
	int fd;

	(void)state;
	write_file("/etc/nfs.conf", "[statd]\nx = 1\n");
	snprintf(path, sizeof(path), "%s/etc/nfs.conf", root);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_SH), 0);
	conf = options_load_conf_below(root);
	assert_string_equal(get(conf, "x"), "1");
	assert_string_equal(buf_text(&logged), "");
	nfsconf_free(conf);
	close(fd);
}

/* What cannot be read counts as absent: it masks nothing. */
static void test_unreadable_is_absent(void **state)
{
	struct nfsconf *conf;
	char wanted[512];

	(void)state;
	write_file("/usr/etc/nfs.conf", "[statd]\nx = usr\n");
	make_dir("/etc/nfs.conf");
	conf = options_load_conf_below(root);
	assert_string_equal(get(conf, "x"), "usr");
	snprintf(wanted, sizeof(wanted),
		 "%d %s/etc/nfs.conf: cannot be read, ignored: %s\n", LOG_WARN,
		 root, strerror(EISDIR));
	assert_string_equal(buf_text(&logged), wanted);
	nfsconf_free(conf);
}

static void test_no_permission_is_absent(void **state)
{
	struct nfsconf *conf;
	char path[256];

	(void)state;
	if (geteuid() == 0)
		skip(); /* root reads everything */
	write_file("/usr/etc/nfs.conf", "[statd]\nx = usr\n");
	write_file("/etc/nfs.conf", "[statd]\nx = etc\n");
	snprintf(path, sizeof(path), "%s/etc/nfs.conf", root);
	assert_int_equal(chmod(path, 0), 0);
	conf = options_load_conf_below(root);
	assert_string_equal(get(conf, "x"), "usr");
	assert_non_null(strstr(buf_text(&logged), "cannot be read, ignored"));
	nfsconf_free(conf);
}

static void test_fifo_is_not_waited_for(void **state)
{
	struct nfsconf *conf;
	char path[256];

	(void)state;
	snprintf(path, sizeof(path), "%s/etc/nfs.conf", root);
	assert_int_equal(mkfifo(path, 0644), 0);
	conf = options_load_conf_below(root);
	assert_string_equal(get(conf, "x"), "unset");
	nfsconf_free(conf);
}

static void test_file_too_big(void **state)
{
	struct nfsconf *conf;
	char path[256];

	(void)state;
	write_file("/etc/nfs.conf", "[statd]\nx = 1\n");
	snprintf(path, sizeof(path), "%s/etc/nfs.conf", root);
	assert_int_equal(truncate(path, NFSCONF_FILE_MAX + 1), 0);
	conf = options_load_conf_below(root);
	assert_string_equal(get(conf, "x"), "unset");
	assert_non_null(strstr(buf_text(&logged), strerror(EFBIG)));
	nfsconf_free(conf);
}

/* --- command line --- */

struct settings {
	unsigned int port;
	const char *name;
	bool is_foreground;
	bool is_updating;
};

#define FIELD(member) .offset = offsetof(struct settings, member)

static const struct optab table[] = {
	{.short_name = 'F',
	 .long_name = "foreground",
	 .kind = OPTAB_FLAG,
	 .help = "stay",
	 FIELD(is_foreground)},
	{.short_name = 'p',
	 .long_name = "port",
	 .arg = "PORT",
	 .section = "statd",
	 .key = "port",
	 .kind = OPTAB_UINT,
	 .min = 1,
	 .max = 65535,
	 .help = "serve here",
	 FIELD(port)},
	{.long_name = "name",
	 .arg = "NAME",
	 .section = "statd",
	 .key = "name",
	 .kind = OPTAB_TEXT,
	 .help = "be this",
	 FIELD(name)},
	{.short_name = 'n',
	 .section = "statd",
	 .key = "update-state",
	 .kind = OPTAB_NOT_FLAG,
	 .help = "raise nothing",
	 FIELD(is_updating)},
	{.long_name = "names-too", .kind = OPTAB_FLAG, FIELD(is_foreground)},
	{.short_name = 'h',
	 .short_alias = '?',
	 .long_name = "help",
	 .kind = OPTAB_HELP,
	 .help = "help"},
	{.short_name = 'v',
	 .short_alias = 'V',
	 .long_name = "version",
	 .kind = OPTAB_VERSION,
	 .help = "version"},
	{0},
};

static const char *const later_keys[] = {"later", NULL};

static const struct options_program program = {
	.name = "prog",
	.usage = "prog [options]",
	.version = "prog 1",
	.table = table,
	.section = "statd",
	.known_keys = later_keys,
};

struct outcome {
	int status;
	char out[2048];
	char err[2048];
};

/* Prints settings, so that a parent can compare them. */
static void show(const struct settings *s)
{
	printf("%u %s %s %s\n", s->port, s->name, s->is_foreground ? "F" : "-",
	       s->is_updating ? "U" : "-");
}

static void read_stream(FILE *stream, char out[static 2048])
{
	size_t len;

	rewind(stream);
	len = fread(out, 1, 2047, stream);
	out[len] = '\0';
	(void)fclose(stream); /* it was only read */
}

/*
 * Runs options_apply() in a child with the blank-separated words of @words,
 * over the files below root.
 */
static struct outcome run(const char *words)
{
	struct settings s = {.name = "default", .is_updating = true};
	struct outcome result = {.status = -1};
	FILE *out = tmpfile(), *err = tmpfile();
	char copy[256] = "prog";
	char *argv[ARGS_MAX + 2] = {copy};
	char *at = copy + sizeof("prog");
	struct nfsconf *conf;
	int argc = 1;
	pid_t pid;

	assert_true(out != NULL && err != NULL);
	snprintf(at, sizeof(copy) - sizeof("prog"), "%s", words);
	while ((argv[argc] = strsep(&at, " ")) != NULL)
		assert_true(++argc <= ARGS_MAX);
	argc -= words[0] == '\0';
	argv[argc] = NULL;
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fileno(out), STDOUT_FILENO);
		dup2(fileno(err), STDERR_FILENO);
		logsink_stderr(program.name);
		conf = options_load_conf_below(root);
		options_apply(&program, conf, argc, argv, &s);
		show(&s);
		fflush(stdout);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &result.status, 0), pid);
	assert_true(WIFEXITED(result.status));
	result.status = WEXITSTATUS(result.status);
	read_stream(out, result.out);
	read_stream(err, result.err);
	return result;
}

static void expect_run(const char *words, int status, const char *out,
		       const char *err)
{
	struct outcome result = run(words);

	assert_string_equal(result.err, err);
	assert_string_equal(result.out, out);
	assert_int_equal(result.status, status);
}

static void expect_refused(const char *words, const char *complaint)
{
	char err[512];

	snprintf(err, sizeof(err), "prog: %s\nTry 'prog --help'.\n", complaint);
	expect_run(words, 1, "", err);
}

static void test_options(void **state)
{
	(void)state;
	expect_run("", 0, "0 default - U\n", "");
	expect_run("-F", 0, "0 default F U\n", "");
	expect_run("--foreground -n", 0, "0 default F -\n", "");
	expect_run("-Fp7", 0, "7 default F U\n", "");
	expect_run("-p 1 -p 65535", 0, "65535 default - U\n", "");
	expect_run("--port=8 --name me", 0, "8 me - U\n", "");
	expect_run("--fore", 0, "0 default F U\n", "");
	expect_run("-F --", 0, "0 default F U\n", "");
}

static void test_command_line_over_conf(void **state)
{
	(void)state;
	write_file("/etc/nfs.conf", "[statd]\nport = 5\nname = conf\n"
				    "update-state = no\n");
	expect_run("", 0, "5 conf - -\n", "");
	expect_run("-p 6", 0, "6 conf - -\n", "");
}

static void test_command_line_again(void **state)
{
	char *argv[] = {(char[]){"prog"}, (char[]){"-p7"}, NULL};
	struct settings s = {.port = 1};

	(void)state;
	options_apply_args(&program, 2, argv, &s);
	assert_int_equal(s.port, 7);
}

/* The letter '?' is an option and getopt's word for "no option". */
static void test_help_and_version(void **state)
{
	static const char *const help[] = {
		"-h", "-?", "--help", "-F?", "--foreground -?F", "-p 1 -h -x"};
	static const char *const version[] = {"-v", "-V", "--version", "-V?"};
	struct outcome result;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(help) / sizeof(help[0]); i++) {
		result = run(help[i]);
		assert_int_equal(result.status, 0);
		assert_string_equal(result.err, "");
		assert_memory_equal(result.out, "Usage: prog [options]\n\n",
				    23);
		assert_non_null(strstr(result.out, "[statd] update-state"));
	}
	for (i = 0; i < sizeof(version) / sizeof(version[0]); i++)
		expect_run(version[i], 0, "prog 1\n", "");
}

/* ... also where nfs.conf is broken. */
static void test_help_over_bad_conf(void **state)
{
	(void)state;
	write_file("/etc/nfs.conf", "[statd]\nport = 0\n");
	expect_run("--version", 0, "prog 1\n", "");
}

static void test_refused_options(void **state)
{
	(void)state;
	expect_refused("-p 70000", "-p 70000: not a number from 1 to 65535");
	expect_refused("-p70000", "-p 70000: not a number from 1 to 65535");
	expect_refused("--port 0", "--port 0: not a number from 1 to 65535");
	expect_refused("--por=x", "--port x: not a number from 1 to 65535");
	expect_refused("--name=", "--name : not a text of one byte or more");
	expect_refused("-x", "-x: unknown option");
	expect_refused("-Fx?", "-x: unknown option");
	expect_refused("-\033", "-\\x1b: unknown option");
	expect_refused("--nothing", "--nothing: unknown or ambiguous option");
	expect_refused("--na", "--na: unknown or ambiguous option");
	expect_refused("-F --\033[31m",
		       "--\\x1b[31m: unknown or ambiguous option");
	expect_refused("--foreground=1", "--foreground: takes no argument");
	expect_refused("-p", "-p: needs an argument");
	expect_refused("-F --name", "--name: needs an argument");
	expect_refused("-:", "-:: unknown option");
}

static void test_stray_arguments(void **state)
{
	(void)state;
	expect_refused("stray", "stray: stray argument");
	expect_refused("stray -F", "stray: stray argument");
	expect_refused("-F -- -F", "-F: stray argument");
	expect_refused("\033]0;x", "\\x1b]0;x: stray argument");
}

static void test_bad_conf(void **state)
{
	char err[1024];

	(void)state;
	write_file("/etc/nfs.conf", "[statd]\n\n  port = 70000\n"
				    "update-state = perhaps\nprot = 1\n"
				    "later = 1\n");
	snprintf(err, sizeof(err),
		 "prog: %s/etc/nfs.conf:3: [statd] port = 70000: "
		 "not a number from 1 to 65535\n"
		 "prog: %s/etc/nfs.conf:4: [statd] update-state = perhaps: "
		 "not one of yes, no, true, false, on, off, 1, 0\n"
		 "prog: %s/etc/nfs.conf:5: [statd] prot: unknown key\n",
		 root, root, root);
	expect_run("-p 1", 1, "", err);
}

static void test_unknown_key_warns(void **state)
{
	char err[512];

	(void)state;
	write_file("/etc/nfs.conf", "[statd]\nprot = 1\nlater = 1\nbad\n"
				    "[other]\nx = 1\n");
	snprintf(err, sizeof(err),
		 "prog: %s/etc/nfs.conf:4: not an assignment, ignored: bad\n"
		 "prog: %s/etc/nfs.conf:2: [statd] prot: unknown key\n",
		 root, root);
	expect_run("", 0, "0 default - U\n", err);
}

/* The real files are whatever this machine has: it only must not end badly. */
static void test_real_files(void **state)
{
	struct nfsconf *conf = options_load_conf();

	(void)state;
	assert_non_null(conf);
	nfsconf_free(conf);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_no_files),
		TEST(test_main_masks),
		TEST(test_drop_in_order),
		TEST(test_include_and_environment),
		TEST(test_lock_is_not_waited_for),
		TEST(test_lock_is_shared),
		TEST(test_unreadable_is_absent),
		TEST(test_no_permission_is_absent),
		TEST(test_fifo_is_not_waited_for),
		TEST(test_file_too_big),
		TEST(test_options),
		TEST(test_command_line_over_conf),
		TEST(test_command_line_again),
		TEST(test_help_and_version),
		TEST(test_help_over_bad_conf),
		TEST(test_refused_options),
		TEST(test_stray_arguments),
		TEST(test_bad_conf),
		TEST(test_unknown_key_warns),
		TEST(test_real_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
