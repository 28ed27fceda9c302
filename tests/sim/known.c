/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * This looks into the rooms of statd's core, as caps.c does.
 */
#include "tests/sim/known.h"

#include "statd/core.h"
#include "statd/memo.h"
#include "statd/recall.h"

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
