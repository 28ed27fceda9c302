/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one peer is to hear, by which names it knows us, and where it may be.
 */
#include "sm-notify/target.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hostname.h"
#include "lib/xalloc.h"

/* --- its life ------------------------------------------------------------ */

/* Tells whether @name can be looked up (os/resolver's range). */
static bool is_host(const char *name)
{
	struct addr addr;

	return hostname_check(name, strlen(name)) == HOSTNAME_OK &&
	       !addr_parse(name, &addr);
}

struct target *target_new(const char *mon_name)
{
	struct target *target = xzalloc(sizeof(*target));

	list_init(&target->in_loose);
	list_init(&target->in_fresh);
	list_init(&target->in_called);
	target->mon_name = xstrdup(mon_name);
	target->why = NOTIFY_NOT_YET;
	list_init(&target->names);
	list_init(&target->told_names);
	list_init(&target->in_ready);
	pace_slot_init(&target->slot);
	list_init(&target->in_asking);
	list_init(&target->stream.in_waiting);
	target->is_numeric = addr_parse(mon_name, &target->addrs[0]);
	if (target->is_numeric)
		target->addr_count = 1;
	else if (is_host(mon_name))
		target->host = xstrdup(mon_name);
	return target;
}

static void name_free(struct target_name *name)
{
	list_remove(&name->in_names);
	free(name->text);
	free(name);
}

void target_free(struct target *target)
{
	struct link *at;

	while ((at = list_take_first(&target->names)))
		name_free(container_of(at, struct target_name, in_names));
	while ((at = list_take_first(&target->told_names)))
		name_free(container_of(at, struct target_name, in_names));
	free(target->mon_name);
	free(target->host);
	free(target);
}

void target_note_file(struct target *target, const char *name)
{
	/*
	 * COMPAT: nfs-utils gives a numeric peer's file its host name, which
	 * still helps where the address has changed since.
	 */
	if (!target->host && is_host(name))
		target->host = xstrdup(name);
}

bool target_is_aside(const struct target *target)
{
	return target->why >= NOTIFY_SKIPPED;
}

/* --- what it is to hear -------------------------------------------------- */

struct target_name *target_add_name(struct target *target, const char *text)
{
	struct target_name *name;
	size_t short_len;
	struct link *at;

	list_for_each (at, &target->names) {
		name = container_of(at, struct target_name, in_names);
		if (!strcmp(name->text, text))
			return name;
	}
	name = xzalloc(sizeof(*name));
	list_init(&name->lines);
	name->text = xstrdup(text);
	short_len = hostname_short_len(text);
	if (short_len >= strlen(text))
		short_len = 0; /* numeric, or without a dot */
	sayings_init(&name->sayings, strlen(text), short_len);
	if (target->source_count > 0)
		sayings_set_sources(&name->sayings, target->source_count);
	list_append(&target->names, &name->in_names);
	return name;
}

bool target_was_told(const struct target *target, const char *text)
{
	const struct link *at;

	list_for_each (at, &target->told_names)
		if (!strcmp(container_of(at, const struct target_name, in_names)
				    ->text,
			    text))
			return true;
	return false;
}

void target_add_lines(const struct target *target, struct buf *out)
{
	struct link *in_names, *in_name;

	list_for_each (in_names, &target->names) {
		const struct target_name *name =
			container_of(in_names, struct target_name, in_names);

		list_for_each (in_name, &name->lines) {
			const struct target_line *line =
				container_of(in_name, struct target_line,
					     in_name);

			buf_add(out, line->bytes, line->len);
			buf_add_text(out, "\n");
		}
	}
}

bool target_has_names(const struct target *target)
{
	return !list_is_empty(&target->names);
}

bool target_is_told(const struct target *target)
{
	return !target_has_names(target);
}

struct target_name *target_next_name(const struct target *target)
{
	assert(target_has_names(target));
	return container_of(target->names.next, struct target_name, in_names);
}

const struct addr *target_source(const struct target *target,
				 const struct target_name *name,
				 unsigned int at)
{
	/* The first is nobody's: the kernel chooses. */
	return &target->sources[sayings_source(&name->sayings, at)];
}

/* --- where it may be ----------------------------------------------------- */

bool target_is_found_by_addr(const struct target *target)
{
	char text[ADDR_TEXT_SIZE];

	return target->is_numeric && !target->host &&
	       hostname_is_equal(addr_format(&target->addrs[0], text),
				 target->mon_name);
}

bool target_has_addr(const struct target *target, const struct addr *addr)
{
	for (size_t i = 0; i < target->addr_count; i++) {
		if (addr_is_same_host(&target->addrs[i], addr))
			return true;
	}
	return false;
}

const struct addr *target_addr(const struct target *target)
{
	assert(target->addr_at < target->addr_count);
	return &target->addrs[target->addr_at];
}

bool target_next_addr(struct target *target)
{
	size_t found_first = target->is_numeric ? 1 : 0;
	size_t next = target->addr_at + 1;
	bool is_round = next == found_first;

	if (next >= target->addr_count) {
		is_round = is_round || found_first == 0;
		next = 0;
	}
	target->addr_at = next;
	return is_round;
}

bool target_use_addr(struct target *target, const struct addr *addr)
{
	for (size_t i = 0; i < target->addr_count; i++) {
		if (addr_is_same_host(&target->addrs[i], addr)) {
			target->addr_at = i;
			return true;
		}
	}
	return false;
}

void target_take_addrs(struct target *target, const struct addr *addrs,
		       size_t count)
{
	struct addr current = {.family = ADDR_NONE};
	size_t at = 0;

	while (at < count && addrs[at].family == ADDR_NONE)
		at++;
	if (at == count)
		return;
	if (target->addr_count > 0)
		current = *target_addr(target);
	target->addr_count = target->is_numeric ? 1 : 0;
	for (; at < count && target->addr_count < NOTIFY_ADDRS_MAX; at++) {
		if (addrs[at].family == ADDR_NONE ||
		    target_has_addr(target, &addrs[at]))
			continue;
		target->addrs[target->addr_count++] = addrs[at];
	}
	if (!target_use_addr(target, &current))
		target->addr_at = 0;
}
