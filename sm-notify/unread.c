/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the names of the files that could not be read.  Each has a back-off of
 * its own, and one is tried at a time: a sick disk may take seconds to refuse,
 * and nobody is told meanwhile.
 */
#include "sm-notify/unread.h"

#include <stdlib.h>
#include <string.h>

#include "lib/hostname.h"
#include "lib/record.h"
#include "lib/xalloc.h"

/* One of them. */
struct unread_file {
	struct map_node by_name; /* unread::by_name */
	struct link in_files;	 /* unread::files */
	struct timer timer;	 /* unread::timers: the next attempt */
	char *name;
	uint32_t wait_ms;
	bool is_too_old;
};

void unread_init(struct unread *u, const uint8_t key[static SIPHASH_KEY_SIZE])
{
	*u = (struct unread){0};
	map_init(&u->by_name, key);
	list_init(&u->files);
	timerq_init(&u->timers);
}

static void file_free(struct unread_file *file)
{
	free(file->name);
	free(file);
}

void unread_fini(struct unread *u)
{
	struct link *at;

	while ((at = list_take_first(&u->files)))
		file_free(container_of(at, struct unread_file, in_files));
	map_fini(&u->by_name);
	timerq_fini(&u->timers);
}

/* The same for all spellings; 0 where no record may have such a name. */
static uint64_t hash_name(const struct unread *u, const char *name)
{
	char folded[RECORD_NAME_MAX + 1];

	if (strlen(name) > RECORD_NAME_MAX)
		return 0;
	hostname_fold(name, folded);
	return map_hash(&u->by_name, folded, strlen(folded));
}

/* Finds the file @name; in any spelling where not @is_exact. */
static struct unread_file *find(const struct unread *u, const char *name,
				bool is_exact)
{
	struct map_node *node;

	for (node = map_first(&u->by_name, hash_name(u, name)); node;
	     node = map_next(node)) {
		struct unread_file *file =
			container_of(node, struct unread_file, by_name);

		if (is_exact ? !strcmp(file->name, name)
			     : hostname_is_equal(file->name, name))
			return file;
	}
	return NULL;
}

bool unread_has(const struct unread *u, const char *name)
{
	return find(u, name, false);
}

static void set_wait(struct unread *u, struct unread_file *file,
		     uint64_t now_ms)
{
	if (u->is_begun)
		timerq_set(&u->timers, &file->timer, now_ms + file->wait_ms);
}

static void add(struct unread *u, uint64_t now_ms, const char *name,
		bool is_too_old)
{
	struct unread_file *file;

	if (u->by_name.count >= UNREAD_MAX) {
		u->dropped++;
		return;
	}
	file = xzalloc(sizeof(*file));
	file->name = xstrdup(name);
	file->wait_ms = UNREAD_WAIT_FIRST_MS;
	file->is_too_old = is_too_old;
	map_add(&u->by_name, &file->by_name, hash_name(u, name));
	list_append(&u->files, &file->in_files);
	set_wait(u, file, now_ms);
}

void unread_note(struct unread *u, uint64_t now_ms, const char *name,
		 bool is_too_old)
{
	struct unread_file *file = find(u, name, true);

	if (!file) {
		add(u, now_ms, name, is_too_old);
		return;
	}
	file->wait_ms *= 2;
	if (file->wait_ms > UNREAD_WAIT_MAX_MS)
		file->wait_ms = UNREAD_WAIT_MAX_MS;
	set_wait(u, file, now_ms);
}

bool unread_take(struct unread *u, const char *name, bool *is_too_old)
{
	struct unread_file *file = find(u, name, true);

	if (!file)
		return false;
	*is_too_old = file->is_too_old;
	timerq_cancel(&u->timers, &file->timer);
	map_remove(&u->by_name, &file->by_name);
	list_remove(&file->in_files);
	file_free(file);
	return true;
}

void unread_begin(struct unread *u, uint64_t now_ms)
{
	struct link *at;

	u->is_begun = true;
	list_for_each (at, &u->files)
		set_wait(u, container_of(at, struct unread_file, in_files),
			 now_ms);
}

const char *unread_next(struct unread *u, uint64_t now_ms)
{
	struct timer *timer;

	if (now_ms < u->gap_ms)
		return NULL;
	timer = timerq_take(&u->timers, now_ms);
	if (!timer)
		return NULL;
	u->gap_ms = now_ms + UNREAD_GAP_MS;
	return container_of(timer, struct unread_file, timer)->name;
}

uint64_t unread_deadline_ms(const struct unread *u)
{
	uint64_t at_ms = timerq_deadline_ms(&u->timers);

	return at_ms < u->gap_ms ? u->gap_ms : at_ms;
}

size_t unread_count(const struct unread *u)
{
	return u->by_name.count + u->dropped;
}
