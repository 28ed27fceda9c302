/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A host: its power, and the main of rpc.statd, which carries out what the core
 * says, in order, and may die before each effect.  A power
 * failure takes everything but the disk; a kill takes one process and leaves
 * even what was not flushed.
 */
#include "tests/sim/sim.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/portmap.h"
#include "lib/statenum.h"
#include "lib/xalloc.h"
#include "statd/aliases.h"
#include "statd/envoy.h"

#define SPINS_MAX 1000 /* timer inputs at one instant */

static void run_turn(struct sim *s, struct event *e);
static void run_statd(struct sim *s, struct event *e);
static void run_power_on(struct sim *s, struct event *e);

void host_init(struct host *h, struct sim *s, unsigned int index)
{
	uint8_t first[STATENUM_FILE_SIZE];
	struct inode *inode;

	*h = (struct host){.sim = s, .index = index};
	h->addr = (struct addr){.family = ADDR_V4, .bytes = {10, 0, 0}};
	h->addr.bytes[3] = (uint8_t)(index + 1);
	if (prng_below(&s->rng, 4) == 0) {
		h->other = h->addr;
		h->other.bytes[2] = 1;
	}
	snprintf(h->node, sizeof(h->node), "host%u%s", index,
		 prng_below(&s->rng, 3) == 0 ? "" : ".sim.example");
	if (prng_below(&s->rng, 3) == 0)
		snprintf(h->my_name, sizeof(h->my_name), "unknown%u", index);
	else
		strcpy(h->my_name, h->node);
	disk_init(&h->disk);
	h->disk.error_percent = 1;
	disk_init(&h->op.backup);
	parking_init(h);
	store_init(&h->statd.store);
	crowd_init(h);
	if (prng_below(&s->rng, 2) == 0)
		return;
	/* A number that nfs-utils left. */
	statenum_encode((uint32_t)sim_between(s, 0, 99), first);
	inode = disk_create(&h->disk, DISK_ROOT, "state");
	disk_write(&h->disk, inode, first, sizeof(first));
	disk_sync(&h->disk, inode);
	disk_sync_dir(&h->disk, DISK_ROOT);
}

void host_fini(struct host *h)
{
	nsm_free(h->statd.core);
	notify_free(h->notifier.core);
	store_kill(&h->statd.store);
	free(h->statd.calls);
	crowd_fini(h);
	errand_end(h);
	disk_fini(&h->disk);
	disk_fini(&h->op.backup);
	parking_fini(h);
}

uint64_t host_clock(const struct host *h)
{
	return h->sim->now_ms - h->boot_ms + 1;
}

void statd_end(struct host *h)
{
	if (h->statd.core != NULL)
		attack_statd_dies(h);
	nsm_free(h->statd.core);
	h->statd.core = NULL;
	h->statd.life++;
	h->statd.call_count = 0;
	h->statd.open_strangers = 0;
	memset(h->statd.asked, 0, sizeof(h->statd.asked));
	crowd_statd_died(h);
	callout_kill_all(h);
	store_kill(&h->statd.store);
}

/* --- power ------------------------------------------------------------- */

void host_power_on(struct host *h)
{
	struct sim *s = h->sim;

	if (h->is_up)
		return;
	h->is_up = true;
	h->boot++;
	h->boot_ms = s->now_ms;
	h->is_turned = false;
	h->number = 0;
	h->notifier.is_done = false;
	h->notifier.has_run = false;
	trace(s, h, "boot %u", h->boot);
	operator_boot(h);
	lockd_boot(h);
	parking_boot(h);
	lockrule_trouble_all(h);
	if (h->foreign.kind != FOREIGN_NONE) {
		foreign_power_on(h);
		return;
	}
	sim_after(s, sim_between(s, 10, 2000), run_turn, h)->life = h->boot;
}

