/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The edge conditions of RFC 7530 section 9.6.3.4 and RFC 8881 section 8.4.3,
 * and their relatives, as scripts.  Each is played with A over NFSv4.0 and over
 * NFSv4.1, as it is, and once for every crash point with the daemon killed
 * there, and with the power cut there: before each effect of the core, each
 * job of its worker and each step of the script.  The rules of cldsim.c hold
 * all the time; at the end the script says who may reclaim, and who may not.
 *
 * A power cut is one more reboot: who is online reclaims, and the step that was
 * cut short is done again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/xalloc.h"
#include "tests/sim/cldsim.h"

#define STEPS_MAX   12
#define ROUNDS_MAX  1000 /* of the world, until it must have come to rest */
#define NOBODY	    (-1)
#define OTHER_BYTE  0xee /* of the hash of another principal */
#define IMPORTED_AT 1	 /* the epoch of a new database */

enum versions { ALL, ONLY_V40, ONLY_V41 };

struct edge {
	const char *name;
	const char *title;
	const char *steps[STEPS_MAX]; /* "A does", "B does", "it is done" */
	const char *may;	      /* who may reclaim at the end ... */
	const char *may_not;
	enum versions versions; /* of A */
	bool is_imported;	/* A is known from an older tracker */
	bool is_away;		/* A, at first */
};

static const struct edge edges[] = {
	{.name = "E1",
	 .title = "lease lost, then reboot",
	 .steps = {"A locks", "A is cut off", "A loses its lease", "B locks",
		   "B unlocks", "the server reboots", "A is back"},
	 .may_not = "A"},
	{.name = "E1b",
	 .title = "lease lost, the other holds the lock at the reboot",
	 .steps = {"A locks", "A is cut off", "A loses its lease", "B locks",
		   "the server reboots", "A is back"},
	 .may = "B",
	 .may_not = "A"},
	{.name = "E2",
	 .title = "grace period missed, then reboot",
	 .steps = {"A locks", "A is cut off", "the server reboots", "B locks",
		   "B unlocks", "the server reboots", "A is back"},
	 .may_not = "A"},
	{.name = "E3",
	 .title = "reboot in the grace period, before the reclaim",
	 .steps = {"A locks", "A is cut off", "the server reboots",
		   "the server reboots", "A is back"},
	 .may = "A"},
	{.name = "E3b",
	 .title = "nfsd alone restarts in the grace period",
	 .steps = {"A locks", "A is cut off", "the server reboots",
		   "nfsd restarts", "A is back"},
	 .may = "A"},
	{.name = "E4",
	 .title = "reboot in the grace period, after the reclaim",
	 .steps = {"A locks", "B locks", "the server reboots", "A reclaims",
		   "the server reboots"},
	 .may = "AB"},
	{.name = "E5",
	 .title = "no RECLAIM_COMPLETE before others got new locks",
	 .steps = {"A locks", "A sends no RECLAIM_COMPLETE",
		   "the server reboots", "A reclaims", "B locks",
		   "the server reboots"},
	 .may = "B",
	 .may_not = "A",
	 .versions = ONLY_V41},
	{.name = "E6",
	 .title = "v4.0: a reclaim is enough, nobody says that it is complete",
	 .steps = {"A locks", "the server reboots", "A reclaims", "B locks",
		   "the server reboots"},
	 .may = "AB",
	 .versions = ONLY_V40},
	{.name = "E6b",
	 .title = "v4.0: to be known is not enough",
	 .steps = {"A locks", "A is cut off", "the server reboots",
		   "A is known", "B locks", "the server reboots", "A is back"},
	 .may = "B",
	 .may_not = "A",
	 .versions = ONLY_V40},
	{.name = "E6c",
	 .title = "reclaimed, then lease lost in the same grace period",
	 .steps = {"A locks", "the server reboots", "A reclaims",
		   "A is cut off", "A loses its lease", "B locks",
		   "the server reboots", "A is back"},
	 .may = "B",
	 .may_not = "A"},
	{.name = "E7",
	 .title = "end of grace: recorded first, then locks are free",
	 .steps = {"A locks", "A is cut off", "the server reboots",
		   "the grace period ends", "the server reboots", "A is back"},
	 .may_not = "A"},
	{.name = "E7b",
	 .title = "the end of grace cannot be written at first",
	 .steps = {"A locks", "A is cut off", "the server reboots",
		   "the disk is full", "the grace period ends", "B locks",
		   "the disk has room", "the server reboots", "A is back"},
	 .may = "B",
	 .may_not = "A"},
	{.name = "E7c",
	 .title = "the end of grace is owed when nfsd restarts",
	 .steps = {"A locks", "A is cut off", "the server reboots",
		   "the disk is full", "the grace period ends", "B locks",
		   "nfsd restarts while the disk gets room", "A is back"},
	 .may = "B",
	 .may_not = "A"},
	{.name = "E8",
	 .title = "revoked by the administrator",
	 .steps = {"A locks", "A loses its lease", "B locks", "B unlocks",
		   "the server reboots"},
	 .may_not = "A"},
	{.name = "E9",
	 .title = "the same id, another principal",
	 .steps = {"A locks", "the server reboots", "A's name is abused",
		   "A reclaims", "B locks", "the server reboots",
		   "A's name is abused"},
	 .may = "AB"},
	{.name = "E9b",
	 .title = "the id goes to another principal, and stays its",
	 .steps = {"A locks", "A is cut off", "A loses its lease",
		   "A is another now", "A locks", "the server reboots",
		   "A's name is abused"},
	 .may = "A"},
	{.name = "E10",
	 .title = "record of an older tracker, used",
	 .steps = {"A reclaims", "B locks", "the server reboots"},
	 .may = "AB",
	 .is_imported = true},
	{.name = "E10b",
	 .title = "record of an older tracker, missed: it is gone",
	 .steps = {"B locks", "B unlocks", "the server reboots", "A is back"},
	 .may_not = "A",
	 .is_imported = true,
	 .is_away = true},
	{.name = "E12",
	 .title = "a new client that never completes: grace ends all the same",
	 .steps = {"A locks", "A is cut off", "A loses its lease",
		   "A sends no RECLAIM_COMPLETE", "A is known",
		   "the server reboots", "A is known", "the grace period ends",
		   "B locks", "the server reboots"},
	 .may = "B",
	 .may_not = "A",
	 .versions = ONLY_V41},
	{.name = "E13",
	 .title = "RECLAIM_COMPLETE cannot be written at first",
	 .steps = {"A locks", "the server reboots", "the disk is full",
		   "A reclaims", "the disk has room", "B locks",
		   "the server reboots"},
	 .may = "AB",
	 .versions = ONLY_V41},
};

