/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The clock and the schedule.  A run has two parts: misfortunes at random, and
 * then calm, in which every host must become whole again.
 *
 *   sim [-s SCENARIO] [-n SEEDS] [-r SEED] [-c] [-v] [-l]
 *
 * -n: that many runs (200) of each scenario, from the seed in $SEED (1).
 * -r: one run, with all that happened in it.  -s: that scenario only; -l lists
 * them.  -v: the hash of each run.  -c: what became of the locks.  Exit status
 * 1: something that must hold did not.
 */
#include "tests/sim/sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/xalloc.h"

#define SEED_FIRST    1
#define SEEDS_DEFAULT 200
#define CALM_MS	      (20 * 60 * 1000)

struct event *sim_after(struct sim *s, uint64_t delay_ms, event_run *run,
			struct host *h)
{
	struct event *e = xzalloc(sizeof(*e));

	e->run = run;
	e->host = h;
	timerq_set(&s->events, &e->timer, s->now_ms + delay_ms);
	return e;
}

static void event_free(struct event *e)
{
	if (e->packet != NULL)
		free(e->packet->bytes);
	free(e->packet);
	free(e->bytes);
	free(e);
}

uint64_t sim_between(struct sim *s, uint64_t low, uint64_t high)
{
	return low + prng_below(&s->rng, high - low + 1);
}

bool sim_mishap(struct sim *s, unsigned int percent)
{
	return !s->is_calm && prng_below(&s->rng, 100) < percent;
}

void sim_random_seed(struct sim *s, uint8_t seed[static SIPHASH_KEY_SIZE])
{
	uint64_t words[2];

	words[0] = prng_u64(&s->rng);
	words[1] = prng_u64(&s->rng);
	memcpy(seed, words, SIPHASH_KEY_SIZE);
}

struct host *sim_host_at(struct sim *s, const struct addr *addr)
{
	unsigned int i;

	for (i = 0; i < s->host_count; i++) {
		if (addr_is_same_host(&s->hosts[i].addr, addr) ||
		    addr_is_same_host(&s->hosts[i].other, addr) ||
		    addr_is_same_host(&s->hosts[i].floating, addr))
			return &s->hosts[i];
	}
	return NULL;
}

void sim_limit_hosts(struct sim *s, unsigned int max)
{
	while (s->host_count > max)
		host_fini(&s->hosts[--s->host_count]);
}

/* --- misfortunes ------------------------------------------------------- */

/* One of those of the scenario, as often as its share says. */
static const struct mishap *choose_mishap(struct sim *s)
{
	const struct mishap *mishap;
	unsigned int shares = 0;
	uint64_t dice;

	for (mishap = s->scenario->mishaps; mishap->share > 0; mishap++)
		shares += mishap->share;
	dice = prng_below(&s->rng, shares);
	for (mishap = s->scenario->mishaps; dice >= mishap->share; mishap++)
		dice -= mishap->share;
	return mishap;
}

static void misfortune(struct sim *s, struct event *e)
{
	struct host *h = e->host;
	const struct mishap *mishap;

	if (s->is_calm)
		return;
	mishap = choose_mishap(s);
	sim_after(s, sim_between(s, 1, s->pause_ms_max), misfortune, h);
	mishap->strike(h);
}

static void become_calm(struct sim *s, struct event *e)
{
	unsigned int i;

	(void)e;
	trace(s, NULL, "from here on nothing fails");
	s->is_calm = true;
	if (s->scenario->calm != NULL)
		s->scenario->calm(s);
	/* Who was parked is told in the next boot. */
	for (i = 0; i < s->host_count && s->has_last_boot; i++)
		host_power_fail(&s->hosts[i]);
	for (i = 0; i < s->host_count; i++)
		notifier_start(&s->hosts[i]);
}

/* --- one run ----------------------------------------------------------- */

static void init_net(struct sim *s)
{
	static const unsigned int losses[] = {0, 5, 20, 50};

	s->net.loss_percent = losses[prng_below(&s->rng, 4)];
	s->net.dup_percent = (unsigned int)sim_between(s, 0, 20);
	s->net.late_percent = (unsigned int)sim_between(s, 0, 5);
	s->net.late_ms_max = 60000;
	s->net.forge_percent = (unsigned int)sim_between(s, 0, 50);
	s->net.delay_ms_max = sim_between(s, 1, 1000);
}

