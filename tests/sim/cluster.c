/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * State directories that do not stay where they are.  The directory of a host
 * is on shared storage, and its address goes with it to another machine: that
 * has a boot of its own, and may have had the directory before.  A floating
 * address goes between the first two hosts, whose clients the new one tells
 * (errand.c).  And copies: a backup that is put back, or a second machine made
 * of the first one's disk.
 */
#include "tests/sim/sim.h"

#include <string.h>

#include "lib/statenum.h"

#define NODES 2 /* hosts between which the floating address goes */

static const struct addr floating = {.family = ADDR_V4, .bytes = {10, 0, 2, 1}};

/* --- machines ------------------------------------------------------------- */

struct machine *operator_machine(struct host *h)
{
	return &h->op.machines[h->op.machine];
}

void cluster_boot(struct host *h)
{
	struct machine *machine = operator_machine(h);

	if (machine->is_up)
		return;
	machine->is_up = true;
	machine->boot++;
	machine->has_mark = false;
	machine->is_mark_ours = false;
}

static void move(struct host *h)
{
	struct sim *s = h->sim;

	h->op.machine = (h->op.machine + 1) % MACHINES;
	/*
	 * The one that stood by may have had a reason to boot.  Where nobody
	 * turned elsewhere since it had the directory, this is no reboot, and
	 * to say that the locks are lost is up to the agent, with -f.
	 */
	if (sim_mishap(s, 30) || turn_is_of_this_boot(h))
		operator_machine(h)->is_up = false;
	trace(s, h, "the directory and the address are at machine %u",
	      h->op.machine);
}

void cluster_fail_over(struct host *h)
{
	if (!h->is_up)
		return;
	host_power_fail(h);
	move(h);
}

/* As a service is stopped here and started there: nothing is lost. */
void cluster_move(struct host *h)
{
	struct machine *machine = operator_machine(h);

	if (!h->is_up)
		return;
	disk_sync_all(&h->disk);
	host_power_fail(h);
	machine->is_up = true;
	move(h);
}

/* --- the floating address ------------------------------------------------- */

void cluster_init(struct sim *s)
{
	unsigned int i;

	for (i = 0; i < s->host_count; i++)
		s->hosts[i].other.family = ADDR_NONE;
	s->hosts[0].floating = floating;
	s->has_floating = true;
}

bool cluster_is_client(const struct host *h)
{
	return h->index >= NODES;
}

void cluster_feed_mounts(struct host *h)
{
	const struct nsm_in in = {.kind = NSM_IN_MOUNTS,
				  .mounts = {.servers = &floating, .count = 1}};

	if (h->sim->has_floating && cluster_is_client(h))
		statd_input(h, &in);
}

const struct addr *cluster_addr(const struct pair *pair)
{
	return pair->is_floating ? &floating : &pair->addr;
}

bool cluster_is_floating(const struct addr *addr)
{
	return addr_is_same_host(addr, &floating);
}

bool cluster_is_source(const struct pair *pair, const struct addr *from)
{
	/* Where nothing floats, a translator may have that address. */
	return !pair->peer->sim->has_floating ||
	       pair->is_floating == cluster_is_floating(from);
}

/*
 * Who answers at its address, answers for it, whichever node has the floating
 * one by then.  What a node says from its own address is about that alone.
 */
bool cluster_is_answer(const struct host *h, const struct pair *pair,
		       const struct packet *p)
{
	if (pair->is_floating)
		return cluster_is_floating(&p->from);
	return nat_is_same(pair->peer, p->sender, h);
}

/* Who was to hear of a client at the address hears of it no more. */
static void leave(struct host *old)
{
	size_t i;

	for (i = 0; i < old->lockd.pair_count; i++)
		old->lockd.pairs[i].is_callback_due = false;
	errand_end(old);
	old->op.errand.is_wanted = false;
	old->op.errand.owed_count = 0;
	old->floating.family = ADDR_NONE;
}

static void take(struct host *h, struct host *old)
{
	struct sim *s = h->sim;
	unsigned int i;
	size_t j;

	trace(s, h, "takes the floating address from host%u", old->index);
	leave(old);
	h->floating = floating;
	for (i = NODES; i < s->host_count; i++) {
		struct lockd *l = &s->hosts[i].lockd;

		for (j = 0; j < l->pair_count; j++)
			if (l->pairs[j].is_floating) {
				l->pairs[j].peer = h;
				/* If the old copy is not done, it is lost. */
				l->pairs[j].is_callback_due = false;
			}
	}
	errand_begin(h, old);
}

/* Also while the other one is up: somebody wants it so. */
void cluster_take(struct host *h)
{
	struct host *old = &h->sim->hosts[1 - h->index % NODES];

	if (cluster_is_client(h) || !h->is_up)
		return;
	if (h->floating.family != ADDR_NONE && !h->op.errand.is_wanted)
		errand_begin(h, h);
	else if (h->floating.family != ADDR_NONE)
		errand_start(h);
	else if (old->floating.family != ADDR_NONE)
		take(h, old);
}

/* Clears what peers are to hear of @h, where the number is not above @number.
 */
void cluster_forget_due(struct host *h, uint32_t number)
{
	struct sim *s = h->sim;
	unsigned int i;
	size_t j;

	for (i = 0; i < s->host_count; i++) {
		struct lockd *l = &s->hosts[i].lockd;

		for (j = 0; j < l->pair_count; j++)
			if (l->pairs[j].peer == h &&
			    number <= l->pairs[j].due_above)
				l->pairs[j].is_callback_due = false;
	}
}