void host_power_fail(struct host *h)
{
	struct sim *s = h->sim;

	if (!h->is_up)
		return;
	trace(s, h, "POWER FAILURE");
	check_power_failed(h);
	locks_power_fail(h);
	h->is_up = false;
	h->is_turned = false;
	statd_end(h);
	notifier_end(h);
	errand_end(h);
	operator_machine(h)->is_up = false;
	lockd_power_fail(h);
	crowd_power_fail(h);
	parking_power_fail(h);
	callout_power_fail(h);
	foreign_power_fail(h);
	disk_power_fail(&h->disk, &s->rng);
	theirs_power_failed(h);
	/* No host boots in less than DOUBT_PROMPT_MS. */
	sim_after(s, sim_between(s, 2500, 30000), run_power_on, h);
}

static void run_power_on(struct sim *s, struct event *e)
{
	(void)s;
	host_power_on(e->host);
}

static void kill_program(struct host *h, enum program who)
{
	switch (who) {
	case PROGRAM_STATD:
		statd_kill(h);
		break;
	case PROGRAM_NOTIFIER:
		notifier_kill(h);
		break;
	case PROGRAM_TURN:
		trace(h->sim, h, "turn: killed");
		break;
	case PROGRAM_ERRAND:
		errand_kill(h);
		break;
	}
}

uint32_t host_last_announced(const struct host *h)
{
	return h->announced_count > 0 ? h->announced[h->announced_count - 1]
				      : 0;
}

bool host_survives(struct host *h, enum program who)
{
	struct sim *s = h->sim;

	check_step(s);
	if (s->is_calm || s->crash_one_in == 0 ||
	    prng_below(&s->rng, s->crash_one_in) != 0)
		return true;
	if (prng_below(&s->rng, 3) == 0)
		kill_program(h, who);
	else
		host_power_fail(h);
	return false;
}

static void run_turn(struct sim *s, struct event *e)
{
	(void)s;
	if (e->host->is_up && e->life == e->host->boot)
		host_turn(e->host);
}

void host_turn(struct host *h)
{
	struct sim *s = h->sim;

	if (h->theirs.is_installed) {
		theirs_boot(h);
		return;
	}
	if (!turn_run(h)) {
		if (h->is_up)
			sim_after(s, 1000, run_turn, h)->life = h->boot;
		return;
	}
	trace(s, h, "turned, number %u", h->number);
	sim_after(s, sim_between(s, 0, 500), run_statd, h)->life = h->boot;
	sim_after(s, sim_between(s, 0, 500), notifier_run, h)->life = h->boot;
}

/* --- rpc.statd --------------------------------------------------------- */

static void run_statd(struct sim *s, struct event *e)
{
	(void)s;
	if (e->host->is_up && e->life == e->host->boot)
		statd_start(e->host);
}

uint32_t host_read_number(const struct host *h)
{
	const struct inode *state = disk_find(&h->disk, DISK_ROOT, "state");

	return state != NULL ? statenum_decode(state->bytes, state->len) : 0;
}

/* What store_open() does: temporary files of a killed life go. */
static void open_store(struct host *h)
{
	static const enum disk_dir dirs[] = {DISK_SM, DISK_MEMO};
	size_t d;

	store_init(&h->statd.store);
	for (d = 0; d < sizeof(dirs) / sizeof(dirs[0]); d++) {
		struct dirents *dir = &h->disk.dirs[dirs[d]].now;
		size_t i = 0;

		while (i < dir->count) {
			if (dir->all[i].name[0] == '.')
				disk_unlink(&h->disk, dirs[d],
					    dir->all[i].name);
			else
				i++;
		}
	}
}