static void sim_init(struct sim *s, const struct scenario *scenario,
		     uint64_t seed)
{
	uint8_t key[SIPHASH_KEY_SIZE] = {0};
	unsigned int i;

	s->scenario = scenario;
	s->seed = seed;
	memcpy(key, &seed, sizeof(seed));
	prng_init(&s->rng, key);
	timerq_init(&s->events);
	init_net(s);
	s->names.slow_percent = 20;
	s->crash_one_in = (unsigned int)sim_between(s, 0, 1) == 0
				  ? 0
				  : (unsigned int)sim_between(s, 20, 500);
	s->deaf_percent = 20;
	s->has_last_boot = prng_below(&s->rng, 2) == 0;
	s->chaos_ms = sim_between(s, 30000, 600000);
	s->pause_ms_max = sim_between(s, 500, 20000);
	s->host_count = (unsigned int)sim_between(s, 2, SIM_HOSTS_MAX);
	for (i = 0; i < s->host_count; i++) {
		host_init(&s->hosts[i], s, i);
		s->hosts[i].stat_model =
			(enum stat_model)prng_below(&s->rng, 3);
		s->hosts[i].has_fixed_port = prng_below(&s->rng, 3) == 0;
		s->hosts[i].has_callout = prng_below(&s->rng, 2) == 0;
	}
	if (scenario->prepare != NULL)
		scenario->prepare(s);
	for (i = 0; i < s->host_count; i++) {
		lockd_init(&s->hosts[i]);
		host_power_on(&s->hosts[i]);
		sim_after(s, sim_between(s, 1, s->pause_ms_max), misfortune,
			  &s->hosts[i]);
	}
	sim_after(s, s->chaos_ms, become_calm, NULL);
}

static void sim_fini(struct sim *s)
{
	struct timer *timer;
	unsigned int i;

	while ((timer = timerq_take(&s->events, UINT64_MAX)) != NULL)
		event_free(container_of(timer, struct event, timer));
	timerq_fini(&s->events);
	for (i = 0; i < s->host_count; i++)
		host_fini(&s->hosts[i]);
}

/* A core's deadline in the time of the simulation. */
static uint64_t to_sim_ms(const struct host *h, uint64_t deadline_ms)
{
	if (deadline_ms == UINT64_MAX)
		return UINT64_MAX;
	return deadline_ms + h->boot_ms - 1;
}

static uint64_t statd_due_ms(const struct host *h)
{
	return h->statd.core != NULL
		       ? to_sim_ms(h, nsm_deadline_ms(h->statd.core))
		       : UINT64_MAX;
}

static uint64_t notifier_due_ms(const struct host *h)
{
	return h->notifier.core != NULL
		       ? to_sim_ms(h, notify_deadline_ms(h->notifier.core))
		       : UINT64_MAX;
}

static uint64_t errand_due_ms(const struct host *h)
{
	return to_sim_ms(h, errand_deadline_ms(h));
}

static uint64_t next_ms(const struct sim *s)
{
	uint64_t next = timerq_deadline_ms(&s->events);
	unsigned int i;

	for (i = 0; i < s->host_count; i++) {
		uint64_t statd = statd_due_ms(&s->hosts[i]);
		uint64_t notifier = notifier_due_ms(&s->hosts[i]);

		if (statd < next)
			next = statd;
		if (notifier < next)
			next = notifier;
		if (errand_due_ms(&s->hosts[i]) < next)
			next = errand_due_ms(&s->hosts[i]);
	}
	return next > s->now_ms ? next : s->now_ms;
}

static void run_timers(struct host *h)
{
	static const struct nsm_in nsm_in = {.kind = NSM_IN_TIMER};
	static const struct notify_in notify_in = {.kind = NOTIFY_IN_TIMER};

	if (statd_due_ms(h) <= h->sim->now_ms) {
		trace(h->sim, h, "statd <- TIMER");
		statd_input(h, &nsm_in);
	}
	if (notifier_due_ms(h) <= h->sim->now_ms) {
		trace(h->sim, h, "notify <- TIMER");
		notifier_input(h, &notify_in);
	}
	if (errand_due_ms(h) <= h->sim->now_ms)
		errand_timer(h);
}

static void run_now(struct sim *s)
{
	struct timer *timer = timerq_take(&s->events, s->now_ms);
	unsigned int i;

	if (timer != NULL) {
		struct event *e = container_of(timer, struct event, timer);

		e->run(s, e);
		event_free(e);
	} else {
		for (i = 0; i < s->host_count; i++)
			run_timers(&s->hosts[i]);
	}
	check_step(s);
}

/* What a run, or many, came to. */
struct result {
	uint64_t failed;
	uint64_t hash;
	uint64_t ms; /* simulated */
	struct lock_counts locks;
	uint64_t late;
};

/* Runs @seed of @scenario. */
static void sim_run(const struct scenario *scenario, uint64_t seed,
		    enum trace_use use, struct result *result)
{
	struct sim *s = xzalloc(sizeof(*s));
	uint64_t end_ms;

