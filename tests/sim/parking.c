/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Peers that are untold and monitored again: the control socket of sm-notify
 * and the file sm/.reclaim/parked, which outlives processes but not, for
 * certain, the power.  sm-notify binds at its start and serves a while later;
 * a request that comes in between waits.
 */
#include "tests/sim/sim.h"

#include <assert.h>
#include <string.h>

#include "lib/parked.h"
#include "sm-notify/request.h"
#include "sm-notify/targetset.h"

void parking_init(struct host *h)
{
	struct sim *s = h->sim;
	unsigned int i;

	buf_init(&h->parking.parked, PARKED_FILE_MAX);
	h->parking.has_nfsd = prng_below(&s->rng, 2) == 0;
	for (i = 0; i < SIM_HOSTS_MAX; i++)
		h->parking.is_server[i] = prng_below(&s->rng, 3) == 0;
}

void parking_fini(struct host *h)
{
	buf_fini(&h->parking.parked);
}

void parking_boot(struct host *h)
{
	h->parking.grace_until_ms = 0;
}

void parking_begin_grace(struct host *h)
{
	struct sim *s = h->sim;
	uint64_t grace_ms = s->grace_ms;

	if (grace_ms == 0 && prng_below(&s->rng, 2) == 0)
		grace_ms = sim_between(s, 5000, 90000);
	h->parking.grace_until_ms = s->now_ms + grace_ms;
}

void parking_power_fail(struct host *h)
{
	size_t i;

	for (i = 0; i < h->lockd.pair_count; i++) {
		h->lockd.pairs[i].has_locks = false;
		h->lockd.pairs[i].is_aside = false;
		h->lockd.pairs[i].was_aside = false;
		h->lockd.pairs[i].is_missed = false;
		h->lockd.pairs[i].is_stuck = false;
	}
}

void parking_turn(struct host *h)
{
	buf_clear(&h->parking.parked);
}

bool parking_has_grace(const struct host *h)
{
	return h->sim->now_ms < h->parking.grace_until_ms;
}

/* --- the records ------------------------------------------------------- */

/* What sm.bak/ and the file say, as sm-notify would read them. */
struct index {
	struct target_set set;
	struct outbox box;
	struct requests requests;
};

static void index_init(struct index *index, const struct host *h)
{
	static const uint8_t key[SIPHASH_KEY_SIZE] = "index";
	const struct dirents *bak = &h->disk.dirs[DISK_BAK].now;
	const struct notify_config config = {.number = 0}; /* tells nobody */
	struct target_report report;
	struct target_text text = {0};
	size_t i;

	target_set_init(&index->set, key, &config);
	outbox_init(&index->box);
	requests_init(&index->requests, &index->set, &index->box, h->number);
	requests_load(&index->requests, h->parking.parked.bytes,
		      h->parking.parked.len);
	for (i = 0; i < bak->count; i++) {
		if (bak->all[i].name[0] == '.')
			continue;
		text.name = bak->all[i].name;
		text.bytes = bak->all[i].inode->bytes;
		text.len = bak->all[i].inode->len;
		target_set_add_file(&index->set, &text, &report);
	}
	requests_start(&index->requests);
}

static void index_fini(struct index *index)
{
	requests_fini(&index->requests);
	outbox_fini(&index->box);
	target_set_fini(&index->set);
}

/* --- what statd hears -------------------------------------------------- */

static void add_lines(void *ctx, struct target *target)
{
	if (target_has_names(target) && !target->is_parked)
		target_add_lines(target, ctx);
}

static bool is_server(const struct host *h, const struct ctl_subject *subject)
{
	const struct sim *s = h->sim;
	unsigned int i;
	size_t j;

	for (i = 0; i < s->host_count; i++)
		for (j = 0; j < subject->addr_count; j++)
			if (h->parking.is_server[i] &&
			    (addr_is_same_host(nat_addr(&s->hosts[i], h),
					       &subject->addrs[j]) ||
			     (i == 0 &&
			      cluster_is_floating(&subject->addrs[j]))))
				return true;
	return false;
}

/* Feeds @in where statd is now: it may be carrying effects out. */
static void tell_statd(struct host *h, const struct nsm_in *in)
{
	trace(h->sim, h, "statd <- UNTOLD %llu what %d, %zu bytes",
	      (unsigned long long)in->untold.id, in->untold.what, in->len);
	if (!h->parking.is_carrying) {
		statd_input(h, in);
		return;
	}
	statd_feed_number(h);
	nsm_input(h->statd.core, host_clock(h), in);
}

static void feed(struct host *h, uint64_t id, enum nsm_untold what)
{
	struct nsm_in in = {.kind = NSM_IN_UNTOLD,
			    .untold = {.id = id, .what = what}};

	tell_statd(h, &in);
}

