/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nfs-utils' programs on our disk (contract.md 2.6, 3, 4.2), as far as ours
 * find what they leave: sm-notify runs once per boot, going by its pid file,
 * renames every file of sm/ over that in sm.bak/, raises `state` by two where
 * anybody is to be told, and tells; statd keeps the number that it has read.
 * Files are flushed, directories never.
 *
 * What they lose is not held against us: a record whose name was not flushed, a
 * line that a rename replaced, a raise that a power failure undid and that
 * nothing on the disk shows; nor what they hear, and late notices to those whom
 * they monitor again.  They are not killed, and neither asks rpcbind here nor
 * calls over TCP.
 */
#include "tests/sim/sim.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/rpcmsg.h"
#include "lib/rpcsrv.h"
#include "lib/statenum.h"
#include "lib/xalloc.h"
#include "proto/nlm_prot.h"
#include "proto/sm_inter.h"

#define TRIES_MS_MAX 30000

/* A power failure; false where there was one. */
static bool survives(struct host *h)
{
	struct sim *s = h->sim;

	if (s->is_calm || s->crash_one_in == 0 ||
	    prng_below(&s->rng, s->crash_one_in) != 0)
		return true;
	host_power_fail(h);
	return false;
}

/* --- what they lose ------------------------------------------------------- */

static bool has_record(const struct host *h, const struct pair *pair)
{
	const struct record_wanted wanted = {.mon_name = pair->mon_name,
					     .my_name = pair->my_name};

	return check_is_seen(&h->disk, DISK_SM, &wanted) ||
	       check_is_seen(&h->disk, DISK_BAK, &wanted);
}

/* Nobody is told by whoever has no record; so nobody need hear. */
static void lose_records(struct host *h)
{
	size_t i;

	for (i = 0; i < h->lockd.pair_count; i++) {
		struct pair *pair = &h->lockd.pairs[i];

		if (!pair->is_debt || has_record(h, pair))
			continue;
		trace(h->sim, h, "theirs: \"%s\" is lost", pair->mon_name);
		pair->is_debt = false;
		pair->is_fresh = false;
		cluster_forget_due(h, 0);
	}
}

/* What is undone may be announced again; what is under way is no news then. */
static void forget_above(struct host *h, uint32_t number)
{
	while (h->announced_count > 0 &&
	       h->announced[h->announced_count - 1] > number) {
		h->announced_count--;
		if (h->announced[h->announced_count] > h->theirs.lost)
			h->theirs.lost = h->announced[h->announced_count];
	}
}

/* Number 0 where there is none. */
static struct bootrec read_bootrec(const struct host *h)
{
	const struct inode *boot = disk_find(&h->disk, DISK_ROOT, "state.boot");
	struct bootrec rec = {0};

	if (boot != NULL)
		bootrec_parse(boot->bytes, boot->len, &rec);
	return rec;
}

/* A raise that was undone, and of which state.boot does not know. */
static void lose_number(struct host *h)
{
	uint32_t number = host_read_number(h);

	if (read_bootrec(h).number == number)
		forget_above(h, number);
}

void theirs_power_failed(struct host *h)
{
	struct theirs *t = &h->theirs;

	t->is_up = false;
	t->life++;
	if (!t->is_unflushed)
		return;
	t->is_unflushed = false;
	lose_records(h);
	lose_number(h);
}

bool theirs_has_kept(const struct host *h, uint32_t number)
{
	/* Its debts stay: no answer to @number settles them (check.c). */
	bool is_forcing = turn_is_force_unfinished(h);
	size_t i;

	for (i = 0; i < h->lockd.pair_count; i++)
		if (h->lockd.pairs[i].is_debt && !is_forcing)
			return false;
	return h->op.has_copied && h->theirs.said_boot == h->boot &&
	       h->theirs.said == number;
}

/* --- the disk ------------------------------------------------------------- */

/* As nfs-utils replaces a file, and makes one. */
static void replace(struct host *h, enum disk_dir dir, const char *name,
		    const struct buf *bytes)
{
	char temp[SIM_NAME_SIZE + 8];
	struct inode *inode;

	h->theirs.is_unflushed = true;
	snprintf(temp, sizeof(temp), ".%s.new", name);
	disk_unlink(&h->disk, dir, temp);
	inode = disk_create(&h->disk, dir, temp);
	disk_write(&h->disk, inode, bytes->bytes, bytes->len);
	disk_sync(&h->disk, inode);
	if (survives(h))
		disk_rename(&h->disk, dir, temp, name);
}

