/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Status monitors of other systems, as they were read: nfs-utils, FreeBSD and
 * illumos.  None has a core of ours, and none asks anybody before it believes.
 */
#include "tests/sim/foreign.h"

#include <assert.h>
#include <string.h>

#include "lib/portmap.h"
#include "lib/rpcmsg.h"
#include "lib/rpcsrv.h"
#include "proto/sm_inter.h"
#include "tests/sim/known.h"
#include "tests/sim/sim.h"

#define NFS_UTILS_FIRST	   3
#define NFS_UTILS_RETRY_MS (15 * 60 * 1000)
#define ARRIVALS_ENOUGH	   4 /* some come while a name is looked up */

static void run_start(struct sim *s, struct event *e);

void foreign_prepare(struct host *h, enum foreign_kind kind)
{
	struct prng *rng = &h->sim->rng;
	struct foreign *f = &h->foreign;

	*f = (struct foreign){.kind = kind};
	f->has_reverse = prng_below(rng, 2) == 0;
	f->uses_tcp = kind == FOREIGN_ILLUMOS && prng_below(rng, 2) == 0;
	f->is_new = kind == FOREIGN_FREEBSD && prng_below(rng, 2) == 0;
	f->retry_ms = prng_below(rng, 4) == 0 ? 60000 : NFS_UTILS_RETRY_MS;
	/* Each host has a hundred numbers of its own (heard.c). */
	f->number = SIM_NUMBERS_EACH * h->index;
	if (f->is_new)
		f->number = 0;
	/* What others call it is its nodename. */
	if (kind == FOREIGN_ILLUMOS && prng_below(rng, 2) == 0)
		h->my_name[strcspn(h->my_name, ".")] = '\0';
}

void foreign_prepare_some(struct sim *s)
{
	unsigned int i;

	for (i = 1; i < s->host_count; i++)
		if (prng_below(&s->rng, 3) == 0)
			foreign_prepare(&s->hosts[i],
					(enum foreign_kind)prng_below(&s->rng,
								      4));
}

/* --- its life ---------------------------------------------------------- */

/* Moves all that it remembers to those who are to be told. */
static bool retire(struct host *h)
{
	struct foreign *f = &h->foreign;
	bool has_debt = false;
	size_t i;

	for (i = 0; i < SIM_HOSTS_MAX; i++) {
		struct foreign_watch *w = &f->watches[i];

		w->is_debt = w->is_debt || w->is_on_disk;
		w->is_on_disk = false;
		has_debt |= w->is_debt;
	}
	return has_debt;
}

/*
 * sm-notify of nfs-utils, once per boot and after statd: whoever was monitored
 * in between is told as well, and forgotten (contract.md D-3).  With nobody to
 * tell the number stays as it is.
 */
static void run_sm_notify(struct sim *s, struct event *e)
{
	struct host *h = e->host;
	struct foreign *f = &h->foreign;

	if (!h->is_up || e->life != h->boot)
		return;
	f->has_notified = true;
	if (!retire(h))
		return;
	f->number += 2;
	trace(s, h, "foreign: number %u", f->number);
	tidings_begin(h);
}

static void start_nfs_utils(struct host *h)
{
	struct foreign *f = &h->foreign;
	size_t i;

	if (f->number == 0)
		f->number = NFS_UTILS_FIRST;
	f->number |= 1;
	f->said = f->number;
	for (i = 0; i < SIM_HOSTS_MAX; i++) {
		f->watches[i].is_monitored = f->watches[i].is_on_disk;
		f->watches[i].heard = 0;
	}
	if (!f->has_notified)
		sim_after(h->sim, sim_between(h->sim, 0, 2000), run_sm_notify,
			  h)
			->life = h->boot;
}

/* FreeBSD and illumos: each start is a reboot for all others. */
static void start_other(struct host *h)
{
	struct foreign *f = &h->foreign;

	if (f->kind == FOREIGN_FREEBSD)
		f->number = f->is_new ? 0 : ((f->number + 2) & ~1u) + 1;
	else
		f->number += f->number % 2 == 0 ? 1 : 2;
	f->is_new = false;
	f->said = f->number;
	trace(h->sim, h, "foreign: number %u", f->number);
	retire(h);
	tidings_begin(h);
}

static void run_start(struct sim *s, struct event *e)
{
	struct host *h = e->host;
	struct foreign *f = &h->foreign;

	if (!h->is_up || f->is_running || e->life != f->life)
		return;
	f->is_running = true;
	if (!h->has_fixed_port || h->statd.port == 0)
		h->statd.port = (uint16_t)sim_between(s, STATD_PORT_LOW,
						      STATD_PORT_HIGH);
	trace(s, h, "foreign: statd starts");
	if (f->kind == FOREIGN_NFS_UTILS)
		start_nfs_utils(h);
	else
		start_other(h);
}

