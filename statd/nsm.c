/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The program NSM (100024, version 1): decodes each call, checks who may make
 * it, and hands it to the room that knows: monitor (whom we remember), notice
 * (who rebooted), callback (telling lockd), names (host names).  It refuses
 * bad names before any of them sees one.
 *
 * Source: X/Open CAE C702 chapter 11; contract.md 1.1, 2.6 - 2.8, 9.
 */
#include "statd/nsm.h"

#include <stdlib.h>
#include <string.h>

#include "lib/hostname.h"
#include "lib/prng.h"
#include "lib/rpcmsg.h"
#include "lib/rpcsrv.h"
#include "lib/xalloc.h"
#include "proto/nlm_prot.h"
#include "proto/sm_inter.h"
#include "statd/callback.h"
#include "statd/callouts.h"
#include "statd/doubt.h"
#include "statd/effects.h"
#include "statd/memo.h"
#include "statd/memos.h"
#include "statd/monitor.h"
#include "statd/names.h"
#include "statd/notice.h"
#include "statd/peers.h"
#include "statd/question.h"
#include "statd/recall.h"
#include "statd/status.h"

#define REFUSALS_LOGGED_PER_MINUTE 10
#define NLM_PROC_NSM_NOTIFY_OLD	   24 /* COMPAT: kernels before 2.6.8 */

struct nsm {
	struct nsm_config config;
	struct prng rng;
	struct effects out;
	struct peers peers;
	struct callbacks callbacks;
	struct questions questions;
	struct memos memos;
	struct doubts doubts;
	struct notices notices;
	struct names names;
	struct callouts callouts;
	struct monitor monitor;
	struct log_limit refusals;
	struct status_calls calls;
};

static const struct rpcsrv_proc nsm_procs[] = {
	[SM_PROC_NULL] = {.name = "NULL"},
	[SM_PROC_STAT] = {.name = "SM_STAT",
			  .args = (rpcsrv_xdr *)xdr_sm_name,
			  .results = (rpcsrv_xdr *)xdr_sm_stat_res,
			  .args_size = sizeof(struct sm_name)},
	[SM_PROC_MON] = {.name = "SM_MON",
			 .args = (rpcsrv_xdr *)xdr_sm_mon,
			 .results = (rpcsrv_xdr *)xdr_sm_stat_res,
			 .args_size = sizeof(struct sm_mon)},
	[SM_PROC_UNMON] = {.name = "SM_UNMON",
			   .args = (rpcsrv_xdr *)xdr_sm_mon_id,
			   .results = (rpcsrv_xdr *)xdr_sm_stat,
			   .args_size = sizeof(struct sm_mon_id)},
	[SM_PROC_UNMON_ALL] = {.name = "SM_UNMON_ALL",
			       .args = (rpcsrv_xdr *)xdr_sm_my_id,
			       .results = (rpcsrv_xdr *)xdr_sm_stat,
			       .args_size = sizeof(struct sm_my_id)},
	[SM_PROC_SIMU_CRASH] = {.name = "SM_SIMU_CRASH"},
	[SM_PROC_NOTIFY] = {.name = "SM_NOTIFY",
			    .args = (rpcsrv_xdr *)xdr_sm_stat_chge,
			    .args_size = sizeof(struct sm_stat_chge)},
};

static const struct rpcsrv_program nsm_program = {
	.prog = SM_PROGRAM,
	.vers = SM_VERSION,
	.procs = nsm_procs,
	.proc_count = sizeof(nsm_procs) / sizeof(nsm_procs[0]),
};

struct nsm *nsm_new(const struct nsm_config *config)
{
	struct nsm *n = xzalloc(sizeof(*n));
	uint8_t key[SIPHASH_KEY_SIZE];
	size_t i;