	s->trace.use = use;
	sim_init(s, scenario, seed);
	end_ms = s->chaos_ms + CALM_MS;
	while (s->violated == NULL && next_ms(s) <= end_ms) {
		s->now_ms = next_ms(s);
		run_now(s);
	}
	if (s->violated == NULL)
		check_end(s);
	*result = (struct result){
		.failed = s->violated != NULL,
		.hash = s->trace.hash,
		.ms = s->now_ms,
		.locks = s->lock_counts,
		.late = s->late_of_others,
	};
	sim_fini(s);
	free(s);
}

/* --- the command line -------------------------------------------------- */

struct options {
	const struct scenario *scenario; /* NULL: all of them */
	uint64_t first;
	uint64_t count;
	bool is_replay;
	bool is_verbose;
	bool has_counts;
};

static void usage(void)
{
	fputs("sim [-s SCENARIO] [-n SEEDS] [-r SEED] [-c] [-v] [-l]\n",
	      stderr);
	exit(2);
}

static uint64_t read_u64(const char *text)
{
	char *end;
	uint64_t number = strtoull(text, &end, 0);

	if (end == text || *end != '\0') {
		fprintf(stderr, "sim: \"%s\" is no number\n", text);
		exit(2);
	}
	return number;
}

static const struct scenario *read_scenario(const char *name)
{
	const struct scenario *const *pos;

	for (pos = scenarios; *pos != NULL; pos++)
		if (strcmp((*pos)->name, name) == 0)
			return *pos;
	fprintf(stderr, "sim: there is no scenario \"%s\" (-l lists them)\n",
		name);
	exit(2);
}

static void list_scenarios(void)
{
	const struct scenario *const *pos;

	for (pos = scenarios; *pos != NULL; pos++)
		printf("%-10s %s\n", (*pos)->name, (*pos)->what);
	exit(0);
}

static void read_options(int argc, char **argv, struct options *options)
{
	int letter;

	while ((letter = getopt(argc, argv, "cln:r:s:v")) != -1) {
		switch (letter) {
		case 'c':
			options->has_counts = true;
			break;
		case 'l':
			list_scenarios();
			break;
		case 'n':
			options->count = read_u64(optarg);
			break;
		case 'r':
			options->first = read_u64(optarg);
			options->is_replay = true;
			break;
		case 's':
			options->scenario = read_scenario(optarg);
			break;
		case 'v':
			options->is_verbose = true;
			break;
		default:
			usage();
		}
	}
	if (optind != argc)
		usage();
}

/* All seeds of @scenario; whether everything held. */
static bool run_many(const struct options *options,
		     const struct scenario *scenario)
{
	enum trace_use use = options->is_verbose ? TRACE_HASH : TRACE_NONE;
	struct result all = {0};
	uint64_t i;

	for (i = 0; i < options->count; i++) {
		struct result one;

		sim_run(scenario, options->first + i, use, &one);
		all.failed += one.failed;
		all.ms += one.ms;
		lockrule_add(&all.locks, &one.locks);
		all.late += one.late;
		if (options->is_verbose)
			printf("sim -s %s -r %" PRIu64 ": hash %016" PRIx64
			       "\n",
			       scenario->name, options->first + i, one.hash);
	}
	if (all.late > 0)
		printf("%s: %" PRIu64 " late notices of nfs-utils servers\n",
		       scenario->name, all.late);
	printf("%s: %" PRIu64 " runs from %" PRIu64 ", %" PRIu64
	       " failed, %.1f hours simulated\n",
	       scenario->name, options->count, options->first, all.failed,
	       (double)all.ms / 3600000);
	if (options->has_counts)
		lockrule_print(scenario->name, &all.locks);
	return all.failed == 0;
}

static bool replay(const struct options *options)
{
	struct result one;

	sim_run(options->scenario != NULL ? options->scenario : scenarios[0],
		options->first, TRACE_SHOW, &one);
	printf("hash %016" PRIx64 "\n", one.hash);
	return one.failed == 0;
}

int main(int argc, char **argv)
{
	const char *env = getenv("SEED");
	struct options options = {
		.first = env != NULL ? read_u64(env) : SEED_FIRST,
		.count = SEEDS_DEFAULT,
	};
	const struct scenario *const *pos;
	bool has_held = true;

	read_options(argc, argv, &options);
	if (options.is_replay)
		return !replay(&options);
	if (options.scenario != NULL)
		return !run_many(&options, options.scenario);
	for (pos = scenarios; *pos != NULL; pos++)
		has_held &= run_many(&options, *pos);
	return !has_held;
}
