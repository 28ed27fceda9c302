/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * At most one write of a file is under way; what changes meanwhile is written
 * once, at its end.  The store carries writes and removals out in order.
 *
 * ORDER: a write is over when the new bytes have the file's name; nobody
 * flushes them.  A power failure may take them, or leave any part of them:
 * the boot turn that follows removes them all, because the locks that they
 * tell of went with the boot (os/bootturn.c).
 */
#include "statd/memos.h"

#include <string.h>

void memos_init(struct memos *set, struct effects *out)
{
	*set = (struct memos){.out = out, .next_job = 1, .next_number = 1};
	list_init(&set->dirty);
	list_init(&set->writing);
}

void memo_slot_init(struct memo_slot *slot, enum memo_kind kind)
{
	*slot = (struct memo_slot){.kind = kind};
	list_init(&slot->in_queue);
}

uint64_t memos_touch(struct memos *set, struct memo_slot *slot)
{
	slot->wanted++;
	if (slot->job == 0) {
		list_remove(&slot->in_queue);
		list_append(&set->dirty, &slot->in_queue);
	}
	return slot->wanted;
}

bool memo_slot_has(const struct memo_slot *slot, uint64_t version)
{
	return slot->stored >= version;
}

bool memo_slot_is_busy(const struct memo_slot *slot)
{
	return slot->job != 0 || !list_is_empty(&slot->in_queue);
}

struct memo_slot *memos_take(struct memos *set)
{
	struct link *link = list_take_first(&set->dirty);

	return link == NULL ? NULL
			    : container_of(link, struct memo_slot, in_queue);
}

static void remove_file(struct memos *set, struct memo_slot *slot)
{
	if (slot->number == 0)
		return;
	effects_memo(set->out, 0, slot->number, NULL);
	slot->number = 0;
	set->file_count--;
}

void memos_write(struct memos *set, struct memo_slot *slot, struct buf *content)
{
	if (content->len == 0 || content->is_overflowed) {
		remove_file(set, slot);
		if (!content->is_overflowed)
			slot->stored = slot->wanted;
		buf_fini(content);
		return;
	}
	if (slot->number == 0) {
		slot->number = set->next_number++;
		set->file_count++;
	}
	slot->job = set->next_job++;
	slot->writing = slot->wanted;
	list_append(&set->writing, &slot->in_queue);
	effects_memo(set->out, slot->job, slot->number, content);
}

/* They end in their order, so it is one of the first. */
static struct memo_slot *find_writing(const struct memos *set, uint64_t job)
{
	struct link *pos;

	list_for_each (pos, &set->writing) {
		struct memo_slot *slot =
			container_of(pos, struct memo_slot, in_queue);

		if (slot->job == job)
			return slot;
	}
	return NULL;
}

struct memo_slot *memos_stored(struct memos *set, uint64_t job, int error,
			       const char *reason)
{
	struct memo_slot *slot = find_writing(set, job);

	if (error != 0 && !set->is_failing)
		effects_log(set->out, LOG_WARN,
			    "what is under way is not kept over a restart of "
			    "rpc.statd: sm/.reclaim: %s",
			    reason != NULL ? reason : "the disk failed");
	set->is_failing = error != 0;
	if (slot == NULL)
		return NULL;
	list_remove(&slot->in_queue);
	slot->job = 0;
	if (error == 0)
		slot->stored = slot->writing;
	if (slot->wanted > slot->writing)
		list_append(&set->dirty, &slot->in_queue);
	return slot;
}

static void note_number(struct memos *set, uint64_t number)
{
	if (set->next_number <= number)
		set->next_number = number + 1;
}

void memos_adopt(struct memos *set, struct memo_slot *slot, uint64_t number)
{
	note_number(set, number);
	slot->number = number;
	set->file_count++;
}

void memos_discard(struct memos *set, uint64_t number)
{
	note_number(set, number);
	effects_memo(set->out, 0, number, NULL);
}

void memos_drop(struct memos *set, struct memo_slot *slot)
{
	list_remove(&slot->in_queue);
	slot->job = 0;
	remove_file(set, slot);
}

bool memos_is_kind(const uint8_t *bytes, size_t len, const char *word)
{
	size_t word_len = strlen(word);

	return len > word_len && memcmp(bytes, word, word_len) == 0 &&
	       (bytes[word_len] == ' ' || bytes[word_len] == '\n');
}