static void stop(struct host *h)
{
	size_t i;

	h->foreign.is_running = false;
	h->foreign.life++;
	for (i = 0; i < SIM_HOSTS_MAX; i++) {
		h->foreign.watches[i].is_monitored = false;
		h->foreign.watches[i].is_hearing = false;
	}
}

/* Whoever tells is gone: nobody takes an answer to what it said. */
static void stop_telling(struct host *h)
{
	size_t i;

	h->foreign.tell_life++;
	for (i = 0; i < SIM_HOSTS_MAX; i++)
		h->foreign.watches[i].tidings.is_open = false;
}

void foreign_power_on(struct host *h)
{
	h->foreign.has_notified = false;
	sim_after(h->sim, sim_between(h->sim, 10, 2000), run_start, h)->life =
		h->foreign.life;
}

void foreign_power_fail(struct host *h)
{
	size_t i;

	stop(h);
	stop_telling(h);
	for (i = 0; i < SIM_HOSTS_MAX; i++)
		h->foreign.watches[i].is_fresh = false;
}

void foreign_restart(struct host *h)
{
	struct sim *s = h->sim;
	unsigned int i;

	if (!h->foreign.is_running)
		return;
	trace(s, h, "foreign: statd is restarted");
	/* It will say that it rebooted, and its peers must hear that. */
	if (h->foreign.kind != FOREIGN_NFS_UTILS)
		for (i = 0; i < s->host_count; i++)
			heard_expect(h, &s->hosts[i]);
	stop(h);
	if (h->foreign.kind != FOREIGN_NFS_UTILS)
		stop_telling(h);
	/*
	 * One that takes less than DOUBT_PROMPT_MS is no reboot for us: a
	 * notice of it is taken for a late copy, and its lock manager has lost
	 * nothing.
	 */
	sim_after(s, sim_between(s, 2500, 5000), run_start, h)->life =
		h->foreign.life;
}

/* Whom it forgets is not told, and what it says later is lower than before. */
void foreign_lose_file(struct host *h)
{
	struct sim *s = h->sim;
	unsigned int i;
	size_t j;

	/*
	 * Once only: a number that was announced before is a duplicate, for
	 * statd and for lockd, and nothing can tell that it is not.
	 */
	if (!h->foreign.is_running || h->foreign.kind == FOREIGN_NFS_UTILS ||
	    h->foreign.number < SIM_NUMBERS_EACH)
		return;
	trace(s, h, "foreign: its file is lost");
	stop(h);
	stop_telling(h);
	h->foreign.is_new = true;
	h->foreign.number = 0;
	h->announced_count = 0;
	memset(h->foreign.watches, 0, sizeof(h->foreign.watches));
	for (i = 0; i < s->host_count; i++) {
		struct lockd *l = &s->hosts[i].lockd;

		for (j = 0; j < l->pair_count; j++)
			if (l->pairs[j].peer == h)
				l->pairs[j].is_callback_due = false;
	}
	sim_after(s, sim_between(s, 2500, 5000), run_start, h)->life =
		h->foreign.life;
}

/*
 * @peer must hear that the locks of @h are lost.  But not where its lock
 * manager asked for @h a moment ago, and its statd does not know yet which
 * number @h had: no host reboots in DOUBT_PROMPT_MS, so what it announces is
 * taken for a late copy.
 */
static void expect_simulated(struct host *h, struct host *peer)
{
	bool was_due[SIM_PAIRS_MAX];
	size_t i;

	for (i = 0; i < peer->lockd.pair_count; i++)
		was_due[i] = peer->lockd.pairs[i].is_callback_due;
	heard_expect(h, peer);
	for (i = 0; i < peer->lockd.pair_count; i++) {
		struct pair *pair = &peer->lockd.pairs[i];

		if (pair->peer == h && !was_due[i] &&
		    peer->statd.core != NULL &&
		    known_may_be_late(peer->statd.core, pair->mon_name,
				      pair->my_name, host_clock(peer)))
			pair->is_callback_due = false;
	}
}

void foreign_simulate_crash(struct host *h)
{
	struct foreign *f = &h->foreign;
	size_t i;

	if (!f->is_running || f->kind != FOREIGN_FREEBSD)
		return;
	trace(h->sim, h, "foreign: SM_SIMU_CRASH");
	for (i = 0; i < h->sim->host_count; i++)
		expect_simulated(h, &h->sim->hosts[i]);
	f->number += 2;
	f->said = f->number;
	/* It keeps on monitoring them. */
	for (i = 0; i < SIM_HOSTS_MAX; i++)
		f->watches[i].is_debt |= f->watches[i].is_on_disk;
	tidings_begin(h);
}

