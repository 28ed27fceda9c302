/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the lines of sm.bak/ and what each of them asks us to announce.  Lines
 * about the same peer (mon_name, ignoring ASCII case as names do, RFC 4343)
 * are one target, however many files and cookies they are spread over; lines
 * with the same my_name are one announcement, and leave their files together.
 *
 * It refuses to decide when anything is sent, and to drop a line that it does
 * not understand: whoever wrote it may (contract.md D-7).
 */
#include "sm-notify/targetset.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hostname.h"
#include "lib/xalloc.h"
#include "sm-notify/own.h"
#include "sm-notify/skip.h"

void target_set_init(struct target_set *set,
		     const uint8_t key[static SIPHASH_KEY_SIZE],
		     const struct notify_config *config)
{
	*set = (struct target_set){
		.name = config->name ? xstrdup(config->name) : NULL,
		.skip = config->skip ? xstrdup(config->skip) : NULL,
		.own_count = config->own_count,
	};
	if (config->own_count > 0)
		set->own = xmemdup(config->own,
				   config->own_count * sizeof(*config->own));
	map_init(&set->by_name, key);
	keyset_init(&set->marks, key, TARGET_MARKS_MAX);
	guards_init(&set->guards, key);
	unread_init(&set->unread, key);
	stuck_init(&set->stuck, key);
	list_init(&set->loose);
	list_init(&set->fresh);
	list_init(&set->files);
	list_init(&set->dirty);
}

static void line_free(struct target_line *line)
{
	list_remove(&line->in_file);
	list_remove(&line->in_name);
	free(line->bytes);
	free(line);
}

static void file_free(struct target_file *file)
{
	struct link *at;

	while ((at = list_take_first(&file->lines)))
		line_free(container_of(at, struct target_line, in_file));
	list_remove(&file->in_dirty);
	free(file->name);
	free(file);
}

void target_set_fini(struct target_set *set)
{
	struct link *at;

	/* ORDER: a line is linked into its name, so files go first. */
	while ((at = list_take_first(&set->files)))
		file_free(container_of(at, struct target_file, in_files));
	for (size_t i = 0; i < set->count; i++)
		target_free(set->targets[i]);
	free(set->targets);
	free(set->name);
	keyset_fini(&set->marks);
	guards_fini(&set->guards);
	unread_fini(&set->unread);
	stuck_fini(&set->stuck);
	free(set->skip);
	free(set->own);
	map_fini(&set->by_name);
}

/* Lists @target among those that have to be looked at one by one, or not. */
static void set_loose(struct target_set *set, struct target *target)
{
	if (!target_is_found_by_addr(target) &&
	    list_is_empty(&target->in_loose))
		list_append(&set->loose, &target->in_loose);
}

/* Sets @target aside, or has it told again (NOTIFY_NOT_YET). */
static void set_aside(struct target_set *set, struct target *target,
		      enum notify_why why)
{
	set->aside -= target_is_aside(target);
	target->why = why;
	set->aside += target_is_aside(target);
}

/* Finds the target for @mon_name, whose *hash it writes, or NULL. */
static struct target *find_target(const struct target_set *set,
				  const char *mon_name, uint64_t *hash)
{
	char folded[RECORD_NAME_MAX + 1];
	struct map_node *node;
	struct target *target;

	assert(strlen(mon_name) <= RECORD_NAME_MAX);
	hostname_fold(mon_name, folded);
	*hash = map_hash(&set->by_name, folded, strlen(folded));
	for (node = map_first(&set->by_name, *hash); node;
	     node = map_next(node)) {
		target = container_of(node, struct target, by_name);
		if (hostname_is_equal(target->mon_name, mon_name))
			return target;
	}
	return NULL;
}

/* Finds the target for @mon_name, or makes it. */
static struct target *set_target(struct target_set *set, const char *mon_name)
{
	uint64_t hash;
	struct target *target = find_target(set, mon_name, &hash);

