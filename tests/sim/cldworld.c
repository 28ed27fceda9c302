/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model around the core of nfsdcld: its worker, nfsd, and how both end and
 * begin again.  cldsim.c drives it with dice, edges.c with scripts.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/siphash.h"
#include "lib/xalloc.h"
#include "tests/sim/cldsim.h"

#define LINE_SIZE 512

void cldworld_say(struct sim *s, const char *format, ...)
{
	static const uint8_t key[SIPHASH_KEY_SIZE] = "nfsd";
	char line[LINE_SIZE];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if ((size_t)len >= sizeof(line))
		len = sizeof(line) - 1;
	s->hash ^= siphash(key, line, (size_t)len);
	s->hash *= UINT64_C(0x9e3779b97f4a7c15);
	if (s->is_loud)
		puts(line);
}

void cldworld_violate(struct sim *s, const char *rule, const char *who)
{
	printf("%s: %s: %s\n", s->label, rule, who);
	s->failures++;
}

bool cldworld_chance(struct sim *s, unsigned int of)
{
	return !s->is_scripted && prng_below(&s->rng, of) == 0;
}

bool cldworld_dies(struct sim *s)
{
	if (s->is_scripted)
		s->is_dying = ++s->points == s->crash_at;
	else
		s->is_dying = cldworld_chance(s, 60);
	if (s->is_dying)
		s->is_power = s->is_scripted ? s->is_power_next
					     : cldworld_chance(s, 2);
	s->is_cut_short |= s->is_dying && s->is_power;
	return s->is_dying;
}

/* --- the daemon ----------------------------------------------------------- */

static void drain(struct sim *s);

void cldworld_feed(struct sim *s, const struct cld_in *in)
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

static void note_client(struct job *job, int who, const struct client *client)
{
	job->who[who] = true;
	if (client->princhash_len == HASH_SIZE)
		memcpy(job->hash[who], client->princhash, HASH_SIZE);
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
			note_client(job, who_is(s, &out->store.clients[i]),
				    &out->store.clients[i]);
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
		cldworld_violate(s, "durable", s->people[asked->who].id);
	if (asked->command == UPCALL_GRACE_DONE && s->disk.recovery != 0)
		cldworld_violate(s, "durable", "GraceDone");
	if (asked->command == UPCALL_GRACE_START && s->disk.recovery == 0)
		cldworld_violate(s, "durable", "GraceStart");
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
	cldworld_say(s, "%s is answered: %d",
		     upcall_command_name(asked->command), answer.status);
	if (answer.status == 0)
		check_durable(s, asked);
	answered(s, asked, answer.status);
}

/* COMPAT: without a hash nfsd lets every principal reclaim. */
static void take_hash(struct sim *s, struct person *p,
		      const struct client *client)
{
	p->has_told = client->princhash_len == HASH_SIZE;
	if (p->has_told)
		memcpy(p->told, client->princhash, HASH_SIZE);
	if (!p->has_told || memcmp(p->told, p->hash, HASH_SIZE) != 0)
		cldworld_violate(s, "hash", p->id);
}

static void take_record(struct sim *s, const struct cld_out *out)
{
	struct upcall record;
	int who;

	(void)upcall_decode(out->reply.bytes, out->reply.len, &record);
	who = who_is(s, &record.client);
	if (cldworld_chance(s, 8)) {
		const struct cld_in in = {.kind = CLD_IN_SEND_FAILED,
					  .send_failed.reason = "simulated"};

		cld_input(s->cld, s->now_ms, &in);
		return;
	}
	take_hash(s, &s->people[who], &record.client);
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
			cldworld_violate(s, "clean", "too early");
		break;
	case CLD_OUT_LOG:
		cldworld_say(s, "  log: %s", out->log.text);
		break;
	}
}

static void drain(struct sim *s)
{
	struct cld_out out;

	while (!s->is_dying && cld_output(s->cld, &out)) {
		if (out.kind != CLD_OUT_LOG && cldworld_dies(s))
			return;
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
	bool is_load = job->kind == CLD_OUT_LOAD;

	if (job->kind == CLD_OUT_STORE) {
		in.stored.error =
			s->is_disk_bad ? -ENOSPC : clddisk_apply(&s->disk, job);
		s->is_end_owed &= s->disk.recovery != 0;
		cldworld_feed(s, &in);
		return;
	}
	in.kind = is_load ? CLD_IN_CLIENTS : CLD_IN_ALIVE;
	in.clients.error = 0;
	in.clients.clients = clients;
	in.clients.count = 0;
	in.clients.reason = "simulated";
	table = clddisk_table(&s->disk, job->store.recovery);
	for (int i = 0; i < CLIENTS; i++) {
		struct person *p = &s->people[i];
		bool is_in = is_load ? job->store.recovery != 0 &&
					       table != NULL && table->has[i]
				     : p->is_v40 && p->is_known && p->is_held;

		if (is_in)
			clients[in.clients.count++] = (struct client){
				(const uint8_t *)p->id, strlen(p->id),
				is_load ? table->hash[i] : p->hash, HASH_SIZE};
	}
	cldworld_feed(s, &in);
}

void cldworld_work(struct sim *s)
{
	struct job job = s->jobs[0];

	if (s->is_scripted && cldworld_dies(s))
		return;
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

	cldworld_feed(s, &in);
}

void cldworld_begin_daemon(struct sim *s)
{
	const struct cld_config config = {.seed = "sim"};
	const struct cld_in in = {.kind = CLD_IN_EPOCHS,
				  .epochs = {s->disk.current, s->disk.recovery,
					     s->disk.is_first_time}};

	cld_free(s->cld);
	s->cld = cld_new(&config);
	s->is_dying = false;
	s->job_count = 0;
	cldworld_feed(s, &in);
}

/* --- nfsd ----------------------------------------------------------------- */

void cldworld_ask(struct sim *s, enum upcall_command command, int who)
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
	cldworld_say(s, "nfsd: %s %s", upcall_command_name((uint8_t)command),
		     who >= 0 ? s->people[who].id : "");
	upcall(s, at, false);
}

