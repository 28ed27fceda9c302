/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Encodes the messages of lockd, peers and rpcbind with the same XDR routines
 * as the programs, and copies effects so that a test can look at all of them.
 */
#include "tests/unit/nsm_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "lib/portmap.h"
#include "lib/rpcmsg.h"
#include "lib/rpcsrv.h"
#include "proto/nlm_prot.h"
#include "proto/sm_inter.h"

#define LOCKD_PORT 4045

void rig_init(struct rig *rig)
{
	rig_init_check(rig, VERIFY_CHECK_ADDRESS);
}

void rig_init_check(struct rig *rig, enum verify_check check)
{
	struct nsm_config config = {.seed = "unit test seed",
				    .reserved_port_max = 1023,
				    .policy.notify_check = check};
	struct nsm_in in = {.kind = NSM_IN_NUMBER, .number = 3};

	memset(rig, 0, sizeof(*rig));
	rig->policy = config.policy;
	rig->nsm = nsm_new(&config);
	rig->now_ms = 1000;
	rig->next_reply_to = 1;
	rig->next_xid = 77;
	rig_feed(rig, &in);
}

void rig_fini(struct rig *rig)
{
	nsm_free(rig->nsm);
}

static const char *text_of(const struct nsm_out *out)
{
	switch (out->kind) {
	case NSM_OUT_STORE:
		return out->store.file;
	case NSM_OUT_FORGET:
		return out->forget.file;
	case NSM_OUT_RESOLVE:
		return out->resolve.name;
	case NSM_OUT_LOG:
		return out->log.text;
	case NSM_OUT_UNTOLD:
		return out->untold.subject;
	case NSM_OUT_NOTE:
		return out->note.line;
	default:
		return "";
	}
}

/* The words of a CALLOUT as one text: they hold no blank. */
static void join_words(const struct nsm_out *out, char to[static RIG_TEXT_MAX])
{
	size_t i;

	for (i = 0; i < out->callout.count; i++) {
		assert_in_range(strlen(out->callout.words[i]), 0, 300);
		if (i > 0)
			strcat(to, " ");
		strcat(to, out->callout.words[i]);
	}
}

/* Tells whether @out was an UNTOLD that the rig has answered. */
static bool has_answered_untold(struct rig *rig, const struct nsm_out *out)
{
	struct nsm_in none = {.kind = NSM_IN_UNTOLD};

	if (rig->is_untold_asked || out->kind != NSM_OUT_UNTOLD)
		return false;
	none.untold.id = out->untold.id;
	none.untold.what = NSM_UNTOLD_NONE;
	nsm_input(rig->nsm, rig->now_ms, &none);
	return true;
}

void rig_feed(struct rig *rig, const struct nsm_in *in)
{
	struct nsm_in now = *in;
	struct nsm_out out;

	now.is_grace_over = rig->is_grace_over && nsm_wants_grace(rig->nsm);
	rig->out_count = 0;
	nsm_input(rig->nsm, rig->now_ms, &now);
	while (nsm_output(rig->nsm, &out)) {
		struct rig_out *copy;

		if (has_answered_untold(rig, &out))
			continue;
		copy = &rig->outs[rig->out_count++];
		assert_in_range(rig->out_count, 1, RIG_OUT_MAX - 1);
		assert_in_range(out.len, 0, RIG_TEXT_MAX);
		copy->out = out;
		if (out.len > 0)
			memcpy(copy->bytes, out.bytes, out.len);
		strncpy(copy->text, text_of(&out), sizeof(copy->text) - 1);
		if (out.kind == NSM_OUT_CALLOUT)
			join_words(&out, copy->text);
	}
}

uint64_t rig_call(struct rig *rig, const char *from, uint16_t port,
		  uint32_t proc, void *xdr, void *args)
{
	struct nsm_in in = {.kind = NSM_IN_CALL};
	struct buf message;

	in.call.reply_to = rig->next_reply_to++;
	assert_true(addr_parse(from, &in.call.peer));
	in.call.peer.port = port;
	buf_init(&message, RPCMSG_SIZE_MAX);
	rpcmsg_add_call(&message, rig->next_xid++, SM_PROGRAM, SM_VERSION,
			proc);
	if (xdr != NULL)
		rpcsrv_add_xdr(&message, (rpcsrv_xdr *)xdr, args);
	assert_false(message.is_overflowed);
	in.bytes = message.bytes;
	in.len = message.len;
	rig_feed(rig, &in);
	buf_fini(&message);
	return in.call.reply_to;
}

