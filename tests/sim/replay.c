/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was seen on the network once more, at any later time.  The same bytes
 * from the same address are what a network that doubles could have brought, so
 * they count as their sender's; from any other address they are forged.
 *
 * At the end of a run an attacker may be alone: no host has anything to say,
 * and whatever the lock manager hears of a peer is his doing.
 */
#include "tests/sim/attack.h"

#include <string.h>

#include "lib/buf.h"
#include "lib/portmap.h"
#include "lib/rpcmsg.h"
#include "statd/memo.h"
#include "tests/sim/known.h"
#include "tests/sim/sim.h"

#define ALONE_MS       240000 /* so long */
#define ALONE_PAUSE_MS 1000

/* --- what was seen ----------------------------------------------------- */

void attack_see(const struct packet *p, struct host *dest)
{
	struct attack *attack = &dest->sim->attack;
	bool is_answer = p->acks.is_notice;
	struct seen_ring *ring =
		is_answer ? &attack->answers : &attack->notices;
	struct seen *seen = &ring->all[ring->count % ATTACK_SEEN_MAX];
	struct notice_mark notice = p->acks;

	if (p->len > ATTACK_BYTES_MAX)
		return;
	if (!is_answer)
		net_read_notice(p->bytes, p->len, &notice);
	if (!notice.is_notice)
		return;
	*seen = (struct seen){.sender = p->sender,
			      .dest = dest,
			      .from = p->from,
			      .to = p->to,
			      .notice = notice,
			      .len = p->len};
	memcpy(seen->bytes, p->bytes, p->len);
	ring->count++;
}

static struct seen *choose(struct sim *s, struct seen_ring *ring)
{
	size_t count =
		ring->count < ATTACK_SEEN_MAX ? ring->count : ATTACK_SEEN_MAX;

	return count > 0 ? &ring->all[prng_below(&s->rng, count)] : NULL;
}

/* --- once more --------------------------------------------------------- */

static void replay_answer(struct sim *s)
{
	struct seen *seen = choose(s, &s->attack.answers);
	bool is_forged = prng_below(&s->rng, 2) == 0;
	struct addr from;
	struct packet *p;

	if (seen == NULL)
		return;
	from = seen->from;
	if (is_forged)
		from.bytes[3] = 66;
	p = net_deliver(seen->dest, &from, &seen->to, seen->bytes, seen->len);
	if (is_forged)
		return;
	p->sender = seen->sender;
	p->acks = seen->notice;
}

/* A source that proves nothing: of nobody, or of the peer's users. */
static struct addr weak_source(struct sim *s, const struct seen *seen)
{
	struct addr from = seen->from;

	switch (prng_below(&s->rng, 3)) {
	case 0:
		from.bytes[3] = 66;
		break;
	case 1:
		from = s->hosts[prng_below(&s->rng, s->host_count)].addr;
		from.port = (uint16_t)sim_between(s, 1024, HIGH_PORT_MAX);
		break;
	default:
		from.port = (uint16_t)sim_between(s, 1024, HIGH_PORT_MAX);
	}
	return from;
}

static void replay_notice(struct sim *s, enum attack_reach reach)
{
	struct seen *seen = choose(s, &s->attack.notices);
	struct addr from, to;
	struct packet *p;

	if (seen == NULL)
		return;
	to = seen->to;
	to.port = seen->dest->statd.port; /* maybe of another life */
	from = reach == ATTACK_WEAK ? weak_source(s, seen) : seen->from;
	trace(s, seen->dest,
	      "replayed notice \"%s\" %u from 10.0.%u.%u port %u",
	      seen->notice.name, seen->notice.number, from.bytes[2],
	      from.bytes[3], from.port);
	p = net_deliver(seen->dest, &from, &to, seen->bytes, seen->len);
	if (addr_is_equal(&from, &seen->from))
		p->sender = seen->sender;
}

void attack_replay(struct host *h)
{
	struct sim *s = h->sim;

	if (prng_below(&s->rng, 4) == 0)
		replay_answer(s);
	else
		replay_notice(s, prng_below(&s->rng, 2) == 0 ? ATTACK_WEAK
							     : ATTACK_STRONG);
}

/* --- alone ------------------------------------------------------------- */

/* Whether @peer owes nothing to @h any more. */
static bool is_told(const struct host *h, const struct host *peer)
{
	size_t i;

	for (i = 0; i < peer->lockd.pair_count; i++)
		if (peer->lockd.pairs[i].peer == h &&
		    peer->lockd.pairs[i].is_debt)
			return false;
	return true;
}

/*
 * A peer that says, when it is asked, what lockd knows already: it contradicts
 * whoever says something else in its name.  One that is monitored by name may
 * have been found a moment ago, with a notice that was kept for it.  A statd
 * that was restarted looks like a reboot where the number fits, rpc.statd(8).
 */
static bool is_quiet(const struct host *h, const struct pair *pair)
{
	const struct host *peer = pair->peer;

	return pair->state == PAIR_MONITORED && pair->calls == 0 &&
	       !pair->is_callback_due && pair->mon_name[0] != 'h' &&
	       pair->quiet.known_number == peer->number &&
	       pair->quiet.known_life == peer->statd.life &&
	       peer->stat_model == STAT_OWN && peer->statd.core != NULL &&
	       !check_is_by_name_only(peer) && is_told(h, peer);
}

/*
 * The baseline is asked for when lockd asks for the peer, or as soon as a
 * notice is believed; lockd knows seconds later, and the peer's statd may have
 * been restarted in between.  "One notice is believed then, if its number
 * fits", rpc.statd(8).
 */
