/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The core of nfsdcld with an nfsd, its clients and a disk around it, all of
 * them models, from a seed.  Before every effect is carried out the daemon may
 * be killed or the power fail; what was committed stays.
 *
 * What must always hold:
 *   reclaimed   a client that was let reclaim a lock: nobody else can have had
 *               it since (RFC 7530 section 9.6.3.4, both edge conditions)
 *   refused     a client that was refused: nobody had promised it anything, or
 *               somebody can have had its lock
 *   durable     Create, Remove, GraceStart, GraceDone are answered with 0 only
 *               when what they ask for is on the disk
 *   clean       the data of older trackers goes after a durable GraceDone
 *   hash        nfsd is told the hash of the principal that it had recorded
 *
 *   cldsim [-n RUNS] [-r SEED] [-v]      seeds from $SEED on, else from 1
 *   cldsim -e NAME|all                   the scripts of edges.c
 *   cldsim -e NAME [-m 0|1] [-k POINT | -p POINT]
 *		one run, with all that happened: A over NFSv4.0 or 4.1, the
 *		daemon killed or the power cut at a crash point
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/xalloc.h"
#include "tests/sim/cldsim.h"

static void step_client(struct sim *s, int who)
{
	struct person *p = &s->people[who];

	if (p->is_asked)
		return;
	if (!p->is_online) {
		if (cldworld_chance(s, 3))
			p->is_online = true;
		else if (p->is_known && s->life >= LIFE_GRACE &&
			 cldworld_chance(s, 2))
			cldworld_ask(s, UPCALL_REMOVE,
				     who); /* the lease is over */
		return;
	}
	if (cldworld_chance(s, 8)) {
		p->is_online = false;
	} else if (p->has_belief && !p->is_held) {
		if (s->life == LIFE_GRACE && cldworld_chance(s, 3))
			p->is_known = true; /* known, and nothing reclaimed */
		else if (s->life == LIFE_GRACE)
			cldworld_reclaim(s, who);
		else if (s->life == LIFE_NORMAL) /* NFS4ERR_NO_GRACE */
			p->has_belief = p->is_exposed = p->is_promised = false;
	} else if (s->life == LIFE_NORMAL && !p->has_belief) {
		p->is_known = true;
		if (!p->is_recorded) {
			cldworld_ask(s, UPCALL_CREATE, who);
		} else {
			p->has_belief = p->is_held = p->is_promised = true;
			p->is_exposed = false;
		}
	} else if (s->life == LIFE_NORMAL && cldworld_chance(s, 4)) {
		p->has_belief = p->is_held = false;
	}
}

/* --- what goes wrong ------------------------------------------------------ */

static void step(struct sim *s)
{
	const struct cld_in timer = {.kind = CLD_IN_TIMER};

	s->now_ms += STEP_MS;
	while (s->is_dying)
		cldworld_crash(s);
	cldworld_settle_waivers(s);
	if (s->has_bad_days && cldworld_chance(s, 20))
		s->is_disk_bad = !s->is_disk_bad;
	if (cld_deadline_ms(s->cld) <= s->now_ms)
		cldworld_feed(s, &timer);
	else if (s->job_count > 0 && !cldworld_chance(s, 4))
		cldworld_work(s);
	else if (s->life == LIFE_DOWN ||
		 (s->life == LIFE_NORMAL && cldworld_chance(s, 60)))
		cldworld_restart_nfsd(s);
	else if (s->life == LIFE_GRACE && cldworld_chance(s, 15))
		cldworld_begin_end(s);
	else
		step_client(s, (int)prng_below(&s->rng, CLIENTS));
}

