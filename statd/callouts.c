/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A lane is all that waits or runs about one mon_name, in order; a pair, one
 * (mon_name, my_name) of a lane of which the cluster may not know what holds.
 * Lanes that have something to begin stand in line, so that one peer with many
 * notices keeps nobody else waiting for longer than one callout.
 *
 * SAFETY: what a callout does with its words is not ours; a name that does harm
 * as it stands is handed to nobody (hawords_is_harmless()).
 */
#include "statd/callouts.h"

#include <stdlib.h>
#include <string.h>

#include "lib/xalloc.h"
#include "statd/callback.h"
#include "statd/hawords.h"
#include "statd/notice.h"

#define LOGGED_PER_MINUTE 10

struct lane {
	struct map_node by_name; /* callouts::by_name */
	struct link in_all;	 /* callouts::lanes */
	struct link in_ready;	 /* callouts::ready, where is_ready */
	bool is_ready;
	char *mon_name;
	struct link pairs;	 /* pair::in_lane */
	struct link waiting;	 /* callout::in_lane, in order */
	struct callout *running; /* NULL: none */
};

struct pair {
	struct link in_lane; /* lane::pairs */
	struct lane *lane;
	char *my_name;
	struct memo_slot memo;
	bool is_noted;		 /* a STORE is under way */
	bool is_kept;		 /* its file is there */
	bool is_found;		 /* ... since before the start */
	struct callout *waiting; /* NULL: none, the others alike */
	struct callout *running;
};

/* One run of the program. */
struct callout {
	struct link in_lane;	/* lane::waiting or callouts::running */
	struct link in_notices; /* callouts::notices, while it waits */
	struct lane *lane;
	struct pair *pair; /* NULL: an sm-notify event, which owns ... */
	uint64_t id;
	const char *event;
	char *name; /* ... these */
	char *source;
	char *number;
};

void callouts_init(struct callouts *c, struct effects *out, struct peers *peers,
		   struct memos *memos,
		   const uint8_t key[static SIPHASH_KEY_SIZE])
{
	*c = (struct callouts){
		.out = out, .peers = peers, .memos = memos, .next_id = 1};
	map_init(&c->by_name, key);
	list_init(&c->lanes);
	list_init(&c->ready);
	list_init(&c->running);
	list_init(&c->notices);
}

/* --- lanes and pairs --------------------------------------------------- */

static struct lane *lane_find(const struct callouts *c, const char *mon_name)
{
	uint64_t hash = map_hash(&c->by_name, mon_name, strlen(mon_name));
	struct map_node *node = map_first(&c->by_name, hash);

	for (; node != NULL; node = map_next(node)) {
		struct lane *lane = container_of(node, struct lane, by_name);

		if (strcmp(lane->mon_name, mon_name) == 0)
			return lane;
	}
	return NULL;
}

/* Finds the lane, or makes it. */
static struct lane *lane_get(struct callouts *c, const char *mon_name)
{
	struct lane *lane = lane_find(c, mon_name);

	if (lane != NULL)
		return lane;
	lane = xzalloc(sizeof(*lane));
	lane->mon_name = xstrdup(mon_name);
	list_init(&lane->pairs);
	list_init(&lane->waiting);
	list_append(&c->lanes, &lane->in_all);
	map_add(&c->by_name, &lane->by_name,
		map_hash(&c->by_name, mon_name, strlen(mon_name)));
	return lane;
}

/* Puts @lane in line where it can begin something, or frees it. */
static void lane_settle(struct callouts *c, struct lane *lane)
{
	bool can_begin =
		lane->running == NULL && !list_is_empty(&lane->waiting);

	if (can_begin && !lane->is_ready)
		list_append(&c->ready, &lane->in_ready);
	else if (!can_begin && lane->is_ready)
		list_remove(&lane->in_ready);
	lane->is_ready = can_begin;
	if (can_begin || lane->running != NULL || !list_is_empty(&lane->pairs))
		return;
	map_remove(&c->by_name, &lane->by_name);
	list_remove(&lane->in_all);
	free(lane->mon_name);
	free(lane);
}

static struct pair *pair_find(const struct lane *lane, const char *my_name)
{
	struct link *pos;

	list_for_each (pos, &lane->pairs) {
		struct pair *pair = container_of(pos, struct pair, in_lane);

		if (strcmp(pair->my_name, my_name) == 0)
			return pair;
	}
	return NULL;
}

static struct pair *pair_new(struct lane *lane, const char *my_name)
{
	struct pair *pair = xzalloc(sizeof(*pair));

