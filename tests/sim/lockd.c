/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A lock manager as its statd sees it (contract.md 1.2, 7.1): SM_MON over the
 * loopback with a cookie that was never used before, SM_UNMON when the last
 * lock is gone, and a callback that it answers when it likes.
 */
#include "tests/sim/sim.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/rpcmsg.h"
#include "lib/rpcsrv.h"
#include "lib/xalloc.h"
#include "proto/nlm_prot.h"
#include "proto/sm_inter.h"

static void try_again(struct sim *s, struct event *e);
static void monitor(struct host *h, struct pair *pair);

static void add_pair(struct host *h, struct host *peer, const char *mon_name,
		     const char *my_name)
{
	struct lockd *l = &h->lockd;
	struct pair *pair = &l->pairs[l->pair_count++];

	assert(l->pair_count <= SIM_PAIRS_MAX);
	pair->peer = peer;
	pair->addr = *nat_addr(peer, h);
	strcpy(pair->mon_name, mon_name);
	strcpy(pair->my_name, my_name);
}

static bool has_pair(const struct host *h, const char *mon_name)
{
	size_t i;

	for (i = 0; i < h->lockd.pair_count; i++)
		if (strcmp(h->lockd.pairs[i].mon_name, mon_name) == 0)
			return true;
	return false;
}

void lockd_init(struct host *h)
{
	struct sim *s = h->sim;
	char text[ADDR_TEXT_SIZE];
	unsigned int i;
	bool is_known;

	for (i = 0; i < s->host_count && h->foreign.kind == FOREIGN_NONE; i++) {
		struct host *peer = &s->hosts[i];

		if (peer == h)
			continue;
		if (peer->floating.family != ADDR_NONE &&
		    cluster_is_client(h)) {
			addr_format(&peer->floating, text);
			add_pair(h, peer, text, h->my_name);
			h->lockd.pairs[h->lockd.pair_count - 1].is_floating =
				true;
		}
		addr_format(nat_addr(peer, h), text);
		/* Several behind one address: one of them stands for all. */
		is_known = has_pair(h, text);
		if (!is_known)
			add_pair(h, peer, text, h->my_name);
		/* nsm_use_hostnames: rare, but there. */
		if (prng_below(&s->rng, 5) == 0 || is_known)
			add_pair(h, peer, peer->node, h->my_name);
		/* A second name of ours: two lines in one file. */
		if (prng_below(&s->rng, 5) == 0 && !is_known &&
		    !s->nat.is_inside[h->index])
			add_pair(h, peer, text, "alias.sim.example");
	}
}

static void register_lockd(struct sim *s, struct event *e)
{
	if (e->life != e->host->boot || !e->host->is_up)
		return;
	/* nfsd starts after statd; a lockd that asks in vain waits a minute. */
	if (e->host->parking.has_nfsd && e->host->statd.core == NULL) {
		sim_after(s, 100, register_lockd, e->host)->life = e->life;
		return;
	}
	e->host->lockd.is_started = true;
	e->host->lockd.is_registered = true;
	lockserver_start(e->host);
	lockrule_away(e->host);
}

void lockd_boot(struct host *h)
{
	struct sim *s = h->sim;

	h->lockd.port = (uint16_t)sim_between(s, 30000, 39999);
	sim_after(s, sim_between(s, 0, sim_mishap(s, 20) ? 60000 : 500),
		  register_lockd, h)
		->life = h->boot;
}

void lockd_power_fail(struct host *h)
{
	struct lockd *l = &h->lockd;
	size_t i;

	l->is_started = false;
	l->is_registered = false;
	memset(l->calls, 0, sizeof(l->calls));
	for (i = 0; i < l->pair_count; i++) {
		struct pair *pair = &l->pairs[i];

		pair->state = PAIR_IDLE;
		pair->calls = 0;
		pair->has_cookie = false;
		pair->is_unresolved = false;
	}
}

/* --- calls ------------------------------------------------------------- */