static sm_string string_of(const char *text)
{
	return (sm_string){.sm_string_len = (u_int)strlen(text),
			   .sm_string_val = (char *)text};
}

static struct sm_mon_id mon_id_of(const char *mon_name)
{
	return (struct sm_mon_id){.mon_name = string_of(mon_name),
				  .my_id = {.my_name = string_of("me"),
					    .my_prog = 100021,
					    .my_vers = 3,
					    .my_proc = 16}};
}

uint64_t rig_mon(struct rig *rig, const char *mon_name, char cookie)
{
	struct sm_mon mon = {.mon_id = mon_id_of(mon_name)};

	memset(mon.priv, cookie, sizeof(mon.priv));
	return rig_call(rig, "127.0.0.1", 1000, SM_PROC_MON, (void *)xdr_sm_mon,
			&mon);
}

uint64_t rig_unmon(struct rig *rig, const char *mon_name)
{
	struct sm_mon_id id = mon_id_of(mon_name);

	return rig_call(rig, "127.0.0.1", 1000, SM_PROC_UNMON,
			(void *)xdr_sm_mon_id, &id);
}

uint64_t rig_notify(struct rig *rig, const char *from, const char *name,
		    int number)
{
	struct sm_stat_chge chge = {.mon_name = string_of(name),
				    .state = number};

	return rig_call(rig, from, 700, SM_PROC_NOTIFY,
			(void *)xdr_sm_stat_chge, &chge);
}

void rig_stored(struct rig *rig, uint64_t id, int error)
{
	struct nsm_in in = {.kind = NSM_IN_STORED,
			    .stored = {.id = id, .error = error}};

	rig_feed(rig, &in);
}

void rig_monitor(struct rig *rig, const char *mon_name, char cookie)
{
	const struct rig_out *store;

	rig_mon(rig, mon_name, cookie);
	store = rig_get(rig, NSM_OUT_STORE, 0);
	assert_non_null(store);
	rig_stored(rig, store->out.store.id, 0);
}

void rig_set_policy(struct rig *rig)
{
	struct nsm_in in = {.kind = NSM_IN_POLICY, .policy = rig->policy};

	rig_feed(rig, &in);
}

void rig_set_callout(struct rig *rig, bool is_on)
{
	rig->policy.has_callout = is_on;
	rig_set_policy(rig);
}

void rig_called(struct rig *rig, uint64_t id, enum nsm_call_end how, int code)
{
	struct nsm_in in = {.kind = NSM_IN_CALLED,
			    .called = {.id = id,
				       .end = {.how = how, .code = code}}};

	rig_feed(rig, &in);
}

void rig_tick(struct rig *rig)
{
	struct nsm_in in = {.kind = NSM_IN_TIMER};
	uint64_t deadline_ms = nsm_deadline_ms(rig->nsm);

	assert_true(deadline_ms != UINT64_MAX);
	assert_true(deadline_ms >= rig->now_ms);
	rig->now_ms = deadline_ms;
	rig_feed(rig, &in);
}

const struct rig_out *rig_get(const struct rig *rig, enum nsm_out_kind kind,
			      size_t index)
{
	size_t i;

	for (i = 0; i < rig->out_count; i++)
		if (rig->outs[i].out.kind == kind && index-- == 0)
			return &rig->outs[i];
	return NULL;
}

size_t rig_count(const struct rig *rig, enum nsm_out_kind kind)
{
	size_t i, count = 0;

	for (i = 0; i < rig->out_count; i++)
		count += rig->outs[i].out.kind == kind;
	return count;
}

