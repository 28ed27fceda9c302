/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Floods: some hundred packets of one kind at one statd, over UDP and over
 * connections, while the lock manager beside it has calls of its own
 * (crowd.c).  What must hold meanwhile is in caps.c and crowd.c; and no rule is
 * suspended for it.
 */
#include "tests/sim/attack.h"

#include <stdio.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/rpcmsg.h"
#include "lib/rpcsrv.h"
#include "proto/nlm_prot.h"
#include "proto/sm_inter.h"
#include "tests/sim/sim.h"

#define STEP_PACKETS 20
#define STEP_MS	     10
#define CALL_BYTES   9 /* words of garbage behind a call's head, at most */

enum kind {
	FLOOD_NAMES,	 /* notices of thousands of names, from one address */
	FLOOD_ADDRESSES, /* ... of a peer's name, from thousands of addresses */
	FLOOD_HIGH_PORT, /* ... from a peer's address, by a user there */
	FLOOD_AS_CROWD,	 /* ... from the addresses of many peers, as root */
	FLOOD_COPIES,	 /* one notice, as if from a peer, again and again */
	FLOOD_GARBAGE,
	FLOOD_MON, /* SM_MON and the like, from outside and by local users */
	FLOOD_STAT,
	FLOOD_CONNECTIONS, /* that say something, or nothing at all */
	FLOOD_KINDS,
};

static const char *const kind_names[FLOOD_KINDS] = {
	"names",   "addresses", "high ports", "as the crowd", "copies",
	"garbage", "SM_MON",	"SM_STAT",    "connections",
};

/* --- one packet -------------------------------------------------------- */

static void hit(struct host *h, const struct addr *from,
		enum nsm_transport transport, const struct buf *message)
{
	struct statd_call call = {.from = *from, .came_ms = h->sim->now_ms};

	if (h->statd.core != NULL)
		statd_call(h, &call, transport, message->bytes, message->len);
}

static struct addr any_addr(struct sim *s)
{
	struct addr addr = {.family = ADDR_V4, .bytes = {10, 66}};

	addr.bytes[2] = (uint8_t)prng_below(&s->rng, 256);
	addr.bytes[3] = (uint8_t)prng_below(&s->rng, 256);
	addr.port = (uint16_t)sim_between(s, 1, HIGH_PORT_MAX);
	return addr;
}

static void add_call(struct sim *s, uint32_t proc, struct buf *message)
{
	rpcmsg_add_call(message, prng_u32(&s->rng), SM_PROGRAM, SM_VERSION,
			proc);
}

static void add_notice(struct sim *s, char *name, uint32_t number,
		       struct buf *message)
{
	struct sm_stat_chge chge = {
		.mon_name = {(u_int)strlen(name), name},
		.state = (int)number,
	};

	add_call(s, SM_PROC_NOTIFY, message);
	rpcsrv_add_xdr(message, (rpcsrv_xdr *)xdr_sm_stat_chge, &chge);
}

static struct pair *any_pair(struct host *h)
{
	return &h->lockd.pairs[prng_below(&h->sim->rng, h->lockd.pair_count)];
}

/* Any notice of the first kinds. */
static void make_notice(struct host *h, enum kind kind, struct addr *from,
			struct buf *message)
{
	struct sim *s = h->sim;
	struct pair *pair = any_pair(h);
	uint64_t dice = prng_below(&s->rng, FORGED_NUMBERS);
	char name[SIM_NAME_SIZE];

	*from = any_addr(s);
	snprintf(name, sizeof(name), "name%llu.flood.example",
		 (unsigned long long)dice);
	if (kind == FLOOD_ADDRESSES)
		strcpy(name, pair->mon_name);
	if (kind == FLOOD_HIGH_PORT || kind == FLOOD_COPIES)
		*from = pair->peer->addr;
	if (kind == FLOOD_HIGH_PORT)
		from->port = (uint16_t)sim_between(s, 1024, HIGH_PORT_MAX);
	if (kind == FLOOD_AS_CROWD)
		(void)crowd_addr(h, prng_below(&s->rng, CROWD_MAX), from);
	if (kind == FLOOD_COPIES)
		snprintf(name, sizeof(name), "copy%u",
			 (unsigned int)(dice % 2));
	if (kind == FLOOD_AS_CROWD || kind == FLOOD_COPIES)
		from->port = 700;
	add_notice(s, name,
		   kind == FLOOD_COPIES	     ? FORGED_AS_PEER + 1
		   : kind == FLOOD_ADDRESSES ? FORGED_BY_NAME + (uint32_t)dice
					     : FORGED_AS_PEER + (uint32_t)dice,
		   message);
}