/* @out becomes the file without the line of @mon_name and @my_name. */
static void copy_others(const struct host *h, enum disk_dir dir,
			const char *name, const struct record *gone,
			struct buf *out)
{
	const struct inode *inode = disk_find(&h->disk, dir, name);
	struct record_lines lines = {0};
	const uint8_t *line;
	size_t len;

	if (inode != NULL)
		lines = (struct record_lines){.bytes = inode->bytes,
					      .len = inode->len};
	while (record_lines_next(&lines, &line, &len)) {
		struct record rec;

		if (record_parse(line, len, &rec) == RECORD_OK) {
			if (!record_is_same_key(&rec, gone))
				record_format(&rec, out);
			record_fini(&rec);
		}
	}
}

static void set_record(struct record *rec, struct pair *pair)
{
	*rec = (struct record){
		.prog = NLM_PROGRAM,
		.vers = NLM_VERSION_3,
		.proc = NLM_PROC_NSM_NOTIFY,
		.mon_name = pair->mon_name,
		.my_name = pair->my_name,
	};
	memcpy(rec->priv, pair->cookie, sizeof(rec->priv));
}

/* The line goes, and where @is_kept comes back with the cookie of now. */
static void change_line(struct host *h, enum disk_dir dir, struct pair *pair,
			bool is_kept)
{
	struct record rec;
	struct buf bytes;

	set_record(&rec, pair);
	buf_init(&bytes, RECORD_FILE_MAX);
	copy_others(h, dir, pair->mon_name, &rec, &bytes);
	if (is_kept)
		record_format(&rec, &bytes);
	h->theirs.is_unflushed = true;
	if (bytes.len > 0)
		replace(h, dir, pair->mon_name, &bytes);
	else
		disk_unlink(&h->disk, dir, pair->mon_name);
	buf_fini(&bytes);
}

/* --- sm-notify ------------------------------------------------------------ */

static void tell_all(struct sim *s, struct event *e);

static void announce(struct host *h)
{
	uint32_t last = host_last_announced(h);

	assert(h->announced_count < SIM_ANNOUNCED_MAX);
	if (last < h->number)
		h->announced[h->announced_count++] = h->number;
	if (last <= h->number)
		h->announced_boot = h->boot;
}

static void send_notice(struct host *h, struct pair *pair, bool is_short)
{
	char name[SIM_NAME_SIZE];
	struct sm_stat_chge chge = {.state = (int)h->number};
	struct addr to = pair->peer->addr;
	struct buf message;

	strcpy(name, pair->my_name);
	if (is_short)
		name[strcspn(name, ".")] = '\0';
	chge.mon_name.sm_string_val = name;
	chge.mon_name.sm_string_len = (unsigned int)strlen(name);
	to.port = pair->peer->statd.port;
	trace(h->sim, h, "theirs: SEND to 10.0.0.%u \"%s\" %u", to.bytes[3],
	      name, h->number);
	announce(h); /* it may be ours, of this boot, which nobody heard yet */
	buf_init(&message, RPCMSG_SIZE_MAX);
	rpcmsg_add_call(&message, prng_u32(&h->sim->rng), SM_PROGRAM,
			SM_VERSION, SM_PROC_NOTIFY);
	rpcsrv_add_xdr(&message, (rpcsrv_xdr *)xdr_sm_stat_chge, &chge);
	net_send(h, THEIRS_PORT, &to, message.bytes, message.len, NULL);
	buf_fini(&message);
}

static bool is_left(const struct host *h, const struct pair *pair)
{
	const struct record_wanted wanted = {.mon_name = pair->mon_name,
					     .my_name = pair->my_name};

	return check_is_seen(&h->disk, DISK_BAK, &wanted);
}

static void tell_later(struct host *h)
{
	struct sim *s = h->sim;

	sim_after(s, sim_between(s, 100, TRIES_MS_MAX), tell_all, h)->life =
		h->theirs.life;
}

