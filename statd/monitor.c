/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every change is a STORE of a whole file of sm/, so a file is always what the
 * records in memory say.  Several STOREs of one file may be under way; they
 * end in their order.
 *
 * ORDER: SM_MON is answered in monitor_stored() or where the record is durable
 * already, or later (late.c), nowhere else.  Break it and a power failure
 * forgets a peer that lockd believes remembered: its lock is lost without a
 * word.
 */
#include "statd/monitor.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hostname.h"
#include "lib/rpcmsg.h"
#include "lib/rpcsrv.h"
#include "lib/xalloc.h"
#include "proto/sm_inter.h"

#define FAILURES_LOGGED_PER_MINUTE 10

/* A STORE under way. */
struct store_job {
	struct link in_jobs; /* monitor::jobs */
	uint64_t id;
	struct peer *peer;   /* whose record it is about, NULL: of nobody's */
	struct link in_peer; /* peer::stores */
	struct monitor_caller waiters[NSM_WAITERS_MAX];
	unsigned int waiter_count;
};

void monitor_init(struct monitor *m, const struct monitor_rooms *rooms)
{
	*m = (struct monitor){.out = rooms->out,
			      .peers = rooms->peers,
			      .names = rooms->names,
			      .notices = rooms->notices,
			      .callouts = rooms->callouts,
			      .late = rooms->late,
			      .next_id = 1};
	list_init(&m->jobs);
}

void monitor_fini(struct monitor *m)
{
	struct link *link;

	while ((link = list_take_first(&m->jobs)) != NULL)
		free(container_of(link, struct store_job, in_jobs));
}

static void answer(struct monitor *m, const struct monitor_caller *caller,
		   enum sm_res result)
{
	struct sm_stat_res res = {.res_stat = result,
				  .state = result == SM_STAT_SUCC
						   ? (int)m->number
						   : -1};
	struct buf message;

	buf_init(&message, RPCMSG_SIZE_MAX);
	rpcmsg_add_reply(&message, caller->xid, RPCMSG_SUCCESS, 0);
	rpcsrv_add_xdr(&message, (rpcsrv_xdr *)xdr_sm_stat_res, &res);
	effects_reply(m->out, caller->reply_to, &message);
}

void monitor_refuse(struct monitor *m, const struct monitor_caller *caller)
{
	answer(m, caller, SM_STAT_FAIL);
}

/* The record of @peer (NULL: of nobody's) is durable. */
static void answer_stored(struct monitor *m, struct peer *peer,
			  const struct monitor_caller *caller)
{
	if (peer == NULL || !late_wait(m->late, peer, caller))
		answer(m, caller, SM_STAT_SUCC);
}

/* Answers who waits for @job, which went well. */
static void answer_waiters(struct monitor *m, struct store_job *job,
			   bool is_current)
{
	unsigned int i;

	for (i = 0; i < job->waiter_count; i++) {
		/* What it asked for would be replaced while it waits. */
		if (job->peer != NULL && !is_current &&
		    late_is_holding(job->peer))
			monitor_refuse(m, &job->waiters[i]);
		else
			answer_stored(m, job->peer, &job->waiters[i]);
	}
}

void monitor_settle(struct monitor *m)
{
	struct monitor_caller caller;

	while (late_take(m->late, &caller))
		answer(m, &caller, SM_STAT_SUCC);
}

void monitor_set_number(struct monitor *m, uint64_t now_ms, uint32_t number)
{
	m->number = number;
	late_set_number(m->late, now_ms, number);
}

static struct store_job *job_new(struct monitor *m, struct peer *peer)
{
	struct store_job *job = xzalloc(sizeof(*job));

	job->id = m->next_id++;
	job->peer = peer;
	if (peer != NULL)
		list_append(&peer->stores, &job->in_peer);
	list_append(&m->jobs, &job->in_jobs);
	m->job_count++;
	return job;
}

/* They end in their order, so the first one is looked at, not all. */
static struct store_job *job_find(const struct monitor *m, uint64_t id)
{
	struct link *pos;