/* Feeds what is on the disk; the core may die on the way. */
static void feed_store(struct host *h, uint32_t life)
{
	const struct dirents files = h->disk.dirs[DISK_SM].now;
	const struct dirents memos = h->disk.dirs[DISK_MEMO].now;
	struct nsm_in in = {.kind = NSM_IN_FILE};
	size_t i;

	for (i = 0; i < files.count && h->statd.life == life; i++) {
		if (disk_error(h, DISK_READ) != 0) {
			check_unread(h, files.all[i].name);
			continue;
		}
		in.file.name = files.all[i].name;
		in.bytes = files.all[i].inode->bytes;
		in.len = files.all[i].inode->len;
		statd_input(h, &in);
	}
	in.kind = NSM_IN_MEMO;
	for (i = 0; i < memos.count && h->statd.life == life; i++) {
		in.memo.number = strtoull(memos.all[i].name, NULL, 10);
		in.bytes = memos.all[i].inode->bytes;
		in.len = memos.all[i].inode->len;
		statd_input(h, &in);
	}
	in = (struct nsm_in){.kind = NSM_IN_LOADED};
	if (h->statd.life == life)
		statd_input(h, &in);
}

void statd_start(struct host *h)
{
	struct nsm_config config = {.reserved_port_max = 1023,
				    .policy.has_callout = h->has_callout};
	struct nsm_in number = {.kind = NSM_IN_NUMBER};
	uint32_t life;

	if (h->statd.core != NULL || h->theirs.is_installed || !h->is_turned)
		return;
	trace(h->sim, h, "statd starts");
	lockrule_away(h);
	life = ++h->statd.life;
	h->statd.looked_up_ms = h->sim->now_ms;
	check_statd_starts(h);
	open_store(h);
	sim_random_seed(h->sim, config.seed);
	h->statd.core = nsm_new(&config);
	if (!h->has_fixed_port || h->statd.port == 0)
		h->statd.port = (uint16_t)sim_between(h->sim, STATD_PORT_LOW,
						      STATD_PORT_HIGH);
	feed_store(h, life);
	number.number = host_read_number(h);
	if (h->statd.core != NULL && h->statd.life == life)
		cluster_feed_mounts(h);
	if (h->statd.core != NULL && h->statd.life == life)
		statd_input(h, &number);
}

void statd_kill(struct host *h)
{
	struct sim *s = h->sim;

	if (h->statd.core == NULL)
		return;
	trace(s, h, "statd: killed");
	lockrule_away(h);
	statd_end(h);
	lockd_statd_died(h);
	sim_after(s, sim_between(s, 100, 3000), run_statd, h)->life = h->boot;
}

static void deliver_lockd_reply(struct sim *s, struct event *e)
{
	(void)s;
	if (e->life == e->host->boot)
		lockd_replied(e->host, e->index, (uint32_t)e->id, e->bytes,
			      e->len);
}

static void reply_to_lockd(struct host *h, const struct statd_call *call,
			   const struct nsm_out *out)
{
	struct event *e;

	if (call->is_mon)
		check_mon_answered(h, call, out->bytes, out->len);
	e = sim_after(h->sim, 1, deliver_lockd_reply, h);
	e->life = h->boot;
	e->index = call->lockd_call;
	e->id = call->xid;
	e->bytes = xmemdup(out->bytes, out->len);
	e->len = out->len;
}

static void kill_statd(struct sim *s, struct event *e)
{
	(void)s;
	if (e->life == e->host->statd.life)
		statd_kill(e->host);
}

/* Whoever sent a notice and has the answer will not send it again. */
static void carry_notice_reply(struct host *h, const struct statd_call *call,
			       const struct nsm_out *out)
{
	heard_answered(h, call);
	h->sim->net.source = call->to;
	net_send(h, h->statd.port, &call->from, out->bytes, out->len,
		 &call->notice);
	if (sim_mishap(h->sim, 10))
		sim_after(h->sim, sim_between(h->sim, 0, 50), kill_statd, h)
			->life = h->statd.life;
}

static void carry_reply(struct host *h, const struct nsm_out *out)
{
	struct statd_call *call;

	if (out->reply.reply_to >= h->statd.call_count ||
	    h->statd.calls[out->reply.reply_to].is_answered) {
		check_violate(h, "every_call_gets_one_reply", "a second reply");
		return;
	}
	call = &h->statd.calls[out->reply.reply_to];
	call->is_answered = true;
	if (call->crowd > 0) {
		crowd_replied(h, call, out);
		return;
	}
	h->statd.open_strangers -= !call->is_lockd;
	if (call->is_lockd) {
		reply_to_lockd(h, call, out);
	} else if (call->is_stream && out->len > 0) {
		heard_answered(h, call);
		stream_answer(h, call, out->bytes, out->len);
	} else if (out->len > 0) {
		carry_notice_reply(h, call, out);
	}
}

