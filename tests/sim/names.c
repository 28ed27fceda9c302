/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a name service answers.  Names of hosts are in it, and nothing else:
 * not those that only a lock manager knows ("unknown0", "alias.sim.example").
 */
#include "tests/sim/names.h"

#include <string.h>

#include "lib/hostname.h"
#include "tests/sim/sim.h"

#define DEAD_MS_MAX 120000

static struct addr address_of_nobody(unsigned int index)
{
	return (struct addr){.family = ADDR_V4,
			     .bytes = {10, 0, 9, (uint8_t)(index + 1)}};
}

/* Whose address is given for that of the host @index. */
static struct addr choose_instead(struct sim *s, unsigned int index)
{
	uint64_t step = sim_between(s, 1, s->host_count - 1);

	if (prng_below(&s->rng, 3) == 0)
		return address_of_nobody(index);
	return s->hosts[(index + step) % s->host_count].addr;
}

/* Another host has the same name up to the first dot, in another domain. */
static void share_label(struct sim *s)
{
	struct host *a = &s->hosts[0];
	struct host *b = &s->hosts[1];
	bool is_nodename = strcmp(b->my_name, b->node) == 0;

	strcpy(a->node, "host0.sim.example");
	strcpy(b->node, "host0.other.example");
	strcpy(a->my_name, a->node);
	if (is_nodename)
		strcpy(b->my_name, b->node);
}

void names_add_address(struct host *h)
{
	h->other = h->addr;
	h->other.bytes[2] = 1;
	strcpy(h->my_name, h->node);
}

void names_prepare(struct sim *s)
{
	unsigned int i = 0;

	/* These two are right, and so they are believed. */
	if (prng_below(&s->rng, 2) == 0) {
		share_label(s);
		i = 2;
	}
	s->names.slow_percent = (unsigned int)sim_between(s, 20, 60);
	for (; i < s->host_count; i++) {
		struct name *name = &s->names.all[i];

		name->is_short_known = prng_below(&s->rng, 2) == 0;
		switch (prng_below(&s->rng, 4)) {
		case 0: /* wrong from the beginning */
			name->instead = choose_instead(s, i);
			break;
		case 1: /* of another mind in the middle */
			name->instead = choose_instead(s, i);
			name->instead_ms = sim_between(s, 1, s->chaos_ms);
			break;
		case 2:
			name->has_other = true;
			names_add_address(&s->hosts[i]);
			break;
		default:
			break;
		}
	}
}

void names_die(struct host *asker)
{
	struct sim *s = asker->sim;

	trace(s, asker, "no name service for a while");
	s->names.dead_until_ms[asker->index] =
		s->now_ms + sim_between(s, 1000, DEAD_MS_MAX);
}

uint64_t names_wait_ms(struct sim *s)
{
	uint64_t wait_ms =
		sim_between(s, 1,
			    sim_mishap(s, s->names.slow_percent) ? 10000 : 100);

	/* It waits in line behind many that do not resolve. */
	if (sim_mishap(s, s->names.slow_percent))
		wait_ms += sim_between(s, 0, 300000);
	return wait_ms;
}

static bool is_name_of(const struct sim *s, const struct host *h,
		       const char *name)
{
	if (hostname_is_equal(h->node, name))
		return true;
	return s->names.all[h->index].is_short_known &&
	       strlen(name) == hostname_short_len(h->node) &&
	       strncmp(h->node, name, strlen(name)) == 0;
}

static size_t answer(struct host *asker, struct host *h, struct addr *out)
{
	struct sim *s = h->sim;
	struct name *name = &s->names.all[h->index];
	size_t count = 0;

	if (name->instead.family != ADDR_NONE &&
	    s->now_ms >= name->instead_ms) {
		name->has_led_elsewhere = true;
		out[0] = name->instead;
		return 1;
	}
	out[count++] = *nat_addr(h, asker);
	if (!name->has_other || h->other.family == ADDR_NONE)
		return count;
	out[count] = h->other;
	if (prng_below(&s->rng, 2) == 0) {
		out[1] = out[0];
		out[0] = h->other;
	}
	return count + 1;
}

size_t names_look_up(struct host *asker, const char *name,
		     struct addr out[static NAMES_ADDRS_MAX])
{
	struct sim *s = asker->sim;
	unsigned int i;

	if (s->names.dead_until_ms[asker->index] > s->now_ms && !s->is_calm)
		return 0;
	for (i = 0; i < s->host_count; i++) /* a domain: the first one's */
		if (is_name_of(s, &s->hosts[i], name))
			return sim_mishap(s, 20)
				       ? 0
				       : answer(asker, &s->hosts[i], out);
	return 0;
}

static size_t find(struct host *asker, const char *name,
		   struct addr out[static NAMES_ADDRS_MAX])
{
	if (addr_parse(name, &out[0]))
		return 1;
	return names_look_up(asker, name, out);
}

bool names_are_one(struct host *asker, const char *a, const char *b)
{
	struct addr of_a[NAMES_ADDRS_MAX], of_b[NAMES_ADDRS_MAX];
	size_t a_count, b_count, i, j;

	if (hostname_is_equal(a, b))
		return true;
	a_count = find(asker, a, of_a);
	b_count = find(asker, b, of_b);
	for (i = 0; i < a_count; i++)
		for (j = 0; j < b_count; j++)
			if (addr_is_same_host(&of_a[i], &of_b[j]))
				return true;
	return false;
}

/* The name of @pair leads, or led, to the address of another. */
bool names_may_mislead(const struct pair *pair)
{
	return pair->mon_name[0] == 'h' && !names_are_right(pair->peer);
}

void names_note_answer(const struct host *h, struct pair *pair,
		       const struct packet *p)
{
	const struct name *name = &h->sim->names.all[pair->peer->index];
	int which;

	if (!names_may_mislead(pair) ||
	    !addr_is_same_host(&name->instead, &p->from))
		return;
	for (which = 0; which < SIM_NAMES; which++)
		pair->is_told_elsewhere |=
			operator_is_form(pair->my_name, which, p->acks.name) ||
			operator_is_form(h->op.name, which, p->acks.name);
}

bool names_have_led_to(const struct host *h, const struct host *other)
{
	const struct name *name = &h->sim->names.all[h->index];

	return name->has_led_elsewhere &&
	       addr_is_same_host(&name->instead, &other->addr);
}

bool names_are_right(const struct host *h)
{
	return !h->sim->names.all[h->index].has_led_elsewhere;
}

bool names_may_lead_to(const struct pair *pair, const struct addr *addr)
{
	return addr_is_same_host(cluster_addr(pair), addr) ||
	       (pair->mon_name[0] == 'h' &&
		addr_is_same_host(&pair->peer->other, addr));
}