static uint32_t fitting_number(const struct host *h, const struct pair *pair)
{
	return believed_is_before_restart(h, pair) ? pair->peer->number + 2 : 0;
}

/*
 * Lockd was called back, and statd killed before the disk took that: the file
 * has the baseline of before, from which the peer's number differs.  "One
 * notice is believed then as well", rpc.statd(8).
 */
static bool is_left_behind(const struct host *h, const struct pair *pair)
{
	uint32_t baseline;
	struct addr of;

	return pair->quiet.left != 0 &&
	       believed_baseline(h, pair, &baseline, &of) &&
	       baseline == pair->quiet.left && baseline != pair->peer->number;
}

static void note_left(struct host *h, const struct memo *known)
{
	uint32_t baseline;
	struct addr of;
	size_t i;

	for (i = 0; i < h->lockd.pair_count; i++) {
		struct pair *pair = &h->lockd.pairs[i];
		const struct record_wanted wanted = {.mon_name = pair->mon_name,
						     .my_name = pair->my_name,
						     .cookie = pair->promised};

		if (check_is_wanted(&wanted, &known->rec) &&
		    believed_baseline(h, pair, &baseline, &of) &&
		    (!known->has_baseline || known->baseline != baseline))
			pair->quiet.left = baseline;
	}
}

static void compare(void *ctx, const struct known *known)
{
	struct memo memo;

	if (!memo_parse(known->content.bytes, known->content.len, &memo))
		return;
	note_left(ctx, &memo);
	memo_fini(&memo);
}

void attack_statd_dies(struct host *h)
{
	known_each(h->statd.core, compare, h);
}

/* Notices in the peer's name that no host has sent, from a weak source. */
static void forge(struct sim *s)
{
	const struct seen *seen = choose(s, &s->attack.notices);
	struct addr from;

	if (seen == NULL)
		return;
	from = weak_source(s, seen);
	attack_send_notice(seen->dest, &from, seen->notice.name,
			   (uint32_t)sim_between(s, 1, FORGED_NUMBERS - 1) +
				   FORGED_AS_PEER);
}

static void strike(struct sim *s, struct event *e)
{
	if (e->id < s->now_ms)
		return;
	if (s->attack.reach == ATTACK_WEAK && prng_below(&s->rng, 3) == 0)
		forge(s);
	else
		replay_notice(s, s->attack.reach);
	sim_after(s, ALONE_PAUSE_MS, strike, NULL)->id = e->id;
}

static void begin_alone(struct sim *s, struct event *e)
{
	unsigned int i;
	size_t j;

	(void)e;
	trace(s, NULL, "the attacker is alone");
	s->attack.is_alone = true;
	for (i = 0; i < s->host_count; i++)
		for (j = 0; j < s->hosts[i].lockd.pair_count; j++) {
			struct host *h = &s->hosts[i];
			struct pair *pair = &h->lockd.pairs[j];

			pair->quiet.is_quiet = is_quiet(h, pair);
			pair->quiet.heard = 0;
			pair->quiet.fits = fitting_number(h, pair);
			pair->quiet.is_left = is_left_behind(h, pair);
		}
	sim_after(s, 0, strike, NULL)->id = s->now_ms + ALONE_MS;
}

void attack_alone(struct sim *s, uint64_t delay_ms)
{
	s->attack.reach =
		prng_below(&s->rng, 2) == 0 ? ATTACK_WEAK : ATTACK_STRONG;
	sim_after(s, delay_ms, begin_alone, NULL);
}

/* How many notices he has that differ, and could be about @pair. */
static unsigned int count_notices(const struct sim *s, const struct host *h,
				  const struct pair *pair)
{
	const struct seen_ring *ring = &s->attack.notices;
	unsigned int count = 0;
	size_t i, j;

	for (i = 0; i < ring->count && i < ATTACK_SEEN_MAX; i++) {
		const struct seen *a = &ring->all[i];

		if (a->sender != pair->peer || a->dest != h)
			continue;
		for (j = 0; j < i; j++) {
			const struct seen *b = &ring->all[j];

			if (b->sender == a->sender && b->dest == a->dest &&
			    b->notice.number == a->notice.number &&
			    strcmp(b->notice.name, a->notice.name) == 0)
				break;
		}
		count += i == j;
	}
	return count;
}

void attack_note(struct pair *pair, uint32_t number)
{
	pair->quiet.known_number = number;
	pair->quiet.known_life = pair->peer->statd.life;
}

/* Whether @number is the one callback for @pair that is excused. */
static bool take_excuse(struct pair *pair, uint32_t number)
{
	struct quiet *quiet = &pair->quiet;
	uint32_t said = pair->peer->number;

	if (number != quiet->fits &&
	    !(quiet->is_left && (number == said || number == said + 2)))
		return false;
	/* With it the peer is asked anew. */
	quiet->fits = 0;
	quiet->is_left = false;
	return true;
}

void attack_heard(struct host *h, struct pair *pair, uint32_t number)
{
	const struct attack *attack = &h->sim->attack;

	attack_note(pair, number);
	if (!attack->is_alone || !pair->quiet.is_quiet)
		return;
	pair->quiet.heard++;
	if (attack->reach == ATTACK_WEAK && take_excuse(pair, number))
		return;
	if (attack->reach == ATTACK_WEAK)
		check_violate(h, "replay_alone_is_not_believed", "\"%s\" %u",
			      pair->mon_name, number);
	else if (pair->quiet.heard > count_notices(h->sim, h, pair))
		check_violate(h, "replay_is_believed_once", "\"%s\" %u",
			      pair->mon_name, number);
}
