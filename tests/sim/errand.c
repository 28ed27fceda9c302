/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * "sm-notify -f -v ADDRESS -P COPY", as a cluster's agent has it for a floating
 * address (sm-notify(8), HIGH AVAILABILITY): on a copy of sm/, sm.bak/ and
 * `state`, beside everything else that goes on on the host.  The steps before
 * the first packet are those of bootturn_private(), with a place to die between
 * any two.  The agent flushes its copy, and runs it again until all are told.
 *
 * No call of it over TCP is ever answered here.
 */
#include "tests/sim/sim.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "lib/rpcmsg.h"
#include "lib/statenum.h"

#define GIVE_UP_MS_MAX	60000
#define CALL_TIMEOUT_MS 10000

static void input(struct host *h, const struct notify_in *in);

/* --- the copy ------------------------------------------------------------- */

void errand_copy_dir(struct disk *to, enum disk_dir to_dir,
		     const struct disk *from, enum disk_dir from_dir)
{
	const struct dirents *files = &from->dirs[from_dir].now;
	size_t i;

	while (to->dirs[to_dir].now.count > 0)
		disk_unlink(to, to_dir, to->dirs[to_dir].now.all[0].name);
	for (i = 0; i < files->count; i++) {
		const struct inode *old = files->all[i].inode;
		struct inode *inode;

		if (files->all[i].name[0] == '.')
			continue;
		inode = disk_create(to, to_dir, files->all[i].name);
		disk_write(to, inode, old->bytes, old->len);
		disk_sync(to, inode);
	}
	disk_sync_dir(to, to_dir);
}

static uint32_t number_in(const struct disk *disk, enum disk_dir dir)
{
	const struct inode *state = disk_find(disk, dir, "state");

	return state != NULL ? statenum_decode(state->bytes, state->len) : 0;
}

/*
 * `state` alone: a state.boot would make it a directory of ours.  Of two
 * numbers of @from the one that its own errand has announced last.
 */
static void copy_number(struct host *h, const struct host *from)
{
	enum disk_dir dir = number_in(&from->disk, DISK_COPY) >
					    number_in(&from->disk, DISK_ROOT)
				    ? DISK_COPY
				    : DISK_ROOT;
	const struct inode *state = disk_find(&from->disk, dir, "state");
	uint8_t bytes[STATENUM_FILE_SIZE] = {0};
	size_t len = 0;
	struct inode *inode;

	if (state != NULL && state->len == sizeof(bytes)) {
		memcpy(bytes, state->bytes, sizeof(bytes));
		len = sizeof(bytes);
	}
	disk_unlink(&h->disk, DISK_COPY, "state");
	inode = disk_create(&h->disk, DISK_COPY, "state");
	disk_write(&h->disk, inode, bytes, len);
	disk_sync(&h->disk, inode);
	disk_sync_dir(&h->disk, DISK_COPY);
}

static bool is_in(const struct host *h, enum disk_dir dir,
		  const struct owed *owed)
{
	const struct record_wanted wanted = {.mon_name = owed->mon_name,
					     .my_name = owed->my_name};

	return check_is_on_disk(&h->disk, dir, &wanted);
}

/* Whom the copy of @from's records in @h remembers. */
static void list_owed(struct host *h, const struct host *from)
{
	struct errand *e = &h->op.errand;
	size_t i;

	assert(from->lockd.pair_count < OWED_MAX);
	e->owed_count = 0;
	for (i = 0; i < from->lockd.pair_count; i++) {
		const struct pair *pair = &from->lockd.pairs[i];
		struct owed *owed = &e->owes[e->owed_count];

		strcpy(owed->mon_name, pair->mon_name);
		strcpy(owed->my_name, pair->my_name);
		owed->peer = pair->peer;
		if (pair->peer != h && (is_in(h, DISK_COPY_SM, owed) ||
					is_in(h, DISK_COPY_BAK, owed)))
			e->owed_count++;
	}
}

/* It may have been a client of the other one, and knows what happened. */
static void forget_own(struct host *h)
{
	char text[ADDR_TEXT_SIZE];

	addr_format(&h->addr, text);
	disk_unlink(&h->disk, DISK_COPY_SM, text);
	disk_unlink(&h->disk, DISK_COPY_SM, h->node);
	disk_unlink(&h->disk, DISK_COPY_BAK, text);
	disk_unlink(&h->disk, DISK_COPY_BAK, h->node);
	disk_sync_dir(&h->disk, DISK_COPY_SM);
	disk_sync_dir(&h->disk, DISK_COPY_BAK);
}

