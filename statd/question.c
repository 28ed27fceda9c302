/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One getport and one SM_STAT per try, each under a fresh xid, so that an
 * answer is never older than the pause between two tries.  It counts only from
 * the address and port that were asked.
 *
 * COMPAT: the name in SM_STAT is "127.0.0.1": nfs-utils looks the name up
 * before it answers (contract.md B-3), and this one needs no name server.
 */
#include "statd/question.h"

#include <string.h>

#include "lib/portmap.h"
#include "lib/rpcmsg.h"
#include "lib/rpcsrv.h"
#include "proto/sm_inter.h"
#include "statd/effects.h"
#include "statd/peers.h"

void questions_init(struct questions *set, struct effects *out,
		    struct peers *peers, struct prng *rng)
{
	*set = (struct questions){
		.out = out, .peers = peers, .rng = rng, .next_id = 1};
	rpccalls_init(&set->calls, rng);
	timerq_init(&set->timers);
	list_init(&set->waiting);
	list_init(&set->news);
}

void questions_fini(struct questions *set)
{
	rpccalls_fini(&set->calls);
	timerq_fini(&set->timers);
}

void question_init(struct question *question)
{
	list_init(&question->in_queue);
	list_init(&question->in_news);
}

static bool is_open(const struct question *q)
{
	return q->stage == QUESTION_PORT || q->stage == QUESTION_NUMBER;
}

/* The address whose turn it is; NULL where none but our own is known. */
static const struct addr *next_addr(const struct peer *peer)
{
	size_t i;

	for (i = 0; i < peer->addr_count; i++) {
		size_t turn = (peer->question.tries + i) % peer->addr_count;

		if (!addr_is_loopback(&peer->addrs[turn].addr))
			return &peer->addrs[turn].addr;
	}
	return NULL;
}

static void send_message(struct questions *set, const struct addr *to,
			 struct buf *message)
{
	effects_send(set->out, set->next_id++, NSM_FROM_ANY, to, message);
}

static void ask_port(struct questions *set, struct peer *peer,
		     const struct addr *addr)
{
	struct addr to = *addr;
	struct buf message;
	uint32_t xid;

	to.port = PORTMAP_PORT;
	xid = rpccalls_open(&set->calls, &peer->question.call, &to);
	peer->question.stage = QUESTION_PORT;
	buf_init(&message, RPCMSG_SIZE_MAX);
	portmap_add_getport(&message, xid, to.family, SM_PROGRAM, SM_VERSION,
			    PORTMAP_UDP);
	send_message(set, &to, &message);
}

static void ask_number(struct questions *set, struct peer *peer, uint16_t port)
{
	char nobody[] = "127.0.0.1";
	struct sm_name name = {.mon_name = {sizeof(nobody) - 1, nobody}};
	struct addr to = peer->question.call.peer;
	struct buf message;
	uint32_t xid;

	to.port = port;
	xid = rpccalls_open(&set->calls, &peer->question.call, &to);
	peer->question.stage = QUESTION_NUMBER;
	buf_init(&message, RPCMSG_SIZE_MAX);
	rpcmsg_add_call(&message, xid, SM_PROGRAM, SM_VERSION, SM_PROC_STAT);
	rpcsrv_add_xdr(&message, (rpcsrv_xdr *)xdr_sm_name, &name);
	send_message(set, &to, &message);
}

/*
 * What is left of the wait after the try number @tries, which was open for the
 * shortest one, and up to half of it more: many peers must not keep step.
 */
static uint64_t pause_ms(struct questions *set, unsigned int tries)
{
	uint64_t wait_ms = QUESTION_WAIT_FIRST_MS;

	while (--tries > 0 && wait_ms < QUESTION_WAIT_MAX_MS)
		wait_ms *= 2;
	if (wait_ms > QUESTION_WAIT_MAX_MS)
		wait_ms = QUESTION_WAIT_MAX_MS;
	return wait_ms - QUESTION_WAIT_FIRST_MS +
	       prng_below(set->rng, wait_ms / 2 + 1);
}

/* Whether another record with that address is being asked just now. */
static bool is_asked_for_another(const struct questions *set,
				 const struct peer *peer,
				 const struct addr *addr)
{
	struct peer_addr *place = NULL;

	while ((place = peers_next_by_addr(set->peers, addr, place)) != NULL) {
		const struct question *q = &place->peer->question;

		if (place->peer != peer && q->call.is_open &&
		    addr_is_same_host(&q->call.peer, addr))
			return true;
	}
	return false;
}

static void begin_try(struct questions *set, struct peer *peer)
{
	struct question *q = &peer->question;
	const struct addr *addr = next_addr(peer);

	set->open_count++;
	q->stage = QUESTION_PORT;
	if (addr != NULL && !is_asked_for_another(set, peer, addr))
		ask_port(set, peer, addr);
	timerq_set(&set->timers, &q->timer,
		   set->now_ms + QUESTION_WAIT_FIRST_MS);
}

