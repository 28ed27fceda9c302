/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the names of those files, in the order in which they are tried, and the
 * back-off they share.
 */
#include "sm-notify/stuck.h"

#include <stdlib.h>
#include <string.h>

#include "lib/hostname.h"
#include "lib/record.h"
#include "lib/xalloc.h"

/* One of them. */
struct stuck_file {
	struct map_node by_name; /* stuck::by_name */
	struct link in_files;	 /* stuck::files */
	char *name;
};

void stuck_init(struct stuck *s, const uint8_t key[static SIPHASH_KEY_SIZE])
{
	*s = (struct stuck){.wait_ms = STUCK_WAIT_FIRST_MS};
	map_init(&s->by_name, key);
	list_init(&s->files);
}

static void file_free(struct stuck_file *file)
{
	free(file->name);
	free(file);
}

void stuck_fini(struct stuck *s)
{
	struct link *at;

	while ((at = list_take_first(&s->files)))
		file_free(container_of(at, struct stuck_file, in_files));
	map_fini(&s->by_name);
}

/* 0 where no record may have such a name. */
static uint64_t hash_name(const struct stuck *s, const char *name)
{
	char folded[RECORD_NAME_MAX + 1];

	if (strlen(name) > RECORD_NAME_MAX)
		return 0;
	hostname_fold(name, folded);
	return map_hash(&s->by_name, folded, strlen(folded));
}

typedef bool is_match(const struct stuck_file *file, const char *name);

static bool is_file(const struct stuck_file *file, const char *name)
{
	return !strcmp(file->name, name);
}

static bool is_peer(const struct stuck_file *file, const char *name)
{
	return hostname_is_equal(file->name, name);
}

static struct stuck_file *find(const struct stuck *s, const char *name,
			       is_match *match)
{
	struct map_node *node;

	for (node = map_first(&s->by_name, hash_name(s, name)); node;
	     node = map_next(node)) {
		struct stuck_file *file =
			container_of(node, struct stuck_file, by_name);

		if (match(file, name))
			return file;
	}
	return NULL;
}

static void add(struct stuck *s, uint64_t now_ms, const char *name)
{
	struct stuck_file *file = xzalloc(sizeof(*file));

	if (list_is_empty(&s->files))
		s->at_ms = now_ms + s->wait_ms;
	file->name = xstrdup(name);
	map_add(&s->by_name, &file->by_name, hash_name(s, name));
	list_append(&s->files, &file->in_files);
}

void stuck_note(struct stuck *s, uint64_t now_ms, const char *name)
{
	struct stuck_file *file = find(s, name, is_file);

	if (!file) {
		add(s, now_ms, name);
		return;
	}
	if (file != s->tried)
		return;
	s->tried = NULL;
	s->wait_ms *= 2;
	if (s->wait_ms > STUCK_WAIT_MAX_MS)
		s->wait_ms = STUCK_WAIT_MAX_MS;
	s->at_ms = now_ms + s->wait_ms;
	/* Another may be on a part of the disk that is sound. */
	list_remove(&file->in_files);
	list_append(&s->files, &file->in_files);
}

bool stuck_has(const struct stuck *s, const char *name)
{
	return find(s, name, is_peer);
}

const char *stuck_next(struct stuck *s, uint64_t now_ms)
{
	if (s->tried || list_is_empty(&s->files) || now_ms < s->at_ms)
		return NULL;
	s->tried = container_of(s->files.next, struct stuck_file, in_files);
	return s->tried->name;
}

bool stuck_settle(struct stuck *s, uint64_t now_ms)
{
	struct stuck_file *file = s->tried;

	if (!file)
		return false;
	s->tried = NULL;
	s->wait_ms = STUCK_WAIT_FIRST_MS;
	s->at_ms = now_ms + STUCK_GAP_MS;
	map_remove(&s->by_name, &file->by_name);
	list_remove(&file->in_files);
	file_free(file);
	return true;
}

uint64_t stuck_deadline_ms(const struct stuck *s)
{
	return list_is_empty(&s->files) ? UINT64_MAX : s->at_ms;
}
