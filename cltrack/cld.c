/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The three calls of the core, and the requests about one client.  What failed
 * is answered with the error and then *owed*: nfsd believes a record to be
 * there whatever the answer was (contract.md C-13), so it is written as soon as
 * that is possible, unless a later request about the same client undoes it.
 */
#include "cltrack/cld.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cltrack/cldcore.h"
#include "lib/xalloc.h"

#define REST_FIRST_MS	 1000u
#define REST_DOUBLINGS	 5u /* then every 30 s */
#define REST_MAX_MS	 30000u
#define COMPLAINTS	 20u /* a minute */
#define SHOWN_ID_LEN_MAX 256u

struct cld *cld_new(const struct cld_config *config)
{
	struct cld *cld = xzalloc(sizeof(*cld));

	cld->config = *config;
	cldout_init(&cld->out);
	list_init(&cld->requests);
	keyset_init(&cld->removed, config->seed, CLD_REMOVED_MAX);
	return cld;
}

struct cldrequest *cld_add(struct cld *cld, uint8_t command)
{
	struct cldrequest *request = xzalloc(sizeof(*request));

	request->command = command;
	list_append(&cld->requests, &request->in_all);
	cld->request_count++;
	return request;
}

void cld_drop(struct cld *cld, struct cldrequest *request)
{
	list_remove(&request->in_all);
	cld->request_count--;
	clientlist_fini(&request->client);
	clientlist_fini(&request->carried);
	free(request);
}

void cld_free(struct cld *cld)
{
	if (cld == NULL)
		return;
	cldturn_end(cld);
	while (!list_is_empty(&cld->requests))
		cld_drop(cld, container_of(cld->requests.next,
					   struct cldrequest, in_all));
	keyset_fini(&cld->removed);
	cldout_fini(&cld->out);
	free(cld);
}

/* --- answers ------------------------------------------------------------ */

static void send_answer(struct cld *cld, uint64_t reply_to,
			const struct upcall *answer)
{
	uint8_t bytes[UPCALL_SIZE_MAX];
	size_t len = upcall_encode(answer, bytes);

	cldout_send(&cld->out, CLD_OUT_REPLY, reply_to, bytes, len);
}

void cld_answer(struct cld *cld, struct cldrequest *request, int status)
{
	if (request->is_answered)
		return;
	request->is_answered = true;
	send_answer(cld, request->reply_to,
		    &(struct upcall){.version = request->version,
				     .command = request->command,
				     .status = (int16_t)status,
				     .xid = request->xid});
}

bool cld_may_complain(struct cld *cld)
{
	unsigned int held_back;

	if (!log_limit_pass(&cld->complaints, cld->now_ms, COMPLAINTS,
			    &held_back))
		return false;
	if (held_back > 0)
		cldout_log(&cld->out, LOG_ERROR, "%u more errors like these",
			   held_back);
	return true;
}

void cld_rest(struct cld *cld, struct cldrequest *request)
{
	uint64_t wait_ms = REST_MAX_MS;

	if (request->tries < REST_DOUBLINGS)
		wait_ms = (uint64_t)REST_FIRST_MS << request->tries;
	request->tries++;
	request->step = CLDSTEP_RESTING;
	request->due_ms = cld->now_ms + wait_ms;
}

/* --- Create, Remove, Check ---------------------------------------------- */

static void begin_client(struct cld *cld, struct cldrequest *request)
{
	struct cld_store store = {.current = request->epoch,
				  .recovery = cld->recovery,
				  .clients = request->client.clients,
				  .count = 1};

	switch (request->command) {
	case UPCALL_CREATE:
		store.op = CLD_CREATE;
		break;
	case UPCALL_REMOVE:
		store.op = CLD_REMOVE;
		break;
	default:
		store.op = CLD_CHECK;
		break;
	}
	request->id = store.id = ++cld->last_id;
	request->step = CLDSTEP_STORING;
	cldout_store(&cld->out, &store);
}

/*
 * SAFETY: what nfsd shows of its clients goes on showing one until Remove is
 * answered, and a while longer; GraceDone must not carry that one over.
 */
static void note_removal(struct cld *cld, const struct client *client)
{
	if (cld->recovery != 0 &&
	    !keyset_add(&cld->removed, client->id, client->id_len))
		cld->has_too_many_removed = true;
}