/* --- its lock manager -------------------------------------------------- */

/* FreeBSD registers by the name in the lock request, which must resolve. */
static bool name_watch(struct host *h, const struct host *peer,
		       struct foreign_watch *w)
{
	struct addr addrs[NAMES_ADDRS_MAX];
	char text[ADDR_TEXT_SIZE];

	addr_format(nat_addr(peer, h), text);
	strcpy(w->name, peer->my_name);
	strcpy(w->file, text);
	switch (h->foreign.kind) {
	case FOREIGN_NFS_UTILS:
		strcpy(w->name, text);
		if (h->foreign.has_reverse)
			strcpy(w->file, peer->node);
		return true;
	case FOREIGN_FREEBSD:
		strcpy(w->file, w->name);
		return names_look_up(h, w->name, addrs) > 0;
	case FOREIGN_ILLUMOS:
	case FOREIGN_NONE:
		break;
	}
	return true;
}

void foreign_lock(struct host *h, struct host *peer)
{
	struct foreign_watch *w = &h->foreign.watches[peer->index];

	if (!h->is_up || !h->foreign.is_running || peer == h)
		return;
	w->is_fresh = w->is_debt;
	w->boot = h->boot;
	if (w->is_monitored || !name_watch(h, peer, w))
		return;
	trace(h->sim, h, "foreign: monitors %s, told at %s", w->name, w->file);
	w->is_monitored = true;
	w->is_on_disk = true;
	w->is_hearing = false;
	w->heard = 0;
}

/*
 * COMPAT: nfs-utils takes the first record that matches by name service, which
 * need not be the one that was meant (contract.md M-7).
 */
void foreign_unlock(struct host *h)
{
	struct foreign *f = &h->foreign;
	size_t wanted = prng_below(&h->sim->rng, h->sim->host_count);
	size_t i;

	/* Its lock manager knows nothing of the boot before. */
	if (!f->watches[wanted].is_monitored ||
	    f->watches[wanted].boot != h->boot)
		return;
	for (i = 0; f->kind == FOREIGN_NFS_UTILS && i < wanted; i++)
		if (f->watches[i].is_monitored &&
		    names_are_one(h, f->watches[i].name,
				  f->watches[wanted].name))
			wanted = i;
	trace(h->sim, h, "foreign: forgets %s", f->watches[wanted].name);
	f->watches[wanted].is_monitored = false;
	f->watches[wanted].is_on_disk = false;
	f->watches[wanted].is_hearing = false;
}

/* --- what comes in ----------------------------------------------------- */

uint32_t foreign_port(const struct host *h)
{
	return h->foreign.is_running ? h->statd.port : 0;
}

static bool is_about(struct host *h, const struct foreign_watch *w,
		     const struct addr *from, const struct notice_mark *notice)
{
	char text[ADDR_TEXT_SIZE];

	if (h->foreign.kind == FOREIGN_NFS_UTILS) {
		/* Any other number, by name or by address. */
		addr_format(from, text);
		return notice->number != w->heard &&
		       (names_are_one(h, notice->name, w->name) ||
			names_are_one(h, text, w->name));
	}
	return names_are_one(h, notice->name, w->name);
}

static void hear(struct host *h, const struct packet *p,
		 const struct notice_mark *notice)
{
	size_t i;

	trace(h->sim, h, "foreign <- notice \"%s\" %u", notice->name,
	      notice->number);
	for (i = 0; i < h->sim->host_count; i++) {
		struct foreign_watch *w = &h->foreign.watches[i];

		if (!w->is_monitored || !is_about(h, w, &p->from, notice))
			continue;
		trace(h->sim, h, "foreign: \"%s\" has rebooted", w->name);
		w->heard = notice->number;
		w->heard_of = p->sender;
		w->is_hearing = false;
	}
}

/* Adds the answer to a call of its statd; nothing where it has none. */
static void serve(struct host *h, const struct packet *p,
		  const struct notice_mark *notice, struct buf *reply)
{
	struct sm_stat_res res = {.res_stat = SM_STAT_SUCC,
				  .state = (int)h->foreign.said};
	struct rpcmsg_call call;

	if (rpcmsg_parse_call(p->bytes, p->len, &call) != RPCMSG_CALL_OK ||
	    call.prog != SM_PROGRAM)
		return;
	rpcmsg_add_reply(reply, call.xid, RPCMSG_SUCCESS, 0);
	if (call.proc == SM_PROC_STAT) {
		trace(h->sim, h, "foreign <- SM_STAT: %u", h->foreign.said);
		rpcsrv_add_xdr(reply, (rpcsrv_xdr *)xdr_sm_stat_res, &res);
	} else if (notice->is_notice) {
		hear(h, p, notice);
	}
}