static void again(struct sim *s, struct event *e)
{
	(void)s;
	if (e->host->is_up && e->life == e->host->boot)
		errand_start(e->host);
}

static void start_later(struct host *h)
{
	struct sim *s = h->sim;

	if (h->is_up && h->op.errand.is_wanted)
		sim_after(s, sim_between(s, 100, 30000), again, h)->life =
			h->boot;
}

void errand_begin(struct host *h, const struct host *from)
{
	trace(h->sim, h, "copy: the records of host%u", from->index);
	errand_end(h);
	copy_number(h, from);
	errand_copy_dir(&h->disk, DISK_COPY_SM, &from->disk, DISK_SM);
	errand_copy_dir(&h->disk, DISK_COPY_BAK, &from->disk, DISK_BAK);
	forget_own(h);
	list_owed(h, from);
	h->op.errand.is_wanted = true;
	errand_start(h);
}

/* --- the rules ------------------------------------------------------------ */

/* A copy of a record is as good as the record. */
void errand_check_step(struct host *h)
{
	const struct errand *e = &h->op.errand;
	size_t i;

	for (i = 0; i < e->owed_count; i++)
		if (!is_in(h, DISK_COPY_BAK, &e->owes[i]) &&
		    !is_in(h, DISK_COPY_SM, &e->owes[i]))
			check_violate(h, "no_copied_peer_is_deleted_untold",
				      "\"%s\"", e->owes[i].mon_name);
}

void errand_check_end(struct host *h)
{
	const struct errand *e = &h->op.errand;

	/* A torn line, which nobody was promised, may keep it from its end. */
	if (e->owed_count > 0)
		check_violate(h, "copied_peer_is_told", "%zu untold",
			      e->owed_count);
}

static bool is_floor(void *ctx, const uint8_t *bytes, size_t len)
{
	const uint32_t *number = ctx;
	struct bootrec rec;

	return bootrec_parse(bytes, len, &rec) && rec.floor == *number;
}

static void check_sent(struct host *h, uint32_t number)
{
	if (number % 2 == 0)
		check_violate(h, "number_is_odd", "%u", number);
	if (!disk_survives(&h->disk, DISK_ROOT, "state.boot", is_floor,
			   &number))
		check_violate(h, "number_is_durable_before_it_is_announced",
			      "%u of a copy", number);
}

/* It is new to whoever heard of this host, or of this address. */
static void check_raised(struct host *h, uint32_t number)
{
	struct sim *s = h->sim;
	uint32_t last = host_last_announced(h);

	if (number <= last || number <= h->op.errand.last)
		check_violate(h, "number_rises_from_boot_to_boot",
			      "%u of a copy, after %u", number, last);
	if (number <= s->floating_number)
		check_violate(h, "number_is_new_at_the_address", "%u after %u",
			      number, s->floating_number);
}

void errand_check_own(struct host *h, uint32_t number)
{
	if (number <= h->op.errand.last)
		check_violate(h, "number_rises_above_copies",
			      "%u, not above %u", number, h->op.errand.last);
}

/* A client that has locks at the address, and is told, must hear of it. */
static void expect(struct host *h)
{
	struct sim *s = h->sim;
	struct errand *e = &h->op.errand;
	size_t i, j;

	for (i = 0; i < e->owed_count; i++) {
		struct lockd *l = &e->owes[i].peer->lockd;

		for (j = 0; j < l->pair_count; j++) {
			struct pair *pair = &l->pairs[j];

			if (!pair->is_floating || pair->peer != h ||
			    !pair->is_promised || pair->is_callback_due ||
			    pair->state != PAIR_MONITORED)
				continue;
			pair->is_callback_due = true;
			pair->is_answered = false;
			pair->due_above = s->floating_number;
		}
	}
}

/* --- the run -------------------------------------------------------------- */

/* As bootturn_private(). */
static bool turn_private(struct host *h, uint32_t *number)
{
	uint8_t bytes[STATENUM_FILE_SIZE];

	if (!turn_raise_floor(h, number_in(&h->disk, DISK_COPY), number) ||
	    !retire_move(h, DISK_COPY_SM, DISK_COPY_BAK))
		return false;
	statenum_encode(*number, bytes);
	if (!retire_file(h, DISK_COPY, "state", bytes, sizeof(bytes)))
		return false;
	disk_sync_dir(&h->disk, DISK_COPY);
	return host_survives(h, PROGRAM_ERRAND);
}

