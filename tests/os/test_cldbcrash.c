/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cltrack/cldb and crashes: at any system call the daemon is killed or the
 * power fails, and what it had answered until then is there, and a change that
 * was under way is whole or not there.
 *
 * Every eighth call, beginning with one of the seed; STRIDE=1 takes all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "cltrack/cldb.h"
#include "tests/os/crash_rig.h"
#include "tests/os/sql_rig.h"

#define STEPS_MAX  16
#define STATE_SIZE 1024

/* Shared with the child. */
struct seen {
	unsigned int done; /* steps that were answered */
	struct cldb *db;
};

struct story {
	struct sql_rig *rig;
	const char *golden; /* what is there at first; NULL: nothing */
	int (*const *steps)(struct story *story);
	struct seen *seen;
	char states[STEPS_MAX + 1][STATE_SIZE]; /* before each step, and after
						   the last */
};

/* --- steps --- */

static int create(struct cldb *db, uint64_t epoch, const char *id)
{
	const struct client client = {
		.id = (const uint8_t *)id,
		.id_len = strlen(id),
		.princhash =
			(const uint8_t *)"0123456789abcdef0123456789abcdef",
		.princhash_len = id[0] > 'm' ? 32 : 0,
	};

	return cldb_create(db, epoch, &client);
}

static int step_open_wal(struct story *s)
{
	return cldb_open(s->rig->dir, CLDB_WAL, &s->seen->db);
}

static int step_open_delete(struct story *s)
{
	return cldb_open(s->rig->dir, CLDB_DELETE, &s->seen->db);
}

static int step_create(struct story *s)
{
	return create(s->seen->db, 1, "a");
}

static int step_batch(struct story *s)
{
	struct cldb *db = s->seen->db;

	return cldb_begin(db) || create(db, 1, "b") || create(db, 1, "z") ||
	       cldb_remove(db, 1, (const uint8_t *)"a", 1) || cldb_commit(db);
}

static int step_grace_start(struct story *s)
{
	return cldb_grace_start(s->seen->db, 2, 1);
}

static int step_reclaims(struct story *s)
{
	struct cldb *db = s->seen->db;

	return cldb_begin(db) || create(db, 2, "b") || create(db, 2, "z") ||
	       create(db, 2, "n") || cldb_commit(db);
}

static int step_settle(struct story *s)
{
	return cldb_settle(s->seen->db);
}

static int step_grace_done(struct story *s)
{
	struct cldb *db = s->seen->db;

	return cldb_begin(db) || cldb_grace_done(db, 1) ||
	       cldb_set_first_time(db, false) || cldb_commit(db);
}

static int step_create_late(struct story *s)
{
	return create(s->seen->db, 2, "c");
}

static int step_close(struct story *s)
{
	cldb_close(s->seen->db);
	return 0;
}

static int step_downgrade(struct story *s)
{
	return cldb_downgrade(s->rig->dir);
}

/* --- what a state is --- */

static int list_one(void *arg, const struct client *client)
{
	char *text = arg;
	size_t len = strlen(text);

	snprintf(text + len, STATE_SIZE - len, " %.*s%s", (int)client->id_len,
		 (const char *)client->id, client->princhash_len ? "+" : "");
	return 0;
}

/* All that the database says, as the next start would find it. */
static void read_state(struct story *s, char out[STATE_SIZE])
{
	struct cldb_epochs epochs;
	struct cldb *db;

	s->rig->said[0] = '\0';
	assert_int_equal(cldb_open(s->rig->dir, CLDB_WAL, &db), 0);
	assert_int_equal(cldb_epochs(db, &epochs), 0);
	snprintf(out, STATE_SIZE, "%d %u %u", epochs.is_first_time,
		 (unsigned int)epochs.current, (unsigned int)epochs.recovery);
	assert_int_equal(cldb_clients(db, epochs.current, list_one, out), 0);
	strcat(out, ";");
	if (epochs.recovery)
		assert_int_equal(
			cldb_clients(db, epochs.recovery, list_one, out), 0);
	assert_int_equal(cldb_set_aside(db), 0);
	cldb_close(db);
	assert_null(strstr(s->rig->said, "damaged"));
	assert_null(strstr(s->rig->said, "missing"));
	sql_rig_assert_single(s->rig);
}

static void begin_anew(struct story *s)
{
	void *state;

	sql_rig_teardown((void **)&s->rig);
	sql_rig_setup(&state);
	s->rig = state;
	if (s->golden)
		sql_rig_load(s->rig, s->golden);
	else /* the rig sees what is in it, not whether it is there */
		assert_int_equal(mkdir(s->rig->dir, 0700), 0);
	*s->seen = (struct seen){0};
}