void foreign_input(struct host *h, const struct packet *p)
{
	struct notice_mark notice = {0};
	struct buf reply;

	if (p->to.port != h->statd.port) {
		tidings_answer(h, p);
		return;
	}
	if (!h->foreign.is_running)
		return;
	net_read_notice(p->bytes, p->len, &notice);
	buf_init(&reply, RPCMSG_SIZE_MAX);
	serve(h, p, &notice, &reply);
	if (reply.len > 0)
		net_send(h, h->statd.port, &p->from, reply.bytes, reply.len,
			 &notice);
	buf_fini(&reply);
}

void foreign_stream(struct host *h, const struct statd_call *call,
		    const struct packet *p)
{
	struct buf reply;

	if (!h->foreign.is_running || p->to.port != h->statd.port)
		return;
	buf_init(&reply, RPCMSG_SIZE_MAX);
	serve(h, p, &call->notice, &reply);
	if (reply.len > 0)
		stream_answer(h, call, reply.bytes, reply.len);
	buf_fini(&reply);
}

/* --- the rules --------------------------------------------------------- */

bool foreign_owes(const struct host *h, const struct host *peer,
		  const char *name)
{
	const struct foreign_watch *w = &h->foreign.watches[peer->index];
	const char *saying;
	unsigned int at;

	if (!w->is_debt && !w->is_on_disk)
		return false;
	for (at = 0; name != NULL; at++) {
		saying = tidings_saying(h, at);
		if (saying == NULL)
			return false;
		if (strcmp(saying, name) == 0)
			return true;
	}
	return true;
}

void foreign_note_arrival(struct host *h, const struct host *peer)
{
	h->foreign.watches[peer->index].tidings.arrivals++;
}

bool foreign_is_excused(const struct host *h, const struct host *peer)
{
	const struct foreign_watch *w = &h->foreign.watches[peer->index];
	struct addr addr;

	if (w->tidings.has_given_up &&
	    (h->foreign.retry_ms < NFS_UTILS_RETRY_MS ||
	     w->tidings.arrivals < ARRIVALS_ENOUGH))
		return true;
	return h->foreign.kind != FOREIGN_NONE && !addr_parse(w->file, &addr) &&
	       !names_are_right(peer);
}

void foreign_count_late(struct host *h, const struct pair *pair)
{
	struct host *peer = pair->peer;

	if (peer->foreign.kind == FOREIGN_NFS_UTILS &&
	    peer->foreign.watches[h->index].is_fresh)
		h->sim->late_of_others++;
}

void foreign_expect(struct host *crashed)
{
	struct sim *s = crashed->sim;
	size_t i;

	for (i = 0; i < s->host_count; i++) {
		struct foreign_watch *w =
			&s->hosts[i].foreign.watches[crashed->index];

		w->is_hearing = w->is_monitored;
	}
}

/* Whether @teller has told @h under its own name, and was acknowledged. */
static bool was_told(const struct host *h, const struct host *teller)
{
	size_t i;

	for (i = 0; i < teller->lockd.pair_count; i++) {
		const struct pair *pair = &teller->lockd.pairs[i];

		if (pair->peer == h && !pair->is_debt && pair->was_told[0] &&
		    strcmp(pair->my_name, teller->my_name) == 0)
			return true;
	}
	return false;
}

/*
 * COMPAT: nfs-utils takes a name for each address that it leads to, and a
 * number for a copy whoever said it.  So a host whose name leads to @teller has
 * set its record of @teller to that host's number, and what @teller announces,
 * if it is that very number, changes nothing there.  No answer tells us which
 * numbers these are.
 */
static bool is_foretold(const struct host *h, const struct host *teller)
{
	const struct foreign_watch *w = &h->foreign.watches[teller->index];

	return h->foreign.kind == FOREIGN_NFS_UTILS &&
	       w->heard == teller->number && w->heard_of != NULL &&
	       w->heard_of != teller && names_have_led_to(w->heard_of, teller);
}

/*
 * Whom we told has found the record that it has of us, by what we announce or
 * by where it comes from.  Not: by the address of a translator, nor by a name
 * alone, which takes a name service that always answers, and is right.
 */
void foreign_check_end(struct host *h)
{
	struct sim *s = h->sim;
	size_t i;

	for (i = 0; i < s->host_count; i++) {
		const struct host *teller = &s->hosts[i];

		if (!h->foreign.watches[i].is_hearing ||
		    teller->foreign.kind != FOREIGN_NONE ||
		    !was_told(h, teller) || nat_is_between(h, teller) ||
		    !names_are_right(teller) || check_is_by_name_only(teller) ||
		    is_foretold(h, teller))
			continue;
		check_violate(h, "told_peer_finds_its_record",
			      "that of host%zu", i);
	}
}
