/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls are decoded here once more, by the same XDR routines, so that also a
 * garbled SM_MON that passes for one is held to the promise.  What was
 * unmonitored by somebody who may is promised no more; case never matters for
 * that, so the model demands a little less than the core does.
 */
#include "fuzz/nsm_calls.h"

#include <string.h>

#include "lib/hostname.h"
#include "lib/rpcmsg.h"
#include "lib/xalloc.h"
#include "proto/sm_inter.h"

void calls_fini(struct calls *calls)
{
	size_t i;

	for (i = 0; i < calls->count; i++)
		record_fini(&calls->calls[i].rec);
}

static char *take_string(const sm_string *text)
{
	return xmemdup(text->sm_string_val, text->sm_string_len);
}

/* What @id, or @my_id alone, says; the caller ends it. */
static struct record record_of(const struct sm_mon_id *id,
			       const struct sm_my_id *my_id)
{
	struct record rec = {
		.prog = (uint32_t)my_id->my_prog,
		.vers = (uint32_t)my_id->my_vers,
		.proc = (uint32_t)my_id->my_proc,
		.mon_name = id == NULL ? NULL : take_string(&id->mon_name),
		.my_name = take_string(&my_id->my_name),
	};

	hostname_clean(rec.my_name);
	return rec;
}

/* Somebody who may do it unmonitors what @rec names. */
static void note_unmon(struct calls *calls, const struct record *rec)
{
	size_t i;

	for (i = 0; i < calls->count; i++) {
		struct call *call = &calls->calls[i];

		if (!call->is_mon || call->rec.prog != rec->prog ||
		    call->rec.vers != rec->vers ||
		    call->rec.proc != rec->proc ||
		    !hostname_is_equal(call->rec.my_name, rec->my_name))
			continue;
		if (rec->mon_name != NULL &&
		    !hostname_is_equal(call->rec.mon_name, rec->mon_name))
			continue;
		call->is_wanted = false;
		call->is_promised = false;
	}
}

/* Notes what the decoded arguments @mon mean for @call. */
static void note_args(struct calls *calls, struct call *call, uint32_t proc,
		      const struct sm_mon *mon)
{
	struct record rec;

	if (proc == SM_PROC_MON) {
		call->rec = record_of(&mon->mon_id, &mon->mon_id.my_id);
		memcpy(call->rec.priv, mon->priv, sizeof(mon->priv));
		call->is_mon = call->is_wanted = true;
		return;
	}
	rec = record_of(proc == SM_PROC_UNMON ? &mon->mon_id : NULL,
			&mon->mon_id.my_id);
	note_unmon(calls, &rec);
	record_fini(&rec);
}

static void take_call(struct calls *calls, struct call *call,
		      const struct nsm_in *in)
{
	struct sm_mon mon = {.mon_id.my_id.my_prog = 0};
	struct rpcmsg_call parsed;
	bool is_decoded = false;
	XDR xdr;

	if (!addr_is_loopback(&in->call.peer) ||
	    in->call.peer.port > CALLS_RESERVED_PORT ||
	    rpcmsg_parse_call(in->bytes, in->len, &parsed) != RPCMSG_CALL_OK)
		return;
	xdrmem_create(&xdr, (char *)parsed.args, (u_int)parsed.args_len,
		      XDR_DECODE);
	if (parsed.proc == SM_PROC_MON)
		is_decoded = xdr_sm_mon(&xdr, &mon);
	else if (parsed.proc == SM_PROC_UNMON)
		is_decoded = xdr_sm_mon_id(&xdr, &mon.mon_id);
	else if (parsed.proc == SM_PROC_UNMON_ALL)
		is_decoded = xdr_sm_my_id(&xdr, &mon.mon_id.my_id);
	xdr_destroy(&xdr);
	if (is_decoded)
		note_args(calls, call, parsed.proc, &mon);
	xdr_free((xdrproc_t)xdr_sm_mon, (char *)&mon);
}

uint64_t calls_note(struct calls *calls, const struct nsm_in *in)
{
	struct call *call;

	if (calls->count == CALLS_MAX)
		return 0;
	call = &calls->calls[calls->count++];
	call->is_open = true;
	take_call(calls, call, in);
	return calls->count;
}

static bool is_success(const struct nsm_out *out)
{
	struct rpcmsg_reply reply;
	struct sm_stat_res res = {.res_stat = SM_STAT_FAIL};
	XDR xdr;
	bool is_decoded;

	if (!rpcmsg_parse_reply(out->bytes, out->len, &reply) ||
	    reply.status != RPCMSG_SUCCESS)
		return false;
	xdrmem_create(&xdr, (char *)reply.results, (u_int)reply.results_len,
		      XDR_DECODE);
	is_decoded = xdr_sm_stat_res(&xdr, &res);
	xdr_destroy(&xdr);
	return is_decoded && res.res_stat == SM_STAT_SUCC;
}

void calls_note_reply(struct calls *calls, const struct disk *disk,
		      const struct nsm_out *out)
{
	uint64_t reply_to = out->reply.reply_to;
	struct call *call;

	require(reply_to >= 1 && reply_to <= calls->count);
	call = &calls->calls[reply_to - 1];
	require(call->is_open);
	call->is_open = false;
	if (!call->is_mon || !is_success(out))
		return;
	require(disk_has(disk, &call->rec, call->rec.priv));
	call->is_promised = call->is_wanted;
}

void calls_check(const struct calls *calls, const struct disk *disk)
{
	size_t i;

	for (i = 0; i < calls->count; i++)
		if (calls->calls[i].is_promised)
			require(disk_has(disk, &calls->calls[i].rec, NULL));
}

size_t calls_open_count(const struct calls *calls)
{
	size_t i, count = 0;

	for (i = 0; i < calls->count; i++)
		count += calls->calls[i].is_open;
	return count;
}