	list_for_each (pos, &m->jobs) {
		struct store_job *job =
			container_of(pos, struct store_job, in_jobs);

		if (job->id == id)
			return job;
	}
	return NULL;
}

/* The STORE that carries the record of @peer as it is, or NULL. */
static struct store_job *job_of(const struct peer *peer)
{
	struct store_job *job;

	if (peer->store_id == 0)
		return NULL;
	job = container_of(peer->stores.prev, struct store_job, in_peer);
	assert(job->id == peer->store_id);
	return job;
}

/* Queues the content that @file should have, as @job. */
static void store_file(struct monitor *m, struct peer_file *file,
		       const struct store_job *job, struct buf *content)
{
	effects_store(m->out, job->id, file->name, !file->may_exist, content);
	file->may_exist = true;
}

/* Makes the disk agree with @file after a record of it was removed. */
static void store_removal(struct monitor *m, struct peer_file *file)
{
	struct buf content;

	if (peer_file_is_empty(file)) {
		if (file->may_exist)
			effects_forget(m->out, file->name);
		return;
	}
	/* A line too many on the disk is one notice too many. */
	if (m->job_count >= MONITOR_STORES_MAX)
		return;
	buf_init(&content, RECORD_FILE_MAX);
	if (peer_file_format(file, &content) == RECORD_OK &&
	    !content.is_overflowed)
		store_file(m, file, job_new(m, NULL), &content);
	buf_fini(&content);
}

/* Removes @peer from memory only. */
static void forget_peer(struct monitor *m, struct peer *peer)
{
	struct link *link;

	while ((link = list_take_first(&peer->stores)) != NULL)
		container_of(link, struct store_job, in_peer)->peer = NULL;
	late_forget(m->late, peer);
	names_remove(m->names, peer);
	notices_forget(m->notices, peer);
	peers_remove(m->peers, peer);
}

static void remove_peer(struct monitor *m, uint64_t now_ms, struct peer *peer)
{
	struct peer_file *file = peer->file;

	callouts_del(m->callouts, now_ms, &peer->rec);
	/* The file object goes with its last record: write first. */
	list_remove(&peer->in_file);
	store_removal(m, file);
	list_append(&file->peers, &peer->in_file);
	forget_peer(m, peer);
}

/* After a line that log_limit_pass() let through. */
static void log_held_back(struct monitor *m, unsigned int held_back)
{
	if (held_back > 0)
		effects_log(m->out, LOG_ERROR,
			    "%u more failures were not logged", held_back);
}

static void log_failure(struct monitor *m, uint64_t now_ms,
			const char *mon_name, const char *why)
{
	unsigned int held_back;
	struct buf name;

	if (!log_limit_pass(&m->limit, now_ms, FAILURES_LOGGED_PER_MINUTE,
			    &held_back))
		return;
	buf_init(&name, LOG_TEXT_MAX / 2);
	buf_add_escaped(&name, mon_name, strlen(mon_name));
	effects_log(m->out, LOG_ERROR, "cannot remember peer \"%s\": %s",
		    buf_text(&name), why);
	log_held_back(m, held_back);
	buf_fini(&name);
}

/*
 * Starts a STORE for @peer; @caller waits for it.  Where that cannot be, the
 * caller is refused and @peer stays in memory.
 */
static struct store_job *store_peer(struct monitor *m, uint64_t now_ms,
				    struct peer *peer,
				    const struct monitor_caller *caller)
{
	const char *why = NULL;
	struct buf content;
	struct store_job *job;

	peer->is_stored = false;
	peer->store_id = 0;
	buf_init(&content, RECORD_FILE_MAX);
	if (m->job_count >= MONITOR_STORES_MAX)
		why = "too many others wait for the disk";
	else if (peer_file_format(peer->file, &content) != RECORD_OK ||
		 content.is_overflowed)
		why = "the names or its file would be too long";
	if (why != NULL) {
		buf_fini(&content);
		peer->has_store_failed = true;
		log_failure(m, now_ms, peer->rec.mon_name, why);
		monitor_refuse(m, caller);
		return NULL;
	}
	/* ORDER: each time before the disk is; the last note may have failed.
	 */
	if (peer->is_callout_due)
		callouts_note(m->callouts, &peer->rec);
	job = job_new(m, peer);
	job->waiters[job->waiter_count++] = *caller;
	peer->store_id = job->id;
	store_file(m, peer->file, job, &content);
	return job;
}

