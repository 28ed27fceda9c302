/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * This looks into the rooms of statd's core, as caps.c does.
 */
#include "tests/sim/known.h"

#include <string.h>

#include "statd/core.h"
#include "statd/memo.h"
#include "statd/recall.h"
#include "tests/sim/lockd.h"

static void show(const struct peer *peer, known_visit *visit, void *ctx)
{
	struct known known = {.mon_name = peer->rec.mon_name,
			      .number = peer->memo.number};

	buf_init(&known.content, MEMO_SIZE_MAX);
	recall_format(peer, &known.content);
	if (known.content.len > 0)
		visit(ctx, &known);
	buf_fini(&known.content);
}

void known_each(const struct nsm *n, known_visit *visit, void *ctx)
{
	const struct link *pos;

	list_for_each (pos, &n->peers.all)
		show(container_of(pos, struct peer, in_all), visit, ctx);
}

static const struct peer *find(const struct nsm *n, const char *mon_name,
			       const char *my_name)
{
	const struct link *pos;

	list_for_each (pos, &n->peers.all) {
		const struct peer *peer =
			container_of(pos, struct peer, in_all);

		if (strcmp(peer->rec.mon_name, mon_name) == 0 &&
		    strcmp(peer->rec.my_name, my_name) == 0)
			return peer;
	}
	return NULL;
}

static void add_number(uint32_t number, uint32_t above, uint32_t newest,
		       struct known_doubts *out)
{
	if (number > above && number <= newest)
		out->has_wanted = true;
	else
		out->has_other = true;
}

static void add_doubts(const struct peer *peer, uint32_t above, uint32_t newest,
		       struct known_doubts *out)
{
	const struct link *pos;
	size_t i;

	for (i = 0; i < DOUBTS_MAX; i++)
		if (peer->doubts[i].name != NULL)
			add_number(peer->doubts[i].newest, above, newest, out);
	list_for_each (pos, &peer->events)
		add_number(container_of(pos, struct event, in_peer)->number,
			   above, newest, out);
}

struct known_doubts known_doubts(const struct nsm *n, const char *mon_name,
				 const char *my_name, uint32_t above,
				 uint32_t newest)
{
	const struct peer *peer = find(n, mon_name, my_name);
	struct known_doubts doubts = {0};

	if (peer != NULL)
		add_doubts(peer, above, newest, &doubts);
	return doubts;
}

bool known_may_be_late(const struct nsm *n, const char *mon_name,
		       const char *my_name, uint64_t now_ms)
{
	const struct peer *peer = find(n, mon_name, my_name);

	return peer != NULL && peer->has_mon_ms && !peer->baseline.is_known &&
	       now_ms - peer->mon_ms <= DOUBT_PROMPT_MS &&
	       !peer_is_server_of_mount(&n->peers, peer);
}

bool known_is_ambiguous(const struct nsm *n, const struct pair *pair,
			const struct addr *from, uint32_t number)
{
	const struct peer *peer = find(n, pair->mon_name, pair->my_name);

	return peer != NULL && peer_has_addr(peer, from) && peer->has_mon_ms &&
	       !peer->was_called_back && peer->baseline.is_known &&
	       peer->baseline.number == number && !peer->baseline.is_prompt &&
	       !numbers_has_before(&n->doubts.numbers, peer->mon_ms, from,
				   number);
}
