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
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/xalloc.h"
#include "tests/sim/cldsim.h"

static void say(const struct sim *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void say(const struct sim *s, const char *format, ...)
{
	va_list args;

	if (!s->is_loud)
		return;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

static void violate(struct sim *s, const char *rule, const char *who)
{
	printf("seed %llu: %s: %s\n", (unsigned long long)s->seed, rule, who);
	s->failures++;
}

static bool chance(struct sim *s, unsigned int of)
{
	return prng_below(&s->rng, of) == 0;
}

/* --- the daemon ----------------------------------------------------------- */

static void drain(struct sim *s);

static void feed(struct sim *s, const struct cld_in *in)
{
	cld_input(s->cld, s->now_ms, in);
	drain(s);
}

static int who_is(const struct sim *s, const struct client *client)
{
	for (int i = 0; i < CLIENTS; i++)
		if (strlen(s->people[i].id) == client->id_len &&
		    memcmp(s->people[i].id, client->id, client->id_len) == 0)
			return i;
	return -1;
}

static void queue_job(struct sim *s, const struct cld_out *out)
{
	struct job *job = &s->jobs[s->job_count++];

	if (s->job_count > JOBS)
		abort();
	*job = (struct job){.kind = out->kind};
	if (out->kind == CLD_OUT_STORE) {
		job->store = out->store;
		job->id = out->store.id;
		for (size_t i = 0; i < out->store.count; i++)
			job->who[who_is(s, &out->store.clients[i])] = true;
	} else if (out->kind == CLD_OUT_LOAD) {
		job->id = out->load.id;
		job->store.recovery = out->load.epoch;
	} else {
		job->id = out->look.id;
	}
}

static void check_durable(struct sim *s, const struct asked *asked)
{
	const struct table *current = clddisk_table(&s->disk, s->disk.current);

	if (asked->who >= 0 &&
	    current->has[asked->who] != (asked->command == UPCALL_CREATE))
		violate(s, "durable", s->people[asked->who].id);
	if (asked->command == UPCALL_GRACE_DONE && s->disk.recovery != 0)
		violate(s, "durable", "GraceDone");
	if (asked->command == UPCALL_GRACE_START && s->disk.recovery == 0)
		violate(s, "durable", "GraceStart");
}

static void answered(struct sim *s, struct asked *asked, int status);

static void take_reply(struct sim *s, const struct cld_out *out)
{
	struct asked *asked = &s->asked[out->reply.reply_to];
	struct upcall answer;

	if (!asked->is_open)
		abort();
	(void)upcall_decode(out->reply.bytes, out->reply.len, &answer);
	asked->is_open = false;
	say(s, "%s is answered: %d", upcall_command_name(asked->command),
	    answer.status);
	if (answer.status == 0)
		check_durable(s, asked);
	answered(s, asked, answer.status);
}

static void take_record(struct sim *s, const struct cld_out *out)
{
	struct upcall record;
	int who;

	(void)upcall_decode(out->reply.bytes, out->reply.len, &record);
	who = who_is(s, &record.client);
	if (chance(s, 8)) {
		const struct cld_in in = {.kind = CLD_IN_SEND_FAILED,
					  .send_failed.reason = "simulated"};

		cld_input(s->cld, s->now_ms, &in);
		return;
	}
	if (memcmp(record.client.princhash, s->people[who].hash, HASH_SIZE))
		violate(s, "hash", s->people[who].id);
	s->people[who].may_reclaim = true;
}

static void carry_out(struct sim *s, const struct cld_out *out)
{
	switch (out->kind) {
	case CLD_OUT_REPLY:
		take_reply(s, out);
		break;
	case CLD_OUT_RECORD:
		take_record(s, out);
		break;
	case CLD_OUT_STORE:
	case CLD_OUT_LOAD:
	case CLD_OUT_LOOK:
		queue_job(s, out);
		break;
	case CLD_OUT_CLEAN:
		if (s->disk.recovery != 0 || s->disk.is_first_time)
			violate(s, "clean", "too early");
		break;
	case CLD_OUT_LOG:
		say(s, "  log: %s", out->log.text);
		break;
	}
}

static void drain(struct sim *s)
{
	struct cld_out out;

	while (!s->is_dying && cld_output(s->cld, &out)) {
		if (out.kind != CLD_OUT_LOG && chance(s, 60)) {
			s->is_dying = true;
			s->is_power = chance(s, 2);
			return;
		}
		carry_out(s, &out);
	}
}

/* What the worker does with one job. */
static void do_job(struct sim *s, const struct job *job)
{
	struct cld_in in = {.kind = CLD_IN_STORED,
			    .stored = {.id = job->id, .reason = "simulated"}};
	struct client clients[CLIENTS];
	const struct table *table;

	if (job->kind == CLD_OUT_STORE) {
		in.stored.error =
			s->is_disk_bad ? -ENOSPC : clddisk_apply(&s->disk, job);
		s->is_end_owed &= s->disk.recovery != 0;
		feed(s, &in);
		return;
	}
	in.kind = job->kind == CLD_OUT_LOAD ? CLD_IN_CLIENTS : CLD_IN_ALIVE;
	in.clients.error = 0;
	in.clients.clients = clients;
	in.clients.count = 0;
	in.clients.reason = "simulated";
	table = clddisk_table(&s->disk, job->store.recovery);
	for (int i = 0; i < CLIENTS; i++) {
		struct person *p = &s->people[i];
		bool is_in = job->kind == CLD_OUT_LOAD
				     ? job->store.recovery != 0 &&
					       table != NULL && table->has[i]
				     : p->is_v40 && p->is_known && p->is_held;

		if (is_in)
			clients[in.clients.count++] =
				(struct client){(const uint8_t *)p->id,
						strlen(p->id), p->hash,
						HASH_SIZE};
	}
	feed(s, &in);
}

static void work(struct sim *s)
{
	struct job job = s->jobs[0];

	memmove(&s->jobs[0], &s->jobs[1], --s->job_count * sizeof(s->jobs[0]));
	do_job(s, &job);
}

static void upcall(struct sim *s, unsigned int at, bool is_repeat)
{
	const struct cld_in in = {.kind = CLD_IN_REQUEST,
				  .request = {.reply_to = at,
					      .bytes = s->asked[at].bytes,
					      .len = s->asked[at].len,
					      .is_repeat = is_repeat}};

	feed(s, &in);
}

static void begin_daemon(struct sim *s)
{
	const struct cld_config config = {.seed = "sim"};
	const struct cld_in in = {.kind = CLD_IN_EPOCHS,
				  .epochs = {s->disk.current, s->disk.recovery,
					     s->disk.is_first_time}};

	cld_free(s->cld);
	s->cld = cld_new(&config);
	s->is_dying = false;
	s->job_count = 0;
	feed(s, &in);
}

/* --- nfsd ----------------------------------------------------------------- */

static void ask(struct sim *s, enum upcall_command command, int who)
{
	struct upcall what = {.version = 2,
			      .command = (uint8_t)command,
			      .xid = s->xid++};
	unsigned int at = 0;

	while (at < UPCALLS && s->asked[at].is_open)
		at++;
	if (at == UPCALLS)
		abort();
	if (who >= 0) {
		struct person *p = &s->people[who];

		p->is_asked = true;
		p->is_promised &= command == UPCALL_CREATE;
		p->was_removed |= command == UPCALL_REMOVE;
		what.client =
			(struct client){(const uint8_t *)p->id, strlen(p->id),
					p->hash, HASH_SIZE};
	}
	s->asked[at].is_open = true;
	s->asked[at].command = (uint8_t)command;
	s->asked[at].who = who;
	s->asked[at].len = upcall_encode(&what, s->asked[at].bytes);
	say(s, "nfsd: %s %s", upcall_command_name((uint8_t)command),
	    who >= 0 ? s->people[who].id : "");
	upcall(s, at, false);
}

static void begin_nfsd(struct sim *s)
{
	s->life = LIFE_STARTING;
	for (int i = 0; i < CLIENTS; i++) {
		struct person *p = &s->people[i];

		p->is_known = p->is_held = p->may_reclaim = false;
		p->is_recorded = p->is_asked = p->was_removed = false;
	}
	memset(s->asked, 0, sizeof(s->asked));
	ask(s, UPCALL_GRACE_START, -1);
}

/* Who has not reclaimed by now, and said so where he can, has had his time. */
static void begin_end(struct sim *s)
{
	s->life = LIFE_ENDING;
	for (int i = 0; i < CLIENTS; i++) {
		struct person *p = &s->people[i];

		if (!p->is_held || (!p->is_v40 && !p->is_recorded))
			p->is_promised = false;
	}
	ask(s, UPCALL_GRACE_DONE, -1);
}

/* From now on every lock that is not held can be had by others. */
static void end_grace(struct sim *s, int status)
{
	s->life = LIFE_NORMAL;
	s->is_end_owed = status != 0;
	s->is_end_lost &= status != 0;
	for (int i = 0; i < CLIENTS; i++) {
		struct person *p = &s->people[i];

		if (p->has_belief && !p->is_held)
			p->is_exposed = true;
		p->is_waived = p->is_waived || status != 0;
	}
}

static void answered_client(struct sim *s, struct person *p, bool is_create,
			    int status)
{
	p->is_asked = false;
	p->is_waived = status != 0;
	p->is_lost &= status != 0;
	if (is_create) {
		p->is_recorded = true; /* nfsd minds no error */
		p->is_promised |= status == 0;
		if (s->life == LIFE_NORMAL && !p->is_held) {
			p->has_belief = p->is_held = true;
			p->is_exposed = false;
		}
		return;
	}
	p->is_known = p->is_held = p->is_recorded = false;
	p->is_promised = false;
	/* In a grace period nobody else gets it. */
	p->is_exposed |= p->has_belief && s->life == LIFE_NORMAL;
}

static void answered(struct sim *s, struct asked *asked, int status)
{
	switch (asked->command) {
	case UPCALL_GRACE_START:
		s->life = status == 0 ? LIFE_GRACE : LIFE_DOWN;
		break;
	case UPCALL_GRACE_DONE:
		end_grace(s, status);
		break;
	default:
		answered_client(s, &s->people[asked->who],
				asked->command == UPCALL_CREATE, status);
		break;
	}
}

/* nfsd was told that the disk failed, and went on. */
static bool is_excused(const struct sim *s, const struct person *p)
{
	return p->is_waived || p->is_lost || s->is_end_lost;
}

static void reclaim(struct sim *s, int who)
{
	struct person *p = &s->people[who];

	p->is_known = true;
	if (!is_excused(s, p) && p->may_reclaim && p->is_exposed)
		violate(s, "reclaimed", p->id);
	if (!is_excused(s, p) && !p->may_reclaim && p->is_promised &&
	    !p->is_exposed)
		violate(s, "refused", p->id);
	say(s, "%s %s", p->id, p->may_reclaim ? "reclaims" : "is refused");
	if (!p->may_reclaim) {
		s->denied++;
		p->has_belief = p->is_promised = p->is_exposed = false;
		return;
	}
	s->allowed++;
	p->is_held = true;
	p->is_exposed = false;
	if (p->is_v40) /* one that was removed is not carried over */
		p->is_promised = !p->was_removed;
	else if (!chance(s, 4)) /* RECLAIM_COMPLETE may never come (E12) */
		ask(s, UPCALL_CREATE, who);
}

static void step_client(struct sim *s, int who)
{
	struct person *p = &s->people[who];

	if (p->is_asked)
		return;
	if (!p->is_online) {
		if (chance(s, 3))
			p->is_online = true;
		else if (p->is_known && s->life >= LIFE_GRACE && chance(s, 2))
			ask(s, UPCALL_REMOVE, who); /* the lease is over */
		return;
	}
	if (chance(s, 8)) {
		p->is_online = false;
	} else if (p->has_belief && !p->is_held) {
		if (s->life == LIFE_GRACE && chance(s, 3))
			p->is_known = true; /* known, and nothing reclaimed */
		else if (s->life == LIFE_GRACE)
			reclaim(s, who);
		else if (s->life == LIFE_NORMAL) /* NFS4ERR_NO_GRACE */
			p->has_belief = p->is_exposed = p->is_promised = false;
	} else if (s->life == LIFE_NORMAL && !p->has_belief) {
		p->is_known = true;
		if (!p->is_recorded) {
			ask(s, UPCALL_CREATE, who);
		} else {
			p->has_belief = p->is_held = p->is_promised = true;
			p->is_exposed = false;
		}
	} else if (s->life == LIFE_NORMAL && chance(s, 4)) {
		p->has_belief = p->is_held = false;
	}
}

/* --- what goes wrong ------------------------------------------------------ */

/* What is owed is lost with who owed it. */
static void settle_waivers(struct sim *s)
{
	if (cld_is_owing(s->cld))
		return;
	for (int i = 0; i < CLIENTS; i++)
		if (!s->people[i].is_asked)
			s->people[i].is_waived = false;
}

static void crash(struct sim *s)
{
	bool is_owing = cld_is_owing(s->cld);

	say(s, "--- %s", s->is_power ? "power fails" : "nfsdcld is killed");
	s->crashes++;
	s->is_end_lost |= s->is_end_owed;
	/* An answer that nobody gave yet is no promise, nor is it owed. */
	for (int i = 0; i < CLIENTS; i++)
		if (is_owing || s->people[i].is_waived ||
		    (s->is_power && s->people[i].is_asked))
			s->people[i].is_lost = true;
	begin_daemon(s);
	if (s->is_power) {
		begin_nfsd(s);
		return;
	}
	for (unsigned int at = 0; at < UPCALLS && !s->is_dying; at++)
		if (s->asked[at].is_open)
			upcall(s, at, true);
}

static void restart_nfsd(struct sim *s)
{
	const struct cld_in in = {.kind = CLD_IN_CLOSED};

	for (int i = 0; i < CLIENTS; i++)
		if (s->people[i].is_asked)
			s->people[i].is_waived = true;
	memset(s->asked, 0, sizeof(s->asked));
	feed(s, &in);
	if (!s->is_dying)
		begin_nfsd(s);
}

static void step(struct sim *s)
{
	const struct cld_in timer = {.kind = CLD_IN_TIMER};

	s->now_ms += STEP_MS;
	while (s->is_dying)
		crash(s);
	settle_waivers(s);
	if (s->has_bad_days && chance(s, 20))
		s->is_disk_bad = !s->is_disk_bad;
	if (cld_deadline_ms(s->cld) <= s->now_ms)
		feed(s, &timer);
	else if (s->job_count > 0 && !chance(s, 4))
		work(s);
	else if (s->life == LIFE_DOWN ||
		 (s->life == LIFE_NORMAL && chance(s, 60)))
		restart_nfsd(s);
	else if (s->life == LIFE_GRACE && chance(s, 15))
		begin_end(s);
	else
		step_client(s, (int)prng_below(&s->rng, CLIENTS));
}

static void init(struct sim *s, uint64_t seed)
{
	uint8_t key[SIPHASH_KEY_SIZE] = {0};

	memcpy(key, &seed, sizeof(seed));
	prng_init(&s->rng, key);
	s->seed = seed;
	s->now_ms = 1000;
	s->has_bad_days = chance(s, 3);
	s->disk.current = 1;
	s->disk.is_first_time = chance(s, 2);
	clddisk_make(&s->disk, 1);
	for (int i = 0; i < CLIENTS; i++) {
		struct person *p = &s->people[i];

		(void)snprintf(p->id, sizeof(p->id), "client %d", i);
		memset(p->hash, i + 1, HASH_SIZE);
		p->is_v40 = i % 2 == 0;
		p->is_online = true;
		/* What an older tracker knew (E10). */
		if (s->disk.is_first_time && chance(s, 2)) {
			p->has_belief = p->is_promised = true;
			s->disk.tables[0].has[i] = true;
		}
	}
}

static unsigned int run(uint64_t seed, bool is_loud)
{
	struct sim *s = xzalloc(sizeof(*s));
	unsigned int failures;

	s->is_loud = is_loud;
	init(s, seed);
	begin_daemon(s);
	begin_nfsd(s);
	for (unsigned int i = 0; i < STEPS; i++)
		step(s);
	say(s, "%u reclaimed, %u refused, %u crashes", s->allowed, s->denied,
	    s->crashes);
	failures = s->failures;
	cld_free(s->cld);
	free(s);
	return failures;
}

int main(int argc, char **argv)
{
	const char *first = getenv("SEED");
	uint64_t seed = first != NULL ? strtoull(first, NULL, 10) : 1;
	unsigned long count = 100;
	unsigned int failures = 0;
	bool is_loud = false;
	int opt;

	while ((opt = getopt(argc, argv, "n:r:v")) != -1) {
		if (opt == 'n')
			count = strtoul(optarg, NULL, 10);
		else if (opt == 'v')
			is_loud = true;
		else if (opt == 'r')
			seed = strtoull(optarg, NULL, 10);
		else
			return EXIT_FAILURE;
		if (opt == 'r') {
			count = 1;
			is_loud = true;
		}
	}
	for (unsigned long i = 0; i < count; i++)
		failures += run(seed + i, is_loud);
	printf("cldsim: %lu runs, %u failures\n", count, failures);
	return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
