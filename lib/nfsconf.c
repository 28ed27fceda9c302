/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The nfs.conf language (contract.md 5.2, 5.3).  Every assignment is kept in
 * the order in which it was read, and a look-up goes from the last one back:
 * that alone makes "the last assignment wins".  All strings live until the
 * configuration is cleared, so a value can say where it came from.
 *
 * Files that include each other are a stack, not a recursion.  This room reads
 * no file, knows no section but [environment] and judges no value; what the
 * settings mean is lib/optab's.
 */
#include "lib/nfsconf.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/xalloc.h"

#define COMPLAINT_SIZE_MAX                                \
	(4 * NFSCONF_PATH_MAX + 512) /* all of it escaped \
				      */
#define QUOTED_LEN_MAX 64 /* bytes of a bad line shown in a complaint */
#define SPACE	       " \t\r\v\f"

/* A string that lives as long as the configuration. */
struct kept {
	struct kept *next;
	char text[];
};

struct setting {
	const char *section;
	const char *arg; /* NULL: none */
	const char *tag;
	struct nfsconf_value value;
};

struct nfsconf {
	struct nfsconf_world world;
	struct kept *kept;
	struct setting *settings;
	size_t setting_count;
	size_t setting_size;
	unsigned int file_count;
	unsigned int complaint_count;
};

/* A file that is being read. */
struct source {
	const char *path;
	char *text;	   /* whole, ours; rest points into it */
	char *rest;	   /* what has not been read yet */
	unsigned int line; /* where the line being looked at begins */
	unsigned int line_next;
	const char *section; /* NULL: none */
	const char *arg;
};

/* The files that are open: each was included by the one before it. */
struct reader {
	struct nfsconf *conf;
	struct source stack[NFSCONF_INCLUDE_DEPTH_MAX + 1];
	size_t depth; /* how many of the stack are in use */
};

struct nfsconf *nfsconf_new(const struct nfsconf_world *world)
{
	struct nfsconf *conf = xzalloc(sizeof(*conf));

	conf->world = *world;
	return conf;
}

void nfsconf_free(struct nfsconf *conf)
{
	if (conf == NULL)
		return;
	nfsconf_clear(conf);
	free(conf->settings);
	free(conf);
}

void nfsconf_clear(struct nfsconf *conf)
{
	struct kept *kept;

	while ((kept = conf->kept) != NULL) {
		conf->kept = kept->next;
		free(kept);
	}
	conf->setting_count = 0;
	conf->file_count = 0;
}

static char *keep(struct nfsconf *conf, const char *text)
{
	size_t size = strlen(text) + 1;
	struct kept *kept = xzalloc(sizeof(*kept) + size);

	memcpy(kept->text, text, size);
	kept->next = conf->kept;
	conf->kept = kept;
	return kept->text;
}

/*
 * Complains about @path, @line; @quoted (NULL: none) is shown after @what.
 * SAFETY: paths and lines are bytes from a file; only escaped do they go on.
 */
static void report(const struct nfsconf *conf, const char *path,
		   unsigned int line, const char *what, const char *quoted)
{
	struct buf text;

	buf_init(&text, COMPLAINT_SIZE_MAX);
	buf_add_escaped(&text, path, strnlen(path, NFSCONF_PATH_MAX));
	buf_addf(&text, ":%u: %s", line, what);
	if (quoted != NULL) {
		buf_add_text(&text, ": ");
		buf_add_escaped(&text, quoted, strnlen(quoted, QUOTED_LEN_MAX));
		if (strlen(quoted) > QUOTED_LEN_MAX)
			buf_add_text(&text, "...");
	}
	conf->world.complain(conf->world.ctx, buf_text(&text));
	buf_fini(&text);
}

static void complain(struct nfsconf *conf, const struct source *src,
		     const char *what, const char *quoted)
{
	if (conf->complaint_count < NFSCONF_COMPLAINTS_MAX)
		report(conf, src->path, src->line, what, quoted);
	if (conf->complaint_count == NFSCONF_COMPLAINTS_MAX)
		report(conf, src->path, src->line,
		       "too many complaints, the others are not shown", NULL);
	if (conf->complaint_count <= NFSCONF_COMPLAINTS_MAX)
		conf->complaint_count++;
}

static char *skip_space(char *text)
{
	return text + strspn(text, SPACE);
}

/* Cuts white space off the end of @text. */
static void trim_end(char *text)
{
	size_t len = strlen(text);

	while (len > 0 && strchr(SPACE, text[len - 1]) != NULL)
		text[--len] = '\0';
}

/*
 * Takes the next line of @src, joined with those that continue it; NULL at the
 * end.  A last line without LF is a line like any other (F-2).
 */