	n->config = *config;
	prng_init(&n->rng, config->seed);
	for (i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)prng_u32(&n->rng);
	effects_init(&n->out);
	peers_init(&n->peers, key);
	callbacks_init(&n->callbacks, &n->out, &n->rng);
	questions_init(&n->questions, &n->out, &n->peers, &n->rng);
	memos_init(&n->memos, &n->out);
	doubts_init(&n->doubts, &n->out, &n->questions, &n->memos,
		    config->notify_check);
	notices_init(&n->notices, &n->out, &n->peers, &n->callbacks,
		     &n->doubts);
	names_init(&n->names, &n->out, &n->peers);
	callouts_init(&n->callouts, &n->out, &n->peers, key);
	callouts_set_on(&n->callouts, config->policy.has_callout);
	n->notices.callouts = &n->callouts;
	monitor_init(&n->monitor,
		     &(struct monitor_rooms){.out = &n->out,
					     .peers = &n->peers,
					     .names = &n->names,
					     .notices = &n->notices,
					     .callouts = &n->callouts});
	return n;
}

void nsm_free(struct nsm *n)
{
	if (n == NULL)
		return;
	monitor_drop_all(&n->monitor);
	monitor_fini(&n->monitor);
	callouts_fini(&n->callouts);
	names_fini(&n->names);
	doubts_fini(&n->doubts);
	questions_fini(&n->questions);
	callbacks_fini(&n->callbacks);
	peers_fini(&n->peers);
	effects_fini(&n->out);
	free(n);
}

/* A decoded call on its way to its procedure. */
struct request {
	const struct nsm_in *in;
	const struct rpcsrv_call *call;
	uint64_t now_ms;
};

static bool is_reserved_port(const struct nsm *n, const struct addr *peer)
{
	return peer->port > 0 && peer->port <= n->config.reserved_port_max;
}

/* SAFETY: S-1.  Loopback alone is any local user; lockd has a reserved port. */
static bool is_local_root(const struct nsm *n, const struct request *req)
{
	return addr_is_loopback(&req->in->call.peer) &&
	       (n->config.policy.takes_any_port ||
		is_reserved_port(n, &req->in->call.peer));
}

static void log_refusal(struct nsm *n, const struct request *req,
			const char *why)
{
	char addr[ADDR_TEXT_SIZE];
	unsigned int held_back;

	n->calls.refused++;
	if (!log_limit_pass(&n->refusals, req->now_ms,
			    REFUSALS_LOGGED_PER_MINUTE, &held_back))
		return;
	effects_log(&n->out, LOG_WARN, "%s from %s refused: %s",
		    req->call->desc->name,
		    addr_format_port(&req->in->call.peer, addr), why);
	if (held_back > 0)
		effects_log(&n->out, LOG_WARN,
			    "%u more refusals were not logged", held_back);
}

static void reply(struct nsm *n, const struct request *req, void *results)
{
	struct buf message;

	buf_init(&message, RPCMSG_SIZE_MAX);
	rpcsrv_add_reply(&message, req->call->xid, req->call->desc, results);
	effects_reply(&n->out, req->in->call.reply_to, &message);
}

/* COMPAT: the number in a result is ours; lockd copies it over its own. */
static void reply_number(struct nsm *n, const struct request *req)
{
	struct sm_stat res = {.state = (int)n->monitor.number};

	reply(n, req, &res);
}

static char *take_string(const sm_string *text)
{
	return xmemdup(text->sm_string_val, text->sm_string_len);
}

/* Whether @text holds a NUL, which no honest peer puts into a name. */
static bool has_nul(const sm_string *text)
{
	return text->sm_string_len > 0 &&
	       memchr(text->sm_string_val, '\0', text->sm_string_len) != NULL;
}

/* Fills the lock manager's half of @rec; the caller ends it. */
static void take_my_id(const struct sm_my_id *my_id, struct record *rec)
{
	rec->prog = (uint32_t)my_id->my_prog;
	rec->vers = (uint32_t)my_id->my_vers;
	rec->proc = (uint32_t)my_id->my_proc;
	rec->my_name = take_string(&my_id->my_name);
	hostname_clean(rec->my_name);
}

static void proc_stat(struct nsm *n, const struct request *req)
{
	/* Who is asked about does not matter: B-3, no look-up for strangers. */
	struct sm_stat_res res = {.res_stat = SM_STAT_SUCC,
				  .state = (int)n->monitor.number};

	reply(n, req, &res);
}

