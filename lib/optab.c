/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a row of an option table means: how its value is read, from where, and
 * what the help says about it.  Values are judged here and only here, so that
 * the command line and nfs.conf refuse the same things in the same words.
 *
 * COMPAT: nfs-utils reads numbers with atoi and takes the default for a word
 * it does not know (contract.md F-8).  Here both are errors that name the
 * line: a port that silently became another one is found in production.
 *
 * This room prints nothing and knows no getopt (os/options does).
 */
#include "lib/optab.h"

#include <assert.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "lib/log.h"

#define SHOWN_LEN_MAX 64 /* bytes of a value or key shown in a message */
#define HELP_COLUMN   30 /* where the help of an option begins */
#define HELP_WIDTH    80

bool optab_is_end(const struct optab *opt)
{
	return opt->kind == OPTAB_FLAG && opt->short_name == 0 &&
	       opt->long_name == NULL && opt->key == NULL;
}

bool optab_takes_arg(const struct optab *opt)
{
	return opt->kind == OPTAB_UINT || opt->kind == OPTAB_TEXT ||
	       opt->kind == OPTAB_CLASSES || opt->kind == OPTAB_WORD;
}

const struct optab *optab_by_letter(const struct optab *table, int letter)
{
	const struct optab *opt;

	if (letter == 0)
		return NULL;
	for (opt = table; !optab_is_end(opt); opt++) {
		if (opt->short_name == letter || opt->short_alias == letter)
			return opt;
	}
	return NULL;
}

/* Reads decimal digits only: no sign, no blank, no hex, no overflow. */
static bool parse_uint(const char *text, unsigned int *value)
{
	unsigned int sum = 0;
	unsigned int digit;

	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		digit = (unsigned int)(*text - '0');
		if (sum > (UINT_MAX - digit) / 10)
			return false;
		sum = sum * 10 + digit;
	}
	*value = sum;
	return true;
}

static bool parse_bool(const char *text, bool *value)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = {
		{"1", true},	  {"t", true},	{"true", true}, {"y", true},
		{"yes", true},	  {"on", true}, {"0", false},	{"f", false},
		{"false", false}, {"n", false}, {"no", false},	{"off", false},
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(text, words[i].word) == 0) {
			*value = words[i].value;
			return true;
		}
	}
	return false;
}

static bool set_flag(const struct optab *opt, bool *field, const char *text,
		     struct buf *reason)
{
	if (text == NULL) {
		*field = opt->kind == OPTAB_FLAG;
		return true;
	}
	if (parse_bool(text, field))
		return true;
	buf_add_text(reason, "one of yes, no, true, false, on, off, 1, 0");
	return false;
}

static bool set_uint(const struct optab *opt, unsigned int *field,
		     const char *text, struct buf *reason)
{
	unsigned int value;

	if (parse_uint(text, &value) && value >= opt->min &&
	    value <= opt->max) {
		*field = value;
		return true;
	}
	buf_addf(reason, "a number from %u to %u", opt->min, opt->max);
	return false;
}

static bool set_text(const char **field, const char *text, struct buf *reason)
{
	if (*text != '\0') {
		*field = text;
		return true;
	}
	buf_add_text(reason, "a text of one byte or more");
	return false;
}

static bool set_classes(unsigned int *field, const char *text,
			struct buf *reason)
{
	if (log_parse_classes(text, field))
		return true;
	buf_add_text(reason, "a list of general, call, auth, parse, all, 0, 1");
	return false;
}

static bool set_word(const struct optab *opt, unsigned int *field,
		     const char *text, struct buf *reason)
{
	unsigned int i;

	for (i = 0; opt->words[i] != NULL; i++) {
		if (strcasecmp(text, opt->words[i]) == 0) {
			*field = i;
			return true;
		}
	}
	buf_add_text(reason, "one of ");
	for (i = 0; opt->words[i] != NULL; i++)
		buf_addf(reason, "%s%s", i > 0 ? ", " : "", opt->words[i]);
	return false;
}

bool optab_set(const struct optab *opt, void *settings, const char *text,
	       struct buf *reason)
{
	void *field = (char *)settings + opt->offset;