/*
 * A number that fell behind is heard of by those who ask, or not at all: what
 * it must be above is not on this disk any more.
 */
void cluster_turned(struct host *h)
{
	cluster_forget_due(h, h->number);
	/* nfs-utils lost a number that it had not announced, but answered. */
	if (h->number <= h->theirs.said && h->boot != h->theirs.said_boot)
		cluster_forget_due(h, 0);
}

/* --- copies --------------------------------------------------------------- */

/* What an administrator puts back is all that is remembered from here on. */
static void take_as_it_is(struct host *h)
{
	size_t i;

	for (i = 0; i < h->lockd.pair_count; i++) {
		struct pair *pair = &h->lockd.pairs[i];
		const struct record_wanted wanted = {
			.mon_name = pair->mon_name,
			.my_name = pair->my_name,
		};

		pair->is_fresh = check_is_on_disk(&h->disk, DISK_SM, &wanted);
		pair->is_debt = pair->is_fresh ||
				check_is_on_disk(&h->disk, DISK_BAK, &wanted);
	}
	h->announced_count = 0;
}

/* Adds the numbers of @h since @pair has its cookie, or a directory came. */
static void keep_numbers_of(const struct host *h, struct pair *pair)
{
	uint32_t last = host_read_number(h);

	if (pair->had_last > 0 && h->op.came_with < pair->had_first)
		pair->had_first = h->op.came_with;
	if (last > pair->had_last)
		pair->had_last = last;
}

static void keep_numbers(struct host *h)
{
	struct sim *s = h->sim;
	unsigned int i;
	size_t j;

	for (i = 0; i < s->host_count; i++) {
		struct lockd *l = &s->hosts[i].lockd;

		for (j = 0; j < l->pair_count; j++)
			if (l->pairs[j].peer == h)
				keep_numbers_of(h, &l->pairs[j]);
	}
}

/*
 * A number that statd had under its present cookie, from a notice or as the
 * baseline, is a duplicate or a late copy when it comes again.  lockd would do
 * nothing about it either, and nothing can tell that it is news: sm-notify(8),
 * "What is not promised".  Any other number must be heard, lower ones too.
 *
 * A late copy brings lockd such a number under a cookie that is younger than
 * the replacement.  Then it is that one alone.
 */
bool cluster_is_again(const struct pair *pair, uint32_t number)
{
	return (number >= pair->had_first && number <= pair->had_last) ||
	       (number == pair->heard && number <= pair->peer->op.went_with);
}

/* Whether sm.bak/ has a line of @its host with another name of its peer. */
static bool has_line(const struct host *h, const struct pair *its,
		     const struct pair *pair)
{
	const struct record_wanted wanted = {
		.mon_name = its->mon_name,
		.my_name = its->my_name,
	};

	return its->peer == pair->peer &&
	       its->is_floating == pair->is_floating &&
	       strcmp(its->mon_name, pair->mon_name) != 0 &&
	       check_is_seen(&h->disk, DISK_BAK, &wanted);
}

bool cluster_has_names(const struct host *h, const struct pair *pair)
{
	const struct sim *s = h->sim;
	unsigned int i;
	size_t j;

	for (i = 0; i < s->host_count; i++) {
		const struct lockd *l = &s->hosts[i].lockd;

		for (j = 0; j < l->pair_count; j++)
			if (has_line(h, &l->pairs[j], pair))
				return true;
	}
	return false;
}

/* It is another directory then: what some /run says is not about it. */
static void replace(struct host *h, const struct disk *from)
{
	size_t i;

	for (i = 0; i < MACHINES; i++)
		h->op.machines[i].is_up = false;
	keep_numbers(h);
	if (host_read_number(h) > h->op.went_with)
		h->op.went_with = host_read_number(h);
	errand_copy_dir(&h->disk, DISK_ROOT, from, DISK_ROOT);
	errand_copy_dir(&h->disk, DISK_SM, from, DISK_SM);
	errand_copy_dir(&h->disk, DISK_BAK, from, DISK_BAK);
	if (prng_below(&h->sim->rng, 2) == 0) {
		trace(h->sim, h, "... without state.boot");
		disk_unlink(&h->disk, DISK_ROOT, "state.boot");
	}
	disk_sync_all(&h->disk);
	h->op.came_with = host_read_number(h);
	take_as_it_is(h);
	cluster_forget_due(h, 0); /* it may not know whom to tell */
}

/* Now and then a backup is made, later it is put back, with the power off. */
void cluster_restore(struct host *h)
{
	struct disk *backup = &h->op.backup;

	if (!h->is_up || !h->is_turned || !cluster_is_client(h))
		return;
	if (backup->dirs[DISK_ROOT].now.count == 0) {
		trace(h->sim, h, "a backup is made");
		errand_copy_dir(backup, DISK_ROOT, &h->disk, DISK_ROOT);
		errand_copy_dir(backup, DISK_SM, &h->disk, DISK_SM);
		errand_copy_dir(backup, DISK_BAK, &h->disk, DISK_BAK);
		return;
	}
	host_power_fail(h);
	trace(h->sim, h, "the backup is put back");
	replace(h, backup);
}

/* A machine is made of the disk of another one, which goes on. */
void cluster_clone(struct host *h)
{
	struct sim *s = h->sim;
	const struct host *from =
		&s->hosts[(h->index + sim_between(s, 1, s->host_count - 1)) %
			  s->host_count];

	if (!h->is_up || !from->is_turned || !cluster_is_client(h))
		return;
	host_power_fail(h);
	trace(s, h, "its disk is a copy of that of host%u", from->index);
	replace(h, &from->disk);
}
