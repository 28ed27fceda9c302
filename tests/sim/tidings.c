/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How other systems tell their peers of a reboot (doc/testing.md, "Other
 * systems"): nfs-utils each peer by itself, with growing pauses, for 15
 * minutes; FreeBSD one after the other, 20 seconds each, in 44 rounds; illumos
 * all at once, and then again and again for ever.
 */
#include "tests/sim/foreign.h"

#include <string.h>

#include "lib/hostname.h"
#include "lib/portmap.h"
#include "lib/rpcmsg.h"
#include "sm-notify/message.h"
#include "tests/sim/sim.h"

#define NFS_UTILS_PORT	     800 /* reserved */
#define FREEBSD_PORT	     1001
#define ILLUMOS_PORT	     33000 /* not reserved */
#define NFS_UTILS_SENDS	     4	   /* then it asks for the port again */
#define NFS_UTILS_WAIT_MS    2000
#define NFS_UTILS_WAIT_MAX   120000
#define FREEBSD_AGAIN_MS     15000 /* libc repeats a call once ... */
#define FREEBSD_END_MS	     5000  /* ... and ends it at 20 s */
#define FREEBSD_ROUNDS	     44
#define ILLUMOS_SENDS	     3
#define ILLUMOS_AGAIN_MS     5000 /* of the 15 s that a call has */
#define ILLUMOS_DELAY_MS     30000
#define ILLUMOS_DELAY_MAX_MS 300000

static void freebsd_next(struct host *h);
static void run_step(struct sim *s, struct event *e);

bool tidings_is_port(const struct host *h, uint16_t port)
{
	return h->foreign.kind != FOREIGN_NONE &&
	       (port == NFS_UTILS_PORT || port == FREEBSD_PORT ||
		(port >= ILLUMOS_PORT && port < ILLUMOS_PORT + SIM_HOSTS_MAX));
}

const char *tidings_saying(const struct host *h, unsigned int at)
{
	static char text[SIM_NAME_SIZE]; /* until the next call */

	switch (h->foreign.kind) {
	case FOREIGN_NFS_UTILS: /* in full, then up to its first dot */
		if (at == 1 && strchr(h->my_name, '.') != NULL) {
			strcpy(text, h->my_name);
			text[hostname_short_len(text)] = '\0';
			return text;
		}
		return at == 0 ? h->my_name : NULL;
	case FOREIGN_ILLUMOS: /* its name, then those of its addresses */
		return at == 0 ? h->my_name : at == 1 ? h->node : NULL;
	case FOREIGN_FREEBSD:
	case FOREIGN_NONE:
		break;
	}
	return at == 0 ? h->my_name : NULL;
}

static struct foreign_watch *watch_of(struct host *h, size_t index)
{
	return &h->foreign.watches[index];
}

static void plan(struct host *h, size_t index, uint64_t wait_ms)
{
	struct tidings *t = &watch_of(h, index)->tidings;
	struct event *e = sim_after(h->sim, wait_ms, run_step, h);

	e->life = h->foreign.tell_life;
	e->index = index;
	e->id = ++t->seq;
}

/* --- one packet -------------------------------------------------------- */

/* Where the peer is to be found now; false where its name leads nowhere. */
static bool find_addr(struct host *h, const struct foreign_watch *w,
		      struct addr *out)
{
	struct addr addrs[NAMES_ADDRS_MAX];

	if (addr_parse(w->file, out))
		return true;
	if (names_look_up(h, w->file, addrs) == 0)
		return false;
	*out = addrs[0];
	return true;
}

static uint16_t port_of(const struct host *h, size_t index)
{
	switch (h->foreign.kind) {
	case FOREIGN_FREEBSD:
		return FREEBSD_PORT;
	case FOREIGN_ILLUMOS:
		return (uint16_t)(ILLUMOS_PORT + index);
	case FOREIGN_NFS_UTILS:
	case FOREIGN_NONE:
		break;
	}
	return NFS_UTILS_PORT;
}

static void note_announced(struct host *h)
{
	uint32_t number = h->foreign.number;
	uint32_t last = host_last_announced(h);

	if (last == number)
		return;
	believed_announced(h, h->foreign.said, last);
	if (h->announced_count < SIM_ANNOUNCED_MAX)
		h->announced[h->announced_count++] = number;
}

static void add_notice(struct host *h, const struct tidings *t,
		       struct buf *message)
{
	const char *name = tidings_saying(h, t->saying);
	char text[SIM_NAME_SIZE];

	strcpy(text, name);
	note_announced(h);
	message_add_notice(message, t->xid,
			   &(struct message_notice){
				   .name = text,
				   .len = strlen(text),
				   .number = h->foreign.number,
			   });
}

static void send_one(struct host *h, size_t index)
{
	struct foreign_watch *w = watch_of(h, index);
	struct tidings *t = &w->tidings;
	struct buf message;
	struct addr to;

	if (!find_addr(h, w, &to))
		return;
	t->xid = prng_u32(&h->sim->rng);
	t->is_open = true;
	to.port = t->port != 0 ? t->port : PORTMAP_PORT;
	buf_init(&message, RPCMSG_SIZE_MAX);
	if (t->port == 0)
		message_add_getport(&message, t->xid, ADDR_V4, PORTMAP_UDP);
	else
		add_notice(h, t, &message);
	trace(h->sim, h, "foreign: %s to %s, number %u",
	      t->port == 0 ? "getport" : tidings_saying(h, t->saying), w->file,
	      h->foreign.number);
	if (t->port != 0 && h->foreign.uses_tcp)
		stream_tell(h, &to, port_of(h, index), &message);
	else
		net_send(h, port_of(h, index), &to, message.bytes, message.len,
			 NULL);
	buf_fini(&message);
}

/* --- when -------------------------------------------------------------- */

static void step_nfs_utils(struct host *h, size_t index)
{
	struct tidings *t = &watch_of(h, index)->tidings;

	if (h->sim->now_ms - h->foreign.told_since_ms > h->foreign.retry_ms) {
		trace(h->sim, h, "foreign: unable to notify host%zu", index);
		t->has_given_up = true;
		return;
	}
	if (t->sends++ % NFS_UTILS_SENDS == 0 && t->sends > 1)
		t->port = 0;
	send_one(h, index);
	plan(h, index, t->wait_ms);
	t->wait_ms *= 2;
	if (t->wait_ms > NFS_UTILS_WAIT_MAX)
		t->wait_ms = NFS_UTILS_WAIT_MAX;
}

static void step_illumos(struct host *h, size_t index)
{
	struct tidings *t = &watch_of(h, index)->tidings;
	uint64_t delay_ms;

	if (t->sends < ILLUMOS_SENDS) {
		t->sends++;
		send_one(h, index);
		plan(h, index, ILLUMOS_AGAIN_MS);
		return;
	}
	/* All of it again, and later each time. */
	delay_ms = (uint64_t)++t->tries * ILLUMOS_DELAY_MS;
	t->sends = 0;
	t->port = 0;
	t->saying = 0;
	t->is_open = false;
	plan(h, index,
	     delay_ms < ILLUMOS_DELAY_MAX_MS ? delay_ms : ILLUMOS_DELAY_MAX_MS);
}

static void step_freebsd(struct host *h, size_t index)
{
	struct tidings *t = &watch_of(h, index)->tidings;

	if (t->sends < 2) {
		send_one(h, index);
		plan(h, index,
		     t->sends++ == 0 ? FREEBSD_AGAIN_MS : FREEBSD_END_MS);
		return;
	}
	t->is_open = false;
	h->foreign.turn++;
	freebsd_next(h);
}

static void step(struct host *h, size_t index)
{
	switch (h->foreign.kind) {
	case FOREIGN_NFS_UTILS:
		step_nfs_utils(h, index);
		break;
	case FOREIGN_FREEBSD:
		step_freebsd(h, index);
		break;
	case FOREIGN_ILLUMOS:
		step_illumos(h, index);
		break;
	case FOREIGN_NONE:
		break;
	}
}

static void run_step(struct sim *s, struct event *e)
{
	struct host *h = e->host;
	struct foreign_watch *w = watch_of(h, e->index);

	(void)s;
	if (h->is_up && e->life == h->foreign.tell_life &&
	    e->id == w->tidings.seq && w->is_debt)
		step(h, e->index);
}

/* --- FreeBSD: one after the other -------------------------------------- */

static bool has_debt(const struct host *h)
{
	size_t i;

	for (i = 0; i < SIM_HOSTS_MAX; i++)
		if (h->foreign.watches[i].is_debt)
			return true;
	return false;
}

static void run_round(struct sim *s, struct event *e)
{
	struct host *h = e->host;

	(void)s;
	if (!h->is_up || e->life != h->foreign.tell_life)
		return;
	h->foreign.turn = 0;
	freebsd_next(h);
}

static void end_round(struct host *h)
{
	unsigned int round = h->foreign.round++;
	uint64_t wait_ms = round < 10 ? 5000 : round < 20 ? 60000 : 3600000;

	if (!has_debt(h) || round + 1 >= FREEBSD_ROUNDS)
		return;
	sim_after(h->sim, wait_ms, run_round, h)->life = h->foreign.tell_life;
}

static void freebsd_next(struct host *h)
{
	struct foreign *f = &h->foreign;

	while (f->turn < SIM_HOSTS_MAX && !f->watches[f->turn].is_debt)
		f->turn++;
	if (f->turn == SIM_HOSTS_MAX) {
		end_round(h);
		return;
	}
	f->watches[f->turn].tidings.sends = 0;
	f->watches[f->turn].tidings.port = 0;
	plan(h, f->turn, 0);
}

/* --- what comes back --------------------------------------------------- */

/* The peer has answered something; what is next is said at once. */
static void go_on(struct host *h, size_t index)
{
	struct tidings *t = &watch_of(h, index)->tidings;

	t->sends = 0;
	t->wait_ms = NFS_UTILS_WAIT_MS;
	plan(h, index, 0);
}

static void told(struct host *h, size_t index)
{
	struct foreign_watch *w = watch_of(h, index);

	trace(h->sim, h, "foreign: host%zu is told", index);
	w->is_debt = false;
	if (h->foreign.kind != FOREIGN_FREEBSD)
		return;
	h->foreign.turn++;
	freebsd_next(h);
}

/* No statd there. */
static void not_there(struct host *h, size_t index)
{
	struct tidings *t = &watch_of(h, index)->tidings;

	if (h->foreign.kind == FOREIGN_NFS_UTILS) {
		t->wait_ms = NFS_UTILS_WAIT_MAX;
		plan(h, index, NFS_UTILS_WAIT_MAX);
		return;
	}
	t->sends = ILLUMOS_SENDS; /* as if it had been silent */
	plan(h, index, 0);
}

static void answered(struct host *h, size_t index,
		     const struct rpcmsg_reply *reply)
{
	struct tidings *t = &watch_of(h, index)->tidings;
	int port;

	t->is_open = false;
	if (t->port == 0) {
		port = portmap_parse_getport(ADDR_V4, reply->results,
					     reply->results_len);
		t->port = port > 0 ? (uint16_t)port : 0;
		if (port > 0)
			go_on(h, index);
		else
			not_there(h, index);
		return;
	}
	if (reply->status != RPCMSG_SUCCESS)
		return;
	if (tidings_saying(h, ++t->saying) == NULL)
		told(h, index);
	else
		go_on(h, index);
}

void tidings_answer(struct host *h, const struct packet *p)
{
	struct rpcmsg_reply reply;
	size_t i;

	if (!rpcmsg_parse_reply(p->bytes, p->len, &reply))
		return;
	for (i = 0; i < SIM_HOSTS_MAX; i++) {
		const struct foreign_watch *w = watch_of(h, i);

		if (!w->is_debt || !w->tidings.is_open ||
		    w->tidings.xid != reply.xid)
			continue;
		answered(h, i, &reply);
		return;
	}
}

void tidings_begin(struct host *h)
{
	struct foreign *f = &h->foreign;
	size_t i;

	f->tell_life++;
	f->told_since_ms = h->sim->now_ms;
	f->round = 0;
	f->turn = 0;
	for (i = 0; i < SIM_HOSTS_MAX; i++) {
		struct foreign_watch *w = watch_of(h, i);

		w->tidings = (struct tidings){.seq = w->tidings.seq,
					      .wait_ms = NFS_UTILS_WAIT_MS};
		if (w->is_debt && f->kind != FOREIGN_FREEBSD)
			plan(h, i, sim_between(h->sim, 0, 100));
	}
	if (f->kind == FOREIGN_FREEBSD)
		freebsd_next(h);
}