static void complain(struct cld *cld, const struct cldrequest *request,
		     const char *reason)
{
	const struct client *client = &request->client.clients[0];
	struct buf id;

	if (!cld_may_complain(cld))
		return;
	buf_init(&id, LOG_TEXT_MAX);
	buf_add_escaped(&id, client->id,
			client->id_len < SHOWN_ID_LEN_MAX ? client->id_len
							  : SHOWN_ID_LEN_MAX);
	cldout_log(&cld->out, LOG_ERROR,
		   "%s of \"%s\" is not on the disk: %s; nfsd takes no notice "
		   "of that: %s until it is; it is tried again",
		   upcall_command_name(request->command), buf_text(&id), reason,
		   request->command == UPCALL_CREATE
			   ? "the client may not reclaim after a reboot"
			   : "after a reboot it may reclaim what others had");
	buf_fini(&id);
}

static void client_stored(struct cld *cld, struct cldrequest *request,
			  int error, const char *reason)
{
	if (error == 0) {
		if (request->is_answered && request->tries > 0)
			cldout_log(&cld->out, LOG_NOTE,
				   "%s that was owed is on the disk",
				   upcall_command_name(request->command));
		cld_answer(cld, request, 0);
		cld_drop(cld, request);
		return;
	}
	if (request->command == UPCALL_CHECK) {
		cld_answer(cld, request, -EACCES);
		cld_drop(cld, request);
		return;
	}
	if (request->tries == 0)
		cld->counts.failed++;
	complain(cld, request, reason);
	cld_answer(cld, request, -EREMOTEIO);
	if (request->is_superseded)
		cld_drop(cld, request);
	else
		cld_rest(cld, request);
}

/* Whose table is gone cannot be recorded any more, nor need it be removed. */
static bool is_obsolete(const struct cld *cld, const struct cldrequest *request)
{
	return request->epoch != cld->current &&
	       request->epoch != cld->recovery;
}

static bool is_about(const struct cldrequest *request,
		     const struct client *client)
{
	const struct client *own = request->client.clients;

	return request->client.count > 0 && own->id_len == client->id_len &&
	       memcmp(own->id, client->id, client->id_len) == 0;
}

/* The newest word about a client counts: nothing older is tried again. */
static void supersede(struct cld *cld, const struct client *client)
{
	struct link *pos, *after;

	list_for_each_safe (pos, after, &cld->requests) {
		struct cldrequest *old =
			container_of(pos, struct cldrequest, in_all);

		if (!is_about(old, client))
			continue;
		old->is_superseded = true;
		if (old->step == CLDSTEP_RESTING)
			cld_drop(cld, old);
	}
}

void cld_hurry(struct cld *cld)
{
	struct link *pos;

	list_for_each (pos, &cld->requests) {
		struct cldrequest *request =
			container_of(pos, struct cldrequest, in_all);

		if (request->step == CLDSTEP_RESTING &&
		    request->client.count > 0 && !is_obsolete(cld, request))
			begin_client(cld, request);
	}
}

bool cld_is_removal_owed(const struct cld *cld, const struct client *client)
{
	struct link *pos;

	list_for_each (pos, &cld->requests) {
		const struct cldrequest *request =
			container_of(pos, struct cldrequest, in_all);

		if (request->command == UPCALL_REMOVE && request->tries > 0 &&
		    !request->is_superseded && is_about(request, client))
			return true;
	}
	return false;
}

/* --- order ---------------------------------------------------------------- */

static bool is_turn(const struct cldrequest *request)
{
	return request->command == UPCALL_GRACE_START ||
	       request->command == UPCALL_GRACE_DONE;
}

/*
 * A GraceDone holds nobody back, since it leaves the table of current alone; a
 * GraceStart all that came after it.
 */
void cld_advance(struct cld *cld)
{
	const struct cldrequest *turn = cld->turn.request;
	bool is_held = turn != NULL && turn->command == UPCALL_GRACE_START;
	struct link *pos, *after;

	list_for_each_safe (pos, after, &cld->requests) {
		struct cldrequest *request =
			container_of(pos, struct cldrequest, in_all);

		if (request->step != CLDSTEP_WAITING)
			continue;
		if (is_turn(request)) {
			bool was_held = is_held;

			/* Before it begins: it may end at once, and is gone. */
			is_held |= request->command == UPCALL_GRACE_START;
			if (cld->turn.request == NULL && !was_held)
				cldturn_begin(cld, request);
		} else if (!is_held) {
			request->epoch = cld->current;
			begin_client(cld, request);
		}
	}
}

/* --- upcalls -------------------------------------------------------------- */