static void feed_yes(struct host *h, const struct parking_request *r,
		     const struct buf *lines)
{
	struct nsm_in in = {
		.kind = NSM_IN_UNTOLD,
		.bytes = lines->bytes,
		.len = lines->len,
		.untold = {.id = r->id,
			   .what = NSM_UNTOLD_YES,
			   .facts = {.is_grace = parking_has_grace(h),
				     .is_server = is_server(h, &r->subject),
				     .has_nfsd = h->parking.has_nfsd}}};

	tell_statd(h, &in);
}

/* No sm-notify runs. */
static void look(struct host *h, const struct parking_request *r)
{
	struct index index;
	struct buf lines;

	buf_init(&lines, RECORD_FILE_MAX);
	index_init(&index, h);
	switch (requests_state(&index.requests, &r->subject)) {
	case CTL_UNTOLD:
		target_set_each(&index.set, &r->subject, add_lines, &lines);
		feed_yes(h, r, &lines);
		break;
	case CTL_PARKED:
		feed(h, r->id, NSM_UNTOLD_PARKED);
		break;
	case CTL_NONE:
	case CTL_TOLD:
		feed(h, r->id, NSM_UNTOLD_NONE);
		break;
	}
	index_fini(&index);
	buf_fini(&lines);
}

/* Whoever was to answer @r is gone. */
static void lose(struct host *h, const struct parking_request *r)
{
	if (r->verb == CTL_ASK)
		look(h, r);
	else
		feed(h, r->id,
		     ctl_is_tell(r->verb) ? NSM_UNTOLD_LOST
					  : NSM_UNTOLD_PARKED);
}

static void hear(struct host *h, const struct parking_request *r,
		 enum ctl_word word)
{
	const struct buf nothing = {0};

	if (r->verb == CTL_PARK || word == CTL_PARKED)
		feed(h, r->id, NSM_UNTOLD_PARKED);
	else if (ctl_is_tell(r->verb))
		feed(h, r->id,
		     word == CTL_UNTOLD ? NSM_UNTOLD_LOST : NSM_UNTOLD_TOLD);
	else if (word == CTL_UNTOLD)
		feed_yes(h, r, &nothing);
	else
		feed(h, r->id, NSM_UNTOLD_NONE);
}

/* --- the socket -------------------------------------------------------- */

static bool is_of_this_life(const struct host *h,
			    const struct parking_request *r)
{
	return r->is_open && h->statd.core != NULL &&
	       r->statd_life == h->statd.life;
}

static void answer_arrives(struct sim *s, struct event *e)
{
	struct parking_request *r = &e->host->parking.requests[e->index];
	struct parking_request copy = *r;

	(void)s;
	if (r->tag != e->id || !r->is_open)
		return;
	r->is_open = false;
	if (is_of_this_life(e->host, &copy))
		hear(e->host, &copy, (enum ctl_word)e->len);
}

static void end_arrives(struct sim *s, struct event *e)
{
	struct parking_request *r = &e->host->parking.requests[e->index];
	struct parking_request copy = *r;

	(void)s;
	if (r->tag != e->id || !r->is_open)
		return;
	r->is_open = false;
	if (is_of_this_life(e->host, &copy))
		lose(e->host, &copy);
}

static void request_arrives(struct sim *s, struct event *e)
{
	struct host *h = e->host;
	struct parking_request *r = &h->parking.requests[e->index];
	const struct ctl_request request = {.verb = r->verb,
					    .subject = r->subject};
	struct notify_in in = {.kind = NOTIFY_IN_REQUEST,
			       .request = {.id = r->tag, .request = &request}};
	struct event *again;

	if (r->tag != e->id || !r->is_open)
		return;
	if (r->notifier_life != h->notifier.life) {
		end_arrives(s, e);
	} else if (!h->notifier.is_serving) {
		again = sim_after(s, 10, request_arrives, h);
		again->index = e->index;
		again->id = e->id;
	} else {
		trace(s, h, "notify <- REQUEST %d \"%s\"", r->verb,
		      r->subject.mon_name);
		notifier_input(h, &in);
	}
}

/*
 * The core has said that nobody is to be told by the name in @r, or nobody any
 * more.  It parks, for the rest of its run, whoever turns out to have the same
 * address.
 */
static void note_guarded(struct host *h, const struct parking_request *r,
			 enum ctl_word word)
{
	size_t i;

	if (word != CTL_NONE && word != CTL_TOLD)
		return;
	for (i = 0; i < h->lockd.pair_count; i++) {
		struct pair *pair = &h->lockd.pairs[i];

		if (strcmp(pair->mon_name, r->subject.mon_name) != 0)
			continue;
		pair->settled_life = h->notifier.life;
		/* So far lockd was promised nothing. */
		if (word == CTL_NONE && !pair->is_promised)
			pair->guarded_life = h->notifier.life;
	}
}

