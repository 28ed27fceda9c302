/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls over the loopback that come while others flood statd, and what they
 * have a right to: a connection, an answer, and success where the disk works.
 */
#include "tests/sim/crowd.h"

#include <stdio.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/rpcmsg.h"
#include "lib/rpcsrv.h"
#include "proto/nlm_prot.h"
#include "proto/sm_inter.h"
#include "tests/sim/sim.h"

#define ASKING_MAX  16	  /* at a time: lockd has few connections */
#define PATIENCE_MS 30000 /* more than the waits of statd/late.h together */

static const uint8_t seats_key[SIPHASH_KEY_SIZE] = "seats";

/* --- connections ------------------------------------------------------- */

void crowd_init(struct host *h)
{
	connlimit_init(&h->crowd.seats, SEATS_TOTAL, SEATS_PER_ADDRESS,
		       SEATS_IDLE_MS, seats_key);
}

static void leave_stranger(struct crowd *crowd, size_t at)
{
	connlimit_leave(&crowd->seats, &crowd->strangers[at]);
	crowd->is_taken[at] = false;
}

static void leave_member(struct crowd *crowd, struct crowd_member *member)
{
	if (member->has_seat)
		connlimit_leave(&crowd->seats, &member->seat);
	member->has_seat = false;
}

static void leave_all(struct crowd *crowd)
{
	size_t i;

	for (i = 0; i < SEATS_STRANGERS; i++)
		if (crowd->is_taken[i])
			leave_stranger(crowd, i);
	for (i = 0; i < crowd->count; i++)
		leave_member(crowd, &crowd->members[i]);
}

void crowd_fini(struct host *h)
{
	leave_all(&h->crowd);
	connlimit_fini(&h->crowd.seats);
}

/* Gives back the place of whoever has @seat. */
static void close_seat(struct crowd *crowd, const struct connlimit_seat *seat)
{
	size_t i;

	for (i = 0; i < SEATS_STRANGERS; i++)
		if (crowd->is_taken[i] && &crowd->strangers[i] == seat)
			leave_stranger(crowd, i);
	for (i = 0; i < crowd->count; i++)
		if (crowd->members[i].has_seat &&
		    &crowd->members[i].seat == seat)
			leave_member(crowd, &crowd->members[i]);
}

static void check_seats(struct host *h)
{
	const unsigned int *count = h->crowd.seats.count;

	if (count[CONNLIMIT_STRANGER] > SEATS_TOTAL / 2 ||
	    count[CONNLIMIT_STRANGER] + count[CONNLIMIT_LOCAL] > SEATS_TOTAL)
		check_violate(h, "connections_stay_under_their_cap",
			      "%u of strangers, %u of this host",
			      count[CONNLIMIT_STRANGER],
			      count[CONNLIMIT_LOCAL]);
}

/* As os/rpctcp does for one who connects; false where there is no place. */
static bool take_seat(struct host *h, const struct addr *from,
		      enum connlimit_kind kind, struct connlimit_seat *seat)
{
	struct crowd *crowd = &h->crowd;
	uint64_t now_ms = h->sim->now_ms;
	struct connlimit_seat *victim;

	while ((victim = connlimit_idle(&crowd->seats, now_ms)) != NULL)
		close_seat(crowd, victim);
	switch (connlimit_ask(&crowd->seats, from, kind, &victim)) {
	case CONNLIMIT_REPLACE:
		close_seat(crowd, victim);
		break;
	case CONNLIMIT_ENTER:
		break;
	case CONNLIMIT_GREEDY:
	case CONNLIMIT_FULL:
		return false;
	}
	connlimit_enter(&crowd->seats, seat, now_ms, from, kind);
	check_seats(h);
	return true;
}

bool crowd_stranger_connects(struct host *h, const struct addr *from)
{
	struct crowd *crowd = &h->crowd;
	size_t i;

	for (i = 0; i < SEATS_STRANGERS && crowd->is_taken[i]; i++)
		;
	if (i == SEATS_STRANGERS)
		return false;
	crowd->is_taken[i] =
		take_seat(h, from, CONNLIMIT_STRANGER, &crowd->strangers[i]);
	return crowd->is_taken[i];
}

/* --- the crowd --------------------------------------------------------- */

void crowd_gather(struct host *h, size_t count, bool is_named)
{
	h->crowd.count = count;
	h->crowd.is_named = is_named;
}

void crowd_statd_died(struct host *h)
{
	size_t i;

	leave_all(&h->crowd);
	h->crowd.asking = 0;
	for (i = 0; i < h->crowd.count; i++)
		if (h->crowd.members[i].state == CROWD_ASKING)
			h->crowd.members[i].state = CROWD_OUT;
}

void crowd_power_fail(struct host *h)
{
	size_t i;

	for (i = 0; i < h->crowd.count; i++)
		h->crowd.members[i].state = CROWD_OUT;
}

bool crowd_addr(const struct host *h, size_t at, struct addr *out)
{
	*out = (struct addr){.family = ADDR_V4, .bytes = {10, 9}};
	out->bytes[2] = (uint8_t)h->index;
	out->bytes[3] = (uint8_t)(at + 1);
	return (at % 8 != 0) != h->crowd.is_named;
}

/* An address, or a name that nobody knows. */
static void member_name(const struct host *h, size_t at,
			char out[static ADDR_TEXT_SIZE])
{
	struct addr addr;

	if (crowd_addr(h, at, &addr))
		addr_format(&addr, out);
	else
		snprintf(out, ADDR_TEXT_SIZE, "crowd%zu.sim.example", at);
}

static void set_string(sm_string *to, char *text)
{
	to->sm_string_val = text;
	to->sm_string_len = (unsigned int)strlen(text);
}