	pair->lane = lane;
	pair->my_name = xstrdup(my_name);
	memo_slot_init(&pair->memo, MEMO_CALLOUT);
	list_append(&lane->pairs, &pair->in_lane);
	return pair;
}

/* Finds the pair of @rec, or makes it; where it has no file, that is made. */
static struct pair *pair_get(struct callouts *c, const struct record *rec)
{
	struct lane *lane = lane_get(c, rec->mon_name);
	struct pair *pair = pair_find(lane, rec->my_name);
	struct buf content;

	if (pair == NULL)
		pair = pair_new(lane, rec->my_name);
	if (pair->is_kept || memo_slot_is_busy(&pair->memo))
		return pair;
	buf_init(&content, HAWORDS_MEMO_MAX);
	hawords_add_memo(rec, &content);
	memos_write(c->memos, &pair->memo, &content);
	return pair;
}

void callouts_kept(struct memo_slot *slot, bool is_kept)
{
	container_of(slot, struct pair, memo)->is_kept = is_kept;
}

/* Frees @pair, and its file, where the cluster knows what holds. */
static void pair_settle(struct callouts *c, struct pair *pair)
{
	if (pair->is_noted || pair->is_found || pair->waiting != NULL ||
	    pair->running != NULL)
		return;
	memos_drop(c->memos, &pair->memo);
	list_remove(&pair->in_lane);
	free(pair->my_name);
	free(pair);
}

/* --- callouts ---------------------------------------------------------- */

/* Frees @co, which is in no list. */
static void callout_free(struct callout *co)
{
	free(co->name);
	free(co->source);
	free(co->number);
	free(co);
}

static void callout_wait(struct callouts *c, struct callout *co)
{
	list_append(&co->lane->waiting, &co->in_lane);
	c->waiting_count++;
	if (co->pair != NULL) {
		co->pair->waiting = co;
		return;
	}
	list_append(&c->notices, &co->in_notices);
	c->notice_count++;
}

/* Takes @co, which waits, out of its lists. */
static void callout_unwait(struct callouts *c, struct callout *co)
{
	list_remove(&co->in_lane);
	c->waiting_count--;
	if (co->pair != NULL) {
		co->pair->waiting = NULL;
		return;
	}
	list_remove(&co->in_notices);
	c->notice_count--;
}

static void callout_begin(struct callouts *c, struct callout *co)
{
	const char *words[NSM_WORDS_MAX] = {co->event, co->name, co->source,
					    co->number};
	size_t count = co->number != NULL ? 4 : 3;

	if (co->pair != NULL) {
		words[1] = co->lane->mon_name;
		words[2] = co->pair->my_name;
		co->pair->running = co;
	}
	co->lane->running = co;
	co->id = c->next_id++;
	list_append(&c->running, &co->in_lane);
	c->running_count++;
	effects_callout(c->out, co->id, words, count);
}

static void begin_all(struct callouts *c)
{
	while (!c->is_lost && c->running_count < CALLOUTS_RUNNING_MAX &&
	       !list_is_empty(&c->ready)) {
		struct lane *lane =
			container_of(c->ready.next, struct lane, in_ready);
		struct callout *co = container_of(lane->waiting.next,
						  struct callout, in_lane);

		callout_unwait(c, co);
		callout_begin(c, co);
		lane_settle(c, lane);
	}
}

/* --- what happens ------------------------------------------------------ */

/* Logs @what about the peer @name, a few times in a minute. */
static void log_peer(struct callouts *c, uint64_t now_ms, const char *event,
		     const char *name, const char *what)
{
	unsigned int held_back;
	struct buf text;

	if (!log_limit_pass(&c->limit, now_ms, LOGGED_PER_MINUTE, &held_back))
		return;
	buf_init(&text, LOG_TEXT_MAX / 2);
	buf_add_escaped(&text, name, strlen(name));
	effects_log(c->out, LOG_WARN, "ha-callout %s \"%s\": %s", event,
		    buf_text(&text), what);
	if (held_back > 0)
		effects_log(c->out, LOG_WARN,
			    "%u more troubles of ha-callout were not logged",
			    held_back);
	buf_fini(&text);
}

/* Whether @name may be handed on; where not, that is logged. */
static bool may_hand_on(struct callouts *c, uint64_t now_ms, const char *event,
			const char *name)
{
	if (hawords_is_harmless(name))
		return true;
	c->refused++;
	log_peer(c, now_ms, event, name,
		 "not run: a program might misread the name");
	return false;
}

