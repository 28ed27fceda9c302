/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns who waits for which peer.  Of whom "none" or "told" was said may get
 * locks from now on, so it is guarded: a look-up that leads there later parks
 * its target, and so does a file that can be read late.
 */
#include "sm-notify/request.h"

#include <stdlib.h>
#include <string.h>

#include "lib/hostname.h"
#include "lib/record.h"
#include "lib/xalloc.h"

/* One "tell" that is not answered yet. */
struct teller {
	struct link in_tellers; /* requests::tellers */
	uint64_t id;
	bool is_in_grace;
	struct ctl_subject subject;
};

void requests_init(struct requests *r, struct target_set *set,
		   struct outbox *box, uint32_t number)
{
	*r = (struct requests){.set = set, .box = box, .number = number};
	list_init(&r->tellers);
	list_init(&r->called);
	buf_init(&r->lines, PARKED_FILE_MAX);
}

static void teller_free(struct requests *r, struct teller *teller)
{
	list_remove(&teller->in_tellers);
	r->teller_count--;
	r->in_grace_count -= teller->is_in_grace;
	free(teller);
}

void requests_fini(struct requests *r)
{
	struct link *at, *after;

	list_for_each_safe (at, after, &r->tellers)
		teller_free(r, container_of(at, struct teller, in_tellers));
	buf_fini(&r->lines);
}

/* How the targets of a subject stand. */
struct standing {
	const struct requests *requests;
	const struct ctl_subject *subject;
	enum ctl_word word;
};

/* Whether lines of @target are left, told or not. */
static bool has_lines(const struct requests *r, const struct target *target)
{
	return target_has_names(target) ||
	       stuck_has(&r->set->stuck, target->mon_name) ||
	       (target->host && stuck_has(&r->set->stuck, target->host));
}

static void count(struct standing *standing, const struct target *target,
		  bool is_left)
{
	if (!has_lines(standing->requests, target))
		return;
	if (!is_left)
		standing->word = CTL_UNTOLD;
	else if (standing->word == CTL_NONE)
		standing->word = CTL_PARKED;
}

static bool is_by_name(const struct target *target,
		       const struct ctl_subject *subject)
{
	return hostname_is_equal(target->mon_name, subject->mon_name);
}

/*
 * A run with other settings may tell whom this one sets aside.
 * SAFETY: and the next one who is parked in this one alone: no line says so,
 * and what led there may be over.  Whoever asks by its name may get locks with
 * it, so it has to be parked for good.
 */
static void count_untold(void *ctx, struct target *target)
{
	const struct standing *standing = ctx;
	bool is_here =
		target->is_parked_here && is_by_name(target, standing->subject);

	count(ctx, target, target->is_parked && !is_here);
}

bool requests_has_unread(const struct requests *r,
			 const struct ctl_subject *subject)
{
	const struct unread *unread = &r->set->unread;
	char text[ADDR_TEXT_SIZE];

	if (unread_has(unread, subject->mon_name))
		return true;
	for (size_t i = 0; i < subject->addr_count; i++) {
		addr_format(&subject->addrs[i], text);
		if (unread_has(unread, text))
			return true;
	}
	return false;
}

/*
 * SAFETY: what a file says that cannot be read now, a later run may read, and
 * tell a peer that has locks by then.  Whoever asks has it parked; that another
 * record of that host is parked does not say so of this one.
 */
enum ctl_word requests_state(const struct requests *r,
			     const struct ctl_subject *subject)
{
	struct standing standing = {r, subject, CTL_NONE};

	if (requests_has_unread(r, subject))
		return CTL_UNTOLD;
	target_set_each(r->set, subject, count_untold, &standing);
	return standing.word;
}

/* This one does not, so nobody need wait for it. */
static void count_telling(void *ctx, struct target *target)
{
	count(ctx, target, target->is_parked || target_is_aside(target));
}

/* How the targets of @subject stand for whoever has them told. */
static enum ctl_word telling_state(const struct requests *r,
				   const struct ctl_subject *subject)
{
	struct standing standing = {r, subject, CTL_NONE};

	target_set_each(r->set, subject, count_telling, &standing);
	if (standing.word == CTL_NONE && requests_has_unread(r, subject))
		return CTL_UNTOLD;
	return standing.word;
}

static void call(struct requests *r, struct target *target)
{
	if (list_is_empty(&target->in_called))
		list_append(&r->called, &target->in_called);
}

/* What is to be parked, and by which lines. */
struct parking {
	struct requests *requests;
	const struct ctl_subject *subject;
	bool is_in_file; /* ... of sm/.reclaim/parked that were read */
	bool is_ours;	 /* no line says so, and rpc.statd does not yet */
};

static void park(void *ctx, struct target *target)
{
	const struct parking *parking = ctx;
	/* rpc.statd may have told another record of that host, and noted it. */
	bool is_here =
		parking->is_ours ||
		(!parking->is_in_file && !is_by_name(target, parking->subject));

	if (!is_here)
		target->is_parked_here = false;
	if (!target_has_names(target) || target->is_parked)
		return;
	target->is_parked = true;
	target->is_parked_here = is_here;
	call(parking->requests, target);
	requests_note(parking->requests);
}

static void hurry(void *ctx, struct target *target)
{
	if (!target_has_names(target) || target->is_parked)
		return;
	target->is_urgent = true;
	call(ctx, target);
}

static void park_all(struct parking *parking)
{
	struct target_set *set = parking->requests->set;

	guards_add(&set->guards, parking->subject);
	target_set_each(set, parking->subject, park, parking);
}

static void park_from_file(struct requests *r,
			   const struct ctl_subject *subject)
{
	struct parking parking = {.requests = r,
				  .subject = subject,
				  .is_in_file = true};

	park_all(&parking);
}