void parking_answer(struct host *h, uint64_t id, enum ctl_word word)
{
	struct event *e;
	size_t i;

	for (i = 0; i < PARKING_REQUESTS_MAX; i++) {
		if (!h->parking.requests[i].is_open ||
		    h->parking.requests[i].tag != id)
			continue;
		note_guarded(h, &h->parking.requests[i], word);
		e = sim_after(h->sim, sim_between(h->sim, 0, 5), answer_arrives,
			      h);
		e->index = i;
		e->id = id;
		e->len = word;
		return;
	}
}

void parking_notifier_ended(struct host *h)
{
	struct event *e;
	size_t i;

	for (i = 0; i < PARKING_REQUESTS_MAX; i++) {
		if (!h->parking.requests[i].is_open)
			continue;
		/* Behind the answers that it has sent. */
		e = sim_after(h->sim, 6, end_arrives, h);
		e->index = i;
		e->id = h->parking.requests[i].tag;
	}
}

static void send_request(struct host *h, const struct parking_request *request)
{
	struct parking_request *r = NULL;
	struct event *e;
	size_t i;

	/* Those of a statd that is gone make room. */
	for (i = 0; i < PARKING_REQUESTS_MAX; i++)
		if (!h->parking.requests[i].is_open ||
		    h->parking.requests[i].statd_life != h->statd.life)
			r = &h->parking.requests[i];
	assert(r != NULL);
	*r = *request;
	r->is_open = true;
	r->tag = ++h->parking.last_tag;
	r->statd_life = h->statd.life;
	r->notifier_life = h->notifier.life;
	e = sim_after(h->sim, sim_between(h->sim, 0, 20), request_arrives, h);
	e->index = (size_t)(r - h->parking.requests);
	e->id = r->tag;
}

/* --- what statd wants -------------------------------------------------- */

static void append(struct host *h, const char *line)
{
	trace(h->sim, h, "parked: %s", line);
	buf_add_text(&h->parking.parked, line);
	buf_add_text(&h->parking.parked, "\n");
}

static void append_park(struct host *h, const char *subject)
{
	char line[CTL_LEN_MAX] = "park ";

	assert(strlen(subject) < sizeof(line) - 6);
	strcat(line, subject);
	append(h, line);
	exits_parked(h, subject);
}

static void do_untold(struct host *h, const struct nsm_out *out)
{
	struct parking_request r = {.id = out->untold.id,
				    .verb = out->untold.verb};

	if (!ctl_parse_subject(out->untold.subject, strlen(out->untold.subject),
			       &r.subject)) {
		check_violate(h, "untold_subject_is_one", "\"%s\"",
			      out->untold.subject);
		return;
	}
	trace(h->sim, h, "statd: UNTOLD %llu verb %d \"%s\"",
	      (unsigned long long)r.id, r.verb, out->untold.subject);
	if (r.verb == CTL_PARK && !out->untold.is_noted)
		append_park(h, out->untold.subject);
	/* ORDER: the line is written before it is connected to. */
	if (!host_survives(h, PROGRAM_STATD))
		return;
	if (h->notifier.is_bound)
		send_request(h, &r);
	else
		lose(h, &r);
}

void parking_carry(struct host *h, const struct nsm_out *out)
{
	struct nsm_in in = {.kind = NSM_IN_GRACE,
			    .is_grace = parking_has_grace(h)};

	h->parking.is_carrying = true;
	switch (out->kind) {
	case NSM_OUT_UNTOLD:
		do_untold(h, out);
		break;
	case NSM_OUT_NOTE:
		append(h, out->note.line);
		break;
	case NSM_OUT_GRACE:
		nsm_input(h->statd.core, host_clock(h), &in);
		break;
	default:
		break;
	}
	h->parking.is_carrying = false;
}

bool parking_is_late(struct host *h, const struct addr *addrs, size_t count)
{
	char name[ADDR_TEXT_SIZE];
	struct ctl_subject subject;
	size_t i;

	if (h->op.kind != OPERATOR_PLAIN || h->op.is_forced || turn_has_left(h))
		return false;
	for (i = 0; i < count; i++) {
		addr_format(&addrs[i], name);
		if (disk_find(&h->disk, DISK_SM, name) != NULL &&
		    ctl_set_subject(&subject, name, &addrs[i], 1) &&
		    (!parking_has_grace(h) || is_server(h, &subject)))
			return true;
	}
	return false;
}

/* --- who is excused --------------------------------------------------- */

/* statd has told it: a running sm-notify leaves its line to the next one. */
static bool is_told(const struct host *h, const struct parked_line *parked,
		    const struct pair *pair)
{
	size_t len = strlen(pair->mon_name);

	return parked->kind == PARKED_TOLD && parked->number == h->number &&
	       parked->told_len > len &&
	       memcmp(parked->told, pair->mon_name, len) == 0 &&
	       parked->told[len] == ' ';
}