static void read_copy(struct sim *s, struct event *ev)
{
	struct host *h = ev->host;
	const struct dirents *bak = &h->disk.dirs[DISK_COPY_BAK].now;
	char name[ADDR_TEXT_SIZE];
	struct notify_config config = {
		.number = h->op.errand.number,
		.name = addr_format(&h->floating, name),
		.give_up_ms = UINT64_MAX,
		.packets_per_second = 10000,
	};
	struct notify_in in = {.kind = NOTIFY_IN_FILE};
	size_t i;

	if (ev->life != h->op.errand.life || h->floating.family == ADDR_NONE)
		return;
	if (sim_mishap(s, 25))
		config.give_up_ms =
			host_clock(h) + sim_between(s, 0, GIVE_UP_MS_MAX);
	sim_random_seed(s, config.seed);
	h->op.errand.core = notify_new(&config);
	for (i = 0; i < bak->count; i++) {
		if (bak->all[i].name[0] == '.')
			continue;
		in.file.name = bak->all[i].name;
		in.bytes = bak->all[i].inode->bytes;
		in.len = bak->all[i].inode->len;
		notify_input(h->op.errand.core, host_clock(h), &in);
	}
	expect(h);
	h->op.errand.last = h->op.errand.number;
	s->floating_number = h->op.errand.number;
	in = (struct notify_in){.kind = NOTIFY_IN_START};
	input(h, &in);
}

void errand_start(struct host *h)
{
	struct errand *e = &h->op.errand;
	struct sim *s = h->sim;
	uint32_t number;

	if (!e->is_wanted || e->is_bound || h->floating.family == ADDR_NONE)
		return;
	trace(s, h, "notify -f -v -P");
	if (!turn_private(h, &number)) {
		start_later(h);
		return;
	}
	check_raised(h, number);
	e->number = number;
	e->is_bound = true;
	sim_after(s, sim_between(s, 0, 50), read_copy, h)->life = ++e->life;
}

void errand_end(struct host *h)
{
	struct errand *e = &h->op.errand;

	notify_free(e->core);
	e->core = NULL;
	e->is_bound = false;
	e->life++;
	memset(e->calls, 0, sizeof(e->calls));
}

void errand_kill(struct host *h)
{
	if (!h->op.errand.is_bound)
		return;
	trace(h->sim, h, "errand: killed");
	errand_end(h);
	start_later(h);
}

void errand_boot(struct host *h)
{
	start_later(h);
}

/* --- effects -------------------------------------------------------------- */

static void resolved(struct sim *s, struct event *e)
{
	struct host *h = e->host;
	struct notify_in in = {.kind = NOTIFY_IN_RESOLVED};
	unsigned int i;

	if (h->op.errand.core == NULL || e->life != h->op.errand.life)
		return;
	in.resolved.id = e->id;
	for (i = 0; i < s->host_count; i++) {
		if (strcmp(s->hosts[i].node, e->name) == 0 &&
		    !sim_mishap(s, 20)) {
			in.resolved.addrs = &s->hosts[i].addr;
			in.resolved.count = 1;
		}
	}
	input(h, &in);
}

static void call_failed(struct sim *s, struct event *e)
{
	const struct notify_in in = {.kind = NOTIFY_IN_CALL_FAILED,
				     .call.id = e->id};
	struct errand *errand = &e->host->op.errand;

	(void)s;
	if (errand->core == NULL || e->life != errand->life ||
	    errand->calls[e->index] != e->id)
		return;
	errand->calls[e->index] = 0;
	input(e->host, &in);
}

/* The place of the call @id, or where @id is 0 a free one. */
static size_t find_call(const struct errand *e, uint64_t id)
{
	size_t i = 0;

	while (i < CALLS_MAX && e->calls[i] != id)
		i++;
	assert(i < CALLS_MAX);
	return i;
}

static void call(struct host *h, uint64_t id)
{
	struct errand *e = &h->op.errand;
	size_t at = find_call(e, 0);
	struct event *ev = sim_after(h->sim, CALL_TIMEOUT_MS, call_failed, h);

	e->calls[at] = id;
	ev->index = at;
	ev->id = id;
	ev->life = e->life;
}