/* --- the world comes to rest ---------------------------------------------- */

static bool is_busy(const struct sim *s)
{
	for (int i = 0; i < UPCALLS; i++)
		if (s->asked[i].is_open)
			return true;
	return s->job_count > 0 || (!s->is_disk_bad && cld_is_owing(s->cld));
}

static void go_on(struct sim *s)
{
	const struct cld_in timer = {.kind = CLD_IN_TIMER};
	uint64_t due_ms = cld_deadline_ms(s->cld);

	s->now_ms += STEP_MS;
	if (s->job_count > 0) {
		cldworld_work(s);
	} else if (due_ms != UINT64_MAX) {
		s->now_ms = due_ms > s->now_ms ? due_ms : s->now_ms;
		cldworld_feed(s, &timer);
	}
}

static void settle(struct sim *s)
{
	for (int round = 0; round < ROUNDS_MAX; round++) {
		while (s->is_dying)
			cldworld_crash(s);
		cldworld_settle_waivers(s);
		if (!is_busy(s))
			return;
		go_on(s);
	}
	cldworld_violate(s, "hangs", "an upcall, or what is owed");
}

/* --- steps ---------------------------------------------------------------- */

static void end_grace(struct sim *s, int who)
{
	(void)who;
	if (s->life != LIFE_GRACE)
		return;
	cldworld_begin_end(s);
	settle(s);
}

/* In a grace period this waits for its end. */
static void lock(struct sim *s, int who)
{
	struct person *p = &s->people[who];

	end_grace(s, NOBODY);
	if (s->life != LIFE_NORMAL || p->is_held)
		return;
	p->is_known = true;
	if (!p->is_recorded) {
		cldworld_ask(s, UPCALL_CREATE, who);
		settle(s);
		return;
	}
	p->has_belief = p->is_held = p->is_promised = true;
	p->is_exposed = false;
}