static void make_garbage(struct sim *s, struct buf *message)
{
	size_t words = (size_t)sim_between(s, 0, CALL_BYTES);

	/* Half of it begins as a call would. */
	if (prng_below(&s->rng, 2) == 0)
		add_call(s, (uint32_t)prng_below(&s->rng, 9), message);
	while (words-- > 0)
		buf_add_be32(message,
			     prng_below(&s->rng, 2) == 0
				     ? prng_u32(&s->rng)
				     : (uint32_t)prng_below(&s->rng, 64));
}

/* From a host outside or, half the time, a user of this one. */
static void make_mon(struct host *h, struct addr *from, struct buf *message)
{
	static const uint32_t procs[] = {SM_PROC_MON, SM_PROC_UNMON,
					 SM_PROC_UNMON_ALL, SM_PROC_SIMU_CRASH};
	struct sim *s = h->sim;
	uint32_t proc = procs[prng_below(&s->rng, 4)];
	struct pair *pair = any_pair(h);
	struct sm_mon mon = {0};
	struct sm_my_id *me = &mon.mon_id.my_id;

	*from = prng_below(&s->rng, 2) == 0
			? any_addr(s)
			: addr_loopback((uint16_t)sim_between(s, 1024,
							      HIGH_PORT_MAX));
	mon.mon_id.mon_name =
		(sm_string){(u_int)strlen(pair->mon_name), pair->mon_name};
	me->my_name = (sm_string){(u_int)strlen(pair->my_name), pair->my_name};
	me->my_prog = NLM_PROGRAM;
	me->my_vers = NLM_VERSION_3;
	me->my_proc = NLM_PROC_NSM_NOTIFY;
	add_call(s, proc, message);
	if (proc == SM_PROC_MON)
		rpcsrv_add_xdr(message, (rpcsrv_xdr *)xdr_sm_mon, &mon);
	else if (proc == SM_PROC_UNMON)
		rpcsrv_add_xdr(message, (rpcsrv_xdr *)xdr_sm_mon_id,
			       &mon.mon_id);
	else if (proc == SM_PROC_UNMON_ALL)
		rpcsrv_add_xdr(message, (rpcsrv_xdr *)xdr_sm_my_id, me);
}

static void make_stat(struct host *h, struct addr *from, struct buf *message)
{
	struct pair *pair = any_pair(h);
	struct sm_name name = {
		.mon_name = {(u_int)strlen(pair->mon_name), pair->mon_name}};

	*from = any_addr(h->sim);
	add_call(h->sim, SM_PROC_STAT, message);
	rpcsrv_add_xdr(message, (rpcsrv_xdr *)xdr_sm_name, &name);
}

/* A few addresses hold many connections, many hold a few. */
static void connect_one(struct host *h)
{
	struct sim *s = h->sim;
	struct addr from = any_addr(s);
	struct buf message;

	if (prng_below(&s->rng, 2) == 0)
		from.bytes[2] = from.bytes[3] = 1;
	if (!crowd_stranger_connects(h, &from) || prng_below(&s->rng, 2) == 0)
		return;
	buf_init(&message, RPCMSG_SIZE_MAX);
	make_garbage(s, &message);
	hit(h, &from, NSM_TCP, &message);
	buf_fini(&message);
}

static void send_one(struct host *h, enum kind kind)
{
	struct addr from = any_addr(h->sim);
	struct buf message;

	buf_init(&message, RPCMSG_SIZE_MAX);
	switch (kind) {
	case FLOOD_GARBAGE:
		make_garbage(h->sim, &message);
		break;
	case FLOOD_MON:
		make_mon(h, &from, &message);
		break;
	case FLOOD_STAT:
		make_stat(h, &from, &message);
		break;
	case FLOOD_CONNECTIONS:
		connect_one(h);
		break;
	default:
		make_notice(h, kind, &from, &message);
	}
	if (kind != FLOOD_CONNECTIONS)
		hit(h, &from, NSM_UDP, &message);
	buf_fini(&message);
}

/* --- many -------------------------------------------------------------- */

static void go_on(struct sim *s, struct event *e)
{
	struct host *h = e->host;
	size_t left = e->index;
	uint64_t kind = e->id;
	unsigned int i;

	for (i = 0; i < STEP_PACKETS && left > 0; i++, left--)
		send_one(h, (enum kind)kind);
	/* lockd works on. */
	crowd_call(h);
	crowd_call(h);
	if (left == 0 || s->is_calm)
		return;
	e = sim_after(s, sim_between(s, 1, 2 * STEP_MS), go_on, h);
	e->index = left;
	e->id = kind;
}

void attack_flood(struct host *h)
{
	struct sim *s = h->sim;
	unsigned int *left = &s->attack.packets_left;
	unsigned int count = (unsigned int)sim_between(s, 100, 400);
	struct event *e;

	if (*left == 0)
		return;
	if (count > *left)
		count = *left;
	*left -= count;
	e = sim_after(s, 0, go_on, h);
	e->id = prng_below(&s->rng, FLOOD_KINDS);
	e->index = count;
	trace(s, h, "a flood of %u: %s", count, kind_names[e->id]);
}