static int work(void *ctx)
{
	struct story *s = ctx;

	for (s->seen->done = 0; s->steps[s->seen->done]; s->seen->done++)
		if (s->steps[s->seen->done](s))
			return 1;
	return 0;
}

/* Takes the state after each number of steps, each in a story of its own. */
static void learn_states(struct story *s)
{
	int (*some[STEPS_MAX + 1])(struct story * story);
	int (*const *all)(struct story * story) = s->steps;
	unsigned int count, i;

	for (count = 0; count == 0 || all[count - 1]; count++) {
		begin_anew(s);
		for (i = 0; i < count; i++)
			some[i] = all[i];
		some[count] = NULL;
		s->steps = some;
		assert_int_equal(work(s), 0);
		if (count > 0 && all[count - 1] != step_close &&
		    all[count - 1] != step_downgrade)
			cldb_close(s->seen->db);
		read_state(s, s->states[count]);
		s->steps = all;
	}
}

/* Whatever step it crashed in happened or not, and all before it did. */
static void assert_held(struct story *s, unsigned int at)
{
	unsigned int done = s->seen->done;
	char state[STATE_SIZE];

	read_state(s, state);
	if (strcmp(state, s->states[done]) == 0 ||
	    (s->steps[done] && strcmp(state, s->states[done + 1]) == 0))
		return;
	fail_msg("call %u, after step %u: %s, not %s", at, done, state,
		 s->states[done]);
}

static unsigned int number_of(const char *name, unsigned int otherwise)
{
	const char *text = getenv(name);

	return text ? (unsigned int)strtoul(text, NULL, 10) : otherwise;
}

/* Crashes at one call after the other. */
static void crash_all(struct story *s, enum crash_how how, unsigned int seed)
{
	struct crash crash = {.work = work, .ctx = s, .how = how};
	enum tracer_end end = TRACER_KILLED;
	const unsigned int stride = number_of("STRIDE", 8);
	uint8_t key[SIPHASH_KEY_SIZE] = {0};
	unsigned int count = 0;
	struct prng rng;
	unsigned int at;

	memcpy(key, &seed, sizeof(seed));
	prng_init(&rng, key);
	crash.rng = &rng;
	for (at = 1 + seed % stride; end == TRACER_KILLED; at += stride) {
		begin_anew(s);
		crash.dir = s->rig->dir;
		end = crash_run(&crash, at);
		if (end == TRACER_REFUSED)
			skip();
		assert_held(s, at);
		count += end == TRACER_KILLED;
	}
	print_message("%u crashes\n", count);
}

static void run_story(void **state, const char *golden,
		      int (*const *steps)(struct story *story))
{
	unsigned int seed = number_of("SEED", 1);
	struct story *s = calloc(1, sizeof(*s));

	print_message("SEED=%u\n", seed);
	s->rig = *state;
	s->golden = golden;
	s->steps = steps;
	s->seen = mmap(NULL, sizeof(*s->seen), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	learn_states(s);
	crash_all(s, CRASH_KILL, seed);
	crash_all(s, CRASH_WORST, seed);
	crash_all(s, CRASH_POWER, seed);
	munmap(s->seen, sizeof(*s->seen));
	free(s);
}

/* --- stories --- */

static void life_with_a_log(void **state)
{
	static int (*const steps[])(struct story * story) = {
		step_open_wal, step_create, step_batch,	     step_grace_start,
		step_reclaims, step_settle, step_grace_done, step_create_late,
		step_close,    NULL,
	};

	run_story(state, NULL, steps);
}

static void life_with_a_journal(void **state)
{
	static int (*const steps[])(struct story * story) = {
		step_open_delete, step_create,
		step_batch,	  step_grace_start,
		step_reclaims,	  step_settle,
		step_grace_done,  step_create_late,
		step_close,	  NULL,
	};

	run_story(state, NULL, steps);
}

static void upgrade(void **state)
{
	static int (*const steps[])(struct story * story) = {
		step_open_wal,
		step_close,
		NULL,
	};

	run_story(state, "schema-1", steps);
	run_story(state, "schema-3", steps);
	run_story(state, "short-names", steps);
}

static void downgrade(void **state)
{
	static int (*const steps[])(struct story * story) = {
		step_downgrade,
		NULL,
	};

	run_story(state, "schema-4", steps);
}

#define CASE(name) \
	cmocka_unit_test_setup_teardown(name, sql_rig_setup, sql_rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(life_with_a_log),
		CASE(life_with_a_journal),
		CASE(upgrade),
		CASE(downgrade),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