static void add_args(const struct host *h, size_t at, uint32_t proc,
		     struct buf *message)
{
	char name[ADDR_TEXT_SIZE], my_name[SIM_NAME_SIZE];
	struct sm_mon mon = {0};
	struct sm_my_id *me = &mon.mon_id.my_id;
	uint64_t cookie = (uint64_t)h->boot << 32 | at;

	member_name(h, at, name);
	strcpy(my_name, h->my_name);
	set_string(&mon.mon_id.mon_name, name);
	set_string(&me->my_name, my_name);
	me->my_prog = NLM_PROGRAM;
	me->my_vers = NLM_VERSION_3;
	me->my_proc = NLM_PROC_NSM_NOTIFY;
	memcpy(mon.priv + 4, &h->boot, 4); /* as lockd.c's, for its rules */
	memcpy(mon.priv + 8, &cookie, sizeof(cookie));
	if (proc == SM_PROC_MON)
		rpcsrv_add_xdr(message, (rpcsrv_xdr *)xdr_sm_mon, &mon);
	else
		rpcsrv_add_xdr(message, (rpcsrv_xdr *)xdr_sm_mon_id,
			       &mon.mon_id);
}

static void lose_patience(struct sim *s, struct event *e)
{
	struct host *h = e->host;
	const struct crowd_member *member = &h->crowd.members[e->index];

	if (h->statd.core == NULL || e->life != h->statd.life ||
	    member->state != CROWD_ASKING || member->serial != e->id)
		return;
	if (h->statd.store.stage == STORE_IDLE) {
		check_violate(h, "loopback_is_served_under_flood",
			      "no answer about crowd member %zu", e->index);
		return;
	}
	/* The disk is slow, and nothing else may be. */
	e = sim_after(s, PATIENCE_MS, lose_patience, h);
	e->life = h->statd.life;
	e->index = (size_t)(member - h->crowd.members);
	e->id = member->serial;
}

static void send_call(struct host *h, size_t at, uint32_t proc)
{
	struct crowd_member *member = &h->crowd.members[at];
	struct statd_call call = {
		.from = addr_loopback(LOCKD_CALL_PORT),
		.came_ms = h->sim->now_ms,
		.crowd = at + 1,
		.is_mon = proc == SM_PROC_MON,
		.xid = prng_u32(&h->sim->rng),
	};
	struct buf message;
	struct event *e = sim_after(h->sim, PATIENCE_MS, lose_patience, h);

	member->state = CROWD_ASKING;
	member->life = h->statd.life;
	member->serial = ++h->crowd.serial;
	member->errors = h->disk.errors;
	h->crowd.asking++;
	e->life = h->statd.life;
	e->index = at;
	e->id = member->serial;
	buf_init(&message, RPCMSG_SIZE_MAX);
	rpcmsg_add_call(&message, call.xid, SM_PROGRAM, SM_VERSION, proc);
	add_args(h, at, proc, &message);
	statd_call(h, &call, NSM_TCP, message.bytes, message.len);
	buf_fini(&message);
}

void crowd_call(struct host *h)
{
	const struct addr local = addr_loopback(LOCKD_CALL_PORT);
	struct crowd_member *member;
	size_t at;

	if (h->crowd.count == 0 || h->statd.core == NULL ||
	    h->crowd.asking >= ASKING_MAX)
		return;
	at = prng_below(&h->sim->rng, h->crowd.count);
	member = &h->crowd.members[at];
	if (member->state == CROWD_ASKING)
		return;
	if (!member->has_seat &&
	    !take_seat(h, &local, CONNLIMIT_LOCAL, &member->seat)) {
		check_violate(h, "loopback_is_served_under_flood",
			      "no connection is left");
		return;
	}
	member->has_seat = true;
	send_call(h, at,
		  member->state == CROWD_IN && prng_below(&h->sim->rng, 8) == 0
			  ? SM_PROC_UNMON
			  : SM_PROC_MON);
}

void crowd_part(struct sim *s, struct event *e)
{
	struct host *h = e->host;
	size_t i;

	(void)s;
	for (i = 0; i < h->crowd.count && h->statd.core != NULL; i++)
		if (h->crowd.members[i].state == CROWD_IN)
			send_call(h, i, SM_PROC_UNMON);
	/*
	 * It would never end with the crowd in sm.bak/, and never tell whom it
	 * keeps back because of a name that is not monitored any more.
	 */
	notifier_end(h);
	notifier_start(h);
}

static bool is_success(const struct nsm_out *out)
{
	struct rpcmsg_reply reply;

	return rpcmsg_parse_reply(out->bytes, out->len, &reply) &&
	       reply.status == RPCMSG_SUCCESS && reply.results_len == 8 &&
	       reply.results[3] == SM_STAT_SUCC;
}

void crowd_replied(struct host *h, const struct statd_call *call,
		   const struct nsm_out *out)
{
	size_t at = call->crowd - 1;
	struct crowd_member *member = &h->crowd.members[at];
	char file[ADDR_TEXT_SIZE];

	member_name(h, at, file);
	h->crowd.asking--;
	leave_member(&h->crowd, member);
	member->state = CROWD_OUT;
	if (!call->is_mon)
		return;
	if (!is_success(out)) {
		if (member->errors == h->disk.errors)
			check_violate(h, "loopback_is_served_under_flood",
				      "\"%s\" is refused, and the disk works",
				      file);
		return;
	}
	member->state = CROWD_IN;
	if (!disk_keeps(&h->disk, DISK_SM, file))
		check_violate(h, "promise_survives_power_failure",
			      "\"%s\" would be forgotten", file);
}