static void refuse(struct cld *cld, const struct cld_in *in, int status,
		   const char *what)
{
	uint8_t bytes[UPCALL_SIZE_MAX];
	size_t len = in->request.len;

	cld->counts.refused++;
	if (cld_may_complain(cld))
		cldout_log(&cld->out, LOG_ERROR,
			   "an upcall of %zu bytes is refused: %s", len, what);
	if (len < UPCALL_HEADER_SIZE || len > sizeof(bytes)) {
		cldout_send(&cld->out, CLD_OUT_REPLY, in->request.reply_to,
			    bytes, 0);
		return;
	}
	memcpy(bytes, in->request.bytes, len);
	upcall_set_status(bytes, (int16_t)status);
	cldout_send(&cld->out, CLD_OUT_REPLY, in->request.reply_to, bytes, len);
}

/* COMPAT: before 4.20 the first request in a grace period begins an epoch. */
static void begin_unasked(struct cld *cld, const struct cld_in *in)
{
	if (!cld->config.has_old_kernel || cld->has_grace_start ||
	    !in->request.is_grace || cld->recovery != 0 ||
	    cld->turn.request != NULL)
		return;
	cld_add(cld, UPCALL_GRACE_START)->is_answered = true;
	cld_advance(cld);
}

static void queue_request(struct cld *cld, const struct cld_in *in,
			  const struct upcall *upcall)
{
	struct cldrequest *request = cld_add(cld, upcall->command);

	request->reply_to = in->request.reply_to;
	request->is_repeat = in->request.is_repeat;
	request->version = upcall->version;
	request->xid = upcall->xid;
	if (upcall->client.id_len > 0)
		clientlist_add(&request->client, &upcall->client);
	cld_advance(cld);
}

static void take_request(struct cld *cld, const struct cld_in *in,
			 const struct upcall *upcall)
{
	struct upcall answer = {.version = upcall->version,
				.command = upcall->command,
				.xid = upcall->xid,
				.offered = UPCALL_VERSION_MAX};

	cld->counts.asked[upcall->command]++;
	switch (upcall->command) {
	case UPCALL_GET_VERSION:
		cld->has_grace_start = true;
		send_answer(cld, in->request.reply_to, &answer);
		return;
	case UPCALL_GRACE_START:
		cld->has_grace_start = true;
		break;
	case UPCALL_GRACE_DONE:
		break;
	default:
		begin_unasked(cld, in);
		supersede(cld, &upcall->client);
		if (upcall->command == UPCALL_REMOVE)
			note_removal(cld, &upcall->client);
		break;
	}
	queue_request(cld, in, upcall);
}

static void input_request(struct cld *cld, const struct cld_in *in)
{
	struct upcall upcall;
	enum upcall_fault fault =
		upcall_decode(in->request.bytes, in->request.len, &upcall);

	if (fault == UPCALL_NO_VERSION) {
		refuse(cld, in, -EOPNOTSUPP, upcall_fault_text(fault));
		return;
	}
	if (fault != UPCALL_OK) {
		refuse(cld, in, -EINVAL, upcall_fault_text(fault));
		return;
	}
	if (upcall.command > UPCALL_GET_VERSION) {
		refuse(cld, in, -EOPNOTSUPP, "its command is not known");
		return;
	}
	if (cld->request_count >= CLD_REQUESTS_MAX) {
		refuse(cld, in, -EREMOTEIO, "too many are under way");
		return;
	}
	cldout_log(&cld->out, LOG_TRACE, "%s, xid %" PRIu32 "%s",
		   upcall_command_name(upcall.command), upcall.xid,
		   in->request.is_repeat ? ", left unanswered" : "");
	take_request(cld, in, &upcall);
}

/* --- inputs --------------------------------------------------------------- */

static struct cldrequest *find_request(const struct cld *cld, uint64_t id)
{
	struct link *pos;

	list_for_each (pos, &cld->requests) {
		struct cldrequest *request =
			container_of(pos, struct cldrequest, in_all);

		if (request->id == id && request->step != CLDSTEP_RESTING)
			return request;
	}
	return NULL;
}

static void input_stored(struct cld *cld, const struct cld_in *in)
{
	struct cldrequest *request = find_request(cld, in->stored.id);

	if (request == NULL)
		return;
	if (request == cld->turn.request)
		cldturn_stored(cld, in->stored.error, in->stored.reason);
	else
		client_stored(cld, request, in->stored.error,
			      in->stored.reason);
}

static void input_clients(struct cld *cld, const struct cld_in *in)
{
	const struct cldrequest *request = find_request(cld, in->clients.id);

	if (request != NULL && request == cld->turn.request)
		cldturn_clients(cld, in);
}