static bool is_my_name_bad(const struct sm_my_id *my_id)
{
	u_int i;

	for (i = 0; i < my_id->my_name.sm_string_len; i++) {
		uint8_t byte = (uint8_t)my_id->my_name.sm_string_val[i];

		if (byte == 0x7f ||
		    (byte < 0x20 && strchr("\t\r\n", byte) == NULL) ||
		    byte == '\0')
			return true;
	}
	return false;
}

/* Why @mon must not be remembered, or NULL. */
static const char *refuse_mon(struct nsm *n, const struct request *req,
			      const struct sm_mon *mon)
{
	const struct sm_my_id *my_id = &mon->mon_id.my_id;
	enum hostname_error error =
		hostname_check(mon->mon_id.mon_name.sm_string_val,
			       mon->mon_id.mon_name.sm_string_len);

	if (!is_local_root(n, req))
		return "only the lock manager of this host may ask";
	/* SAFETY: VU#18287, a callback must not reach other services. */
	if (my_id->my_prog != NLM_PROGRAM ||
	    (my_id->my_proc != NLM_PROC_NSM_NOTIFY &&
	     my_id->my_proc != NLM_PROC_NSM_NOTIFY_OLD))
		return "the callback is not that of a lock manager";
	if (error != HOSTNAME_OK)
		return hostname_error_text(error);
	if (is_my_name_bad(my_id))
		return "my_name contains a control byte";
	return NULL;
}

static void proc_mon(struct nsm *n, const struct request *req)
{
	const struct sm_mon *mon = (const void *)&req->call->args;
	struct monitor_caller caller = {.reply_to = req->in->call.reply_to,
					.xid = req->call->xid};
	const char *why = refuse_mon(n, req, mon);
	struct record rec = {0};

	if (why != NULL) {
		log_refusal(n, req, why);
		monitor_refuse(&n->monitor, &caller);
		return;
	}
	take_my_id(&mon->mon_id.my_id, &rec);
	rec.mon_name = take_string(&mon->mon_id.mon_name);
	memcpy(rec.priv, mon->priv, sizeof(rec.priv));
	monitor_add(&n->monitor, req->now_ms, &caller, &rec);
	record_fini(&rec);
}

static void proc_unmon(struct nsm *n, const struct request *req)
{
	const struct sm_mon_id *id = (const void *)&req->call->args;
	struct record rec = {0};

	if (!is_local_root(n, req)) {
		log_refusal(n, req,
			    "only the lock manager of this host may ask");
	} else if (!has_nul(&id->mon_name) && !has_nul(&id->my_id.my_name)) {
		take_my_id(&id->my_id, &rec);
		rec.mon_name = take_string(&id->mon_name);
		monitor_remove(&n->monitor, req->now_ms, &rec);
		record_fini(&rec);
	}
	reply_number(n, req);
}

static void proc_unmon_all(struct nsm *n, const struct request *req)
{
	const struct sm_my_id *id = (const void *)&req->call->args;
	struct record rec = {0};

	if (!is_local_root(n, req)) {
		log_refusal(n, req,
			    "only the lock manager of this host may ask");
	} else if (!has_nul(&id->my_name)) {
		take_my_id(id, &rec);
		monitor_remove_all(&n->monitor, req->now_ms, &rec);
		record_fini(&rec);
	}
	reply_number(n, req);
}

static void proc_simu_crash(struct nsm *n, const struct request *req)
{
	if (is_local_root(n, req))
		effects_log(&n->out, LOG_NOTE,
			    "SM_SIMU_CRASH changes nothing: to tell every peer "
			    "that the locks are lost, run \"sm-notify -f\"");
	else
		log_refusal(n, req, "only root on this host may ask");
	reply(n, req, NULL);
}