static void unlock(struct sim *s, int who)
{
	s->people[who].has_belief = s->people[who].is_held = false;
}

static void cut_off(struct sim *s, int who)
{
	s->people[who].is_online = false;
}

static void come_back(struct sim *s, int who)
{
	s->people[who].is_online = true;
}

static void lose_lease(struct sim *s, int who)
{
	if (!s->people[who].is_known)
		return;
	cldworld_ask(s, UPCALL_REMOVE, who);
	settle(s);
}

static void be_known(struct sim *s, int who)
{
	s->people[who].is_known = true;
}

static void be_silent(struct sim *s, int who)
{
	s->people[who].is_silent = true;
}

static void reclaim(struct sim *s, int who)
{
	const struct person *p = &s->people[who];

	if (s->life != LIFE_GRACE || !p->has_belief || p->is_held)
		return;
	cldworld_reclaim(s, who);
	settle(s);
}

/* nfsd compares what it was told with who asks. */
static void abuse_name(struct sim *s, int who)
{
	const struct person *p = &s->people[who];
	uint8_t other[HASH_SIZE];

	memset(other, p->hash[0] == OTHER_BYTE ? who + 1 : OTHER_BYTE,
	       sizeof(other));
	if (s->life == LIFE_GRACE && p->may_reclaim &&
	    (!p->has_told || memcmp(p->told, other, sizeof(other)) == 0))
		cldworld_violate(s, "principal", p->id);
}

static void be_another(struct sim *s, int who)
{
	memset(s->people[who].hash, OTHER_BYTE, HASH_SIZE);
	s->people[who].is_online = true;
	unlock(s, who);
}

static void reboot(struct sim *s, int who)
{
	(void)who;
	s->is_power = true;
	cldworld_crash(s);
	settle(s);
}

static void restart_nfsd(struct sim *s, int who)
{
	(void)who;
	cldworld_restart_nfsd(s);
	settle(s);
}

static void fill_disk(struct sim *s, int who)
{
	(void)who;
	s->is_disk_bad = true;
}

static void make_room(struct sim *s, int who)
{
	(void)who;
	s->is_disk_bad = false;
	settle(s);
}

/* The daemon still owes it all. */
static void restart_with_room(struct sim *s, int who)
{
	s->is_disk_bad = false;
	restart_nfsd(s, who);
}

static const struct verb {
	const char *text;
	void (*act)(struct sim *s, int who);
} verbs[] = {
	{"locks", lock},
	{"unlocks", unlock},
	{"is cut off", cut_off},
	{"is back", come_back},
	{"loses its lease", lose_lease},
	{"is known", be_known},
	{"sends no RECLAIM_COMPLETE", be_silent},
	{"reclaims", reclaim},
	{"name is abused", abuse_name},
	{"is another now", be_another},
	{"the grace period ends", end_grace},
	{"the server reboots", reboot},
	{"nfsd restarts", restart_nfsd},
	{"the disk is full", fill_disk},
	{"the disk has room", make_room},
	{"nfsd restarts while the disk gets room", restart_with_room},
};

static void act(struct sim *s, const char *step)
{
	int who = step[0] == 'A' || step[0] == 'B' ? step[0] - 'A' : NOBODY;
	const char *text = who == NOBODY ? step : strchr(step, ' ') + 1;

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verbs[i].text, text) == 0) {
			verbs[i].act(s, who);
			return;
		}
	}
	abort();
}

/* After a power cut there is room on the disk, and who can, reclaims. */
static void recover(struct sim *s)
{
	s->is_disk_bad = false;
	settle(s);
	if (s->life == LIFE_DOWN)
		restart_nfsd(s, NOBODY);
	for (int who = 0; who < CLIENTS; who++)
		if (s->people[who].is_online)
			reclaim(s, who);
}

static void play(struct sim *s, const char *step)
{
	cldworld_say(s, "=== %s", step);
	s->is_cut_short = false;
	(void)cldworld_dies(s);
	settle(s);
	if (s->is_cut_short)
		recover(s);
	s->is_cut_short = false;
	act(s, step);
	if (!s->is_cut_short)
		return;
	recover(s);
	cldworld_say(s, "=== again: %s", step);
	act(s, step);
}