	if (target)
		return target;
	target = target_new(mon_name);
	map_add(&set->by_name, &target->by_name, hash);
	if (set->count == set->size) {
		set->size = set->size ? 2 * set->size : 64;
		set->targets = xreallocarray(set->targets, set->size,
					     sizeof(struct target *));
	}
	set->targets[set->count++] = target;
	target->id = set->count;
	return target;
}

/*
 * Judges what one more line of a file that is too old, or not, means.  A peer
 * that has a younger line is told, and all of its lines leave then.  So do
 * those that are found late of a peer that is spoken to already.
 */
static void judge_aside(struct target_set *set, struct target *target,
			bool is_first, bool is_too_old)
{
	if (target->is_active || target->why == NOTIFY_TOLD)
		return;
	if (skip_has(set->skip, target->mon_name) ||
	    (target->host && skip_has(set->skip, target->host)))
		set_aside(set, target, NOTIFY_SKIPPED);
	else if (is_first && is_too_old)
		set_aside(set, target, NOTIFY_TOO_OLD);
	else if (target->why == NOTIFY_TOO_OLD && !is_too_old)
		set_aside(set, target, NOTIFY_NOT_YET);
}

/* Files @line under the peer and the name that @rec has. */
static void gather_line(struct target_set *set, struct target_line *line,
			const struct record *rec, bool is_too_old)
{
	struct target *target = set_target(set, rec->mon_name);
	const char *text = set->name ? set->name : rec->my_name;
	bool is_first = !target_has_names(target);

	if (list_is_empty(&target->in_fresh))
		list_append(&set->fresh, &target->in_fresh);
	target_note_file(target, line->file->name);
	set_loose(set, target);
	/* COMPAT: "" is announced, too; its receiver goes by our address. */
	list_append(&target_add_name(target, text)->lines, &line->in_name);
	judge_aside(set, target, is_first, is_too_old);
}

/* Whether the peer of @rec was told in this run what it says. */
static bool was_told(const struct target_set *set, const struct record *rec)
{
	uint64_t hash;
	const struct target *target = find_target(set, rec->mon_name, &hash);

	return target &&
	       target_was_told(target, set->name ? set->name : rec->my_name);
}

/* Whether rpc.statd has told the peer of @rec. */
static bool is_marked(const struct target_set *set, const struct record *rec)
{
	struct buf text;
	bool is_marked;

	buf_init(&text, 2 * RECORD_NAME_MAX + 1);
	buf_addf(&text, "%s %s", rec->mon_name, rec->my_name);
	is_marked = keyset_has(&set->marks, text.bytes, text.len);
	buf_fini(&text);
	return is_marked;
}

void target_set_note_told(struct target_set *set, const char *text, size_t len)
{
	keyset_add(&set->marks, text, len);
}

static void set_dirty(struct target_set *set, struct target_file *file)
{
	if (list_is_empty(&file->in_dirty))
		list_append(&set->dirty, &file->in_dirty);
}

void target_set_add_file(struct target_set *set, const struct target_text *in,
			 struct target_report *report)
{
	struct record_lines lines = {.bytes = in->bytes, .len = in->len};
	struct target_file *file = xzalloc(sizeof(*file));
	const uint8_t *text;
	size_t text_len;
	size_t count = 0;

	*report = (struct target_report){0};
	file->name = xstrdup(in->name);
	list_init(&file->lines);
	list_init(&file->in_dirty);
	list_append(&set->files, &file->in_files);
	while (record_lines_next(&lines, &text, &text_len)) {
		struct target_line *line = xzalloc(sizeof(*line));
		enum record_error error;
		struct record rec;

		count++;
		line->file = file;
		line->bytes = xmemdup(text, text_len);
		line->len = text_len;
		list_init(&line->in_name);
		list_append(&file->lines, &line->in_file);
		error = record_parse(text, text_len, &rec);
		if (error != RECORD_OK) {
			if (report->unparsable++ == 0)
				report->error = error;
			continue;
		}
		if (is_marked(set, &rec) || was_told(set, &rec)) {
			set_dirty(set, file);
			line_free(line);
			set->has_told = true;
		} else {
			gather_line(set, line, &rec, in->is_too_old);
		}
		record_fini(&rec);
	}
	if (report->unparsable > 0 || count == 0)
		set->is_puzzled = true;
}

