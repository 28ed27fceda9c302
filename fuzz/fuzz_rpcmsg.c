/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as a call to NSM, as a reply, and as an answer of rpcbind.  What
 * was decoded must be encodable again, into no more bytes than it came from.
 */
#include <assert.h>
#include <stdint.h>
#include <stddef.h>

#include "lib/portmap.h"
#include "lib/rpcmsg.h"
#include "lib/rpcsrv.h"
#include "proto/sm_inter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PROC(number, type)                            \
	[number] = {.name = #number,                  \
		    .args = (rpcsrv_xdr *)xdr_##type, \
		    .args_size = sizeof(struct type)}

static const struct rpcsrv_proc procs[] = {
	[SM_PROC_NULL] = {.name = "SM_PROC_NULL"},
	PROC(SM_PROC_STAT, sm_name),
	PROC(SM_PROC_MON, sm_mon),
	PROC(SM_PROC_UNMON, sm_mon_id),
	PROC(SM_PROC_UNMON_ALL, sm_my_id),
	[SM_PROC_SIMU_CRASH] = {.name = "SM_PROC_SIMU_CRASH"},
	PROC(SM_PROC_NOTIFY, sm_stat_chge),
};

static const struct rpcsrv_program program = {
	.prog = SM_PROGRAM,
	.vers = SM_VERSION,
	.procs = procs,
	.proc_count = sizeof(procs) / sizeof(procs[0]),
};

static void feed_server(const uint8_t *data, size_t size, struct buf *out)
{
	struct rpcmsg_reply reply;
	struct rpcsrv_call call;

	switch (rpcsrv_decode(&program, data, size, &call, out)) {
	case RPCSRV_CALL:
		if (call.desc->args)
			rpcsrv_add_xdr(out, call.desc->args, call.args.bytes);
		assert(!out->is_overflowed);
		assert(out->len + RPCMSG_CALL_HEADER <= size);
		rpcsrv_call_fini(&call);
		break;
	case RPCSRV_REPLY:
		assert(rpcmsg_parse_reply(out->bytes, out->len, &reply));
		assert(reply.status != RPCMSG_SUCCESS);
		break;
	case RPCSRV_DROP:
		assert(out->len == 0);
		break;
	}
}

static void feed_client(const uint8_t *data, size_t size)
{
	struct rpcmsg_reply reply;
	int port;

	if (!rpcmsg_parse_reply(data, size, &reply) ||
	    reply.status != RPCMSG_SUCCESS)
		return;
	assert(reply.results + reply.results_len == data + size);
	port = portmap_parse_getport(ADDR_V4, reply.results, reply.results_len);
	assert(port >= -1 && port <= UINT16_MAX);
	port = portmap_parse_getport(ADDR_V6, reply.results, reply.results_len);
	assert(port >= -1 && port <= UINT16_MAX);
	portmap_parse_bool(reply.results, reply.results_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf out;

	buf_init(&out, RPCMSG_SIZE_MAX);
	feed_server(data, size, &out);
	feed_client(data, size);
	buf_fini(&out);
	return 0;
}