int rig_result(const struct rig *rig, size_t index, int *number)
{
	const struct rig_out *reply = rig_get(rig, NSM_OUT_REPLY, index);
	struct rpcmsg_reply parsed;
	struct sm_stat_res res;
	bool_t is_decoded;
	XDR xdr;

	if (reply == NULL || reply->out.len == 0)
		return -1;
	assert_true(rpcmsg_parse_reply(reply->bytes, reply->out.len, &parsed));
	assert_int_equal(parsed.status, RPCMSG_SUCCESS);
	xdrmem_create(&xdr, (char *)parsed.results, (u_int)parsed.results_len,
		      XDR_DECODE);
	is_decoded = xdr_sm_stat_res(&xdr, &res);
	xdr_destroy(&xdr);
	assert_true(is_decoded);
	*number = res.state;
	return (int)res.res_stat;
}

bool rig_is_answered(const struct rig *rig, uint64_t reply_to)
{
	const struct rig_out *reply = rig_get(rig, NSM_OUT_REPLY, 0);
	struct rpcmsg_reply parsed;

	return reply != NULL && reply->out.reply.reply_to == reply_to &&
	       rpcmsg_parse_reply(reply->bytes, reply->out.len, &parsed) &&
	       parsed.status == RPCMSG_SUCCESS && parsed.results_len == 0;
}

static void answer(struct rig *rig, const struct rig_out *send,
		   const struct addr *from, struct buf *results)
{
	struct nsm_in in = {.kind = NSM_IN_ANSWER,
			    .answer = {.to = send->out.send.source,
				       .from = *from}};
	struct rpcmsg_call call;
	struct buf message;

	assert_int_equal(rpcmsg_parse_call(send->bytes, send->out.len, &call),
			 RPCMSG_CALL_OK);
	buf_init(&message, RPCMSG_SIZE_MAX);
	rpcmsg_add_reply(&message, call.xid, RPCMSG_SUCCESS, 0);
	buf_add(&message, results->bytes, results->len);
	in.bytes = message.bytes;
	in.len = message.len;
	rig_feed(rig, &in);
	buf_fini(&message);
}

void rig_answer_port(struct rig *rig, const struct rig_out *send, uint16_t port)
{
	struct rig_out copy = *send;
	struct buf results;

	buf_init(&results, 64);
	buf_add_be32(&results, port);
	answer(rig, &copy, &copy.out.send.peer, &results);
	buf_fini(&results);
}

void rig_answer_void(struct rig *rig, const struct rig_out *send,
		     const char *from, uint16_t port_shift)
{
	struct rig_out copy = *send;
	struct addr addr;
	struct buf results;

	assert_true(addr_parse(from, &addr));
	addr.port = (uint16_t)(copy.out.send.peer.port + port_shift);
	buf_init(&results, 64);
	answer(rig, &copy, &addr, &results);
	buf_fini(&results);
}

void rig_answer_stat(struct rig *rig, const struct rig_out *send,
		     const struct addr *from, uint32_t number)
{
	struct rig_out copy = *send;
	struct buf results;

	buf_init(&results, 64);
	buf_add_be32(&results, SM_STAT_SUCC);
	buf_add_be32(&results, number);
	answer(rig, &copy, from, &results);
	buf_fini(&results);
}

size_t rig_run_lockd(struct rig *rig, struct rig_out *last)
{
	static struct rig_out sends[RIG_OUT_MAX];
	size_t head = 0, tail = 0, callbacks = 0, i;

	for (;;) {
		for (i = 0; i < rig->out_count; i++)
			if (rig->outs[i].out.kind == NSM_OUT_SEND)
				sends[tail++ % RIG_OUT_MAX] = rig->outs[i];
		if (head == tail)
			return callbacks;
		assert_in_range(tail - head, 1, RIG_OUT_MAX);
		i = head++ % RIG_OUT_MAX;
		if (sends[i].out.send.peer.port == PORTMAP_PORT) {
			rig_answer_port(rig, &sends[i], LOCKD_PORT);
			continue;
		}
		assert_int_equal(sends[i].out.send.peer.port, LOCKD_PORT);
		callbacks++;
		if (last != NULL)
			*last = sends[i];
		rig_answer_void(rig, &sends[i], "127.0.0.1", 0);
	}
}
