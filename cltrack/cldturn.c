/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GraceStart and GraceDone: one at a time, each tried a few times before nfsd
 * gets an error, since all clients depend on it.
 *
 * GraceDone carries over who would be lost otherwise: a client of NFSv4.0 that
 * only reclaimed never causes another Create (contract.md C-14), though nfsd
 * holds its locks.  That it is known and confirmed is not enough.  SAFETY: a
 * client may have come back, gone again before it reclaimed anything, and be
 * seen until its lease ends; what it had is free for others.  So only those
 * count that hold state: in a grace period nfsd gives that to nobody else.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "cltrack/cldcore.h"
#include "lib/xalloc.h"

#define SEND_REST_MS 200u /* before the second pass; doubled for each */

static void forget_lists(struct cldturn *turn)
{
	clientlist_fini(&turn->loaded);
	clientlist_fini(&turn->alive);
	free(turn->is_unsent);
	*turn = (struct cldturn){.request = turn->request};
}

void cldturn_end(struct cld *cld)
{
	forget_lists(&cld->turn);
	cld->turn.request = NULL;
}

static void finish(struct cld *cld, int status)
{
	struct cldrequest *request = cld->turn.request;

	cld_answer(cld, request, status);
	cldturn_end(cld);
	cld_drop(cld, request);
}

static void forget_removed(struct cld *cld)
{
	keyset_fini(&cld->removed);
	keyset_init(&cld->removed, cld->config.seed, CLD_REMOVED_MAX);
	cld->has_too_many_removed = false;
}

/*
 * ORDER: an answer with an error comes last.  nfsd then does without us, or
 * ends the grace period though the old table is still there.
 */
static void fail(struct cld *cld, const char *what, const char *reason)
{
	struct cldrequest *request = cld->turn.request;
	bool is_last = request->tries + 1 >= CLD_TURN_TRIES;

	cldout_log(&cld->out, LOG_ERROR, "%s: cannot %s: %s; %s",
		   upcall_command_name(request->command), what, reason,
		   is_last && !request->is_answered ? "nfsd gets an error"
						    : "it is tried again");
	if (!is_last) {
		forget_lists(&cld->turn);
		cld_rest(cld, request);
		return;
	}
	if (!request->is_answered)
		cld->counts.failed++;
	if (request->command == UPCALL_GRACE_START) {
		finish(cld, -EREMOTEIO);
		return;
	}
	cld_answer(cld, request, -EREMOTEIO);
	cldturn_end(cld);
	cld_rest(cld, request);
}

/* --- begin ---------------------------------------------------------------- */

static void store(struct cld *cld, enum cld_op op, struct clientlist *clients)
{
	struct cldturn *turn = &cld->turn;
	struct cld_store what = {
		.id = turn->request->id,
		.op = op,
		.current = op == CLD_START ? turn->current : cld->current,
		.recovery = op == CLD_START ? turn->recovery : cld->recovery,
		.ended = op == CLD_START ? turn->ended : 0,
		.is_last_first_time = op == CLD_DONE && cld->is_first_time};

	what.clients = clients->clients;
	what.count = clients->count;
	turn->request->step = CLDSTEP_STORING;
	cldout_store(&cld->out, &what);
}

/* Whom GraceDone carried at its last try, but for those removed since. */
static void find_carried(const struct cld *cld,
			 const struct cldrequest *request,
			 struct clientlist *still)
{
	for (size_t i = 0; i < request->carried.count; i++) {
		const struct client *client = &request->carried.clients[i];

		if (!keyset_has(&cld->removed, client->id, client->id_len))
			clientlist_add(still, client);
	}
}

/* It was owed; nfsd may have been restarted, and show others. */
static void retry_done(struct cld *cld, const struct cldrequest *request)
{
	struct clientlist still = {.count = 0};

	find_carried(cld, request, &still);
	store(cld, CLD_DONE, &still);
	clientlist_fini(&still);
}

/* The grace period before was over, but that is not on the disk; or NULL. */
static struct cldrequest *find_owed_done(const struct cld *cld)
{
	struct link *pos;

	list_for_each (pos, &cld->requests) {
		struct cldrequest *request =
			container_of(pos, struct cldrequest, in_all);

		if (request->command == UPCALL_GRACE_DONE &&
		    request->step == CLDSTEP_RESTING &&
		    request != cld->turn.request)
			return request;
	}
	return NULL;
}

/*
 * ORDER: an end that is owed comes before the epochs change, or those who
 * missed that grace period might reclaim.
 */