static char *take_line(struct source *src)
{
	char *line = src->rest;
	char *end = line;

	if (*line == '\0')
		return NULL;
	src->line = src->line_next;
	while ((end = strchr(end, '\n')) != NULL) {
		src->line_next++;
		if (end == line || end[-1] != '\\')
			break;
		end[-1] = ' ';
		*end = ' ';
	}
	if (end == NULL) {
		src->rest = line + strlen(line);
	} else {
		*end = '\0';
		src->rest = end + 1;
	}
	return line;
}

/*
 * Opens the file @path, with @len bytes at @bytes, on top of the stack.
 */
static void push(struct reader *reader, const char *path, const void *bytes,
		 size_t len)
{
	struct nfsconf *conf = reader->conf;
	struct source *src = &reader->stack[reader->depth];

	assert(reader->depth <= NFSCONF_INCLUDE_DEPTH_MAX);
	*src = (struct source){.path = keep(conf, path), .line_next = 1};
	if (reader->depth > 0) {
		src->section = src[-1].section;
		src->arg = src[-1].arg;
	}
	src->line = 1;
	if (len > 0 && memchr(bytes, '\0', len) != NULL)
		complain(conf, src, "has a NUL byte, which ends it", NULL);
	src->text = xmemdup(bytes, len);
	src->rest = src->text;
	reader->depth++;
}

static void pop(struct reader *reader)
{
	reader->depth--;
	free(reader->stack[reader->depth].text);
}

/*
 * Reads a section head, "[name]" or "[name "arg"]"; @head is after the '['.
 * COMPAT: all after the first ']' is ignored, and a bad argument leaves the
 * section open without it.
 */
static void take_section(struct nfsconf *conf, struct source *src, char *head)
{
	char *end = strchr(head, ']');
	char *arg;

	src->section = NULL;
	src->arg = NULL;
	if (end == NULL) {
		complain(conf, src,
			 "section without ']'; ignored up to the next section",
			 head);
		return;
	}
	*end = '\0';
	head = skip_space(head);
	arg = strchr(head, '"');
	if (arg != NULL) {
		*arg++ = '\0';
		end = strchr(arg, '"');
		if (end == NULL) {
			complain(conf, src, "section argument not closed", arg);
		} else {
			*end = '\0';
			src->arg = keep(conf, arg);
		}
	}
	trim_end(head);
	src->section = keep(conf, head);
}

/*
 * Cuts the value out of @text, which is all after the '='; NULL where its
 * quotes do not match.
 */
static char *cut_value(char *text)
{
	char *end;

	text = skip_space(text);
	if (*text == '"' || *text == '\'') {
		end = strchr(text + 1, *text);
		if (end == NULL)
			return NULL;
		*end = '\0';
		return text + 1;
	}
	/* COMPAT: no blank is needed before the comment (F-3). */
	text[strcspn(text, "#;")] = '\0';
	trim_end(text);
	return text;
}

static void add_setting(struct nfsconf *conf, const struct source *src,
			const char *tag, const char *value)
{
	struct setting *s;

	if (conf->setting_count == NFSCONF_VALUES_MAX) {
		complain(conf, src, "too many assignments, ignored", tag);
		return;
	}
	if (conf->setting_count == conf->setting_size) {
		conf->setting_size = conf->setting_size * 2 + 32;
		conf->settings =
			xreallocarray(conf->settings, conf->setting_size,
				      sizeof(*conf->settings));
	}
	s = &conf->settings[conf->setting_count++];
	*s = (struct setting){
		.section = src->section,
		.arg = src->arg,
		.tag = keep(conf, tag),
		.value.text = keep(conf, value),
		.value.file = src->path,
		.value.line = src->line,
	};
}

/*
 * Writes where @name, included from the file @from, is.
 * Return: false where that is too long.
 */
static bool join_path(const char *from, const char *name,
		      char out[static NFSCONF_PATH_MAX])
{
	const char *slash = *name == '/' ? NULL : strrchr(from, '/');
	size_t dir_len = slash == NULL ? 0 : (size_t)(slash - from) + 1;
	size_t name_len = strlen(name);

	if (dir_len + name_len >= NFSCONF_PATH_MAX)
		return false;
	memcpy(out, from, dir_len);
	memcpy(out + dir_len, name, name_len + 1);
	return true;
}

/* Tells why nothing more may be included, or NULL. */
static const char *include_limit(const struct reader *reader)
{
	if (reader->depth > NFSCONF_INCLUDE_DEPTH_MAX)
		return "includes are nested too deep, not included";
	if (reader->conf->file_count >= NFSCONF_FILES_MAX)
		return "too many files, not included";
	return NULL;
}

/*
 * Opens the file that an include names; "-name" may be absent.
 * SAFETY: a file that includes itself ends at a limit, not with the stack
 * (F-6); the limit on files keeps two such includes from doubling ten times.
 */
