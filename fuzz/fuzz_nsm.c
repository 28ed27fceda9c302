/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rpc.statd's core: any files in sm/, then any sequence of calls, ends of
 * STOREs, answers, look-ups and waits, over a model of the disk.  No call is
 * answered twice, and all are once the disk and the lock manager have worked;
 * SM_MON succeeds only with its record on the disk, where it stays until
 * somebody who may unmonitors it; lines that are no records stay, too; a new
 * file has a name that may be one; a callout gets no name that is an option;
 * the clock never stands still.
 *
 * Input: one byte, how many files there are in sm/ (low half) and in
 * sm/.reclaim (high half); of each two bytes length and the bytes, with a byte
 * for the name before one of sm/.reclaim; then operations of one byte and what
 * they read.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/input.h"
#include "fuzz/nsm_calls.h"
#include "fuzz/nsm_disk.h"
#include "fuzz/nsm_memos.h"
#include "fuzz/nsm_text.h"
#include "fuzz/nsm_untold.h"
#include "lib/buf.h"
#include "lib/hostname.h"
#include "lib/portmap.h"
#include "lib/record.h"
#include "lib/rpcmsg.h"
#include "lib/rpcsrv.h"
#include "lib/xalloc.h"
#include "proto/nlm_prot.h"
#include "proto/sm_inter.h"
#include "statd/nsm.h"
#include "statd/peers.h"

#define SENT_MAX   64
#define RUN_MAX	   4	 /* callouts at a time */
#define STEPS_MAX  20000 /* to come to an end */
#define LOCKD_PORT 4045
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A SEND that may still be answered. */
struct sent {
	enum nsm_source source;
	struct addr peer;
	uint32_t xid;
};

struct world {
	struct nsm *n;
	uint64_t now_ms;
	struct input in;
	struct calls calls;
	struct disk disk;
	struct memo_jobs memos;
	struct sent sent[SENT_MAX]; /* the last ones, round and round */
	size_t sent_count;
	uint64_t resolve_id;	/* the last one */
	uint64_t runs[RUN_MAX]; /* callouts that have not ended */
	size_t run_count;
	uint64_t untold_id;
	bool is_grace_asked; /* and not answered yet */
	bool is_grace_over;
};

static const char *const names[] = {
	"192.0.2.7",
	"192.0.2.8",
	"2001:db8::7",
	"client.example",
	"CLIENT.example",
	"peer",
	"a/b",
	".hidden",
	"a b",
	"",
	"me",
	"ME",
	"my host",
	"x\x7f",
	"%41\x80",
	"127.0.0.1",
};

static const char *const file_names[] = {"client.example", "192.0.2.7",
					 "old name"};