static void begin_epoch(struct cld *cld)
{
	struct cldturn *turn = &cld->turn;
	const struct cldrequest *owed = find_owed_done(cld);
	bool is_within = cld->recovery != 0 && owed == NULL;
	struct clientlist still = {.count = 0};

	if (owed != NULL)
		find_carried(cld, owed, &still);
	turn->current = is_within ? cld->current : cld->current + 1;
	turn->recovery = is_within ? cld->recovery : cld->current;
	turn->ended = owed != NULL ? cld->recovery : 0;
	store(cld, CLD_START, &still);
	clientlist_fini(&still);
}

/* COMPAT: what an old kernel never asked for has not begun. */
static bool is_begun_by_end(const struct cld *cld,
			    const struct cldrequest *request)
{
	return cld->config.has_old_kernel && !cld->has_grace_start &&
	       !request->is_repeat;
}

static void begin_done(struct cld *cld, struct cldrequest *request)
{
	if (cld->recovery == 0 && is_begun_by_end(cld, request)) {
		begin_epoch(cld);
		return;
	}
	if (cld->recovery == 0) {
		finish(cld, 0);
		return;
	}
	if (request->is_answered && request->has_carried) {
		retry_done(cld, request);
		return;
	}
	request->step = CLDSTEP_ASKING;
	cldout_look(&cld->out, request->id);
	cldout_load(&cld->out, request->id, cld->recovery);
}

void cldturn_begin(struct cld *cld, struct cldrequest *request)
{
	cld->turn.request = request;
	request->id = ++cld->last_id;
	if (request->command == UPCALL_GRACE_DONE) {
		begin_done(cld, request);
		return;
	}
	/* ORDER: what is owed belongs to the epoch that ends here. */
	cld_hurry(cld);
	begin_epoch(cld);
	cldout_load(&cld->out, request->id, cld->turn.recovery);
}

/* --- records -------------------------------------------------------------- */

static bool is_tellable(const struct client *client)
{
	return client->id_len > 0 && client->id_len <= CLIENT_ID_MAX &&
	       (client->princhash_len == 0 ||
		client->princhash_len == CLIENT_PRINCHASH_LEN);
}

static void begin_sending(struct cld *cld)
{
	struct cldturn *turn = &cld->turn;

	if (!turn->is_stored || !turn->has_loaded)
		return;
	if (turn->request->is_answered) {
		finish(cld, 0);
		return;
	}
	turn->is_unsent =
		xcalloc(turn->loaded.count + 1, sizeof(*turn->is_unsent));
	for (size_t i = 0; i < turn->loaded.count; i++)
		turn->is_unsent[i] =
			!cld_is_removal_owed(cld, &turn->loaded.clients[i]);
	turn->request->step = CLDSTEP_SENDING;
}

static void send_record(struct cld *cld, const struct client *client)
{
	const struct cldrequest *request = cld->turn.request;
	const struct upcall record = {.version = request->version,
				      .command = request->command,
				      .status = -EINPROGRESS,
				      .xid = request->xid,
				      .client = *client};
	uint8_t bytes[UPCALL_SIZE_MAX];
	size_t len = upcall_encode(&record, bytes);

	cldout_send(&cld->out, CLD_OUT_RECORD, request->reply_to, bytes, len);
	cld->counts.told++;
}

/* One that is never taken costs that client its locks; an error, everybody. */
static void finish_sending(struct cld *cld)
{
	const struct cldturn *turn = &cld->turn;
	size_t count = turn->loaded.count;

	cldout_log(&cld->out, LOG_NOTE,
		   "epoch %" PRIu64 " begins; %zu clients may reclaim",
		   cld->current, count - turn->unsent);
	if (turn->unsent > 0)
		cldout_log(&cld->out, LOG_ERROR,
			   "nfsd does not take %zu of %zu clients; they may "
			   "not reclaim",
			   turn->unsent, count);
	cld->counts.untold += turn->unsent;
	finish(cld, turn->unsent > 0 && turn->unsent == count ? -EREMOTEIO : 0);
	cld_advance(cld);
}

bool cldturn_send(struct cld *cld)
{
	struct cldturn *turn = &cld->turn;
	struct cldrequest *request = turn->request;

	if (request == NULL || request->step != CLDSTEP_SENDING)
		return false;
	while (turn->at < turn->loaded.count && !turn->is_unsent[turn->at])
		turn->at++;
	if (turn->at < turn->loaded.count) {
		turn->is_unsent[turn->at] = false;
		send_record(cld, &turn->loaded.clients[turn->at++]);
		return true;
	}
	if (turn->unsent == 0 || turn->passes + 1 >= CLD_SEND_PASSES) {
		finish_sending(cld);
		return true;
	}
	request->step = CLDSTEP_RESTING;
	request->due_ms =
		cld->now_ms + ((uint64_t)SEND_REST_MS << turn->passes++);
	return false;
}

