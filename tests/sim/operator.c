/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Other runs of sm-notify than the plain one, as sm-notify/prepare.c has them:
 * -n, which leaves the turn to whoever comes next and does not look at what is
 * parked; -v, which announces another name; and that two on one directory
 * exclude each other.  -P is in errand.c.
 *
 * -v takes a name or an address of this very host here: who announces anything
 * else is told apart by nobody.
 */
#include "tests/sim/sim.h"

#include <string.h>

#include "lib/hostname.h"

#define EARLY_MS 4000 /* before the turn, or shortly after it */

bool operator_is_form(const char *full, int which, const char *name)
{
	size_t len = which == 0 ? strlen(full) : hostname_short_len(full);

	return len > 0 && strlen(name) == len && strncmp(name, full, len) == 0;
}

/* -v, or none.  A record by a name that is not resolved knows no other. */
static void choose_name(struct host *h)
{
	char text[ADDR_TEXT_SIZE];
	size_t i;
	unsigned int j;

	h->op.name[0] = '\0';
	if (check_is_by_name_only(h) || !sim_mishap(h->sim, 60))
		return;
	strcpy(h->op.name, prng_below(&h->sim->rng, 2) == 0
				   ? h->node
				   : addr_format(&h->addr, text));
	h->op.has_renamed = true;
	for (j = 0; j < h->sim->host_count; j++)
		for (i = 0; i < h->sim->hosts[j].lockd.pair_count; i++) {
			struct pair *pair = &h->sim->hosts[j].lockd.pairs[i];

			if (pair->peer == h && pair->is_unresolved)
				pair->is_callback_due = false;
		}
}

/* --- the runs ------------------------------------------------------------- */

void operator_copy(struct host *h)
{
	uint32_t number;

	if (!h->is_up)
		return;
	if (h->notifier.is_bound) {
		trace(h->sim, h, "notify -n: already notifying");
		return;
	}
	trace(h->sim, h, "notify -n");
	/* The locks with those who are monitored are to be given up. */
	laterule_give_up(h);
	if (!turn_copy(h, &number))
		return;
	h->op.kind = OPERATOR_COPY;
	h->op.number = number;
	choose_name(h);
	notifier_bind(h);
}

static void early_copy(struct sim *s, struct event *e)
{
	(void)s;
	if (e->life == e->host->boot)
		operator_copy(e->host);
}

bool operator_is_outdone(struct host *h)
{
	if (h->op.kind != OPERATOR_COPY || h->op.turns_seen == h->op.turns)
		return false;
	trace(h->sim, h, "notify -n: another program turned this boot");
	return true;
}

void operator_rename(struct host *h)
{
	if (h->notifier.is_bound || !h->is_up || !h->is_turned)
		return;
	choose_name(h);
	if (prng_below(&h->sim->rng, 4) == 0)
		exits_force(h);
	else
		notifier_start(h);
}

void operator_boot(struct host *h)
{
	struct sim *s = h->sim;

	cluster_boot(h);
	errand_boot(h);
	h->op.name[0] = '\0';
	h->op.has_renamed = false;
	h->op.has_copied = false;
	if (s->scenario->has_operators && sim_mishap(s, 50))
		sim_after(s, sim_between(s, 0, EARLY_MS), early_copy, h)->life =
			h->boot;
}
