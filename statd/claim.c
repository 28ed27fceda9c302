/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ORDER: the new content is on the disk before a file is set aside for it.  Set
 * aside first, and a full disk leaves the name without any file; as it is, an
 * error changes nothing, and a crash between the two renames leaves the old
 * file aside and a record that nobody was promised.
 */
#include "statd/claim.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/record.h"
#include "lib/xalloc.h"
#include "os/process.h"

struct claim {
	struct map_node by_name; /* claims::by_name */
	struct link in_claims;	 /* claims::all */
	char *name;
	bool is_ours;	 /* false: the core must not change the file */
	struct buf kept; /* lines of others that are in it */
};

void claims_init(struct claims *claims)
{
	uint8_t key[SIPHASH_KEY_SIZE];

	process_random(key, sizeof(key));
	map_init(&claims->by_name, key);
	list_init(&claims->all);
}

/* Frees @claim, which is in no list. */
static void claim_free(struct claim *claim)
{
	buf_fini(&claim->kept);
	free(claim->name);
	free(claim);
}

static void claim_drop(struct claims *claims, struct claim *claim)
{
	map_remove(&claims->by_name, &claim->by_name);
	list_remove(&claim->in_claims);
	claim_free(claim);
}

void claims_fini(struct claims *claims)
{
	struct link *link;

	while ((link = list_take_first(&claims->all)) != NULL)
		claim_free(container_of(link, struct claim, in_claims));
	map_fini(&claims->by_name);
}

static uint64_t hash_of(const struct claims *claims, const char *name)
{
	return map_hash(&claims->by_name, name, strlen(name));
}

static struct claim *claim_find(const struct claims *claims, const char *name)
{
	struct map_node *node =
		map_first(&claims->by_name, hash_of(claims, name));

	for (; node != NULL; node = map_next(node)) {
		struct claim *claim = container_of(node, struct claim, by_name);

		if (strcmp(claim->name, name) == 0)
			return claim;
	}
	return NULL;
}

static struct claim *claim_get(struct claims *claims, const char *name)
{
	struct claim *claim = claim_find(claims, name);

	if (claim != NULL)
		return claim;
	claim = xzalloc(sizeof(*claim));
	claim->name = xstrdup(name);
	buf_init(&claim->kept, RECORD_FILE_MAX);
	list_append(&claims->all, &claim->in_claims);
	map_add(&claims->by_name, &claim->by_name, hash_of(claims, name));
	return claim;
}

/* Whether the file may be read the next time, so that nothing is decided. */
static bool is_passing(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM ||
	       error == -ENOENT;
}

/* Begins to replace @file by the @len bytes and the lines of @others. */
static int merge_begin(struct claim *claim, struct durable_file *file,
		       const void *bytes, size_t len, const struct buf *others)
{
	struct buf content;
	int error = -EFBIG;

	buf_init(&content, RECORD_FILE_MAX);
	buf_add(&content, bytes, len);
	record_merge(&content, others->bytes, others->len);
	if (!content.is_overflowed) {
		file->how = DURABLE_REPLACE;
		error = durable_begin(file, content.bytes, content.len);
	}
	if (error == 0 && others != &claim->kept) {
		buf_clear(&claim->kept);
		buf_add(&claim->kept, content.bytes + len, content.len - len);
	}
	buf_fini(&content);
	return error;
}

/* There is a file that the core does not know. */
static int meet_begin(struct claims *claims, struct durable_file *file,
		      const void *bytes, size_t len,
		      struct claim_report *report)
{
	struct claim *claim = claim_get(claims, file->name);
	struct buf others;
	int error;

	claim->is_ours = false;
	buf_clear(&claim->kept);
	buf_init(&others, RECORD_FILE_MAX);
	error = durable_read(file->dir, file->name, &others);
	if (error == 0)
		error = merge_begin(claim, file, bytes, len, &others);
	buf_fini(&others);
	if (file->how == DURABLE_REPLACE && error == 0 && claim->kept.len > 0)
		report->what = CLAIM_MERGED;
	if (file->how == DURABLE_REPLACE || is_passing(error))
		return error;
	report->what = CLAIM_ASIDE;
	report->error = error;
	file->how = DURABLE_ASIDE;
	return durable_begin(file, bytes, len);
}

/* The file was not made, so what will have its name is not ours. */
static void note_unmade(struct claims *claims, const char *name)
{
	claim_get(claims, name)->is_ours = false;
}

int claims_begin(struct claims *claims, struct durable_file *file,
		 const void *bytes, size_t len, struct claim_report *report)
{
	struct claim *claim = claim_find(claims, file->name);
	int error;

	*report = (struct claim_report){.what = CLAIM_NONE};
	if (claim != NULL && !claim->is_ours)
		file->how = DURABLE_NEW;
	if (claim != NULL && file->how == DURABLE_REPLACE)
		return merge_begin(claim, file, bytes, len, &claim->kept);
	error = durable_begin(file, bytes, len);
	if (error == -EEXIST)
		return meet_begin(claims, file, bytes, len, report);
	if (error != 0 && file->how == DURABLE_NEW)
		note_unmade(claims, file->name);
	else if (error == 0 && claim != NULL)
		claim_drop(claims, claim); /* nothing of others is there */
	return error;
}

int claims_finish(struct claims *claims, struct durable_file *file)
{
	struct claim *claim = claim_find(claims, file->name);
	int error = durable_finish(file);

	if (error != 0) {
		if (file->how == DURABLE_NEW)
			note_unmade(claims, file->name);
		return error;
	}
	if (claim == NULL)
		return 0;
	claim->is_ours = true;
	if (claim->kept.len == 0)
		claim_drop(claims, claim);
	return 0;
}

void claims_remove(struct claims *claims, int dir, const char *name)
{
	struct claim *claim = claim_find(claims, name);

	/* Lost with the power, it is one notice too many: no flush of @dir. */
	if (claim == NULL)
		(void)unlinkat(dir, name, 0);
	else if (claim->is_ours)
		(void)durable_replace(dir, name, claim->kept.bytes,
				      claim->kept.len, RECORD_MODE);
	else
		claim_drop(claims, claim); /* to be met anew, if ever */
}