static void tell_all(struct sim *s, struct event *e)
{
	struct host *h = e->host;
	size_t i;

	(void)s;
	if (!h->is_up || e->life != h->theirs.life)
		return;
	for (i = 0; i < h->lockd.pair_count; i++)
		if (is_left(h, &h->lockd.pairs[i]))
			send_notice(h, &h->lockd.pairs[i], false);
	tell_later(h);
}

/* Both names, then the line goes. */
void theirs_answer(struct host *h, const struct packet *p)
{
	size_t i;

	if (!h->theirs.is_up || p->sender == NULL || !p->acks.is_notice ||
	    p->acks.number != h->number)
		return;
	check_ack_delivered(h, p);
	for (i = 0; i < h->lockd.pair_count && h->theirs.is_up; i++) {
		struct pair *pair = &h->lockd.pairs[i];
		bool has_short = strchr(pair->my_name, '.') != NULL;

		if (pair->peer != p->sender || !is_left(h, pair))
			continue;
		if (has_short && strcmp(p->acks.name, pair->my_name) == 0)
			send_notice(h, pair, true);
		else if (!pair->is_debt && /* else it is of another boot */
			 operator_is_form(pair->my_name, has_short,
					  p->acks.name))
			change_line(h, DISK_BAK, pair, false);
	}
}

/* rename(2) from one directory to the other, over what is there. */
static bool retire(struct host *h)
{
	struct dirents *sm = &h->disk.dirs[DISK_SM].now;
	char name[SIM_NAME_SIZE];
	size_t i = 0;

	while (i < sm->count) {
		if (sm->all[i].name[0] == '.') {
			i++;
			continue;
		}
		h->theirs.is_unflushed = true;
		strcpy(name, sm->all[i].name);
		disk_unlink(&h->disk, DISK_BAK, name);
		disk_link(&h->disk, DISK_SM, DISK_BAK, name);
		disk_unlink(&h->disk, DISK_SM, name);
		if (!survives(h))
			return false;
	}
	lose_records(h);
	return true;
}

static bool has_files(const struct host *h)
{
	const struct dirents *bak = &h->disk.dirs[DISK_BAK].now;
	size_t i;

	for (i = 0; i < bak->count; i++)
		if (bak->all[i].name[0] != '.')
			return true;
	return false;
}

/* Where nobody is to be told, nothing is raised. */
static void raise_number(struct host *h)
{
	uint32_t number = host_read_number(h);
	uint8_t bytes[STATENUM_FILE_SIZE];
	struct buf state;

	h->number = number != 0 ? number : STATENUM_FIRST;
	if (number != 0 && has_files(h))
		h->number += 2;
	if (h->number == number)
		return;
	statenum_encode(h->number, bytes);
	buf_init(&state, sizeof(bytes));
	buf_add(&state, bytes, sizeof(bytes));
	replace(h, DISK_ROOT, "state", &state);
	buf_fini(&state);
}

static bool notify(struct host *h)
{
	struct machine *machine = operator_machine(h);
	uint32_t boot = h->boot;
	size_t i;

	if (machine->has_mark) {
		h->number = host_read_number(h);
		return true; /* already notifying */
	}
	machine->has_mark = true;
	machine->is_mark_ours = false;
	if (!retire(h))
		return false;
	for (i = 0; i < h->lockd.pair_count; i++)
		h->lockd.pairs[i].is_fresh = false;
	raise_number(h);
	if (!h->is_up || h->boot != boot)
		return false;
	trace(h->sim, h, "theirs: notifies, number %u", h->number);
	cluster_turned(h);
	if (has_files(h))
		announce(h);
	return true;
}

/* --- statd ---------------------------------------------------------------- */

static void begin(struct host *h)
{
	struct sim *s = h->sim;

	trace(s, h, "theirs: statd starts, number %u", h->number);
	h->theirs.is_up = true;
	h->theirs.is_unflushed = true;
	h->theirs.life++;
	if (h->number >= h->theirs.said) {
		h->theirs.said = h->number;
		h->theirs.said_boot = h->boot;
	}
	h->statd.port =
		(uint16_t)sim_between(s, STATD_PORT_LOW, STATD_PORT_HIGH);
	/*
	 * An administrator who means to stay with them cleans up, but not after
	 * a -f that has failed: that is called again first (doc/migrating.md).
	 */
	if (prng_below(&s->rng, 5) == 0 && !turn_is_force_unfinished(h))
		disk_unlink(&h->disk, DISK_ROOT, "state.boot");
	tell_later(h);
}