static void pump(struct questions *set)
{
	struct link *link;

	while (set->open_count < QUESTION_OPEN_MAX &&
	       (link = list_take_first(&set->waiting)) != NULL)
		begin_try(set,
			  container_of(link, struct peer, question.in_queue));
}

/* Takes @q from whatever it is doing; what it knows stays. */
static void detach(struct questions *set, struct question *q)
{
	if (is_open(q))
		set->open_count--;
	rpccalls_close(&set->calls, &q->call);
	timerq_cancel(&set->timers, &q->timer);
	list_remove(&q->in_queue);
	q->stage = QUESTION_IDLE;
}

static void enqueue(struct questions *set, struct question *q)
{
	detach(set, q);
	q->stage = QUESTION_WAITING;
	list_append(&set->waiting, &q->in_queue);
}

bool questions_ask(struct questions *set, uint64_t now_ms, struct peer *peer)
{
	struct question *q = &peer->question;

	set->now_ms = now_ms;
	if (next_addr(peer) == NULL)
		return false;
	if (q->stage != QUESTION_IDLE && q->stage != QUESTION_PAUSED)
		return true;
	q->tries = 0;
	enqueue(set, q);
	pump(set);
	return true;
}

void questions_stop(struct questions *set, struct peer *peer)
{
	detach(set, &peer->question);
	list_remove(&peer->question.in_news);
	pump(set);
}

static bool parse_number(const struct rpcmsg_reply *reply, uint32_t *number)
{
	struct sm_stat_res res = {0};
	bool is_good;
	XDR xdr;

	if (reply->status != RPCMSG_SUCCESS)
		return false;
	/* XDR_DECODE does not write to what it reads. */
	xdrmem_create(&xdr, (char *)(uintptr_t)reply->results,
		      (u_int)reply->results_len, XDR_DECODE);
	is_good = xdr_sm_stat_res(&xdr, &res);
	/* COMPAT: a statd that knows no such name still says its number. */
	*number = (uint32_t)res.state;
	return is_good && *number != 0;
}

static void add_news(struct questions *set, struct question *q)
{
	list_remove(&q->in_news);
	list_append(&set->news, &q->in_news);
}

/* One answer serves every record with that address that is being asked. */
static void tell_all(struct questions *set, const struct addr *from,
		     uint32_t number)
{
	struct peer_addr *place = NULL;

	while ((place = peers_next_by_addr(set->peers, from, place)) != NULL) {
		struct question *q = &place->peer->question;

		if (!is_open(q))
			continue;
		detach(set, q);
		q->has_answer = true;
		q->number = number;
		q->from = *from;
		add_news(set, q);
	}
}

void questions_answer(struct questions *set, uint64_t now_ms,
		      const struct addr *from, const uint8_t *bytes, size_t len)
{
	struct rpcmsg_reply reply;
	struct rpccall *call;
	struct peer *peer;
	uint32_t number;
	int port = 0;

	set->now_ms = now_ms;
	if (rpccalls_match(&set->calls, from, bytes, len, &call, &reply) !=
	    RPCCALL_MATCHED)
		return;
	peer = container_of(call, struct peer, question.call);
	/* No statd there, or no sense in what it says: the timer goes on. */
	if (peer->question.stage == QUESTION_PORT) {
		if (reply.status == RPCMSG_SUCCESS)
			port = portmap_parse_getport(from->family,
						     reply.results,
						     reply.results_len);
		if (port > 0)
			ask_number(set, peer, (uint16_t)port);
		return;
	}
	if (!parse_number(&reply, &number))
		return;
	tell_all(set, from, number);
	pump(set);
}

static void try_is_over(struct questions *set, struct question *q)
{
	detach(set, q);
	q->stage = QUESTION_PAUSED;
	q->tries++;
	timerq_set(&set->timers, &q->timer,
		   set->now_ms + pause_ms(set, q->tries));
	q->has_answer = false;
	add_news(set, q);
}

void questions_timer(struct questions *set, uint64_t now_ms)
{
	struct timer *timer;

	set->now_ms = now_ms;
	while ((timer = timerq_take(&set->timers, now_ms)) != NULL) {
		struct question *q =
			container_of(timer, struct question, timer);

		if (is_open(q))
			try_is_over(set, q);
		else
			enqueue(set, q);
	}
	pump(set);
}

struct peer *questions_take(struct questions *set)
{
	struct link *link = list_take_first(&set->news);

	if (link == NULL)
		return NULL;
	return container_of(link, struct peer, question.in_news);
}

uint64_t questions_deadline_ms(const struct questions *set)
{
	return timerq_deadline_ms(&set->timers);
}
