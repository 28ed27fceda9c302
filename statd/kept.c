/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A short list.  Times are not in the files: after a restart a notice counts as
 * if it had just come.
 */
#include "statd/kept.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hostname.h"
#include "lib/statenum.h"
#include "lib/xalloc.h"
#include "statd/memo.h"

void kept_init(struct kept *set, struct memos *memos)
{
	*set = (struct kept){.memos = memos};
	list_init(&set->all);
}

void kept_fini(struct kept *set)
{
	struct link *pos, *after;

	list_for_each_safe (pos, after, &set->all)
		kept_drop(set, container_of(pos, struct kept_notice, in_all));
}

/*
 * Finds the place of @name from @from, or makes it.
 *
 * SAFETY: whoever forges the address of one peer, and many names, does not take
 * the room of the others.
 */
static struct kept_notice *get_place(struct kept *set, uint64_t now_ms,
				     const struct addr *from, const char *name)
{
	struct kept_notice *notice;
	size_t same = 0;
	struct link *pos;

	list_for_each (pos, &set->all) {
		notice = container_of(pos, struct kept_notice, in_all);
		if (!addr_is_same_host(&notice->from, from))
			continue;
		if (hostname_is_equal(notice->name, name))
			return notice;
		same++;
	}
	if (set->count == KEPT_MAX || same == KEPT_ADDRESS_MAX)
		return NULL;
	if (set->count++ == 0)
		set->next_ms = now_ms + KEPT_AGAIN_MS;
	notice = xzalloc(sizeof(*notice));
	notice->from = *from;
	notice->name = xstrdup(name);
	memo_slot_init(&notice->memo, MEMO_NOTICE);
	list_init(&notice->waiters);
	list_append(&set->all, &notice->in_all);
	return notice;
}

static void note_time(struct kept_notice *notice, uint64_t now_ms)
{
	notice->came_ms = now_ms;
	notice->until_ms = now_ms + KEPT_AFTERWARDS_MS;
}

/*
 * @number takes the place of what is kept.  It was believed, or is a duplicate,
 * but it may be a late copy of the reboot before: nobody can tell where the
 * peer does not answer.  Whoever has heard of that one already, and is found
 * later, has the newer one to hear of still.
 *
 * SAFETY: of two that are newer the last stays, as the other may be forged; but
 * not before one that is newer still and from a reserved port, as it may be one
 * of several replays.
 */
static void keep_newer(struct kept_notice *notice, uint32_t number)
{
	const struct kept_newer *newer = &notice->newer;

	if (newer->is_reserved_port &&
	    statenum_is_newer(newer->number, notice->number) &&
	    statenum_is_newer(newer->number, number))
		return;
	if (notice->number != 0 && statenum_is_newer(notice->number, number))
		notice->newer = (struct kept_newer){
			.number = notice->number,
			.is_reserved_port = notice->is_reserved_port,
			.came_ms = notice->came_ms,
		};
	else if (!statenum_is_newer(newer->number, number))
		notice->newer = (struct kept_newer){0};
}

/*
 * Makes @notice that of @call; false where it is already.  A copy from another
 * port does not take its right away, nor that of the newer number.
 */
static bool take(struct kept_notice *notice, const struct notice_call *call)
{
	bool is_reserved_port = call->is_reserved_port ||
				(call->number == notice->newer.number &&
				 notice->newer.is_reserved_port);

	if (notice->number == call->number &&
	    (notice->is_reserved_port || !call->is_reserved_port))
		return false;
	if (notice->number != call->number)
		keep_newer(notice, call->number);
	notice->number = call->number;
	notice->is_reserved_port = is_reserved_port;
	return true;
}

/*
 * SAFETY: any user of the peer can send what lockd heard before.  In the place
 * of what it is being told, who is found later would hear of that alone, and
 * not of the reboot.  So only the peer itself comes back to such a number, and
 * only to a newer one: a late copy of its own is older.
 */
static bool stays(const struct kept_notice *notice,
		  const struct notice_call *call, uint32_t under_way)
{
	return under_way != 0 && notice->number == under_way &&
	       !(call->is_reserved_port &&
		 statenum_is_newer(call->number, under_way));
}

struct kept_notice *kept_note(struct kept *set, uint64_t now_ms,
			      const struct notice_call *call,
			      uint32_t under_way)
{
	struct kept_notice *notice =
		get_place(set, now_ms, &call->from, call->name);
	bool is_changed = false;

	if (notice == NULL)
		return NULL;
	if (!stays(notice, call, under_way)) {
		is_changed = take(notice, call);
		note_time(notice, now_ms);
	}
	if (is_changed ||
	    (!kept_is_stored(notice) && !memo_slot_is_busy(&notice->memo)))
		notice->version = memos_touch(set->memos, &notice->memo);
	return notice;
}

bool kept_load(struct kept *set, uint64_t now_ms, uint64_t number,
	       const uint8_t *bytes, size_t len)
{
	struct memo_notice memo;
	struct kept_notice *notice;

	if (!memo_notice_parse(bytes, len, &memo))
		return false;
	notice = get_place(set, now_ms, &memo.from, memo.item.name);
	/* Where two are about one, the second is of no use. */
	if (notice != NULL && notice->number != 0)
		notice = NULL;
	if (notice != NULL) {
		notice->number = memo.item.number;
		notice->is_reserved_port = memo.is_reserved_port;
		notice->newer = (struct kept_newer){
			.number = memo.newer,
			.is_reserved_port = memo.is_newer_reserved_port,
			.came_ms = now_ms,
		};
		memos_adopt(set->memos, &notice->memo, number);
		note_time(notice, now_ms);
	}
	memo_notice_fini(&memo);
	return notice != NULL;
}

void kept_format(const struct kept_notice *notice, struct buf *out)
{
	const struct memo_notice memo = {
		.from = notice->from,
		.is_reserved_port = notice->is_reserved_port,
		.item = {.name = notice->name, .number = notice->number},
		.newer = notice->newer.number,
		.is_newer_reserved_port = notice->newer.is_reserved_port,
	};

	memo_notice_format(&memo, out);
}

bool kept_is_stored(const struct kept_notice *notice)
{
	return memo_slot_has(&notice->memo, notice->version);
}

struct notice_call kept_call(const struct kept_notice *notice)
{
	return (struct notice_call){
		.from = notice->from,
		.is_reserved_port = notice->is_reserved_port,
		.name = notice->name,
		.number = notice->number,
	};
}

struct notice_call kept_newer_call(const struct kept_notice *notice)
{
	struct notice_call call = kept_call(notice);

	assert(notice->newer.number != 0);
	call.number = notice->newer.number;
	call.is_reserved_port = notice->newer.is_reserved_port;
	return call;
}

void kept_drop(struct kept *set, struct kept_notice *notice)
{
	assert(list_is_empty(&notice->waiters));
	memos_drop(set->memos, &notice->memo);
	list_remove(&notice->in_all);
	set->count--;
	free(notice->name);
	free(notice);
}

bool kept_is_due(struct kept *set, uint64_t now_ms)
{
	if (set->count == 0 || now_ms < set->next_ms)
		return false;
	set->next_ms = now_ms + KEPT_AGAIN_MS;
	return true;
}

uint64_t kept_deadline_ms(const struct kept *set)
{
	return set->count > 0 ? set->next_ms : UINT64_MAX;
}