void cldturn_send_failed(struct cld *cld, const char *reason)
{
	struct cldturn *turn = &cld->turn;

	if (turn->is_unsent == NULL || turn->at == 0)
		return;
	turn->is_unsent[turn->at - 1] = true;
	turn->unsent++;
	cld->counts.told--;
	if (cld_may_complain(cld))
		cldout_log(&cld->out, LOG_ERROR,
			   "nfsd does not take a client that may reclaim: %s; "
			   "it is told again",
			   reason);
}

/* --- what came back ------------------------------------------------------- */

static void set_epochs(struct cld *cld)
{
	struct cldrequest *owed = find_owed_done(cld);

	if (owed != NULL)
		cld_drop(cld, owed);
	cld->counts.epochs_begun += cld->current != cld->turn.current;
	cld->current = cld->turn.current;
	cld->recovery = cld->turn.recovery;
	cld->turn.is_stored = true;
	forget_removed(cld);
}

static void done_is_stored(struct cld *cld)
{
	cld->recovery = 0;
	forget_removed(cld);
	cldout_log(&cld->out, LOG_NOTE,
		   "the grace period of epoch %" PRIu64 " is over",
		   cld->current);
	/* ORDER: durable first; without the old data, nothing can redo it. */
	if (cld->is_first_time) {
		cld->is_first_time = false;
		cldout_clean(&cld->out);
	}
	finish(cld, 0);
}

void cldturn_stored(struct cld *cld, int error, const char *reason)
{
	struct cldturn *turn = &cld->turn;
	struct cldrequest *request = turn->request;

	if (error != 0) {
		fail(cld, "change the epoch", reason);
		return;
	}
	if (request->command == UPCALL_GRACE_START) {
		set_epochs(cld);
		begin_sending(cld);
	} else if (cld->recovery == 0) {
		set_epochs(cld);
		forget_lists(turn);
		cldturn_begin(cld, request);
	} else {
		done_is_stored(cld);
	}
}

/* Whom GraceDone carries over: in the old table, and holds state now. */
static void store_done(struct cld *cld)
{
	struct cldturn *turn = &cld->turn;
	struct clientlist carried = {.count = 0};
	struct keyset alive;

	if (!turn->has_loaded || !turn->has_alive)
		return;
	keyset_init(&alive, cld->config.seed, turn->alive.count);
	for (size_t i = 0; i < turn->alive.count; i++)
		(void)keyset_add(&alive, turn->alive.clients[i].id,
				 turn->alive.clients[i].id_len);
	for (size_t i = 0; i < turn->loaded.count; i++) {
		const struct client *client = &turn->loaded.clients[i];

		if (!cld->has_too_many_removed &&
		    keyset_has(&alive, client->id, client->id_len) &&
		    !keyset_has(&cld->removed, client->id, client->id_len))
			clientlist_add(&carried, client);
	}
	cld->counts.carried += carried.count;
	store(cld, CLD_DONE, &carried);
	keyset_fini(&alive);
	clientlist_fini(&turn->request->carried);
	turn->request->carried = carried;
	turn->request->has_carried = true;
}

static void copy_clients(struct cld *cld, const struct cld_in *in,
			 struct clientlist *to)
{
	for (size_t i = 0; i < in->clients.count; i++) {
		if (is_tellable(&in->clients.clients[i])) {
			clientlist_add(to, &in->clients.clients[i]);
			continue;
		}
		cld->counts.untold++;
		cldout_log(&cld->out, LOG_ERROR,
			   "a damaged record is left out");
	}
}

/* SAFETY: whom we do not see, we do not carry; to lose a lock beats two. */
static void take_alive(struct cld *cld, const struct cld_in *in)
{
	if (in->clients.error == -ENOENT)
		cldout_log(&cld->out, LOG_TRACE,
			   "nfsd does not show its clients");
	else if (in->clients.error != 0)
		cldout_log(&cld->out, LOG_ERROR,
			   "nfsd's clients cannot be seen: %s; some of "
			   "NFSv4.0 may not reclaim after the next reboot",
			   in->clients.reason);
	copy_clients(cld, in, &cld->turn.alive);
	cld->turn.has_alive = true;
}

void cldturn_clients(struct cld *cld, const struct cld_in *in)
{
	struct cldturn *turn = &cld->turn;

	if (in->kind == CLD_IN_ALIVE) {
		take_alive(cld, in);
	} else if (in->clients.error != 0) {
		fail(cld, "read the records", in->clients.reason);
		return;
	} else {
		copy_clients(cld, in, &turn->loaded);
		turn->has_loaded = true;
	}
	if (turn->request->command == UPCALL_GRACE_START)
		begin_sending(cld);
	else
		store_done(cld);
}

void cldturn_close(struct cld *cld)
{
	struct cldrequest *request = cld->turn.request;

	if (request == NULL)
		return;
	request->is_answered = true;
	if (cld->turn.is_unsent != NULL)
		finish(cld, 0);
}