static void tell(struct callouts *c, uint64_t now_ms, const char *event,
		 const struct record *rec)
{
	struct pair *pair;
	struct callout *co;

	if (!c->is_on || !may_hand_on(c, now_ms, event, rec->mon_name))
		return;
	pair = pair_get(c, rec);
	pair->is_noted = false;
	pair->is_found = false;
	/* The latest wins, and takes its place after all that came before. */
	co = pair->waiting;
	if (co != NULL)
		callout_unwait(c, co);
	else
		co = xzalloc(sizeof(*co));
	co->event = event;
	co->lane = pair->lane;
	co->pair = pair;
	callout_wait(c, co);
	lane_settle(c, pair->lane);
	begin_all(c);
}

void callouts_add(struct callouts *c, uint64_t now_ms, const struct record *rec)
{
	tell(c, now_ms, "add-client", rec);
}

void callouts_del(struct callouts *c, uint64_t now_ms, const struct record *rec)
{
	tell(c, now_ms, "del-client", rec);
}

void callouts_note(struct callouts *c, const struct record *rec)
{
	if (c->is_on && hawords_is_harmless(rec->mon_name))
		pair_get(c, rec)->is_noted = true;
}

/* Whether the lock manager of @peer has heard @call, or is about to. */
static bool is_heard(const struct peer *peer, const struct notice_call *call)
{
	const struct event *event = callbacks_find(peer, call->name);
	uint32_t number;

	return (event != NULL && event->number == call->number) ||
	       (peer_get_delivered(peer, call->name, &number) &&
		number == call->number);
}

static bool is_repeated(const struct callouts *c,
			const struct notice_call *call)
{
	struct peer_addr *place = NULL;
	struct peer *peer = NULL;

	while ((place = peers_next_by_addr(c->peers, &call->from, place)) !=
	       NULL)
		if (is_heard(place->peer, call))
			return true;
	while ((peer = peers_next_by_name(c->peers, call->name, peer)) != NULL)
		if (is_heard(peer, call))
			return true;
	return false;
}

static void drop_oldest(struct callouts *c, uint64_t now_ms)
{
	struct callout *co =
		container_of(c->notices.next, struct callout, in_notices);

	c->dropped++;
	log_peer(c, now_ms, co->event, co->name,
		 "not run: too many wait, the oldest is dropped");
	callout_unwait(c, co);
	lane_settle(c, co->lane);
	callout_free(co);
}

void callouts_notice(struct callouts *c, uint64_t now_ms,
		     const struct peer *peer, const struct notice_call *call)
{
	char source[ADDR_TEXT_SIZE];
	struct callout *co;

	if (!c->is_on || is_repeated(c, call) ||
	    !may_hand_on(c, now_ms, "sm-notify", call->name))
		return;
	if (c->notice_count == CALLOUTS_NOTICES_MAX)
		drop_oldest(c, now_ms);
	co = xzalloc(sizeof(*co));
	co->event = "sm-notify";
	co->name = xstrdup(call->name);
	co->source = xstrdup(addr_format(&call->from, source));
	co->number = hawords_number(call->number);
	co->lane = lane_get(c, peer->rec.mon_name);
	callout_wait(c, co);
	lane_settle(c, co->lane);
	begin_all(c);
}

/* Says what became of @co; whether that is what it is for. */
static bool is_good_end(struct callouts *c, uint64_t now_ms,
			const struct callout *co, const struct nsm_called *end)
{
	const char *name = co->pair != NULL ? co->lane->mon_name : co->name;
	struct buf what;
	bool is_bad;

	buf_init(&what, LOG_TEXT_MAX / 4);
	is_bad = hawords_explain(end, &what);
	if (is_bad)
		log_peer(c, now_ms, co->event, name, buf_text(&what));
	buf_fini(&what);
	return !is_bad;
}

/* Ends @co, which ran. */
static void callout_end(struct callouts *c, struct callout *co)
{
	struct lane *lane = co->lane;

	list_remove(&co->in_lane);
	c->running_count--;
	lane->running = NULL;
	if (co->pair != NULL) {
		co->pair->running = NULL;
		pair_settle(c, co->pair);
	}
	callout_free(co);
	lane_settle(c, lane);
}

/*
 * What ran may have done its work or not: where nothing newer waits, it waits
 * again.  Nothing begins any more; who starts statd anew finds it.
 */
static void lose_all(struct callouts *c, uint64_t now_ms,
		     const struct nsm_called *end)
{
	struct link *pos, *after;

	c->is_lost = true;
	list_for_each_safe (pos, after, &c->running) {
		struct callout *co = container_of(pos, struct callout, in_lane);

		c->failed++;
		(void)is_good_end(c, now_ms, co, end); /* logged */
		if (co->pair == NULL || co->pair->waiting != NULL) {
			callout_end(c, co);
			continue;
		}
		list_remove(&co->in_lane);
		c->running_count--;
		co->lane->running = NULL;
		co->pair->running = NULL;
		callout_wait(c, co);
		lane_settle(c, co->lane);
	}
}

