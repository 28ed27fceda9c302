/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * At most NAMES_OPEN_MAX questions are out; the rest wait in line.  Whether a
 * name resolves decides nothing about its record: the record is on disk before
 * anybody asks.
 */
#include "statd/names.h"

#include <string.h>

#include "lib/hostname.h"

void names_init(struct names *names, struct effects *out, struct peers *peers)
{
	*names = (struct names){.out = out, .peers = peers, .next_id = 1};
	list_init(&names->waiting);
	list_init(&names->open);
	timerq_init(&names->timers);
}

void names_fini(struct names *names)
{
	timerq_fini(&names->timers);
}

static void names_pump(struct names *names)
{
	struct link *link;

	while (names->open_count < NAMES_OPEN_MAX &&
	       (link = list_take_first(&names->waiting)) != NULL) {
		struct peer *peer = container_of(link, struct peer, in_lookup);

		list_append(&names->open, link);
		names->open_count++;
		peer->lookup_id = names->next_id++;
		effects_resolve(names->out, peer->lookup_id,
				peer->rec.mon_name);
	}
}

static void warn_unresolved(struct names *names, const struct peer *peer)
{
	struct buf name;

	buf_init(&name, LOG_TEXT_MAX / 2);
	buf_add_escaped(&name, peer->rec.mon_name, strlen(peer->rec.mon_name));
	effects_log(names->out, LOG_WARN,
		    "peer \"%s\" is remembered, but its name does not "
		    "resolve: notices of its reboot cannot be recognised by "
		    "address until it does",
		    buf_text(&name));
	buf_fini(&name);
}

void names_add(struct names *names, struct peer *peer)
{
	if (peer->lookup == PEER_NUMERIC)
		return;
	/* A file may hold what no SM_MON gets in, nor a resolver takes. */
	if (hostname_check(peer->rec.mon_name, strlen(peer->rec.mon_name)) !=
	    HOSTNAME_OK) {
		peer->lookup = PEER_UNRESOLVED;
		warn_unresolved(names, peer);
		return;
	}
	names->first_count++;
	list_append(&names->waiting, &peer->in_lookup);
	names_pump(names);
}

/* Takes @peer off the list of open look-ups, if it is there. */
static void end_lookup(struct names *names, struct peer *peer)
{
	list_remove(&peer->in_lookup);
	if (peer->lookup_id == 0)
		return;
	peer->lookup_id = 0;
	names->open_count--;
}

/* Not one that can be no name: it was never looked up. */
static bool is_failed(const struct peer *peer)
{
	return peer->lookup == PEER_UNRESOLVED && peer->lookup_tries > 0;
}

void names_remove(struct names *names, struct peer *peer)
{
	if (peer->lookup == PEER_FIRST)
		names->first_count--;
	if (is_failed(peer))
		names->failed_count--;
	end_lookup(names, peer);
	timerq_cancel(&names->timers, &peer->relookup);
	names_pump(names);
}

static struct peer *find_open(const struct names *names, uint64_t id)
{
	struct link *pos;

	list_for_each (pos, &names->open) {
		struct peer *peer = container_of(pos, struct peer, in_lookup);

		if (peer->lookup_id == id)
			return peer;
	}
	return NULL;
}

static uint64_t relookup_wait_ms(unsigned int tries)
{
	uint64_t wait_ms = NAMES_WAIT_FIRST_MS;

	while (tries-- > 0 && wait_ms < NAMES_WAIT_MAX_MS)
		wait_ms *= 2;
	return wait_ms < NAMES_WAIT_MAX_MS ? wait_ms : NAMES_WAIT_MAX_MS;
}

struct peer *names_resolved(struct names *names, uint64_t now_ms, uint64_t id,
			    const struct addr *addrs, size_t count)
{
	struct peer *peer = find_open(names, id);

	if (peer == NULL)
		return NULL;
	end_lookup(names, peer);
	peer->looked_up_ms = now_ms;
	if (is_failed(peer))
		names->failed_count--;
	if (peer->lookup == PEER_FIRST) {
		names->first_count--;
		if (count == 0)
			warn_unresolved(names, peer);
	}
	if (count > 0) {
		peers_set_addrs(names->peers, peer, addrs, count);
		peer->lookup = PEER_RESOLVED;
		peer->lookup_tries = 0;
	} else {
		/* Addresses that were known stay: silence proves nothing. */
		if (peer->lookup == PEER_FIRST)
			peer->lookup = PEER_UNRESOLVED;
		timerq_set(&names->timers, &peer->relookup,
			   now_ms + relookup_wait_ms(peer->lookup_tries++));
	}
	if (is_failed(peer))
		names->failed_count++;
	names_pump(names);
	return peer;
}

/*
 * SAFETY: whoever writes their names has records looked up once a minute each,
 * and never many at a time, which would hold up the first look-up of others.
 */
void names_hasten(struct names *names, uint64_t now_ms, struct peer *peer)
{
	if (!timer_is_set(&peer->relookup) ||
	    names->open_count >= NAMES_HASTEN_MAX ||
	    now_ms - peer->looked_up_ms < NAMES_WAIT_FIRST_MS)
		return;
	timerq_cancel(&names->timers, &peer->relookup);
	list_append(&names->waiting, &peer->in_lookup);
	names_pump(names);
}

void names_timer(struct names *names, uint64_t now_ms)
{
	struct timer *timer;

	while ((timer = timerq_take(&names->timers, now_ms)) != NULL) {
		struct peer *peer = container_of(timer, struct peer, relookup);

		list_append(&names->waiting, &peer->in_lookup);
	}
	names_pump(names);
}

uint64_t names_deadline_ms(const struct names *names)
{
	return timerq_deadline_ms(&names->timers);
}

bool names_is_first_open(const struct names *names)
{
	return names->first_count > 0;
}

bool names_has_failed(const struct names *names)
{
	return names->failed_count > 0;
}