void requests_park(struct requests *r, const struct ctl_subject *subject)
{
	struct parking parking = {.requests = r, .subject = subject};

	park_all(&parking);
}

void requests_load(struct requests *r, const uint8_t *bytes, size_t len)
{
	struct record_lines lines = {.bytes = bytes, .len = len};
	struct parked_line parked;
	const uint8_t *line;
	size_t line_len;

	buf_clear(&r->lines);
	buf_add(&r->lines, bytes, len);
	while (record_lines_next(&lines, &line, &line_len)) {
		if (parked_parse(line, line_len, &parked) &&
		    parked.kind == PARKED_TOLD && parked.number == r->number)
			target_set_note_told(r->set, parked.told,
					     parked.told_len);
	}
}

/* The peer of a "told" line, as far as the line says who it is. */
static bool told_subject(const struct parked_line *line,
			 struct ctl_subject *subject)
{
	const char *blank = memchr(line->told, ' ', line->told_len);
	size_t len = (size_t)(blank - line->told);
	char name[HOSTNAME_LEN_MAX + 1];
	struct addr addr;

	if (len >= sizeof(name))
		return false;
	memcpy(name, line->told, len);
	name[len] = '\0';
	return ctl_set_subject(subject, name, &addr,
			       addr_parse(name, &addr) ? 1 : 0);
}

/*
 * Parks the peer of @line, where that says so.
 * SAFETY: "sm-notify -f" empties the file, then raises the number, and until
 * rpc.statd sees that it may say that it has told the one before.  Of ours the
 * peer knows nothing, so its record stays; but it may have locks since.
 */
static void load_park(struct requests *r, const struct parked_line *line)
{
	struct ctl_subject subject;

	if (line->kind == PARKED_PARK)
		park_from_file(r, &line->subject);
	else if (line->kind == PARKED_TOLD && line->number != r->number &&
		 told_subject(line, &subject))
		park_from_file(r, &subject);
}

void requests_start(struct requests *r)
{
	struct record_lines lines = {.bytes = r->lines.bytes,
				     .len = r->lines.len};
	struct parked_line parked;
	const uint8_t *line;
	size_t line_len;

	while (record_lines_next(&lines, &line, &line_len)) {
		if (parked_parse(line, line_len, &parked))
			load_park(r, &parked);
	}
	buf_fini(&r->lines);
}

/* What is said about @subject lets its peer have locks again. */
static void answer(struct requests *r, uint64_t id, enum ctl_word word,
		   const struct ctl_subject *subject)
{
	if (word != CTL_UNTOLD)
		guards_add(&r->set->guards, subject);
	outbox_answer(r->box, id, word);
}

static void take_tell(struct requests *r, uint64_t id,
		      const struct ctl_request *request)
{
	const struct ctl_subject *subject = &request->subject;
	enum ctl_word word = telling_state(r, subject);
	struct teller *teller;

	/* An unread file tells nobody. */
	if (word != CTL_UNTOLD || requests_has_unread(r, subject) ||
	    r->teller_count >= REQUESTS_TELLERS_MAX) {
		answer(r, id, word, subject);
		return;
	}
	target_set_each(r->set, subject, hurry, r);
	teller = xzalloc(sizeof(*teller));
	teller->id = id;
	teller->subject = *subject;
	teller->is_in_grace = request->verb == CTL_TELL_IN_GRACE;
	list_append(&r->tellers, &teller->in_tellers);
	r->teller_count++;
	r->in_grace_count += teller->is_in_grace;
}

void requests_take(struct requests *r, uint64_t id,
		   const struct ctl_request *request)
{
	switch (request->verb) {
	case CTL_ASK:
		break;
	case CTL_TELL:
	case CTL_TELL_IN_GRACE:
		take_tell(r, id, request);
		return;
	case CTL_PARK:
		requests_park(r, &request->subject);
		break;
	}
	answer(r, id, requests_state(r, &request->subject), &request->subject);
}

bool requests_want_grace(const struct requests *r)
{
	return r->in_grace_count > 0;
}

void requests_grace_over(struct requests *r)
{
	struct link *at;

	list_for_each (at, &r->tellers) {
		struct teller *teller =
			container_of(at, struct teller, in_tellers);
		struct parking parking = {.requests = r,
					  .subject = &teller->subject,
					  .is_ours = true};

		if (teller->is_in_grace)
			park_all(&parking);
	}
}

void requests_cancel(struct requests *r, uint64_t id)
{
	struct link *at, *after;

	list_for_each_safe (at, after, &r->tellers) {
		struct teller *teller =
			container_of(at, struct teller, in_tellers);

		if (teller->id == id)
			teller_free(r, teller);
	}
}

struct target *requests_next(struct requests *r)
{
	struct link *at = list_take_first(&r->called);

	return at ? container_of(at, struct target, in_called) : NULL;
}

void requests_note(struct requests *r)
{
	r->is_stale = true;
}

void requests_settle(struct requests *r)
{
	struct link *at, *after;

	if (!r->is_stale)
		return;
	r->is_stale = false;
	list_for_each_safe (at, after, &r->tellers) {
		struct teller *teller =
			container_of(at, struct teller, in_tellers);
		enum ctl_word word = telling_state(r, &teller->subject);

		if (word == CTL_UNTOLD)
			continue;
		answer(r, teller->id, word == CTL_NONE ? CTL_TOLD : word,
		       &teller->subject);
		teller_free(r, teller);
	}
}

void requests_end(struct requests *r)
{
	struct link *at, *after;

	requests_settle(r);
	list_for_each_safe (at, after, &r->tellers) {
		struct teller *teller =
			container_of(at, struct teller, in_tellers);

		outbox_answer(r->box, teller->id, CTL_UNTOLD);
		teller_free(r, teller);
	}
}