void theirs_boot(struct host *h)
{
	if (notify(h))
		begin(h);
}

static void answered(struct sim *s, struct event *e)
{
	(void)s;
	if (e->life == e->host->boot)
		lockd_replied(e->host, e->index, (uint32_t)e->id, e->bytes,
			      e->len);
}

static void answer(struct host *h, const struct lockd_call *call)
{
	struct event *e = sim_after(h->sim, 1, answered, h);
	struct buf reply;

	e->life = h->boot;
	e->index = (size_t)(call - h->lockd.calls);
	e->id = call->xid;
	buf_init(&reply, RPCMSG_SIZE_MAX);
	rpcmsg_add_reply(&reply, call->xid, RPCMSG_SUCCESS, 0);
	buf_add_be32(&reply, SM_STAT_SUCC);
	buf_add_be32(&reply, h->number);
	e->len = reply.len;
	e->bytes = buf_take(&reply);
	buf_fini(&reply);
}

bool theirs_call(struct host *h, const struct lockd_call *call)
{
	struct pair *pair = call->pair;
	bool is_mon = call->proc == SM_PROC_MON;
	uint32_t boot = h->boot;

	if (!h->theirs.is_up)
		return false;
	pair->is_theirs = true;
	change_line(h, DISK_SM, pair, is_mon);
	if (!h->is_up || h->boot != boot)
		return true;
	pair->is_promised = is_mon;
	memcpy(pair->promised, call->cookie, sizeof(pair->promised));
	answer(h, call);
	return true;
}

/* Whoever is answered has told us; what becomes of it is theirs. */
void theirs_input(struct host *h, const struct packet *p)
{
	struct sm_stat_res res = {.res_stat = SM_STAT_SUCC,
				  .state = (int)h->number};
	struct notice_mark notice = {0};
	struct rpcmsg_call call;
	struct buf reply;
	size_t i;

	if (rpcmsg_parse_call(p->bytes, p->len, &call) != RPCMSG_CALL_OK)
		return;
	net_read_notice(p->bytes, p->len, &notice);
	for (i = 0; i < h->lockd.pair_count && notice.is_notice; i++)
		if (h->lockd.pairs[i].peer == p->sender)
			h->lockd.pairs[i].is_callback_due = false;
	buf_init(&reply, RPCMSG_SIZE_MAX);
	rpcmsg_add_reply(&reply, call.xid, RPCMSG_SUCCESS, 0);
	if (call.proc == SM_PROC_STAT)
		rpcsrv_add_xdr(&reply, (rpcsrv_xdr *)xdr_sm_stat_res, &res);
	net_send(h, h->statd.port, &p->from, reply.bytes, reply.len,
		 notice.is_notice ? &notice : NULL);
	buf_fini(&reply);
}

/* --- one for the other ---------------------------------------------------- */

static void forget_heard(struct host *h)
{
	size_t i;

	for (i = 0; i < h->lockd.pair_count; i++)
		h->lockd.pairs[i].is_callback_due = false;
}

static void to_theirs(struct host *h)
{
	h->theirs.is_installed = true;
	if (!h->is_up)
		return;
	trace(h->sim, h, "nfs-utils takes over");
	statd_end(h);
	notifier_end(h);
	lockd_statd_died(h);
	/* What had come, and was to be delivered yet, they do not know of. */
	forget_heard(h);
	h->is_turned = false;
	h->number = host_read_number(h);
	begin(h);
}

void theirs_leave(struct host *h)
{
	if (!h->theirs.is_installed)
		return;
	h->theirs.is_installed = false;
	if (!h->is_up)
		return;
	trace(h->sim, h, "nfs-utils leaves");
	h->theirs.life++;
	if (h->theirs.is_up) {
		h->theirs.is_up = false;
		/* Theirs was behind what they had announced once. */
		forget_above(h, h->number);
		lockd_statd_died(h);
		host_turn(h);
	}
}

void theirs_exchange(struct host *h)
{
	/* Our sm-notify has run: theirs would tell of a boot that was none. */
	if (h->theirs.is_installed)
		theirs_leave(h);
	else if (!h->is_up || (h->is_turned && operator_machine(h)->has_mark &&
			       h->statd.core != NULL))
		to_theirs(h);
}