	assert(text != NULL || !optab_takes_arg(opt));
	assert(opt->kind != OPTAB_HELP && opt->kind != OPTAB_VERSION);
	switch (opt->kind) {
	case OPTAB_FLAG:
	case OPTAB_NOT_FLAG:
		return set_flag(opt, field, text, reason);
	case OPTAB_UINT:
		return set_uint(opt, field, text, reason);
	case OPTAB_TEXT:
		return set_text(field, text, reason);
	case OPTAB_CLASSES:
		return set_classes(field, text, reason);
	case OPTAB_WORD:
		return set_word(opt, field, text, reason);
	case OPTAB_HELP:
	case OPTAB_VERSION:
		break;
	}
	return false;
}

/* SAFETY: the only way in which bytes of a file reach a message. */
static void add_shown(struct buf *out, const char *text)
{
	buf_add_escaped(out, text, strnlen(text, SHOWN_LEN_MAX));
	if (strlen(text) > SHOWN_LEN_MAX)
		buf_add_text(out, "...");
}

/* Adds "file:line: [section] key". */
static void add_place(struct buf *out, const struct nfsconf_value *value,
		      const char *section, const char *key)
{
	buf_add_escaped(out, value->file, strlen(value->file));
	buf_addf(out, ":%u: [%s] ", value->line, section);
	add_shown(out, key);
}

static bool read_row(const struct optab *opt, void *settings,
		     const struct nfsconf *conf, struct buf *errors)
{
	struct nfsconf_value value;
	struct buf reason;
	bool is_good;

	if (!nfsconf_get(conf, opt->section, NULL, opt->key, &value))
		return true;
	buf_init(&reason, HELP_WIDTH);
	is_good = optab_set(opt, settings, value.text, &reason);
	if (!is_good) {
		add_place(errors, &value, opt->section, opt->key);
		buf_add_text(errors, " = ");
		add_shown(errors, value.text);
		buf_addf(errors, ": not %s\n", buf_text(&reason));
	}
	buf_fini(&reason);
	return is_good;
}

unsigned int optab_read_conf(const struct optab *table, void *settings,
			     const struct nfsconf *conf, struct buf *errors)
{
	const struct optab *opt;
	unsigned int bad_count = 0;

	for (opt = table; !optab_is_end(opt); opt++) {
		if (opt->key != NULL && !read_row(opt, settings, conf, errors))
			bad_count++;
	}
	return bad_count;
}

static size_t field_size(const struct optab *opt)
{
	switch (opt->kind) {
	case OPTAB_FLAG:
	case OPTAB_NOT_FLAG:
		return sizeof(bool);
	case OPTAB_UINT:
	case OPTAB_CLASSES:
	case OPTAB_WORD:
		return sizeof(unsigned int);
	case OPTAB_TEXT:
		return sizeof(const char *);
	case OPTAB_HELP:
	case OPTAB_VERSION:
		break;
	}
	return 0;
}

static bool is_same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool is_same_field(const struct optab *opt, const void *a, const void *b)
{
	const char *field_a = (const char *)a + opt->offset;
	const char *field_b = (const char *)b + opt->offset;

	if (opt->kind == OPTAB_TEXT)
		return is_same_text(
			*(const char *const *)(const void *)field_a,
			*(const char *const *)(const void *)field_b);
	return memcmp(field_a, field_b, field_size(opt)) == 0;
}

void optab_renew(const struct optab *table, void *settings, const void *before,
		 const void *fresh, struct buf *fixed)
{
	const struct optab *opt;

	for (opt = table; !optab_is_end(opt); opt++) {
		if (opt->key == NULL)
			continue;
		if (opt->is_live)
			memcpy((char *)settings + opt->offset,
			       (const char *)fresh + opt->offset,
			       field_size(opt));
		else if (!is_same_field(opt, before, fresh))
			buf_addf(fixed, "[%s] %s\n", opt->section, opt->key);
	}
}

/* What find_unknown's visitor needs. */
struct unknown {
	const struct optab *table;
	const char *section;
	const char *const *others;
	struct buf *out;
};

