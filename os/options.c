/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where settings come from: which files make up nfs.conf and in which order
 * (contract.md 5.1), and the command line by getopt_long(), whose tables are
 * made from the option table.  What a value means is lib/optab's, how a file
 * is read as text lib/nfsconf's.
 *
 * For the start of a program only: it prints, and it may exit.
 */
#define _GNU_SOURCE /* versionsort() */
#include "os/options.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/log.h"
#include "os/logsink.h"

#define ROWS_MAX      64  /* of an option table */
#define LONG_BASE     256 /* getopt's value for the long name of row 0 */
#define SHOWN_LEN_MAX 64  /* bytes of an argument shown in a message */
#define HELP_LEN_MAX  (64 * 1024)
#define CONF_SUFFIX   ".conf"

/* --- files --- */

/* Logs "@path: @what: reason" as a warning. */
static void warn_path(const char *path, const char *what, int error)
{
	struct buf text;

	buf_init(&text, LOG_TEXT_MAX);
	buf_add_escaped(&text, path, strnlen(path, LOG_TEXT_MAX / 8));
	log_line(LOG_WARN, "%s: %s: %s", buf_text(&text), what,
		 strerror(-error));
	buf_fini(&text);
}

static int read_all(int fd, struct buf *out)
{
	char bytes[4096];
	ssize_t got;

	while ((got = read(fd, bytes, sizeof(bytes))) > 0) {
		buf_add(out, bytes, (size_t)got);
		if (out->is_overflowed)
			return -EFBIG;
	}
	return got < 0 ? -errno : 0;
}

/*
 * COMPAT: nfsconf --set writes under an exclusive lock, so a shared one is
 * asked for; but whoever holds it for ever must not keep a daemon from
 * starting (F-7).  O_NONBLOCK for the same reason: a FIFO has no end.
 */
static int read_file(void *ctx, const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int error;

	(void)ctx;
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_SH | LOCK_NB) < 0)
		warn_path(path, "read without its lock", -errno);
	error = read_all(fd, out);
	close(fd);
	return error;
}

/* Reads @path; false where it is absent, or cannot be read and so counts as. */
static bool has_file(const char *path, struct buf *out)
{
	int error = read_file(NULL, path, out);

	if (error != 0 && error != -ENOENT)
		warn_path(path, "cannot be read, ignored", error);
	return error == 0;
}

static const char *read_env(void *ctx, const char *name)
{
	(void)ctx;
	return getenv(name);
}

static void warn(void *ctx, const char *text)
{
	(void)ctx;
	log_line(LOG_WARN, "%s", text);
}

static int is_drop_in(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);
	size_t suffix_len = strlen(CONF_SUFFIX);

	return (entry->d_type == DT_REG || entry->d_type == DT_LNK ||
		entry->d_type == DT_UNKNOWN) &&
	       entry->d_name[0] != '.' && len > suffix_len &&
	       strcmp(entry->d_name + len - suffix_len, CONF_SUFFIX) == 0;
}

static void load_drop_in(struct nfsconf *conf, const char *dir,
			 const char *name)
{
	char path[NFSCONF_PATH_MAX + NAME_MAX + 1];
	struct buf bytes;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	buf_init(&bytes, NFSCONF_FILE_MAX);
	if (has_file(path, &bytes))
		nfsconf_parse(conf, path, buf_text(&bytes), bytes.len);
	buf_fini(&bytes);
}