void callouts_called(struct callouts *c, uint64_t now_ms, uint64_t id,
		     const struct nsm_called *end)
{
	struct link *pos;

	if (end->how == NSM_CALL_LOST) {
		lose_all(c, now_ms, end);
		return;
	}
	list_for_each (pos, &c->running) {
		struct callout *co = container_of(pos, struct callout, in_lane);

		if (co->id != id)
			continue;
		if (is_good_end(c, now_ms, co, end))
			c->done++;
		else
			c->failed++;
		callout_end(c, co);
		break;
	}
	begin_all(c);
}

/* --- after a restart --------------------------------------------------- */

bool callouts_load(struct callouts *c, uint64_t number, const uint8_t *bytes,
		   size_t len)
{
	struct record rec;
	struct pair *pair = NULL;
	struct lane *lane;

	if (!c->is_on || !hawords_parse_memo(bytes, len, &rec))
		return false;
	lane = lane_get(c, rec.mon_name);
	if (pair_find(lane, rec.my_name) == NULL) { /* one file is enough */
		pair = pair_new(lane, rec.my_name);
		pair->is_found = pair->is_kept = true;
		memos_adopt(c->memos, &pair->memo, number);
	}
	record_fini(&rec);
	return pair != NULL;
}

/* Whether the record of @pair is there. */
static bool is_monitored(const struct callouts *c, const struct pair *pair)
{
	struct peer *peer = NULL;

	while ((peer = peers_next_by_name(c->peers, pair->lane->mon_name,
					  peer)) != NULL)
		if (strcmp(peer->rec.mon_name, pair->lane->mon_name) == 0 &&
		    strcmp(peer->rec.my_name, pair->my_name) == 0)
			return true;
	return false;
}

static void lane_resume(struct callouts *c, uint64_t now_ms, struct lane *lane)
{
	struct link *pos;

	list_for_each (pos, &lane->pairs) {
		struct pair *pair = container_of(pos, struct pair, in_lane);
		const struct record rec = {.mon_name = lane->mon_name,
					   .my_name = pair->my_name};

		if (!pair->is_found)
			continue;
		if (is_monitored(c, pair))
			callouts_add(c, now_ms, &rec);
		else
			callouts_del(c, now_ms, &rec);
	}
}

void callouts_resume(struct callouts *c, uint64_t now_ms)
{
	struct link *pos;

	list_for_each (pos, &c->lanes)
		lane_resume(c, now_ms, container_of(pos, struct lane, in_all));
}

/* --- on, off, the end -------------------------------------------------- */

/* Drops all that waits in @lane; what runs, runs on. */
static void lane_drop(struct callouts *c, struct lane *lane)
{
	struct link *pos, *after;

	list_for_each_safe (pos, after, &lane->waiting) {
		struct callout *co = container_of(pos, struct callout, in_lane);

		callout_unwait(c, co);
		callout_free(co);
	}
	list_for_each_safe (pos, after, &lane->pairs) {
		struct pair *pair = container_of(pos, struct pair, in_lane);

		pair->is_noted = false;
		pair->is_found = false;
		pair_settle(c, pair);
	}
	lane_settle(c, lane);
}

void callouts_set_on(struct callouts *c, bool is_on)
{
	struct link *pos, *after;

	c->is_on = is_on;
	if (is_on)
		return;
	list_for_each_safe (pos, after, &c->lanes)
		lane_drop(c, container_of(pos, struct lane, in_all));
}

void callouts_fini(struct callouts *c)
{
	callouts_set_on(c, false);
	while (!list_is_empty(&c->running))
		callout_end(c, container_of(c->running.next, struct callout,
					    in_lane));
	map_fini(&c->by_name);
}

void callouts_add_status(const struct callouts *c, struct buf *out)
{
	if (!c->is_on)
		return;
	if (c->is_lost)
		buf_add_text(out, "nobody is left who could run ha-callout; it "
				  "waits for the next start\n");
	buf_addf(out,
		 "callouts that worked: %llu, failed: %llu, refused: %llu, "
		 "dropped: %llu; running: %zu, waiting: %zu\n",
		 (unsigned long long)c->done, (unsigned long long)c->failed,
		 (unsigned long long)c->refused, (unsigned long long)c->dropped,
		 c->running_count, c->waiting_count);
}