static bool is_known(const struct unknown *unknown, const char *tag)
{
	const char *const *other;
	const struct optab *opt;

	for (opt = unknown->table; !optab_is_end(opt); opt++) {
		if (opt->key != NULL &&
		    strcasecmp(opt->section, unknown->section) == 0 &&
		    strcasecmp(opt->key, tag) == 0)
			return true;
	}
	if (unknown->others == NULL)
		return false;
	for (other = unknown->others; *other != NULL; other++) {
		if (strcasecmp(*other, tag) == 0)
			return true;
	}
	return false;
}

static void visit_key(void *ctx, const char *tag,
		      const struct nfsconf_value *value)
{
	const struct unknown *unknown = ctx;

	if (is_known(unknown, tag))
		return;
	add_place(unknown->out, value, unknown->section, tag);
	buf_add_text(unknown->out, ": unknown key\n");
}

void optab_find_unknown(const struct optab *table, const char *section,
			const char *const *others, const struct nfsconf *conf,
			struct buf *out)
{
	struct unknown unknown = {
		.table = table,
		.section = section,
		.others = others,
		.out = out,
	};

	nfsconf_each(conf, section, visit_key, &unknown);
}

/* Adds the names of @opt, "  -h, -?, --help"; without: "  key = ARG". */
static void add_names(struct buf *out, const struct optab *opt)
{
	const char *arg = optab_takes_arg(opt) ? opt->arg : NULL;

	if (opt->short_name == 0 && opt->long_name == NULL) {
		buf_addf(out, "  %s = %s", opt->key, arg ? arg : "yes|no");
		return;
	}
	if (opt->short_name != 0)
		buf_addf(out, "  -%c", opt->short_name);
	else
		buf_add_text(out, "    ");
	if (opt->short_alias != 0)
		buf_addf(out, ", -%c", opt->short_alias);
	if (opt->long_name != NULL)
		buf_addf(out, "%s--%s", opt->short_name ? ", " : "  ",
			 opt->long_name);
	if (arg != NULL)
		buf_addf(out, " %s", arg);
}

/* Goes on at HELP_COLUMN, on the next line where this one is past it. */
static void go_to_help(struct buf *out, size_t *column)
{
	if (*column >= HELP_COLUMN) {
		buf_add_text(out, "\n");
		*column = 0;
	}
	buf_addf(out, "%*s", (int)(HELP_COLUMN - *column), "");
	*column = HELP_COLUMN;
}

static void add_word(struct buf *out, const char *word, size_t len,
		     size_t *column)
{
	if (*column > HELP_COLUMN && *column + 1 + len > HELP_WIDTH)
		go_to_help(out, column);
	if (*column > HELP_COLUMN) {
		buf_add_text(out, " ");
		*column += 1;
	}
	buf_add(out, word, len);
	*column += len;
}

static void add_row(struct buf *out, const struct optab *opt)
{
	size_t column = out->len;
	const char *word;
	struct buf where;

	add_names(out, opt);
	column = out->len - column;
	go_to_help(out, &column);
	for (word = opt->help; *word != '\0'; word += strspn(word, " ")) {
		add_word(out, word, strcspn(word, " "), &column);
		word += strcspn(word, " ");
	}
	if (opt->key != NULL) {
		buf_init(&where, HELP_WIDTH);
		buf_addf(&where, "[%s] %s", opt->section, opt->key);
		add_word(out, buf_text(&where), where.len, &column);
		buf_fini(&where);
	}
	buf_add_text(out, "\n");
}

static bool is_option(const struct optab *opt)
{
	return opt->short_name != 0 || opt->long_name != NULL;
}

void optab_add_help(const struct optab *table, const char *usage,
		    struct buf *out)
{
	const struct optab *opt;
	bool has_key_only = false;

	buf_addf(out, "Usage: %s\n\n", usage);
	for (opt = table; !optab_is_end(opt); opt++) {
		if (opt->help == NULL)
			continue;
		if (is_option(opt))
			add_row(out, opt);
		else
			has_key_only = true;
	}
	if (!has_key_only)
		return;
	buf_add_text(out, "\nOnly in nfs.conf:\n");
	for (opt = table; !optab_is_end(opt); opt++) {
		if (opt->help != NULL && !is_option(opt))
			add_row(out, opt);
	}
}