static void init(struct sim *s, uint64_t seed)
{
	uint8_t key[SIPHASH_KEY_SIZE] = {0};

	memcpy(key, &seed, sizeof(seed));
	prng_init(&s->rng, key);
	(void)snprintf(s->label, sizeof(s->label), "cldsim -r %llu",
		       (unsigned long long)seed);
	s->now_ms = 1000;
	s->has_bad_days = cldworld_chance(s, 3);
	s->disk.current = 1;
	s->disk.is_first_time = cldworld_chance(s, 2);
	clddisk_make(&s->disk, 1);
	for (int i = 0; i < CLIENTS; i++) {
		struct person *p = &s->people[i];

		(void)snprintf(p->id, sizeof(p->id), "client %d", i);
		memset(p->hash, i + 1, HASH_SIZE);
		p->is_v40 = i % 2 == 0;
		p->is_online = true;
		/* What an older tracker knew (E10). */
		if (s->disk.is_first_time && cldworld_chance(s, 2)) {
			p->has_belief = p->is_promised = true;
			s->disk.tables[0].has[i] = true;
			memcpy(s->disk.tables[0].hash[i], p->hash, HASH_SIZE);
		}
	}
}

/* What many runs came to. */
struct sums {
	unsigned int failures;
	uint64_t hash;
	uint64_t ms; /* simulated */
};

static void run(uint64_t seed, bool is_loud, struct sums *sums)
{
	struct sim *s = xzalloc(sizeof(*s));

	s->is_loud = is_loud;
	init(s, seed);
	cldworld_begin_daemon(s);
	cldworld_begin_nfsd(s);
	for (unsigned int i = 0; i < STEPS; i++)
		step(s);
	cldworld_say(s, "%u reclaimed, %u refused, %u crashes", s->allowed,
		     s->denied, s->crashes);
	sums->failures += s->failures;
	sums->hash = sums->hash * 31 + s->hash;
	sums->ms += s->now_ms;
	cld_free(s->cld);
	free(s);
}

static int run_edges(struct edges_choice *choice)
{
	struct edges_result result = {.runs = 0};

	edges_run(choice, &result);
	printf("cldsim: edges: %u runs, %u failures, %u without a verdict\n",
	       result.runs, result.failures, result.excused);
	return result.runs > 0 && result.failures == 0 ? EXIT_SUCCESS
						       : EXIT_FAILURE;
}

static int run_seeds(uint64_t first, unsigned long count, bool is_loud)
{
	struct sums sums = {0};

	for (unsigned long i = 0; i < count; i++)
		run(first + i, is_loud, &sums);
	printf("nfsd: %lu runs from %" PRIu64
	       ", %u failed, %.1f hours simulated, hash %016" PRIx64 "\n",
	       count, first, sums.failures, (double)sums.ms / 3600000,
	       sums.hash);
	return sums.failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void choose(struct edges_choice *choice, int opt, const char *arg)
{
	if (opt == 'e') {
		choice->name = arg;
		return;
	}
	choice->is_loud = true;
	if (opt == 'm') {
		choice->is_v41 = strtoul(arg, NULL, 10) == 1;
		return;
	}
	choice->point = (unsigned int)strtoul(arg, NULL, 10);
	choice->is_power = opt == 'p';
}

int main(int argc, char **argv)
{
	const char *first = getenv("SEED");
	uint64_t seed = first != NULL ? strtoull(first, NULL, 10) : 1;
	struct edges_choice choice = {.name = NULL};
	unsigned long count = 100;
	bool is_loud = false;
	int opt;

	/* What was found is seen even if an abort() comes after it. */
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	while ((opt = getopt(argc, argv, "n:r:ve:m:k:p:")) != -1) {
		if (opt == '?')
			return EXIT_FAILURE;
		if (opt == 'n')
			count = strtoul(optarg, NULL, 10);
		else if (opt == 'v')
			is_loud = true;
		else if (opt == 'r')
			seed = strtoull(optarg, NULL, 10);
		else
			choose(&choice, opt, optarg);
		if (opt == 'r') {
			count = 1;
			is_loud = true;
		}
	}
	return choice.name != NULL ? run_edges(&choice)
				   : run_seeds(seed, count, is_loud);
}