static struct lockd_call *call_new(struct host *h, struct pair *pair,
				   uint32_t proc)
{
	size_t i;

	for (i = 0; i < LOCKD_CALLS_MAX; i++) {
		struct lockd_call *call = &h->lockd.calls[i];

		if (call->is_open)
			continue;
		*call = (struct lockd_call){
			.is_open = true,
			.xid = prng_u32(&h->sim->rng),
			.proc = proc,
			.pair = pair,
		};
		memcpy(call->cookie, pair->cookie, sizeof(call->cookie));
		pair->calls++;
		return call;
	}
	abort();
}

static void set_string(sm_string *to, char *text)
{
	to->sm_string_val = text;
	to->sm_string_len = (unsigned int)strlen(text);
}

static void add_args(const struct lockd_call *call, struct buf *message)
{
	struct sm_mon mon = {0};
	struct sm_my_id *me = &mon.mon_id.my_id;

	set_string(&mon.mon_id.mon_name, call->pair->mon_name);
	set_string(&me->my_name, call->pair->my_name);
	me->my_prog = NLM_PROGRAM;
	me->my_vers = NLM_VERSION_3;
	me->my_proc = NLM_PROC_NSM_NOTIFY;
	memcpy(mon.priv, call->cookie, sizeof(mon.priv));
	if (call->proc == SM_PROC_MON)
		rpcsrv_add_xdr(message, (rpcsrv_xdr *)xdr_sm_mon, &mon);
	else
		rpcsrv_add_xdr(message, (rpcsrv_xdr *)xdr_sm_mon_id,
			       &mon.mon_id);
}

/* statd is not there: the connection is refused. */
static void refused(struct sim *s, struct event *e)
{
	(void)s;
	if (e->life == e->host->boot)
		lockd_replied(e->host, e->index, (uint32_t)e->id, NULL, 0);
}

static void send_call(struct host *h, struct lockd_call *call)
{
	struct statd_call at_statd = {
		.from = addr_loopback(LOCKD_CALL_PORT),
		.is_lockd = true,
		.lockd_call = (size_t)(call - h->lockd.calls),
		.xid = call->xid,
		.is_mon = call->proc == SM_PROC_MON,
		.pair = call->pair,
		.sender = h,
	};
	struct event *e;
	struct buf message;

	trace(h->sim, h, "lockd: %s \"%s\" cookie %u",
	      at_statd.is_mon ? "SM_MON" : "SM_UNMON", call->pair->mon_name,
	      call->cookie[8] | (unsigned int)call->cookie[9] << 8);
	memcpy(at_statd.cookie, call->cookie, sizeof(at_statd.cookie));
	if (theirs_call(h, call))
		return;
	if (h->statd.core == NULL) {
		e = sim_after(h->sim, 5, refused, h);
		e->life = h->boot;
		e->index = at_statd.lockd_call;
		e->id = call->xid;
		return;
	}
	buf_init(&message, RPCMSG_SIZE_MAX);
	rpcmsg_add_call(&message, call->xid, SM_PROGRAM, SM_VERSION,
			call->proc);
	add_args(call, &message);
	statd_call(h, &at_statd, NSM_TCP, message.bytes, message.len);
	buf_fini(&message);
}

static bool is_success(const struct lockd_call *call, const uint8_t *bytes,
		       size_t len)
{
	struct rpcmsg_reply reply;

	return bytes != NULL && rpcmsg_parse_reply(bytes, len, &reply) &&
	       reply.xid == call->xid && reply.status == RPCMSG_SUCCESS &&
	       reply.results_len == 8 && reply.results[3] == SM_STAT_SUCC;
}

/* SM_UNMON is done; somebody may want a lock by now. */
static void left(struct host *h, struct pair *pair)
{
	pair->state = PAIR_IDLE;
	if (locks_use(h, pair->peer))
		monitor(h, pair);
}