static const struct {
	const char *addr;
	uint16_t port;
} callers[] = {
	{"127.0.0.1", 1000},  {"::1", 1023},	     {"127.0.0.1", 1024},
	{"192.0.2.7", 700},   {"192.0.2.7", 40000},  {"192.0.2.8", 700},
	{"2001:db8::7", 700}, {"198.51.100.1", 700},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static size_t take_len16(struct world *w)
{
	size_t high = input_byte(&w->in);

	return high << 8 | input_byte(&w->in);
}

/* --- effects --- */

static void note_sent(struct world *w, const struct nsm_out *out)
{
	struct rpcmsg_call call;

	require(rpcmsg_parse_call(out->bytes, out->len, &call) ==
		RPCMSG_CALL_OK);
	require(out->send.peer.port != 0);
	/* An envoy goes where sm.bak/ says, and be it here. */
	require(addr_is_loopback(&out->send.peer) ||
		out->send.source == NSM_FROM_ANY);
	w->sent[w->sent_count++ % SENT_MAX] =
		(struct sent){out->send.source, out->send.peer, call.xid};
}

static void note_callout(struct world *w, const struct nsm_out *out)
{
	const char *name = out->callout.words[1];

	require(out->callout.count == 3 || out->callout.count == 4);
	require(name[0] != '-' &&
		hostname_check(name, strlen(name)) == HOSTNAME_OK);
	require(w->run_count < RUN_MAX);
	w->runs[w->run_count++] = out->callout.id;
}

static void drain(struct world *w)
{
	struct nsm_out out;

	while (nsm_output(w->n, &out)) {
		switch (out.kind) {
		case NSM_OUT_REPLY:
			calls_note_reply(&w->calls, &w->disk, &out);
			break;
		case NSM_OUT_STORE:
			disk_note_store(&w->disk, &out);
			break;
		case NSM_OUT_FORGET:
			disk_note_forget(&w->disk, &out);
			break;
		case NSM_OUT_MEMO:
			memo_jobs_note(&w->memos, &out);
			break;
		case NSM_OUT_SEND:
			note_sent(w, &out);
			break;
		case NSM_OUT_RESOLVE:
			resolve_check(&out);
			w->resolve_id = out.resolve.id;
			break;
		case NSM_OUT_CALLOUT:
			note_callout(w, &out);
			break;
		case NSM_OUT_UNTOLD:
			w->untold_id = out.untold.id;
			untold_check(&out);
			break;
		case NSM_OUT_NOTE:
			untold_check(&out);
			break;
		case NSM_OUT_GRACE:
			w->is_grace_asked = true;
			break;
		case NSM_OUT_LOG:
			log_check(&out);
			break;
		}
	}
}

static void feed(struct world *w, const struct nsm_in *in)
{
	struct nsm_in now = *in;

	now.is_grace_over = w->is_grace_over && nsm_wants_grace(w->n);
	nsm_input(w->n, w->now_ms, &now);
	drain(w);
	if (in->kind == NSM_IN_TIMER)
		require(nsm_deadline_ms(w->n) > w->now_ms);
}

/* --- calls --- */

static void feed_call(struct world *w, const uint8_t *bytes, size_t len)
{
	size_t caller = input_byte(&w->in) % COUNT(callers);
	struct nsm_in in = {.kind = NSM_IN_CALL, .bytes = bytes, .len = len};

	require(addr_parse(callers[caller].addr, &in.call.peer));
	in.call.peer.port = callers[caller].port;
	in.call.reply_to = calls_note(&w->calls, &in);
	if (in.call.reply_to != 0)
		feed(w, &in);
}

static void feed_raw_call(struct world *w)
{
	size_t len = take_len16(w);
	const uint8_t *bytes = input_bytes(&w->in, &len);

	feed_call(w, bytes, len);
}

static sm_string take_name(struct world *w)
{
	uint8_t byte = input_byte(&w->in);
	const char *name = names[byte % COUNT(names)];
	size_t len = strlen(name);

	if (byte >= 0xf0) { /* one of the input's own */
		len = input_byte(&w->in) * 5u;
		name = (const char *)input_bytes(&w->in, &len);
	}
	return (sm_string){.sm_string_len = (u_int)len,
			   .sm_string_val = (char *)name};
}

/* Adds the arguments of @proc. */
static void add_args(struct world *w, struct buf *out, uint32_t proc)
{
	struct sm_stat_chge chge = {.mon_name = take_name(w)};
	struct sm_mon mon = {.mon_id.mon_name = chge.mon_name};
	struct sm_my_id *my_id = &mon.mon_id.my_id;

	chge.state = (input_byte(&w->in) ^ 0x80) - 0x80; /* half are negative */
	memset(mon.priv, chge.state & 3, sizeof(mon.priv));
	my_id->my_prog = chge.state & 4 ? NLM_PROGRAM : NLM_PROGRAM + 1;
	my_id->my_vers = 3;
	my_id->my_proc = chge.state & 8 ? 24 : NLM_PROC_NSM_NOTIFY;
	if (proc != SM_PROC_STAT && proc != SM_PROC_NOTIFY)
		my_id->my_name = take_name(w);
	if (proc == SM_PROC_STAT)
		rpcsrv_add_xdr(out, (rpcsrv_xdr *)xdr_sm_string,
			       &chge.mon_name);
	else if (proc == SM_PROC_MON)
		rpcsrv_add_xdr(out, (rpcsrv_xdr *)xdr_sm_mon, &mon);
	else if (proc == SM_PROC_UNMON)
		rpcsrv_add_xdr(out, (rpcsrv_xdr *)xdr_sm_mon_id, &mon.mon_id);
	else if (proc == SM_PROC_UNMON_ALL)
		rpcsrv_add_xdr(out, (rpcsrv_xdr *)xdr_sm_my_id, my_id);
	else if (proc == SM_PROC_NOTIFY)
		rpcsrv_add_xdr(out, (rpcsrv_xdr *)xdr_sm_stat_chge, &chge);
}

/* A call as it should be, but perhaps for one byte. */
static void feed_good_call(struct world *w)
{
	uint8_t byte = input_byte(&w->in);
	uint32_t proc = byte % 8;
	struct buf message;

	buf_init(&message, RPCMSG_SIZE_MAX);
	rpcmsg_add_call(&message, 7, SM_PROGRAM, SM_VERSION, proc);
	add_args(w, &message, proc);
	if (byte >= 0xe0) {
		size_t at = take_len16(w) % message.len;

		message.bytes[at] ^= input_byte(&w->in);
	}
	feed_call(w, message.bytes, message.len);
	buf_fini(&message);
}

/* --- what else may happen --- */

static bool feed_stored(struct world *w, int error)
{
	struct nsm_in in = {.kind = NSM_IN_STORED,
			    .stored = {.error = error, .reason = "disk"}};

	if (!disk_work(&w->disk, error, &in.stored.id))
		return false;
	feed(w, &in);
	calls_check(&w->calls, &w->disk);
	return true;
}

static bool feed_memo_stored(struct world *w, int error)
{
	struct nsm_in in = {.kind = NSM_IN_MEMO_STORED,
			    .stored = {.error = error, .reason = "disk"}};

	if (!memo_jobs_work(&w->memos, &in.stored.id))
		return false;
	feed(w, &in);
	return true;
}

static void feed_mounts(struct world *w)
{
	struct addr servers[2];
	struct nsm_in in = {.kind = NSM_IN_MOUNTS, .mounts.servers = servers};
	size_t i;

	in.mounts.count = input_byte(&w->in) % (COUNT(servers) + 1);
	for (i = 0; i < in.mounts.count; i++)
		require(addr_parse(
			callers[input_byte(&w->in) % COUNT(callers)].addr,
			&servers[i]));
	feed(w, &in);
}

/* The end of a STORE that is over, or that never was. */
static void feed_stray_stored(struct world *w)
{
	struct nsm_in in = {.kind = NSM_IN_STORED};

	in.stored.id = input_byte(&w->in);
	if (!disk_is_busy(&w->disk, in.stored.id))
		feed(w, &in);
}

/* Answers @sent with @status and @results. */
static void answer(struct world *w, const struct sent *sent, uint8_t status,
		   const uint8_t *results, size_t len)
{
	struct nsm_in in = {.kind = NSM_IN_ANSWER,
			    .answer = {.to = sent->source, .from = sent->peer}};
	struct buf message;

	buf_init(&message, RPCMSG_SIZE_MAX);
	rpcmsg_add_reply(&message, sent->xid, status % 8, 1);
	buf_add(&message, results, len);
	in.bytes = message.bytes;
	in.len = message.len;
	feed(w, &in);
	buf_fini(&message);
}

/* Answers @sent as rpcbind, lockd and a peer's statd do. */
static void answer_well(struct world *w, const struct sent *sent)
{
	static const uint8_t stat[] = {0, 0, 0, SM_STAT_SUCC, 0, 0, 0, 7};
	static const uint8_t port[] = {0, 0, LOCKD_PORT >> 8,
				       LOCKD_PORT & 0xff};

	if (sent->peer.port == PORTMAP_PORT)
		answer(w, sent, RPCMSG_SUCCESS, port, sizeof(port));
	else if (sent->source == NSM_FROM_ANY)
		answer(w, sent, RPCMSG_SUCCESS, stat, sizeof(stat));
	else
		answer(w, sent, RPCMSG_SUCCESS, NULL, 0);
}

static void feed_answer(struct world *w)
{
	const struct sent sent = w->sent[input_byte(&w->in) % SENT_MAX];
	uint8_t byte = input_byte(&w->in);
	size_t len = byte >> 4;
	const uint8_t *bytes;

	if (byte < 0x80) {
		answer_well(w, &sent);
		return;
	}
	bytes = input_bytes(&w->in, &len);
	answer(w, &sent, byte, bytes, len);
}

static void feed_raw_answer(struct world *w)
{
	struct nsm_in in = {.kind = NSM_IN_ANSWER,
			    .answer.from = addr_loopback(PORTMAP_PORT)};

	in.len = input_byte(&w->in);
	in.bytes = input_bytes(&w->in, &in.len);
	feed(w, &in);
}

static void feed_resolved(struct world *w)
{
	struct addr addrs[PEERS_ADDRS_MAX + 2];
	struct nsm_in in = {.kind = NSM_IN_RESOLVED};
	uint8_t byte = input_byte(&w->in);
	size_t i;

	in.resolved.id = w->resolve_id - (byte >> 6);
	in.resolved.addrs = addrs;
	in.resolved.count = (byte & 0x3f) % (COUNT(addrs) + 1);
	for (i = 0; i < in.resolved.count; i++)
		require(addr_parse(
			callers[input_byte(&w->in) % COUNT(callers)].addr,
			&addrs[i]));
	feed(w, &in);
}

/* Ends the callout that began first, if there is one. */
static bool feed_called(struct world *w, uint8_t how)
{
	struct nsm_in in = {.kind = NSM_IN_CALLED,
			    .called.end.how = how % NSM_CALL_LOST};

	if (w->run_count == 0)
		return false;
	in.called.id = w->runs[0];
	memmove(w->runs, w->runs + 1, --w->run_count * sizeof(w->runs[0]));
	feed(w, &in);
	return true;
}

static void feed_timer(struct world *w)
{
	struct nsm_in in = {.kind = NSM_IN_TIMER};
	uint8_t byte = input_byte(&w->in);

	(void)feed_called(w, byte);
	if (byte != 0)
		w->now_ms += 64u * byte;
	else if (nsm_deadline_ms(w->n) != UINT64_MAX)
		w->now_ms = nsm_deadline_ms(w->n);
	feed(w, &in);
}

static void feed_number(struct world *w, uint32_t number)
{
	struct nsm_in in = {.kind = NSM_IN_NUMBER, .number = number};

	feed(w, &in);
}

static void feed_file(struct world *w, const char *name)
{
	struct nsm_in in = {.kind = NSM_IN_FILE, .file.name = name};

	in.len = take_len16(w);
	in.bytes = input_bytes(&w->in, &in.len);
	disk_note_file(&w->disk, name, in.bytes, in.len);
	feed(w, &in);
}

/* A file of sm/.reclaim, about a record that is there or not. */
static void feed_memo(struct world *w)
{
	struct nsm_in in = {.kind = NSM_IN_MEMO};

	in.memo.number = input_byte(&w->in);
	in.len = take_len16(w);
	in.bytes = input_bytes(&w->in, &in.len);
	feed(w, &in);
}

static void feed_grace(struct world *w, bool is_grace)
{
	struct nsm_in in = {.kind = NSM_IN_GRACE, .is_grace = is_grace};

	w->is_grace_asked = false;
	w->is_grace_over = !is_grace;
	feed(w, &in);
}

static void feed_untold(struct world *w, uint8_t byte)
{
	struct nsm_in in;

	if (byte < 0xfc) {
		feed_grace(w, byte % 2 == 0);
		return;
	}
	in = untold_outcome(input_byte(&w->in), w->untold_id);
	feed(w, &in);
}

static void step(struct world *w)
{
	uint8_t byte = input_byte(&w->in);

	if (byte >= 0xfa) {
		feed_untold(w, byte);
		return;
	}
	if (byte == 0xef) {
		feed_mounts(w);
		return;
	}
	if (byte >= 0xf0) { /* nothing to end is fine */
		(void)feed_memo_stored(w, byte & 1 ? -5 : 0);
		return;
	}
	switch (byte % 12) {
	default:
		feed_good_call(w);
		break;
	case 0:
		feed_raw_call(w);
		break;
	case 1:
	case 2:
		(void)feed_stored(w, 0); /* nothing to end is fine */
		break;
	case 3:
		(void)feed_stored(w, -5);
		break;
	case 4:
		feed_stray_stored(w);
		break;
	case 5:
		feed_answer(w);
		break;
	case 6:
		feed_raw_answer(w);
		break;
	case 7:
		feed_resolved(w);
		break;
	case 8:
		feed_timer(w);
		break;
	case 9:
		feed_number(w, input_byte(&w->in));
		break;
	}
}

/* The disk does all it was told, the lock manager answers: nobody waits. */
static void finish(struct world *w)
{
	struct nsm_in timer = {.kind = NSM_IN_TIMER};
	size_t answered = w->sent_count;
	struct sent sent;
	unsigned int i;

	while (feed_stored(w, 0) || feed_memo_stored(w, 0) || feed_called(w, 0))
		;
	for (i = 0; calls_open_count(&w->calls) > 0; i++) {
		require(i < STEPS_MAX);
		if (w->is_grace_asked) {
			feed_grace(w, true);
			continue;
		}
		if (answered == w->sent_count) {
			require(nsm_deadline_ms(w->n) != UINT64_MAX);
			w->now_ms = nsm_deadline_ms(w->n);
			feed(w, &timer);
			continue;
		}
		if (w->sent_count - answered > SENT_MAX)
			answered = w->sent_count - SENT_MAX;
		sent = w->sent[answered % SENT_MAX];
		answer_well(w, &sent);
		answered++;
	}
}

static void world_free(struct world *w)
{
	nsm_free(w->n);
	calls_fini(&w->calls);
	disk_fini(&w->disk);
	free(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nsm_config config = {.reserved_port_max = CALLS_RESERVED_PORT,
				    .policy.has_callout = true};
	const struct nsm_in loaded = {.kind = NSM_IN_LOADED};
	struct world *w = xzalloc(sizeof(*w));
	unsigned int counts, i;

	w->in.data = data;
	w->in.size = size;
	w->now_ms = 1;
	disk_init(&w->disk);
	w->n = nsm_new(&config);
	counts = input_byte(&w->in);
	for (i = 0; i < (counts & 0xf) % (COUNT(file_names) + 1); i++)
		feed_file(w, file_names[i]);
	for (i = 0; i < counts >> 4; i++)
		feed_memo(w);
	feed(w, &loaded);
	feed_number(w, 3);
	while (w->in.size > 0)
		step(w);
	finish(w);
	world_free(w);
	return 0;
}