static void proc_notify(struct nsm *n, const struct request *req)
{
	const struct sm_stat_chge *chge = (const void *)&req->call->args;
	struct notice_call call = {
		.reply_to = req->in->call.reply_to,
		.xid = req->call->xid,
		.from = req->in->call.peer,
		.is_reserved_port = is_reserved_port(n, &req->in->call.peer),
		.number = (uint32_t)chge->state,
	};
	char *name;

	if (has_nul(&chge->mon_name) || call.number == 0) {
		log_refusal(n, req, "no host has such a name or number");
		effects_reply(&n->out, call.reply_to, NULL);
		return;
	}
	name = take_string(&chge->mon_name);
	call.name = name;
	notices_take(&n->notices, req->now_ms, &call,
		     names_is_first_open(&n->names));
	free(name);
}

static void dispatch(struct nsm *n, const struct request *req)
{
	switch (req->call->proc) {
	case SM_PROC_NULL:
		reply(n, req, NULL);
		break;
	case SM_PROC_STAT:
		proc_stat(n, req);
		break;
	case SM_PROC_MON:
		proc_mon(n, req);
		break;
	case SM_PROC_UNMON:
		proc_unmon(n, req);
		break;
	case SM_PROC_UNMON_ALL:
		proc_unmon_all(n, req);
		break;
	case SM_PROC_SIMU_CRASH:
		proc_simu_crash(n, req);
		break;
	case SM_PROC_NOTIFY:
		proc_notify(n, req);
		break;
	}
}

static void input_call(struct nsm *n, uint64_t now_ms, const struct nsm_in *in)
{
	struct rpcsrv_call call;
	struct request req = {.in = in, .call = &call, .now_ms = now_ms};
	struct buf error;

	buf_init(&error, RPCMSG_SIZE_MAX);
	switch (rpcsrv_decode(&nsm_program, in->bytes, in->len, &call,
			      &error)) {
	case RPCSRV_CALL:
		effects_debug(&n->out, LOG_CLASS_CALL, "%s, xid %08x",
			      call.desc->name, call.xid);
		n->calls.made[call.proc]++;
		dispatch(n, &req);
		rpcsrv_call_fini(&call);
		break;
	case RPCSRV_REPLY:
		n->calls.malformed++;
		effects_reply(&n->out, in->call.reply_to, &error);
		break;
	case RPCSRV_DROP:
		n->calls.malformed++;
		effects_reply(&n->out, in->call.reply_to, NULL);
		break;
	}
	buf_fini(&error);
}

/* An answer counts only at the socket that its question left from. */
static void input_answer(struct nsm *n, uint64_t now_ms,
			 const struct nsm_in *in)
{
	switch (in->answer.to) {
	case NSM_FROM_LOOPBACK:
		callbacks_answer(&n->callbacks, now_ms, &in->answer.from,
				 in->bytes, in->len);
		notices_finish(&n->notices);
		break;
	case NSM_FROM_ANY:
		questions_answer(&n->questions, now_ms, &in->answer.from,
				 in->bytes, in->len);
		notices_settle(&n->notices, now_ms);
		break;
	}
}

static void input_resolved(struct nsm *n, uint64_t now_ms,
			   const struct nsm_in *in)
{
	struct peer *peer =
		names_resolved(&n->names, now_ms, in->resolved.id,
			       in->resolved.addrs, in->resolved.count);

	if (peer != NULL)
		doubts_resume(&n->doubts, now_ms, peer);
}

static void input_timer(struct nsm *n, uint64_t now_ms)
{
	callbacks_timer(&n->callbacks, now_ms);
	names_timer(&n->names, now_ms);
	questions_timer(&n->questions, now_ms);
	notices_settle(&n->notices, now_ms);
}

/* --- sm/.reclaim ------------------------------------------------------- */

static void input_memo(struct nsm *n, uint64_t now_ms, const struct nsm_in *in)
{
	uint64_t number = in->memo.number;

	if (number == 0 || number > MEMOS_NUMBER_MAX)
		return;
	if (memos_is_kind(in->bytes, in->len, "peer") &&
	    recall_load(&n->notices, now_ms, number, in->bytes, in->len))
		return;
	effects_debug(&n->out, LOG_CLASS_GENERAL,
		      "sm/.reclaim/%llu is of no use and removed",
		      (unsigned long long)number);
	memos_discard(&n->memos, number);
}