/* SM_MON of a record that is there already, with the same cookie. */
static void add_again(struct monitor *m, uint64_t now_ms, struct peer *peer,
		      const struct monitor_caller *caller)
{
	struct store_job *job;

	if (!late_is_settled(m->late, peer))
		late_begin(m->late, now_ms, peer);
	if (peer->is_stored) {
		answer_stored(m, peer, caller);
		return;
	}
	job = job_of(peer);
	if (job == NULL)
		/* Refused or not, its line of earlier is still in sm/. */
		(void)store_peer(m, now_ms, peer, caller);
	else if (job->waiter_count < NSM_WAITERS_MAX)
		job->waiters[job->waiter_count++] = *caller;
	else
		effects_reply(m->out, caller->reply_to, NULL);
}

static void refuse_waiters(struct monitor *m, struct peer *peer)
{
	struct monitor_caller caller;

	while (late_take_back(peer, &caller))
		monitor_refuse(m, &caller);
}

void monitor_add(struct monitor *m, uint64_t now_ms,
		 const struct monitor_caller *caller, const struct record *rec)
{
	struct peer *peer = peers_find(m->peers, rec, PEERS_EXACT);

	if (m->number == 0) {
		log_failure(m, now_ms, rec->mon_name,
			    "the state directory cannot be used");
		monitor_refuse(m, caller);
		return;
	}
	if (peer == NULL) {
		peer = peers_add(m->peers, rec, rec->mon_name);
		names_add(m->names, peer);
		peer->is_callout_due = true;
		if (store_peer(m, now_ms, peer, caller) == NULL) {
			forget_peer(m, peer);
			return;
		}
		late_begin(m->late, now_ms, peer);
		notices_watch(m->notices, now_ms, peer);
		return;
	}
	if (memcmp(peer->rec.priv, rec->priv, sizeof(rec->priv)) == 0) {
		add_again(m, now_ms, peer, caller);
		return;
	}
	/* A new cookie: what was pending for the old one means nothing. */
	refuse_waiters(m, peer);
	notices_discard(m->notices, peer);
	memcpy(peer->rec.priv, rec->priv, sizeof(rec->priv));
	peer->is_callout_due = true;
	/* Refused or not, its line of earlier is still in sm/. */
	(void)store_peer(m, now_ms, peer, caller);
	late_begin(m->late, now_ms, peer);
	notices_watch(m->notices, now_ms, peer);
}

static void log_unknown(struct monitor *m, uint64_t now_ms,
			const char *mon_name)
{
	unsigned int held_back;
	struct buf name;

	if (!log_limit_pass(&m->limit, now_ms, FAILURES_LOGGED_PER_MINUTE,
			    &held_back))
		return;
	buf_init(&name, LOG_TEXT_MAX / 2);
	buf_add_escaped(&name, mon_name, strlen(mon_name));
	effects_log(m->out, LOG_WARN,
		    "asked to forget peer \"%s\", which is not monitored",
		    buf_text(&name));
	log_held_back(m, held_back);
	buf_fini(&name);
}

void monitor_remove(struct monitor *m, uint64_t now_ms,
		    const struct record *rec)
{
	struct peer *peer = peers_find(m->peers, rec, PEERS_EXACT);

	if (peer == NULL) {
		peer = peers_find(m->peers, rec, PEERS_ANY_CASE);
		if (peer == NULL)
			log_unknown(m, now_ms, rec->mon_name);
		else
			remove_peer(m, now_ms, peer);
		return;
	}
	/* More than one where nfs-utils left a copy in another file (D-6). */
	for (; peer != NULL; peer = peers_find(m->peers, rec, PEERS_EXACT))
		remove_peer(m, now_ms, peer);
}