/* What is being stored is finished, and owed where that fails. */
static void input_closed(struct cld *cld)
{
	struct link *pos, *after;

	cldturn_close(cld);
	list_for_each_safe (pos, after, &cld->requests) {
		struct cldrequest *request =
			container_of(pos, struct cldrequest, in_all);

		request->is_answered = true;
		if (request->step == CLDSTEP_WAITING)
			cld_drop(cld, request);
	}
}

static void wake(struct cld *cld, struct cldrequest *request)
{
	if (request->client.count > 0 && is_obsolete(cld, request)) {
		cld_drop(cld, request);
	} else if (request->client.count > 0) {
		begin_client(cld, request);
	} else if (request == cld->turn.request &&
		   request->command == UPCALL_GRACE_START &&
		   cld->turn.is_unsent != NULL) {
		request->step = CLDSTEP_SENDING;
		cld->turn.at = 0;
		cld->turn.unsent = 0;
	} else if (cld->turn.request == NULL || cld->turn.request == request) {
		cldturn_begin(cld, request);
	} else {
		request->due_ms = cld->now_ms + REST_FIRST_MS;
	}
}

static void input_timer(struct cld *cld)
{
	struct link *pos, *after;

	list_for_each_safe (pos, after, &cld->requests) {
		struct cldrequest *request =
			container_of(pos, struct cldrequest, in_all);

		if (request->step == CLDSTEP_RESTING &&
		    request->due_ms <= cld->now_ms)
			wake(cld, request);
	}
}

void cld_input(struct cld *cld, uint64_t now_ms, const struct cld_in *in)
{
	cld->now_ms = now_ms;
	switch (in->kind) {
	case CLD_IN_EPOCHS:
		cld->current = in->epochs.current;
		cld->recovery = in->epochs.recovery;
		cld->is_first_time = in->epochs.is_first_time;
		break;
	case CLD_IN_REQUEST:
		input_request(cld, in);
		break;
	case CLD_IN_STORED:
		input_stored(cld, in);
		break;
	case CLD_IN_CLIENTS:
	case CLD_IN_ALIVE:
		input_clients(cld, in);
		break;
	case CLD_IN_SEND_FAILED:
		cldturn_send_failed(cld, in->send_failed.reason);
		break;
	case CLD_IN_CLOSED:
		input_closed(cld);
		break;
	case CLD_IN_TIMER:
		input_timer(cld);
		break;
	}
	cld_advance(cld);
}

bool cld_output(struct cld *cld, struct cld_out *out)
{
	do
		if (cldout_take(&cld->out, out))
			return true;
	while (cldturn_send(cld));
	return false;
}

uint64_t cld_deadline_ms(const struct cld *cld)
{
	uint64_t soonest = UINT64_MAX;
	struct link *pos;

	list_for_each (pos, &cld->requests) {
		const struct cldrequest *request =
			container_of(pos, struct cldrequest, in_all);

		if (request->step == CLDSTEP_RESTING &&
		    request->due_ms < soonest)
			soonest = request->due_ms;
	}
	return soonest;
}

/* --- for whoever watches -------------------------------------------------- */

static size_t count_owed(const struct cld *cld)
{
	size_t count = 0;
	struct link *pos;

	list_for_each (pos, &cld->requests) {
		const struct cldrequest *request =
			container_of(pos, struct cldrequest, in_all);

		count += request->is_answered && request->tries > 0;
	}
	return count;
}

bool cld_is_owing(const struct cld *cld)
{
	return count_owed(cld) > 0;
}

void cld_status(const struct cld *cld, struct buf *out)
{
	const struct cldcounts *counts = &cld->counts;

	buf_addf(out, "epoch %" PRIu64 ", %s\n", cld->current,
		 cld->recovery != 0 ? "clients of the one before may reclaim"
				    : "no grace period");
	buf_addf(out, "asked:");
	for (unsigned int i = 0; i <= UPCALL_GET_VERSION; i++)
		buf_addf(out, " %s %" PRIu64, upcall_command_name((uint8_t)i),
			 counts->asked[i]);
	buf_addf(out,
		 "\nrefused %" PRIu64 ", failed %" PRIu64
		 ", owed to the disk %zu\n",
		 counts->refused, counts->failed, count_owed(cld));
	buf_addf(out,
		 "told to nfsd %" PRIu64 ", not taken %" PRIu64
		 ", carried over %" PRIu64 ", epochs begun %" PRIu64 "\n",
		 counts->told, counts->untold, counts->carried,
		 counts->epochs_begun);
}