/*
 * Only the look-up of a record tells statd by which addresses to know notices
 * about it: not that of whom to tell, nor, by design decision 9, that of a name
 * in a notice, though it may be the same name.
 */
static bool is_of_record(uint64_t id)
{
	return !envoy_is_resolve(id) && id < ALIASES_FIRST_ID;
}

static void statd_resolved(struct sim *s, struct event *e)
{
	struct host *h = e->host;
	struct nsm_in in = {.kind = NSM_IN_RESOLVED};
	struct addr addrs[NAMES_ADDRS_MAX];

	if (h->statd.core == NULL || e->life != h->statd.life)
		return;
	in.resolved.id = e->id;
	in.resolved.addrs = addrs;
	in.resolved.count = names_look_up(h, e->name, addrs);
	trace(s, h, "statd <- RESOLVED %s: %zu", e->name, in.resolved.count);
	h->statd.looked_up_ms = s->now_ms;
	if (is_of_record(e->id))
		heard_resolved(h, e->name, addrs, in.resolved.count);
	else if (!envoy_is_resolve(e->id))
		believed_looked_up(h, e->name, in.resolved.count > 0);
	statd_input(h, &in);
}

/* Has @run called with @id and @name after the time that DNS takes. */
struct event *host_resolve(struct host *h, event_run *run, uint64_t id,
			   const char *name)
{
	struct event *e = sim_after(h->sim, names_wait_ms(h->sim), run, h);

	assert(strlen(name) < sizeof(e->name));
	e->id = id;
	strcpy(e->name, name);
	return e;
}

static void statd_send_failed(struct sim *s, struct event *e)
{
	struct nsm_in in = {.kind = NSM_IN_SEND_FAILED};

	(void)s;
	in.send_failed.id = e->id;
	in.send_failed.error = -ENETUNREACH;
	if (e->host->statd.core != NULL && e->life == e->host->statd.life)
		statd_input(e->host, &in);
}

static void statd_send(struct host *h, const struct nsm_out *out)
{
	struct notice_mark notice = {0};
	char peer[ADDR_TEXT_SIZE];
	struct event *e;
	uint16_t port = out->send.source == NSM_FROM_ANY ? STATD_ASK_PORT
							 : STATD_SEND_PORT;

	trace(h->sim, h, "statd: SEND from %u to %s port %u", port,
	      addr_format(&out->send.peer, peer), out->send.peer.port);
	h->statd.callbacks_at_once += out->send.source == NSM_FROM_LOOPBACK &&
				      out->send.peer.port != PORTMAP_PORT;
	net_read_notice(out->bytes, out->len, &notice);
	if (out->send.source == NSM_FROM_ANY &&
	    out->send.peer.port == PORTMAP_PORT)
		check_asked(h, &out->send.peer);
	if (notice.is_notice && out->send.source == NSM_FROM_ANY)
		check_notice_sent(h, &out->send.peer, &notice);
	if (!sim_mishap(h->sim, 2)) {
		net_send(h, port, &out->send.peer, out->bytes, out->len, NULL);
		return;
	}
	lockrule_trouble_all(h);
	e = sim_after(h->sim, 0, statd_send_failed, h);
	e->life = h->statd.life;
	e->id = out->send.id;
}

