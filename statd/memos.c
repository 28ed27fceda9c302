/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * At most one write of a file is under way; what changes meanwhile is written
 * once, at its end.  The store carries writes and removals out in order.
 *
 * ORDER: a write is over when the new bytes have the file's name; nobody
 * flushes them.  A power failure may take them, or leave any part of them:
 * the boot turn that follows removes them all, because the locks that they
 * tell of went with the boot (os/bootturn.c).
 *
 * A file that could not be written has what was true before.  Left so, it has
 * the next process call lockd for a reboot of which lockd has long heard, and
 * lockd drops what it granted since: so it is written again.  One at a time is
 * tried; a disk that fails is slow as well, and SM_MON waits for it.
 */
#include "statd/memos.h"

#include <string.h>

void memos_init(struct memos *set, struct effects *out)
{
	*set = (struct memos){.out = out, .next_job = 1, .next_number = 1};
	list_init(&set->dirty);
	list_init(&set->writing);
	list_init(&set->failed);
}

void memo_slot_init(struct memo_slot *slot, enum memo_kind kind)
{
	*slot = (struct memo_slot){.kind = kind};
	list_init(&slot->in_queue);
}

static void make_dirty(struct memos *set, struct memo_slot *slot)
{
	list_remove(&slot->in_queue);
	list_append(&set->dirty, &slot->in_queue);
	slot->has_failed = false;
}

uint64_t memos_touch(struct memos *set, struct memo_slot *slot)
{
	slot->wanted++;
	if (slot->job == 0)
		make_dirty(set, slot);
	return slot->wanted;
}

bool memo_slot_has(const struct memo_slot *slot, uint64_t version)
{
	return slot->stored >= version;
}

bool memo_slot_is_busy(const struct memo_slot *slot)
{
	return slot->job != 0 ||
	       (!list_is_empty(&slot->in_queue) && !slot->has_failed);
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

/* --- what could not be written ----------------------------------------- */

static void retry_all(struct memos *set)
{
	struct link *pos, *after;

	list_for_each_safe (pos, after, &set->failed)
		make_dirty(set, container_of(pos, struct memo_slot, in_queue));
}

/* Who counts no versions looks after its file itself. */
static void note_failed(struct memos *set, uint64_t now_ms,
			struct memo_slot *slot)
{
	if (slot->stored == slot->wanted)
		return;
	if (list_is_empty(&set->failed))
		set->again_ms = now_ms + MEMOS_AGAIN_MS;
	list_append(&set->failed, &slot->in_queue);
	slot->has_failed = true;
}

void memos_timer(struct memos *set, uint64_t now_ms)
{
	struct memo_slot *slot;

	if (list_is_empty(&set->failed) || now_ms < set->again_ms)
		return;
	set->again_ms = now_ms + MEMOS_AGAIN_MS;
	slot = container_of(set->failed.next, struct memo_slot, in_queue);
	make_dirty(set, slot);
	slot->is_probe = true;
}

uint64_t memos_deadline_ms(const struct memos *set)
{
	return list_is_empty(&set->failed) ? UINT64_MAX : set->again_ms;
}

/* --- the end of a write ------------------------------------------------ */

struct memo_slot *memos_stored(struct memos *set, uint64_t now_ms, uint64_t job,
			       int error, const char *reason)
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
	else if (error != 0)
		note_failed(set, now_ms, slot);
	if (error == 0 && slot->is_probe)
		retry_all(set);
	slot->is_probe = false;
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