static void take_include(struct reader *reader, const char *name)
{
	const struct source *src = &reader->stack[reader->depth - 1];
	const char *limit = include_limit(reader);
	bool is_optional = *name == '-';
	char path[NFSCONF_PATH_MAX];
	struct buf bytes;
	int error;

	if (limit != NULL) {
		complain(reader->conf, src, limit, name);
		return;
	}
	if (is_optional)
		name++;
	if (*name == '\0' || !join_path(src->path, name, path)) {
		complain(reader->conf, src, "no usable file name in include",
			 name);
		return;
	}
	/* One that is missing counts, too: looking for it has its price. */
	reader->conf->file_count++;
	buf_init(&bytes, NFSCONF_FILE_MAX);
	error = reader->conf->world.read_file(reader->conf->world.ctx, path,
					      &bytes);
	if (error == 0)
		push(reader, path, buf_text(&bytes), bytes.len);
	else if (!is_optional)
		complain(reader->conf, src,
			 error == -ENOENT ? "included file is missing"
					  : "included file cannot be read",
			 path);
	buf_fini(&bytes);
}

static void take_assignment(struct reader *reader, char *line)
{
	struct nfsconf *conf = reader->conf;
	const struct source *src = &reader->stack[reader->depth - 1];
	char *equals = strchr(line, '=');
	char *value;

	if (equals == NULL) {
		complain(conf, src, "not an assignment, ignored", line);
		return;
	}
	*equals = '\0';
	trim_end(line);
	value = cut_value(equals + 1);
	if (*line == '\0')
		complain(conf, src, "nothing before '=', ignored", value);
	else if (value == NULL)
		complain(conf, src, "quote not closed, ignored", line);
	else if (strcasecmp(line, "include") == 0)
		take_include(reader, value);
	else if (*value != '\0')
		/* COMPAT: an empty value leaves what was set before. */
		add_setting(conf, src, line, value);
}

static void take(struct reader *reader, char *line)
{
	struct source *src = &reader->stack[reader->depth - 1];

	line = skip_space(line);
	if (*line == '\0' || *line == '#' || *line == ';')
		return;
	if (*line == '[')
		take_section(reader->conf, src, line + 1);
	else if (src->section == NULL)
		complain(reader->conf, src, "in no section, ignored", line);
	else
		take_assignment(reader, line);
}

void nfsconf_parse(struct nfsconf *conf, const char *path, const void *bytes,
		   size_t len)
{
	struct reader reader = {.conf = conf};
	const struct source top = {.path = path};
	char *line;

	if (conf->file_count >= NFSCONF_FILES_MAX) {
		complain(conf, &top, "too many files, ignored", NULL);
		return;
	}
	conf->file_count++;
	push(&reader, path, bytes, len);
	while (reader.depth > 0) {
		line = take_line(&reader.stack[reader.depth - 1]);
		if (line == NULL)
			pop(&reader);
		else
			take(&reader, line);
	}
}

static const struct setting *find(const struct nfsconf *conf,
				  const char *section, const char *arg,
				  const char *tag)
{
	const struct setting *s;
	size_t i;

	for (i = conf->setting_count; i-- > 0;) {
		s = &conf->settings[i];
		if (strcasecmp(s->tag, tag) != 0 ||
		    strcasecmp(s->section, section) != 0)
			continue;
		if (arg == NULL && s->arg == NULL)
			return s;
		/* COMPAT: [s] takes away what [s "arg"] set before it (F-4). */
		if (s->arg == NULL)
			return NULL;
		if (arg != NULL && strcasecmp(s->arg, arg) == 0)
			return s;
	}
	return NULL;
}

/*
 * COMPAT: the environment comes first; only a value from [environment] may
 * itself be "$name", and an empty variable counts as unset.
 */
bool nfsconf_get(const struct nfsconf *conf, const char *section,
		 const char *arg, const char *tag, struct nfsconf_value *out)
{
	const struct setting *s = find(conf, section, arg, tag);
	const char *text;
	unsigned int steps;

	if (s == NULL)
		return false;
	*out = s->value;
	for (steps = 0; out->text[0] == '$'; steps++) {
		if (steps == NFSCONF_DEREF_MAX) {
			report(conf, out->file, out->line,
			       "$name leads nowhere, ignored", tag);
			return false;
		}
		text = conf->world.getenv(conf->world.ctx, out->text + 1);
		if (text != NULL && *text != '\0') {
			out->text = text;
			return true;
		}
		s = find(conf, "environment", NULL, out->text + 1);
		if (s == NULL)
			return false;
		out->text = s->value.text;
	}
	return true;
}

void nfsconf_each(const struct nfsconf *conf, const char *section,
		  void (*visit)(void *ctx, const char *tag,
				const struct nfsconf_value *value),
		  void *ctx)
{
	const struct setting *s;
	size_t i;

	for (i = 0; i < conf->setting_count; i++) {
		s = &conf->settings[i];
		if (s->arg == NULL && strcasecmp(s->section, section) == 0)
			visit(ctx, s->tag, &s->value);
	}
}