static void statd_carry_one(struct host *h, const struct nsm_out *out)
{
	struct sim *s = h->sim;

	switch (out->kind) {
	case NSM_OUT_REPLY:
		trace(s, h, "statd: REPLY %llu, %zu bytes",
		      (unsigned long long)out->reply.reply_to, out->len);
		carry_reply(h, out);
		break;
	case NSM_OUT_STORE:
		trace(s, h, "statd: STORE %llu %s %s",
		      (unsigned long long)out->store.id, out->store.file,
		      out->store.is_new ? "new" : "again");
		store_put(h, out);
		break;
	case NSM_OUT_FORGET:
		trace(s, h, "statd: FORGET %s", out->forget.file);
		store_remove(h, out->forget.file);
		break;
	case NSM_OUT_MEMO:
		trace(s, h, "statd: MEMO %llu %llu, %zu bytes",
		      (unsigned long long)out->memo.id,
		      (unsigned long long)out->memo.number, out->len);
		store_memo(h, out);
		break;
	case NSM_OUT_SEND:
		statd_send(h, out);
		break;
	case NSM_OUT_RESOLVE:
		trace(s, h, "statd: RESOLVE %s", out->resolve.name);
		host_resolve(h, statd_resolved, out->resolve.id,
			     out->resolve.name)
			->life = h->statd.life;
		break;
	case NSM_OUT_CALLOUT:
		callout_begin(h, out);
		break;
	case NSM_OUT_UNTOLD:
	case NSM_OUT_NOTE:
	case NSM_OUT_GRACE:
		parking_carry(h, out);
		break;
	case NSM_OUT_LOG:
		trace(s, h, "statd: \"%s\"", out->log.text);
		break;
	}
}

static void statd_carry(struct host *h)
{
	uint32_t life = h->statd.life;
	struct nsm_out out;

	h->statd.callbacks_at_once = 0;
	while (h->statd.core != NULL && h->statd.life == life &&
	       nsm_output(h->statd.core, &out)) {
		if (!host_survives(h, PROGRAM_STATD))
			return;
		statd_carry_one(h, &out);
	}
}

void host_count_spin(struct host *h, unsigned int *spins, bool is_timer)
{
	*spins = is_timer ? *spins + 1 : 0;
	if (*spins > SPINS_MAX)
		check_violate(h, "deadlines_lie_ahead", "the timer spins");
}

void statd_feed_number(struct host *h)
{
	const struct nsm_in number = {.kind = NSM_IN_NUMBER,
				      .number = host_read_number(h)};

	nsm_input(h->statd.core, host_clock(h), &number);
}

/* As statd/world.c does, once it has loaded all. */
static bool is_after_number(const struct nsm_in *in)
{
	return in->kind == NSM_IN_CALL || in->kind == NSM_IN_ANSWER ||
	       in->kind == NSM_IN_STORED || in->kind == NSM_IN_MEMO_STORED ||
	       in->kind == NSM_IN_RESOLVED || in->kind == NSM_IN_TIMER ||
	       in->kind == NSM_IN_UNTOLD;
}

void statd_input(struct host *h, const struct nsm_in *in)
{
	struct nsm_in now = *in;

	host_count_spin(h, &h->statd.spins, in->kind == NSM_IN_TIMER);
	if (is_after_number(in))
		statd_feed_number(h);
	now.is_grace_over =
		nsm_wants_grace(h->statd.core) && !parking_has_grace(h);
	nsm_input(h->statd.core, host_clock(h), &now);
	statd_carry(h);
	check_caps(h);
}

void statd_call(struct host *h, const struct statd_call *call,
		enum nsm_transport transport, const uint8_t *bytes, size_t len)
{
	struct nsm_in in = {.kind = NSM_IN_CALL, .bytes = bytes, .len = len};

	in.call.reply_to = h->statd.call_count;
	in.call.transport = transport;
	in.call.peer = call->from;
	assert(h->statd.call_count < SIM_CALLS_MAX);
	if (h->statd.calls == NULL) /* megabytes, not to be zeroed */
		h->statd.calls =
			xreallocarray(NULL, SIM_CALLS_MAX, sizeof(*call));
	h->statd.calls[h->statd.call_count++] = *call;
	h->statd.open_strangers += !call->is_lockd && call->crowd == 0;
	if (call->notice.is_notice)
		lockrule_noticed(h, &call->from, call->notice.number);
	statd_input(h, &in);
}
