/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A record is found again by its whole line.  With another cookie lockd has
 * begun anew, and what was pending for the old one means nothing.
 */
#include "statd/recall.h"

#include <string.h>

#include "statd/callback.h"
#include "statd/memo.h"

_Static_assert(PEERS_DELIVERED_MAX <= MEMO_ITEMS_MAX, "all are kept");

/* Everything in *out borrows from @peer. */
static void describe(const struct peer *peer, struct memo *out)
{
	const struct link *pos;
	size_t i;

	*out = (struct memo){.rec = peer->rec,
			     .has_baseline = peer->baseline.is_known,
			     .baseline = peer->baseline.number,
			     .baseline_of = peer->baseline.from};
	for (i = 0; i < peer->delivered_count; i++)
		out->delivered[out->delivered_count++] =
			(struct memo_item){peer->delivered[i].name,
					   peer->delivered[i].number};
	list_for_each (pos, &peer->events) {
		const struct event *event =
			container_of(pos, struct event, in_peer);

		if (out->event_count < MEMO_ITEMS_MAX)
			out->events[out->event_count++] =
				(struct memo_item){event->name, event->number};
	}
}

void recall_format(const struct peer *peer, struct buf *out)
{
	struct memo memo;

	describe(peer, &memo);
	if (!memo.has_baseline && memo.delivered_count == 0 &&
	    memo.event_count == 0)
		return;
	if (!memo_format(&memo, out))
		out->is_overflowed = true;
}

static struct peer *find_peer(const struct peers *peers,
			      const struct record *rec)
{
	struct peer *peer = NULL;

	while ((peer = peers_next_by_name(peers, rec->mon_name, peer)) != NULL)
		if (record_is_same_key(&peer->rec, rec) &&
		    memcmp(peer->rec.priv, rec->priv, sizeof(rec->priv)) == 0 &&
		    peer->memo.number == 0)
			return peer;
	return NULL;
}

static void restore(struct notices *set, uint64_t now_ms, struct peer *peer,
		    const struct memo *memo)
{
	size_t i;

	if (memo->has_baseline)
		doubts_recall(set->doubts, peer, memo->baseline,
			      &memo->baseline_of);
	for (i = 0; i < memo->delivered_count; i++)
		peer_set_delivered(peer, memo->delivered[i].name,
				   memo->delivered[i].number);
	for (i = 0; i < memo->event_count; i++)
		(void)callbacks_add(set->cb, now_ms, peer, memo->events[i].name,
				    memo->events[i].number);
	peer->was_called_back = memo->delivered_count + memo->event_count > 0;
}

bool recall_load(struct notices *set, uint64_t now_ms, uint64_t number,
		 const uint8_t *bytes, size_t len)
{
	struct memo memo;
	struct peer *peer;

	if (!memo_parse(bytes, len, &memo))
		return false;
	peer = find_peer(set->peers, &memo.rec);
	if (peer != NULL) {
		memos_adopt(set->memos, &peer->memo, number);
		restore(set, now_ms, peer, &memo);
	}
	memo_fini(&memo);
	return peer != NULL;
}
