/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An attacker who answers calls that are not his, and sends notices that no
 * host has sent.  He may know an xid or forge an address, but not both at once:
 * against that a datagram has no defence.  What he replays is in replay.c, how
 * he floods in flood.c.
 */
#include "tests/sim/attack.h"

#include <string.h>

#include "lib/buf.h"
#include "lib/rpcmsg.h"
#include "lib/rpcsrv.h"
#include "proto/sm_inter.h"
#include "tests/sim/sim.h"

static const struct addr attacker = {
	.family = ADDR_V4,
	.port = 700,
	.bytes = {10, 0, 0, 66},
};

static void forge_results(struct sim *s, struct buf *message, uint32_t xid)
{
	switch (prng_below(&s->rng, 5)) {
	case 0:
		rpcmsg_add_reply(message, xid, RPCMSG_PROG_UNAVAIL, 0);
		break;
	case 2: /* to SM_STAT: another number */
		rpcmsg_add_reply(message, xid, RPCMSG_SUCCESS, 0);
		buf_add_be32(message, SM_STAT_SUCC);
		buf_add_be32(message, prng_u32(&s->rng));
		break;
	case 1:
		rpcmsg_add_reply(message, xid, RPCMSG_SUCCESS, 0);
		buf_add_be32(message, FORGED_PORT);
		break;
	default:
		rpcmsg_add_reply(message, xid, RPCMSG_SUCCESS, 0);
	}
}

/* Wrong in one way or another: the xid, the address, the port. */
static void forge_one(struct host *h, const struct sighting *seen)
{
	struct sim *s = h->sim;
	struct addr from = seen->peer;
	struct addr to = h->addr;
	uint32_t xid = seen->xid;
	struct buf message;

	switch (prng_below(&s->rng, 4)) {
	case 0:
		from = attacker;
		from.port = seen->peer.port;
		break;
	case 1:
		from = s->hosts[prng_below(&s->rng, s->host_count)].addr;
		from.port = seen->peer.port;
		if (addr_is_equal(&from, &seen->peer))
			from.port++;
		break;
	case 2:
		from.port = (uint16_t)(seen->peer.port + 1);
		break;
	default:
		xid ^= 1u << prng_below(&s->rng, 32);
	}
	to.port = seen->port;
	buf_init(&message, RPCMSG_SIZE_MAX);
	forge_results(s, &message, xid);
	net_deliver(h, &from, &to, message.bytes, message.len);
	buf_fini(&message);
}

void attack_answer(struct host *h)
{
	size_t count = h->recent_count < SIM_RECENT_MAX ? h->recent_count
							: SIM_RECENT_MAX;

	if (count == 0)
		return;
	/* The newest call most of the time: it is the one still open. */
	if (prng_below(&h->sim->rng, 4) != 0)
		forge_one(h,
			  &h->recent[(h->recent_count - 1) % SIM_RECENT_MAX]);
	else
		forge_one(h, &h->recent[prng_below(&h->sim->rng, count)]);
}

void attack_send_notice(struct host *h, const struct addr *from,
			const char *name, uint32_t number)
{
	struct sm_stat_chge chge = {
		.mon_name = {(u_int)strlen(name), (char *)(uintptr_t)name},
		.state = (int)number,
	};
	struct addr to = h->addr;
	struct buf message;

	to.port = h->statd.port;
	buf_init(&message, RPCMSG_SIZE_MAX);
	rpcmsg_add_call(&message, prng_u32(&h->sim->rng), SM_PROGRAM,
			SM_VERSION, SM_PROC_NOTIFY);
	rpcsrv_add_xdr(&message, (rpcsrv_xdr *)xdr_sm_stat_chge, &chge);
	net_deliver(h, from, &to, message.bytes, message.len);
	buf_fini(&message);
}

void attack_stranger(struct sim *s)
{
	static char name[] = "stranger.sim.example";
	struct host *h = &s->hosts[prng_below(&s->rng, s->host_count)];

	attack_send_notice(h, &attacker, name,
			   (uint32_t)sim_between(s, 1, 999));
}

/*
 * A number that is made up, or was true once.  One that fits is believed after
 * the peer's statd was restarted, as rpc.statd(8) says.
 */
void attack_name(struct host *h)
{
	struct sim *s = h->sim;
	struct pair *pair =
		&h->lockd.pairs[prng_below(&s->rng, h->lockd.pair_count)];
	uint32_t number = (uint32_t)sim_between(s, 1, FORGED_NUMBERS - 1);
	const char *name =
		prng_below(&s->rng, 2) == 0 ? pair->mon_name : pair->peer->node;

	number += FORGED_BY_NAME;
	if (pair->peer->number > 4 && prng_below(&s->rng, 2) == 0)
		number = pair->peer->number - 2 - 2 * (uint32_t)(number % 2);
	trace(s, h, "forged notice \"%s\" %u", name, number);
	attack_send_notice(h, &attacker, name, number);
}

/*
 * Four attackers: one who knows a name; one who forges the address and a
 * reserved port, with a number so high that honest ones look old; and a user
 * of the peer's host, with a high number or one that was true once.
 */
void attack_notice(struct sim *s)
{
	struct host *h = &s->hosts[prng_below(&s->rng, s->host_count)];
	uint32_t number = (uint32_t)sim_between(s, 1, FORGED_NUMBERS - 1);
	struct pair *pair;
	struct addr from;
	char *name;

	if (h->foreign.kind != FOREIGN_NONE)
		return;
	pair = &h->lockd.pairs[prng_below(&s->rng, h->lockd.pair_count)];
	name = prng_below(&s->rng, 2) == 0 ? pair->mon_name : pair->peer->node;
	from = *cluster_addr(pair);
	from.port = 700;
	switch (prng_below(&s->rng, 4)) {
	case 0:
		from = attacker;
		number += FORGED_BY_NAME;
		break;
	case 1:
		number += FORGED_AS_PEER;
		break;
	case 2:
		from.port = 7000;
		number += FORGED_AS_PEER;
		break;
	default:
		from.port = 7000;
		if (pair->peer->announced_count == 0)
			return;
		number = pair->peer->announced[prng_below(
			&s->rng, pair->peer->announced_count)];
	}
	trace(s, h, "forged notice \"%s\" %u from 10.0.0.%u port %u", name,
	      number, from.bytes[3], from.port);
	attack_send_notice(h, &from, name, number);
}