static void rewrite(struct host *h, const struct notify_out *out)
{
	char file[SIM_NAME_SIZE];

	assert(strlen(out->rewrite.file) < sizeof(file));
	strcpy(file, out->rewrite.file);
	if (out->len > 0)
		retire_file(h, DISK_COPY_BAK, file, out->bytes, out->len);
	else
		disk_unlink(&h->disk, DISK_COPY_BAK, file);
}

static void done(struct host *h, const struct notify_out *out)
{
	trace(h->sim, h, "errand: DONE told %zu untold %zu", out->done.told,
	      out->done.untold);
	h->op.errand.is_wanted = out->done.untold > 0;
	h->op.errand.is_over = true;
}

static void carry_send(struct host *h, const struct notify_out *out)
{
	struct notice_mark notice = {0};

	net_read_notice(out->bytes, out->len, &notice);
	trace(h->sim, h, "errand: SEND to 10.0.%u.%u port %u \"%s\" %u",
	      out->send.peer.bytes[2], out->send.peer.bytes[3],
	      out->send.peer.port, notice.name, notice.number);
	if (notice.is_notice)
		check_sent(h, notice.number);
	net_send(h, ERRAND_PORT, &out->send.peer, out->bytes, out->len, NULL);
}

static void carry(struct host *h, const struct notify_out *out)
{
	switch (out->kind) {
	case NOTIFY_OUT_SEND:
		carry_send(h, out);
		break;
	case NOTIFY_OUT_CALL:
		call(h, out->send.id);
		break;
	case NOTIFY_OUT_HANG_UP:
		h->op.errand.calls[find_call(&h->op.errand, out->hang_up.id)] =
			0;
		break;
	case NOTIFY_OUT_RESOLVE:
		host_resolve(h, resolved, out->resolve.id, out->resolve.name)
			->life = h->op.errand.life;
		break;
	case NOTIFY_OUT_REWRITE:
		trace(h->sim, h, "errand: REWRITE %s, %zu bytes",
		      out->rewrite.file, out->len);
		rewrite(h, out);
		break;
	case NOTIFY_OUT_READ: /* its disk refuses no read */
	case NOTIFY_OUT_TOLD:
	case NOTIFY_OUT_LOG:
	case NOTIFY_OUT_ANSWER:
		break;
	case NOTIFY_OUT_DONE:
		done(h, out);
		break;
	}
}

static void input(struct host *h, const struct notify_in *in)
{
	struct errand *e = &h->op.errand;
	uint32_t life = e->life;
	struct notify_out out;

	host_count_spin(h, &e->spins, in->kind == NOTIFY_IN_TIMER);
	notify_input(e->core, host_clock(h), in);
	while (e->core != NULL && e->life == life &&
	       notify_output(e->core, &out)) {
		if (!host_survives(h, PROGRAM_ERRAND))
			return;
		carry(h, &out);
	}
	if (e->life == life && e->is_over) {
		e->is_over = false;
		errand_end(h);
		start_later(h);
	}
}

/* --- inputs --------------------------------------------------------------- */

static void note_told(struct host *h, const struct packet *p)
{
	struct errand *e = &h->op.errand;
	struct rpcmsg_reply reply;
	size_t i = 0;

	if (p->sender == NULL || !p->acks.is_notice ||
	    p->acks.number != e->number ||
	    !rpcmsg_parse_reply(p->bytes, p->len, &reply) ||
	    reply.status != RPCMSG_SUCCESS)
		return;
	while (i < e->owed_count) {
		if (e->owes[i].peer == p->sender)
			e->owes[i] = e->owes[--e->owed_count];
		else
			i++;
	}
}

void errand_answer(struct host *h, const struct packet *p)
{
	const struct notify_in in = {
		.kind = NOTIFY_IN_ANSWER,
		.bytes = p->bytes,
		.len = p->len,
		.answer.from = p->from,
		.answer.to = h->floating,
	};

	if (h->op.errand.core == NULL)
		return;
	trace(h->sim, h, "errand <- ANSWER");
	note_told(h, p);
	input(h, &in);
}

uint64_t errand_deadline_ms(const struct host *h)
{
	return h->op.errand.core != NULL ? notify_deadline_ms(h->op.errand.core)
					 : UINT64_MAX;
}

void errand_timer(struct host *h)
{
	const struct notify_in in = {.kind = NOTIFY_IN_TIMER};

	input(h, &in);
}
