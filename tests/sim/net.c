/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Links that lose, double, delay and reorder, and each host's rpcbind.
 */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/portmap.h"
#include "lib/rpcmsg.h"
#include "lib/rpcsrv.h"
#include "lib/xalloc.h"
#include "proto/nlm_prot.h"
#include "proto/sm_inter.h"

#define LATE_MS	     1000 /* as good as lost */
#define PMAP_PROGRAM 100000
#define PMAP_GETPORT 3

static uint32_t read_be32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
	       (uint32_t)bytes[2] << 8 | bytes[3];
}

/* --- rpcbind ----------------------------------------------------------- */

static uint32_t registered_port(const struct host *h, uint32_t prog,
				uint32_t vers)
{
	if (prog == SM_PROGRAM && vers == SM_VERSION &&
	    h->foreign.kind != FOREIGN_NONE)
		return foreign_port(h);
	if (prog == SM_PROGRAM && vers == SM_VERSION &&
	    (h->statd.core != NULL || h->theirs.is_up))
		return h->statd.port;
	if (prog == NLM_PROGRAM && vers == NLM_VERSION_3 &&
	    h->lockd.is_registered)
		return h->lockd.port;
	return 0;
}

void net_add_port(struct host *h, const struct packet *p, struct buf *reply)
{
	struct rpcmsg_call call;

	if (rpcmsg_parse_call(p->bytes, p->len, &call) != RPCMSG_CALL_OK ||
	    call.prog != PMAP_PROGRAM || call.vers != 2 ||
	    call.proc != PMAP_GETPORT || call.args_len < 16)
		return;
	rpcmsg_add_reply(reply, call.xid, RPCMSG_SUCCESS, 0);
	buf_add_be32(reply, registered_port(h, read_be32(call.args),
					    read_be32(call.args + 4)));
}

static void rpcbind_input(struct host *h, const struct packet *p)
{
	struct buf reply;

	buf_init(&reply, RPCMSG_SIZE_MAX);
	net_add_port(h, p, &reply);
	if (reply.len > 0) {
		h->sim->net.source = p->to;
		net_send(h, PORTMAP_PORT, &p->from, reply.bytes, reply.len,
			 NULL);
	}
	buf_fini(&reply);
}

/* --- arrival ----------------------------------------------------------- */

void net_read_notice(const uint8_t *bytes, size_t len, struct notice_mark *out)
{
	struct sm_stat_chge chge = {0};
	struct rpcmsg_call call;
	XDR xdr;

	if (rpcmsg_parse_call(bytes, len, &call) != RPCMSG_CALL_OK ||
	    call.prog != SM_PROGRAM || call.proc != SM_PROC_NOTIFY)
		return;
	xdrmem_create(&xdr, (char *)(uintptr_t)call.args,
		      (unsigned int)call.args_len, XDR_DECODE);
	if (xdr_sm_stat_chge(&xdr, &chge) &&
	    chge.mon_name.sm_string_len < sizeof(out->name)) {
		out->is_notice = true;
		out->number = (uint32_t)chge.state;
		/* An empty name has no bytes at all. */
		if (chge.mon_name.sm_string_len > 0)
			memcpy(out->name, chge.mon_name.sm_string_val,
			       chge.mon_name.sm_string_len);
		out->name[chge.mon_name.sm_string_len] = '\0';
	}
	xdr_free((xdrproc_t)xdr_sm_stat_chge, &chge);
}

/* The answers of other statds than ours; false where ours shall answer. */
static bool answer_stat(struct host *h, const struct packet *p)
{
	struct sm_stat_res res = {.res_stat = SM_STAT_SUCC,
				  .state = (int)h->number - 2};
	struct rpcmsg_call call;
	struct buf reply;

	if (h->stat_model == STAT_OWN ||
	    rpcmsg_parse_call(p->bytes, p->len, &call) != RPCMSG_CALL_OK ||
	    call.prog != SM_PROGRAM || call.proc != SM_PROC_STAT)
		return false;
	trace(h->sim, h, "statd <- SM_STAT, %s",
	      h->stat_model == STAT_LAGS ? "the number from before"
					 : "no answer");
	if (h->stat_model == STAT_SILENT)
		return true;
	buf_init(&reply, RPCMSG_SIZE_MAX);
	rpcmsg_add_reply(&reply, call.xid, RPCMSG_SUCCESS, 0);
	rpcsrv_add_xdr(&reply, (rpcsrv_xdr *)xdr_sm_stat_res, &res);
	h->sim->net.source = p->to;
	net_send(h, h->statd.port, &p->from, reply.bytes, reply.len, NULL);
	buf_fini(&reply);
	return true;
}