void lockd_replied(struct host *h, size_t index, uint32_t xid,
		   const uint8_t *bytes, size_t len)
{
	struct lockd_call *call = &h->lockd.calls[index];
	struct pair *pair = call->pair;
	bool is_mon = call->proc == SM_PROC_MON;
	bool has_worked = is_mon && is_success(call, bytes, len);

	if (!call->is_open || call->xid != xid)
		return;
	call->is_open = false;
	pair->calls--;
	pair->is_unheard = bytes == NULL;
	trace(h->sim, h, "lockd: %s \"%s\" %s", is_mon ? "SM_MON" : "SM_UNMON",
	      pair->mon_name, has_worked || !is_mon ? "done" : "failed");
	if (!is_mon)
		left(h, pair);
	else if (has_worked) {
		pair->state = PAIR_MONITORED;
		attack_note(pair, pair->peer->number);
		if (!call->is_given_up)
			laterule_granted(h, pair);
	} else if (pair->calls == 0 && pair->state == PAIR_MONITORING) {
		pair->state = PAIR_IDLE;
		/* The application asks again. */
		if (prng_below(&h->sim->rng, 2) == 0)
			sim_after(h->sim, sim_between(h->sim, 1, 3000),
				  try_again, h)
				->index = (size_t)(pair - h->lockd.pairs);
	}
	if (is_mon && pair->state != PAIR_MONITORING)
		locks_monitored(h, pair);
}

void lockd_statd_died(struct host *h)
{
	struct event *e;
	size_t i;

	for (i = 0; i < LOCKD_CALLS_MAX; i++) {
		if (!h->lockd.calls[i].is_open)
			continue;
		e = sim_after(h->sim, sim_between(h->sim, 1, 100), refused, h);
		e->life = h->boot;
		e->index = i;
		e->id = h->lockd.calls[i].xid;
	}
}

/* --- monitoring -------------------------------------------------------- */

static void new_cookie(struct host *h, struct pair *pair)
{
	uint32_t serial = ++h->lockd.next_cookie;

	memset(pair->cookie, 0, sizeof(pair->cookie));
	memcpy(pair->cookie, &h->index, 4);
	memcpy(pair->cookie + 4, &h->boot, 4);
	memcpy(pair->cookie + 8, &serial, 4);
	pair->has_cookie = true;
	pair->cookie_ms = h->sim->now_ms;
	pair->had_first = host_read_number(pair->peer);
	pair->had_last = 0;
	pair->heard = 0;
	pair->answered = 0;
	pair->ignored = 0;
	pair->ambiguous = 0;
	pair->is_callback_due = false;
}

static void monitor(struct host *h, struct pair *pair)
{
	struct sim *s = h->sim;
	bool is_again = pair->state == PAIR_MONITORED;

	/* Rarely lockd forgot a peer without a word: SM_MON, other cookie. */
	if (!h->is_up || pair->calls > 0 ||
	    (pair->state != PAIR_IDLE && !is_again) ||
	    (is_again &&
	     (locks_use(h, pair->peer) || prng_below(&s->rng, 10) != 0)))
		return;
	/* The cookie is made with the handle and lives as long: after a
	 * failure the same one comes again, most of the time. */
	if (is_again || !pair->has_cookie || prng_below(&s->rng, 5) == 0)
		new_cookie(h, pair);
	pair->state = PAIR_MONITORING;
	send_call(h, call_new(h, pair, SM_PROC_MON));
	/* Two processes at once: the same SM_MON twice. */
	if (h->is_up && pair->state == PAIR_MONITORING &&
	    prng_below(&s->rng, 5) == 0)
		send_call(h, call_new(h, pair, SM_PROC_MON));
}

bool lockd_watch(struct host *h, struct pair *pair)
{
	if (pair->state == PAIR_MONITORED)
		return true;
	monitor(h, pair);
	return false;
}

static void try_again(struct sim *s, struct event *e)
{
	(void)s;
	if (!e->host->sim->is_calm)
		monitor(e->host, &e->host->lockd.pairs[e->index]);
}

static void monitor_peer(struct host *h, struct host *peer)
{
	struct lockd *l = &h->lockd;
	size_t i;

	if (h->foreign.kind != FOREIGN_NONE)
		foreign_lock(h, peer);
	for (i = 0; i < l->pair_count; i++) {
		if (l->pairs[i].peer == peer)
			monitor(h, &l->pairs[i]);
	}
}

void lockd_lock(struct host *a, struct host *b)
{
	monitor_peer(a, b);
	monitor_peer(b, a);
}

void lockd_unlock(struct host *h)
{
	struct lockd *l = &h->lockd;

	if (h->foreign.kind != FOREIGN_NONE)
		foreign_unlock(h);
	else
		lockd_leave(h,
			    &l->pairs[prng_below(&h->sim->rng, l->pair_count)]);
}