void cldworld_begin_nfsd(struct sim *s)
{
	s->life = LIFE_STARTING;
	for (int i = 0; i < CLIENTS; i++) {
		struct person *p = &s->people[i];

		p->is_known = p->is_held = p->may_reclaim = false;
		p->is_recorded = p->is_asked = p->was_removed = false;
	}
	memset(s->asked, 0, sizeof(s->asked));
	cldworld_ask(s, UPCALL_GRACE_START, -1);
}

/* Who has not reclaimed by now, and said so where he can, has had his time. */
void cldworld_begin_end(struct sim *s)
{
	s->life = LIFE_ENDING;
	for (int i = 0; i < CLIENTS; i++) {
		struct person *p = &s->people[i];

		if (!p->is_held || (!p->is_v40 && !p->is_recorded))
			p->is_promised = false;
	}
	cldworld_ask(s, UPCALL_GRACE_DONE, -1);
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
	/* In a grace period Remove leaves the old record where it is. */
	if (is_create || s->life == LIFE_NORMAL)
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

/* nfsd has been told who may reclaim; what is still owed comes too late. */
static void note_late(struct sim *s)
{
	cldworld_settle_waivers(s);
	for (int i = 0; i < CLIENTS; i++)
		s->people[i].is_lost |= s->people[i].is_waived;
}

static void answered(struct sim *s, struct asked *asked, int status)
{
	switch (asked->command) {
	case UPCALL_GRACE_START:
		s->life = status == 0 ? LIFE_GRACE : LIFE_DOWN;
		if (status == 0)
			note_late(s);
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
bool cldworld_is_excused(const struct sim *s, const struct person *p)
{
	return p->is_waived || p->is_lost || s->is_end_lost;
}

void cldworld_reclaim(struct sim *s, int who)
{
	struct person *p = &s->people[who];

	p->is_known = true;
	if (!cldworld_is_excused(s, p) && p->may_reclaim && p->is_exposed)
		cldworld_violate(s, "reclaimed", p->id);
	if (!cldworld_is_excused(s, p) && !p->may_reclaim && p->is_promised &&
	    !p->is_exposed)
		cldworld_violate(s, "refused", p->id);
	cldworld_say(s, "%s %s", p->id,
		     p->may_reclaim ? "reclaims" : "is refused");
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
	else if (!p->is_silent &&
		 !cldworld_chance(
			 s, 4)) /* RECLAIM_COMPLETE may never come (E12) */
		cldworld_ask(s, UPCALL_CREATE, who);
}

/* --- what goes wrong ------------------------------------------------------ */

/* What is owed is lost with who owed it. */
void cldworld_settle_waivers(struct sim *s)
{
	if (cld_is_owing(s->cld))
		return;
	for (int i = 0; i < CLIENTS; i++)
		if (!s->people[i].is_asked)
			s->people[i].is_waived = false;
}

void cldworld_crash(struct sim *s)
{
	bool is_owing = cld_is_owing(s->cld);

	cldworld_say(s, "--- %s",
		     s->is_power ? "power fails" : "nfsdcld is killed");
	s->crashes++;
	s->has_lost_debt |= is_owing;
	s->is_end_lost |= s->is_end_owed;
	for (int i = 0; i < CLIENTS; i++)
		if (is_owing || s->people[i].is_waived)
			s->people[i].is_lost = true;
	cldworld_begin_daemon(s);
	if (s->is_power) {
		cldworld_begin_nfsd(s);
		return;
	}
	for (unsigned int at = 0; at < UPCALLS && !s->is_dying; at++)
		if (s->asked[at].is_open)
			upcall(s, at, true);
}

void cldworld_restart_nfsd(struct sim *s)
{
	const struct cld_in in = {.kind = CLD_IN_CLOSED};

	for (int i = 0; i < CLIENTS; i++)
		if (s->people[i].is_asked)
			s->people[i].is_waived = true;
	memset(s->asked, 0, sizeof(s->asked));
	cldworld_feed(s, &in);
	if (!s->is_dying)
		cldworld_begin_nfsd(s);
}