struct target *target_set_take_fresh(struct target_set *set)
{
	struct link *first = list_take_first(&set->fresh);

	return first ? container_of(first, struct target, in_fresh) : NULL;
}

struct target *target_set_get(const struct target_set *set, uint64_t id)
{
	return id >= 1 && id <= set->count ? set->targets[id - 1] : NULL;
}

const char *target_set_take_dirty(struct target_set *set, struct buf *content)
{
	struct link *first = list_take_first(&set->dirty);
	struct target_file *file;
	struct link *at;

	if (!first)
		return NULL;
	file = container_of(first, struct target_file, in_dirty);
	list_for_each (at, &file->lines) {
		const struct target_line *line =
			container_of(at, struct target_line, in_file);

		buf_add(content, line->bytes, line->len);
		buf_add_text(content, "\n");
	}
	return file->name;
}

void target_set_rewrite(struct target_set *set, const char *name)
{
	struct target_file *file;
	struct link *at;

	list_for_each (at, &set->files) {
		file = container_of(at, struct target_file, in_files);
		if (!strcmp(file->name, name))
			set_dirty(set, file);
	}
}

/* --- whom somebody asks about -------------------------------------------- */

static bool has_subject_addr(const struct target *target,
			     const struct ctl_subject *subject)
{
	for (size_t i = 0; i < subject->addr_count; i++) {
		if (target_has_addr(target, &subject->addrs[i]))
			return true;
	}
	return false;
}

void target_set_each(const struct target_set *set,
		     const struct ctl_subject *subject,
		     void (*visit)(void *ctx, struct target *target), void *ctx)
{
	struct target *named, *target;
	char text[ADDR_TEXT_SIZE];
	struct link *at;
	uint64_t hash;

	named = find_target(set, subject->mon_name, &hash);
	if (named)
		visit(ctx, named);
	for (size_t i = 0; i < subject->addr_count; i++) {
		addr_format(&subject->addrs[i], text);
		target = find_target(set, text, &hash);
		if (target && target != named)
			visit(ctx, target);
	}
	list_for_each (at, &set->loose) {
		target = container_of(at, struct target, in_loose);
		if (target != named && has_subject_addr(target, subject))
			visit(ctx, target);
	}
}

/* --- what was said ------------------------------------------------------- */

void target_set_learn_sources(struct target_set *set, struct target *target,
			      const struct addr *used)
{
	struct link *at;

	if (target->source_count > 0)
		return;
	target->source_count =
		1 + (unsigned int)own_others(set->own, set->own_count, used,
					     &target->sources[1]);
	list_for_each (at, &target->names)
		sayings_set_sources(&container_of(at, struct target_name,
						  in_names)
					     ->sayings,
				    target->source_count);
}

/* The lines that asked for @name are done with; it is kept for the report. */
static void name_told(struct target_set *set, struct target *target,
		      struct target_name *name)
{
	struct link *at;

	while ((at = list_take_first(&name->lines))) {
		struct target_line *line =
			container_of(at, struct target_line, in_name);

		set_dirty(set, line->file);
		line_free(line);
	}
	list_remove(&name->in_names);
	list_append(&target->told_names, &name->in_names);
}

/* Over UDP and over TCP the same may be acknowledged twice. */
static bool is_told(const struct target_name *name)
{
	return list_is_empty(&name->lines);
}

void target_set_acked(struct target_set *set, struct target *target,
		      struct target_name *name, unsigned int at)
{
	if (is_told(name))
		return;
	sayings_acked(&name->sayings, at);
	if (sayings_are_done(&name->sayings))
		name_told(set, target, name);
}

void target_set_unacked(struct target_set *set, struct target *target,
			struct target_name *name, unsigned int at)
{
	if (is_told(name))
		return;
	sayings_silent(&name->sayings, at);
	if (sayings_are_done(&name->sayings)) {
		name_told(set, target, name);
		return;
	}
	list_remove(&name->in_names);
	list_append(&target->names, &name->in_names);
}