/* --- a run ---------------------------------------------------------------- */

static void init(struct sim *s, const struct edge *edge, bool is_v41)
{
	s->is_scripted = true;
	s->now_ms = 1000;
	s->disk.current = IMPORTED_AT;
	s->disk.is_first_time = edge->is_imported;
	clddisk_make(&s->disk, IMPORTED_AT);
	for (int i = 0; i < CLIENTS; i++) {
		struct person *p = &s->people[i];

		(void)snprintf(p->id, sizeof(p->id), "%c", 'A' + i);
		memset(p->hash, i + 1, HASH_SIZE);
		p->is_v40 = (i == 0) != is_v41;
		p->is_online = true;
	}
	s->people[0].is_online = !edge->is_away;
	if (edge->is_imported) {
		s->people[0].has_belief = s->people[0].is_promised = true;
		s->disk.tables[0].has[0] = true;
		memcpy(s->disk.tables[0].hash[0], s->people[0].hash, HASH_SIZE);
	}
}

/* What nfsd was told could not be written, and is lost, binds nobody. */
static void judge(struct sim *s, const struct edge *edge)
{
	for (int who = 0; who < 2 && !s->has_lost_debt; who++) {
		const struct person *p = &s->people[who];

		if (edge->may != NULL && strstr(edge->may, p->id) != NULL &&
		    !p->may_reclaim)
			cldworld_violate(s, "verdict: may reclaim", p->id);
		if (edge->may_not != NULL &&
		    strstr(edge->may_not, p->id) != NULL && p->may_reclaim)
			cldworld_violate(s, "verdict: may not", p->id);
	}
}

/* Who believes to hold a lock asks for it; and the grace period ends. */
static void finish(struct sim *s)
{
	s->is_cut_short = false;
	for (int who = 0; who < CLIENTS; who++)
		if (s->people[who].is_online)
			reclaim(s, who);
	end_grace(s, NOBODY);
	if (s->is_cut_short)
		end_grace(s, NOBODY);
	if (s->life != LIFE_NORMAL)
		cldworld_violate(s, "hangs", "the grace period does not end");
}

/* Returns whether the crash point was reached; @point 0: none. */
static bool run(struct edges_result *result, const struct edge *edge,
		const struct edges_choice *choice)
{
	struct sim *s = xzalloc(sizeof(*s));
	bool is_reached;

	s->is_loud = choice->is_loud;
	s->crash_at = choice->point;
	s->is_power_next = choice->is_power;
	(void)snprintf(s->label, sizeof(s->label), "cldsim -e %s -m %d -%c %u",
		       edge->name, choice->is_v41, choice->is_power ? 'p' : 'k',
		       choice->point);
	cldworld_say(s, "%s: %s: %s", s->label, edge->name, edge->title);
	init(s, edge, choice->is_v41);
	cldworld_begin_daemon(s);
	cldworld_begin_nfsd(s);
	settle(s);
	for (int i = 0; i < STEPS_MAX && edge->steps[i] != NULL; i++)
		play(s, edge->steps[i]);
	judge(s, edge);
	finish(s);
	is_reached = s->points >= s->crash_at;
	if (is_reached) {
		result->runs++;
		result->failures += s->failures;
		result->excused += s->has_lost_debt;
	}
	cld_free(s->cld);
	free(s);
	return is_reached;
}

/* As it is, then every crash point of both kinds. */
static void run_all(struct edges_result *result, const struct edge *edge,
		    bool is_v41)
{
	struct edges_choice choice = {.is_v41 = is_v41};

	(void)run(result, edge, &choice);
	choice.point = 1;
	while (run(result, edge, &choice))
		choice.point++;
	choice.is_power = true;
	choice.point = 1;
	while (run(result, edge, &choice))
		choice.point++;
}

void edges_run(const struct edges_choice *choice, struct edges_result *result)
{
	bool is_all = strcmp(choice->name, "all") == 0;

	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		const struct edge *edge = &edges[i];

		if (!is_all && strcmp(choice->name, edge->name) != 0)
			continue;
		if (choice->is_loud) {
			(void)run(result, edge, choice);
			continue;
		}
		if (edge->versions != ONLY_V41)
			run_all(result, edge, false);
		if (edge->versions != ONLY_V40)
			run_all(result, edge, true);
	}
}