struct pair *lockd_pair_of(struct host *h, const struct host *peer)
{
	size_t i;

	for (i = 0; i < h->lockd.pair_count; i++)
		if (h->lockd.pairs[i].peer == peer &&
		    !h->lockd.pairs[i].is_floating)
			return &h->lockd.pairs[i];
	return NULL;
}

void lockd_leave(struct host *h, struct pair *pair)
{
	if (!h->is_up || pair->state != PAIR_MONITORED || pair->calls > 0 ||
	    locks_use(h, pair->peer))
		return;
	pair->state = PAIR_LEAVING;
	pair->has_cookie = false;
	pair->has_locks = false;
	check_unmon_sent(h, pair);
	send_call(h, call_new(h, pair, SM_PROC_UNMON));
}

/* --- the callback ------------------------------------------------------ */

static void answer_callback(struct sim *s, struct event *e)
{
	struct addr to = addr_loopback(STATD_SEND_PORT);

	(void)s;
	if (e->host->is_up && e->life == e->host->boot)
		net_send(e->host, e->host->lockd.port, &to, e->bytes, e->len,
			 NULL);
}

static struct pair *pair_of_cookie(struct lockd *l, const void *cookie)
{
	size_t i;

	for (i = 0; i < l->pair_count; i++) {
		if (l->pairs[i].state != PAIR_IDLE &&
		    memcmp(l->pairs[i].cookie, cookie, RECORD_PRIV_SIZE) == 0)
			return &l->pairs[i];
	}
	return NULL;
}

static void take_callback(struct host *h, const struct rpcmsg_call *call)
{
	struct sm_status status = {0};
	struct pair *pair;
	uint32_t boot;
	XDR xdr;

	xdrmem_create(&xdr, (char *)(uintptr_t)call->args,
		      (unsigned int)call->args_len, XDR_DECODE);
	if (!xdr_sm_status(&xdr, &status)) {
		check_violate(h, "callback_is_well_formed", "garbled");
		return;
	}
	pair = pair_of_cookie(&h->lockd, status.priv);
	memcpy(&boot, status.priv + 4, sizeof(boot));
	if (boot != h->boot && !h->has_old_records)
		check_violate(h, "callback_cookie_is_of_this_boot", "boot %u",
			      boot);
	if (pair != NULL) {
		heard_callback(h, pair, (uint32_t)status.state);
		locks_called_back(h, pair, (uint32_t)status.state);
	}
	xdr_free((xdrproc_t)xdr_sm_status, &status);
}

static uint64_t answer_delay_ms(struct host *h)
{
	struct sim *s = h->sim;

	if (h->lockd.slow_until_ms > s->now_ms && !s->is_calm)
		return sim_between(s, 0, LOCKD_SLOW_MS);
	return sim_between(s, 0, sim_mishap(s, 10) ? 9000 : 50);
}

void lockd_input(struct host *h, const struct packet *p)
{
	struct sim *s = h->sim;
	struct rpcmsg_call call;
	struct event *e;
	struct buf reply;

	if (rpcmsg_parse_call(p->bytes, p->len, &call) != RPCMSG_CALL_OK ||
	    call.prog != NLM_PROGRAM || call.vers != NLM_VERSION_3 ||
	    call.proc != NLM_PROC_NSM_NOTIFY || !addr_is_loopback(&p->from) ||
	    p->from.port > 1023) {
		check_violate(h, "callback_is_well_formed", "wrong procedure");
		return;
	}
	if (lockserver_defer(h, p))
		return;
	if (!h->lockd.is_registered || sim_mishap(s, s->deaf_percent)) {
		lockrule_away(h);
		return;
	}
	take_callback(h, &call);
	buf_init(&reply, RPCMSG_SIZE_MAX);
	rpcmsg_add_reply(&reply, call.xid, RPCMSG_SUCCESS, 0);
	e = sim_after(s, answer_delay_ms(h), answer_callback, h);
	e->life = h->boot;
	e->len = reply.len;
	e->bytes = buf_take(&reply);
	buf_fini(&reply);
}