static void input_loaded(struct nsm *n, uint64_t now_ms)
{
	struct link *pos;

	list_for_each (pos, &n->peers.all)
		doubts_resume(&n->doubts, now_ms,
			      container_of(pos, struct peer, in_all));
}

static void input_memo_stored(struct nsm *n, const struct nsm_in *in)
{
	struct memo_slot *slot =
		memos_stored(&n->memos, in->stored.id, in->stored.error,
			     in->stored.reason);

	if (slot == NULL)
		return;
	switch (slot->kind) {
	case MEMO_PEER:
		notices_kept(&n->notices,
			     container_of(slot, struct peer, memo));
		break;
	}
}

/* Writes what has changed, once per input. */
static void write_memos(struct nsm *n)
{
	struct memo_slot *slot;

	while ((slot = memos_take(&n->memos)) != NULL) {
		struct buf content;

		buf_init(&content, MEMO_SIZE_MAX);
		switch (slot->kind) {
		case MEMO_PEER:
			recall_format(container_of(slot, struct peer, memo),
				      &content);
			break;
		}
		memos_write(&n->memos, slot, &content);
	}
}

static void dispatch_input(struct nsm *n, uint64_t now_ms,
			   const struct nsm_in *in)
{
	switch (in->kind) {
	case NSM_IN_FILE:
		monitor_load(&n->monitor, in->file.name, in->bytes, in->len);
		break;
	case NSM_IN_MEMO:
		input_memo(n, now_ms, in);
		break;
	case NSM_IN_LOADED:
		input_loaded(n, now_ms);
		break;
	case NSM_IN_MEMO_STORED:
		input_memo_stored(n, in);
		break;
	case NSM_IN_NUMBER:
		n->monitor.number = in->number;
		break;
	case NSM_IN_CALL:
		input_call(n, now_ms, in);
		break;
	case NSM_IN_STORED:
		monitor_stored(&n->monitor, now_ms, in->stored.id,
			       in->stored.error, in->stored.reason);
		break;
	case NSM_IN_ANSWER:
		input_answer(n, now_ms, in);
		break;
	case NSM_IN_SEND_FAILED:
		/* Like a datagram that was lost: the next round repeats it. */
		break;
	case NSM_IN_RESOLVED:
		input_resolved(n, now_ms, in);
		break;
	case NSM_IN_TIMER:
		input_timer(n, now_ms);
		break;
	case NSM_IN_POLICY:
		n->config.policy = in->policy;
		callouts_set_on(&n->callouts, in->policy.has_callout);
		break;
	case NSM_IN_CALLED:
		callouts_called(&n->callouts, now_ms, in->called.id,
				&in->called.end);
		break;
	}
}

void nsm_input(struct nsm *n, uint64_t now_ms, const struct nsm_in *in)
{
	dispatch_input(n, now_ms, in);
	write_memos(n);
}

bool nsm_output(struct nsm *n, struct nsm_out *out)
{
	return effects_take(&n->out, out);
}

uint64_t nsm_deadline_ms(const struct nsm *n)
{
	uint64_t deadlines[] = {callbacks_deadline_ms(&n->callbacks),
				names_deadline_ms(&n->names),
				questions_deadline_ms(&n->questions)};
	uint64_t soonest = deadlines[0];
	size_t i;

	for (i = 1; i < sizeof(deadlines) / sizeof(deadlines[0]); i++)
		if (deadlines[i] < soonest)
			soonest = deadlines[i];
	return soonest;
}

size_t nsm_peer_count(const struct nsm *n)
{
	return n->peers.count;
}

void nsm_status(const struct nsm *n, uint64_t now_ms, struct buf *out)
{
	const struct status_view view = {.number = n->monitor.number,
					 .peers = &n->peers,
					 .callbacks = &n->callbacks,
					 .notices = &n->notices.counts,
					 .calls = &n->calls,
					 .callouts = &n->callouts,
					 .memos = &n->memos};

	status_add(&view, now_ms, out);
}