/* A record whose name leads to a parked address is parked with it. */
static bool is_parked_with(const struct parked_line *parked,
			   const struct addr *addr)
{
	size_t i;

	if (parked->kind != PARKED_PARK)
		return false;
	for (i = 0; i < parked->subject.addr_count; i++)
		if (addr_is_same_host(&parked->subject.addrs[i], addr))
			return true;
	return false;
}

static bool is_in_file(const struct host *h, const struct pair *pair)
{
	struct record_lines lines = {.bytes = h->parking.parked.bytes,
				     .len = h->parking.parked.len};
	struct parked_line parked;
	const uint8_t *line;
	size_t len;

	while (record_lines_next(&lines, &line, &len))
		if (parked_parse(line, len, &parked) &&
		    (is_told(h, &parked, pair) ||
		     is_parked_with(&parked, cluster_addr(pair))))
			return true;
	return false;
}

/*
 * Whether @other stands for @pair in sm/, by its address, though nobody was
 * promised that: statd was killed between the record and the answer.  To
 * sm-notify it is monitored again, see parking_is_late().
 */
static bool is_only_stored(const struct host *h, const struct pair *other,
			   const struct pair *pair)
{
	char name[ADDR_TEXT_SIZE];

	addr_format(cluster_addr(other), name);
	return h->is_turned && !turn_has_left(h) &&
	       strcmp(other->mon_name, name) == 0 &&
	       strcmp(other->mon_name, pair->mon_name) != 0 &&
	       disk_find(&h->disk, DISK_SM, name) != NULL;
}

/*
 * Whether statd asked the sm-notify that runs about @other, by its address, and
 * heard that nobody is to be told there; but was killed, or could not store the
 * record, before it promised anything; or the turn had to leave the record in
 * sm/, see is_only_settled(), and statd, when it started, asked about it.
 * sm-notify cannot know that: who is not told may have locks, so what a look-up
 * ties to that address is parked.
 */
static bool is_only_asked(const struct host *h, const struct pair *other,
			  const struct pair *pair)
{
	char name[ADDR_TEXT_SIZE];

	addr_format(cluster_addr(other), name);
	return h->notifier.core != NULL &&
	       other->guarded_life == h->notifier.life &&
	       strcmp(other->mon_name, name) == 0 &&
	       strcmp(other->mon_name, pair->mon_name) != 0;
}

/*
 * Whether the sm-notify that runs has said of @other, by its address, that it
 * was told, or that nobody is to be told there.  Who hears that may let it have
 * locks, so what a look-up ties to that address is parked for the rest of the
 * run: also after lockd has given @other up with SM_UNMON, which nobody says to
 * sm-notify, and where the record of @other is one of an earlier boot that the
 * turn had to leave in sm/.  Not while anything is owed to @pair.
 */
static bool is_only_settled(const struct host *h, const struct pair *other,
			    const struct pair *pair)
{
	char name[ADDR_TEXT_SIZE];

	addr_format(cluster_addr(other), name);
	return !pair->is_debt && h->notifier.core != NULL &&
	       other->settled_life == h->notifier.life &&
	       strcmp(other->mon_name, name) == 0 &&
	       strcmp(other->mon_name, pair->mon_name) != 0;
}

bool parking_is_excused(const struct host *h, const struct pair *pair)
{
	struct ctl_subject subject;
	struct index index;
	bool is_parked;
	size_t i;

	/* By another name of its address, which is not in the file. */
	for (i = 0; i < h->lockd.pair_count; i++)
		if (nat_is_same(h->lockd.pairs[i].peer, pair->peer, h) &&
		    (h->lockd.pairs[i].is_promised ||
		     is_only_stored(h, &h->lockd.pairs[i], pair) ||
		     is_only_asked(h, &h->lockd.pairs[i], pair) ||
		     is_only_settled(h, &h->lockd.pairs[i], pair)) &&
		    laterule_has_other_names(h, pair))
			return true;
	if (pair->is_aside || pair->is_unmerged || is_in_file(h, pair))
		return true;
	if (!ctl_set_subject(&subject, pair->mon_name, cluster_addr(pair), 1))
		return false;
	index_init(&index, h);
	is_parked = requests_state(&index.requests, &subject) == CTL_PARKED;
	index_fini(&index);
	return is_parked;
}

bool parking_is_silent(const struct host *h, const struct host *peer)
{
	size_t i;

	for (i = 0; i < h->lockd.pair_count; i++) {
		const struct pair *pair = &h->lockd.pairs[i];

		if (pair->peer == peer && pair->is_debt &&
		    parking_is_excused(h, pair))
			return true;
	}
	return false;
}