void monitor_remove_all(struct monitor *m, uint64_t now_ms,
			const struct record *rec)
{
	struct link *pos, *after;

	list_for_each_safe (pos, after, &m->peers->all) {
		struct peer *peer = container_of(pos, struct peer, in_all);

		if (peer->rec.prog == rec->prog &&
		    peer->rec.vers == rec->vers &&
		    peer->rec.proc == rec->proc &&
		    hostname_is_equal(peer->rec.my_name, rec->my_name))
			remove_peer(m, now_ms, peer);
	}
}

/* The last STORE of @peer is over. */
static void settle_peer(struct monitor *m, uint64_t now_ms, struct peer *peer,
			bool is_stored)
{
	peer->store_id = 0;
	peer->is_stored = is_stored;
	peer->has_store_failed = !is_stored;
	if (!is_stored || !peer->is_callout_due)
		return;
	peer->is_callout_due = false;
	callouts_add(m->callouts, now_ms, &peer->rec);
}

void monitor_stored(struct monitor *m, uint64_t now_ms, uint64_t id, int error,
		    const char *reason)
{
	struct store_job *job = job_find(m, id);
	bool is_current;
	unsigned int i;

	if (job == NULL)
		return;
	is_current = job->peer != NULL && job->peer->store_id == id;
	if (is_current) {
		settle_peer(m, now_ms, job->peer, error == 0);
		late_stored(m->late, job->peer);
	}
	if (error != 0 && job->peer != NULL)
		log_failure(m, now_ms, job->peer->rec.mon_name,
			    reason != NULL ? reason : "the disk failed");
	if (error == 0)
		answer_waiters(m, job, is_current);
	for (i = 0; error != 0 && i < job->waiter_count; i++)
		monitor_refuse(m, &job->waiters[i]);
	if (job->peer != NULL)
		list_remove(&job->in_peer);
	list_remove(&job->in_jobs);
	m->job_count--;
	free(job);
}

/* Lines of one file that are no records. */
struct foreign {
	unsigned int count;
	enum record_error first;
};

static void keep_foreign(struct foreign *foreign, struct peer_file *file,
			 const uint8_t *line, size_t len,
			 enum record_error error)
{
	if (foreign->count++ == 0)
		foreign->first = error;
	buf_add(&file->foreign, line, len);
	buf_add_text(&file->foreign, "\n");
}

static void log_foreign(struct monitor *m, const char *name,
			const struct foreign *foreign)
{
	struct buf text;

	if (foreign->count == 0)
		return;
	buf_init(&text, LOG_TEXT_MAX / 2);
	buf_add_escaped(&text, name, strlen(name));
	effects_log(m->out, LOG_WARN,
		    "sm/%s: %u lines are no records (the first %s); they are "
		    "kept, and nobody is monitored for them",
		    buf_text(&text), foreign->count,
		    record_error_text(foreign->first));
	buf_fini(&text);
}

void monitor_load(struct monitor *m, const char *name, const uint8_t *bytes,
		  size_t len)
{
	struct record_lines lines = {.bytes = bytes, .len = len};
	struct peer_file *file = peers_file(m->peers, name);
	struct foreign foreign = {0};
	const uint8_t *line;
	size_t line_len;

	file->may_exist = true;
	while (record_lines_next(&lines, &line, &line_len)) {
		struct record rec;
		struct peer *peer;
		enum record_error error = record_parse(line, line_len, &rec);

		if (error != RECORD_OK) {
			keep_foreign(&foreign, file, line, line_len, error);
			continue;
		}
		/*
		 * ORDER: not stored, for all we know: a statd killed before
		 * its flush leaves a file that a power failure would take.
		 */
		peer = peers_add(m->peers, &rec, name);
		names_add(m->names, peer);
		doubts_watch_loaded(m->notices->doubts, peer);
		record_fini(&rec);
	}
	log_foreign(m, name, &foreign);
}

void monitor_drop_all(struct monitor *m)
{
	struct link *pos, *after;

	list_for_each_safe (pos, after, &m->peers->all) {
		struct peer *peer = container_of(pos, struct peer, in_all);

		notices_drop(m->notices, peer);
		forget_peer(m, peer);
	}
}