static void statd_arrival(struct host *h, const struct packet *p)
{
	struct statd_call call = {.from = p->from,
				  .to = p->to,
				  .came_ms = h->sim->now_ms,
				  .sender = p->sender};

	if (answer_stat(h, p))
		return;

	net_read_notice(p->bytes, p->len, &call.notice);
	if (p->sender != NULL)
		foreign_note_arrival(p->sender, h);
	trace(h->sim, h, "statd <- CALL notice \"%s\" %u", call.notice.name,
	      call.notice.number);
	statd_call(h, &call, NSM_UDP, p->bytes, p->len);
	if (call.notice.is_notice)
		believed_came(h);
}

/* The port that a statd had belongs to somebody else now. */
static void other_service(struct host *h, const struct packet *p)
{
	struct rpcmsg_call call;
	struct buf reply;

	if (!sim_mishap(h->sim, 50) ||
	    rpcmsg_parse_call(p->bytes, p->len, &call) != RPCMSG_CALL_OK)
		return;
	buf_init(&reply, RPCMSG_SIZE_MAX);
	rpcmsg_add_reply(&reply, call.xid, RPCMSG_PROG_UNAVAIL, 0);
	net_send(h, p->to.port, &p->from, reply.bytes, reply.len, NULL);
	buf_fini(&reply);
}

static void arrive(struct sim *s, struct event *e)
{
	const struct packet *p = e->packet;
	struct host *h = e->host;
	struct nsm_in nsm_in = {
		.kind = NSM_IN_ANSWER,
		.bytes = p->bytes,
		.len = p->len,
		.answer.from = p->from,
	};
	struct notify_in notify_in = {
		.kind = NOTIFY_IN_ANSWER,
		.bytes = p->bytes,
		.len = p->len,
		.answer.from = p->from,
		.answer.to = h->addr,
	};

	(void)s;
	if (!h->is_up)
		return;
	if (p->to.port == PORTMAP_PORT) {
		rpcbind_input(h, p);
	} else if (h->foreign.kind != FOREIGN_NONE) {
		foreign_input(h, p);
	} else if ((p->to.port == STATD_SEND_PORT ||
		    p->to.port == STATD_ASK_PORT) &&
		   h->statd.core != NULL) {
		nsm_in.answer.to = p->to.port == STATD_ASK_PORT
					   ? NSM_FROM_ANY
					   : NSM_FROM_LOOPBACK;
		trace(h->sim, h, "statd <- ANSWER%s",
		      p->sender != NULL ? "" : " (forged)");
		check_ack_delivered(h, p);
		statd_input(h, &nsm_in);
	} else if (p->to.port == NOTIFY_PORT && h->notifier.core != NULL) {
		trace(h->sim, h, "notify <- ANSWER%s",
		      p->sender != NULL ? "" : " (forged)");
		check_ack_delivered(h, p);
		notifier_input(h, &notify_in);
	} else if (p->to.port == ERRAND_PORT) {
		errand_answer(h, p);
	} else if (p->to.port == THEIRS_PORT) {
		theirs_answer(h, p);
	} else if (p->to.port == h->statd.port && h->statd.core != NULL) {
		statd_arrival(h, p);
	} else if (p->to.port == h->statd.port && h->theirs.is_up) {
		theirs_input(h, p);
	} else if (p->to.port == h->lockd.port) {
		lockd_input(h, p);
	} else if (p->sender != NULL && p->to.port >= STATD_PORT_LOW) {
		other_service(h, p);
	}
}

/* --- on the way -------------------------------------------------------- */