/* COMPAT: versionsort, so 9-a.conf comes before 10-b.conf. */
static void load_drop_ins(struct nfsconf *conf, const char *dir)
{
	struct dirent **entries;
	int count = scandir(dir, &entries, is_drop_in, versionsort);
	int i;

	if (count < 0) {
		if (errno != ENOENT)
			warn_path(dir, "cannot be read, ignored", -errno);
		return;
	}
	for (i = 0; i < count; i++) {
		load_drop_in(conf, dir, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
}

/*
 * Loads @root@name and its drop-ins.
 * COMPAT: a main file that exists masks all that was read before it (F-5).
 */
static void load_main(struct nfsconf *conf, const char *root, const char *name)
{
	char path[NFSCONF_PATH_MAX];
	struct buf bytes;

	snprintf(path, sizeof(path), "%s%s", root, name);
	buf_init(&bytes, NFSCONF_FILE_MAX);
	if (has_file(path, &bytes)) {
		nfsconf_clear(conf);
		nfsconf_parse(conf, path, buf_text(&bytes), bytes.len);
	}
	buf_fini(&bytes);
	snprintf(path, sizeof(path), "%s%s.d", root, name);
	load_drop_ins(conf, path);
}

struct nfsconf *options_load_conf_below(const char *root)
{
	const struct nfsconf_world world = {
		.read_file = read_file,
		.getenv = read_env,
		.complain = warn,
	};
	struct nfsconf *conf = nfsconf_new(&world);

	load_main(conf, root, "/usr/etc/nfs.conf");
	load_main(conf, root, "/etc/nfs.conf");
	return conf;
}

struct nfsconf *options_load_conf(void)
{
	return options_load_conf_below("");
}

/* --- command line --- */

/* What getopt_long() wants to know of a table. */
struct getopt_tables {
	char letters[1 + 4 * ROWS_MAX + 1];
	struct option longs[ROWS_MAX + 1];
};

static size_t add_letter(char *at, char letter, const struct optab *opt)
{
	size_t len = 0;

	/* '?' is what getopt says of an unknown letter, too; see row_of(). */
	if (letter == 0 || letter == '?')
		return 0;
	at[len++] = letter;
	if (optab_takes_arg(opt))
		at[len++] = ':';
	return len;
}

static void make_tables(const struct optab *table, struct getopt_tables *out)
{
	char *letter = out->letters;
	struct option *next = out->longs;
	int i;

	assert(table != NULL);
	memset(out, 0, sizeof(*out));
	*letter++ = ':'; /* tell a missing argument from an unknown option */
	for (i = 0; !optab_is_end(&table[i]); i++) {
		assert(i < ROWS_MAX);
		letter += add_letter(letter, table[i].short_name, &table[i]);
		letter += add_letter(letter, table[i].short_alias, &table[i]);
		if (table[i].long_name == NULL)
			continue;
		*next++ = (struct option){
			.name = table[i].long_name,
			.has_arg = optab_takes_arg(&table[i]),
			.val = LONG_BASE + i,
		};
	}
}

/* The row that getopt_long()'s answer @got means; NULL: an error. */
static const struct optab *row_of(const struct optab *table, int got)
{
	if (got >= LONG_BASE)
		return &table[got - LONG_BASE];
	if (got == ':' || (got == '?' && optopt != '?'))
		return NULL;
	return optab_by_letter(table, got);
}

/* Adds the option as it was given, "-p" or "--port". */
static void add_name(struct buf *out, const struct optab *table, int got)
{
	char letter = (char)got;

	if (got >= LONG_BASE) {
		buf_addf(out, "--%s", table[got - LONG_BASE].long_name);
	} else {
		buf_add_text(out, "-");
		buf_add_escaped(out, &letter, 1);
	}
}

/* SAFETY: the only way in which argv reaches a message. */
static void add_shown(struct buf *out, const char *text)
{
	buf_add_escaped(out, text, strnlen(text, SHOWN_LEN_MAX));
	if (strlen(text) > SHOWN_LEN_MAX)
		buf_add_text(out, "...");
}

/* Says what is wrong, and where the help is. */
static _Noreturn void fail_usage(const struct options_program *program,
				 const struct buf *text)
{
	const struct optab *opt;

	log_line(LOG_ERROR, "%s", buf_text(text));
	for (opt = program->table; !optab_is_end(opt); opt++) {
		if (opt->kind != OPTAB_HELP)
			continue;
		if (opt->long_name != NULL)
			fprintf(stderr, "Try '%s --%s'.\n", program->name,
				opt->long_name);
		else
			fprintf(stderr, "Try '%s -%c'.\n", program->name,
				opt->short_name);
	}
	exit(EXIT_FAILURE);
}

/* Explains getopt_long()'s answer @got, which named no row. */
static _Noreturn void fail_option(const struct options_program *program,
				  int got, char **argv)
{
	struct buf text;

	buf_init(&text, LOG_TEXT_MAX);
	if (optopt == 0) {
		add_shown(&text, argv[optind - 1]);
		buf_add_text(&text, ": unknown or ambiguous option");
	} else {
		add_name(&text, program->table, optopt);
		if (got == ':')
			buf_add_text(&text, ": needs an argument");
		else if (optopt >= LONG_BASE)
			buf_add_text(&text, ": takes no argument");
		else
			buf_add_text(&text, ": unknown option");
	}
	fail_usage(program, &text);
}

static void print_help(const struct options_program *program)
{
	struct buf text;

	buf_init(&text, HELP_LEN_MAX);
	optab_add_help(program->table, program->usage, &text);
	fputs(buf_text(&text), stdout);
	buf_fini(&text);
}

/* Sets what the option @opt, given as @got, says; help and version leave. */
static void take_option(const struct options_program *program,
			const struct optab *opt, int got, void *settings)
{
	struct buf reason, text;

	if (opt->kind == OPTAB_HELP || opt->kind == OPTAB_VERSION) {
		/* COMPAT: both on stdout; nfs-utils' help is on stderr. */
		if (opt->kind == OPTAB_HELP)
			print_help(program);
		else
			puts(program->version);
		exit(fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
	}
	buf_init(&reason, LOG_TEXT_MAX);
	if (!optab_set(opt, settings, optab_takes_arg(opt) ? optarg : NULL,
		       &reason)) {
		buf_init(&text, LOG_TEXT_MAX);
		add_name(&text, program->table, got);
		buf_add_text(&text, " ");
		add_shown(&text, optarg);
		buf_addf(&text, ": not %s", buf_text(&reason));
		fail_usage(program, &text);
	}
	buf_fini(&reason);
}

void options_apply_args(const struct options_program *program, int argc,
			char **argv, void *settings)
{
	struct getopt_tables tables;
	const struct optab *opt;
	struct buf text;
	int got;

	make_tables(program->table, &tables);
	opterr = 0;
	optind = 0; /* glibc's and musl's way to begin anew */
	while ((got = getopt_long(argc, argv, tables.letters, tables.longs,
				  NULL)) != -1) {
		opt = row_of(program->table, got);
		if (opt == NULL)
			fail_option(program, got, argv);
		take_option(program, opt, got, settings);
	}
	if (program->operands != NULL)
		*program->operands = optind;
	if (optind >= argc || program->operands != NULL)
		return;
	buf_init(&text, LOG_TEXT_MAX);
	add_shown(&text, argv[optind]);
	buf_add_text(&text, ": stray argument");
	fail_usage(program, &text);
}

/*
 * ORDER: the command line comes over nfs.conf, but what is wrong with nfs.conf
 * is said after it, so that --help and --version work in any case.
 */
void options_apply(const struct options_program *program,
		   const struct nfsconf *conf, int argc, char **argv,
		   void *settings)
{
	struct buf lines;
	unsigned int bad_count;

	buf_init(&lines, NFSCONF_FILE_MAX);
	bad_count = optab_read_conf(program->table, settings, conf, &lines);
	options_apply_args(program, argc, argv, settings);
	log_page(LOG_ERROR, buf_text(&lines));
	buf_clear(&lines);
	optab_find_unknown(program->table, program->section,
			   program->known_keys, conf, &lines);
	log_page(LOG_WARN, buf_text(&lines));
	buf_fini(&lines);
	if (bad_count > 0)
		exit(EXIT_FAILURE);
}

struct nfsconf *options_read(const struct options_program *program, int argc,
			     char **argv, void *settings)
{
	struct nfsconf *conf;

	logsink_stderr(program->name);
	conf = options_load_conf();
	options_apply(program, conf, argc, argv, settings);
	return conf;
}
