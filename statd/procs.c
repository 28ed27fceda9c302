/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The program NSM (100024, version 1): decodes each call, checks who may make
 * it, and hands it to the room that knows: monitor (whom we remember), notice
 * (who rebooted), callback (telling lockd), names (host names).  It refuses
 * bad names before any of them sees one.
 *
 * Source: X/Open CAE C702 chapter 11; contract.md 1.1, 2.6 - 2.8, 9.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/hostname.h"
#include "lib/rpcmsg.h"
#include "lib/rpcsrv.h"
#include "lib/xalloc.h"
#include "proto/nlm_prot.h"
#include "proto/sm_inter.h"
#include "statd/core.h"

#define REFUSALS_LOGGED_PER_MINUTE 10
#define NLM_PROC_NSM_NOTIFY_OLD	   24 /* COMPAT: kernels before 2.6.8 */

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

void procs_call(struct nsm *n, uint64_t now_ms, const struct nsm_in *in)
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