/* Owns: takes @p. */
static void deliver(struct host *to, struct packet *p, uint64_t delay_ms)
{
	sim_after(to->sim, delay_ms, arrive, to)->packet = p;
}

static struct packet *packet_new(const struct addr *from, const struct addr *to,
				 const uint8_t *bytes, size_t len)
{
	struct packet *p = xzalloc(sizeof(*p));

	p->from = *from;
	p->to = *to;
	p->bytes = xmemdup(bytes, len);
	p->len = len;
	return p;
}

static uint64_t link_delay(struct sim *s)
{
	if (sim_mishap(s, s->net.late_percent))
		return sim_between(s, 100, s->net.late_ms_max);
	return sim_between(s, 1, s->is_calm ? 5 : s->net.delay_ms_max);
}

bool net_has_way(const struct host *from, const struct host *to)
{
	const struct sim *s = from->sim;

	return s->is_calm ||
	       s->net.dead_until_ms[from->index][to->index] <= s->now_ms;
}

struct packet *net_deliver(struct host *to, const struct addr *from,
			   const struct addr *at, const uint8_t *bytes,
			   size_t len)
{
	struct packet *p = packet_new(from, at, bytes, len);

	deliver(to, p, 1);
	return p;
}

static bool is_lost(struct host *from, struct host *to)
{
	struct sim *s = from->sim;

	if (net_has_way(from, to) && !sim_mishap(s, s->net.loss_percent))
		return false;
	lockrule_trouble(from, to);
	return true;
}

static void remember(struct host *h, uint16_t port, const struct addr *peer,
		     uint32_t xid)
{
	struct sighting *seen = &h->recent[h->recent_count++ % SIM_RECENT_MAX];

	*seen = (struct sighting){.port = port, .peer = *peer, .xid = xid};
}

/* Loopback loses nothing and keeps order; it is memory. */
static void send_once(struct host *h, struct host *dest, struct packet *p)
{
	uint64_t delay_ms = dest == h ? 1 : link_delay(h->sim);

	if (delay_ms > LATE_MS)
		lockrule_trouble(h, dest);
	deliver(dest, p, delay_ms);
}

/* Whether calls leave from @port, so that their answers may be forged. */
static bool is_call_port(uint16_t port)
{
	return port == STATD_SEND_PORT || port == STATD_ASK_PORT ||
	       port == NOTIFY_PORT;
}

void net_send(struct host *h, uint16_t port, const struct addr *to,
	      const uint8_t *bytes, size_t len, const struct notice_mark *acks)
{
	struct sim *s = h->sim;
	struct addr there = *to;
	struct host *dest = addr_is_loopback(to) ? h : nat_enter(h, &there);
	struct addr from = dest == h ? addr_loopback(port) : h->addr;
	unsigned int copies = 1;

	/* lockd registered another address of it. */
	if ((port == NOTIFY_PORT || tidings_is_port(h, port)) && dest != h &&
	    h->other.family != ADDR_NONE)
		from = h->other;
	if (port == ERRAND_PORT && dest != h)
		from = h->floating;
	if (s->net.source.family != ADDR_NONE && dest != h)
		from = s->net.source;
	s->net.source.family = ADDR_NONE;
	from.port = port;
	nat_leave(h, dest, &from);
	if (is_call_port(port) && len >= 4) {
		remember(h, port, to, read_be32(bytes));
		if (to->port == FORGED_PORT)
			check_violate(h, "forged_reply_has_no_effect",
				      "sends to a forged port");
	}
	if (dest != NULL && dest != h) {
		if (is_lost(h, dest))
			copies = 0;
		else if (sim_mishap(s, s->net.dup_percent))
			copies = 2;
	}
	while (dest != NULL && copies-- > 0) {
		struct packet *p = packet_new(&from, &there, bytes, len);

		p->sender = h;
		if (acks != NULL)
			p->acks = *acks;
		if (dest != h)
			attack_see(p, dest);
		send_once(h, dest, p);
	}
	if (is_call_port(port) && sim_mishap(s, s->net.forge_percent))
		attack_answer(h);
}
