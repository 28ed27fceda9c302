/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program as a table of procedures: message bytes become decoded arguments,
 * or the reply that RFC 5531 section 9 prescribes for what is wrong with them.
 * It knows no procedure and carries nothing out.  libtirpc's XDR allocates what
 * strings and opaques need; the limits in proto/ bound it, and what a failed
 * decoding left behind is freed here at once.
 */
#include "lib/rpcsrv.h"

#include <assert.h>

#include "lib/rpcmsg.h"

/* The status that refuses @call, or RPCMSG_SUCCESS. */
static enum rpcmsg_status check_call(const struct rpcsrv_program *program,
				     const struct rpcmsg_call *call)
{
	if (call->prog != program->prog)
		return RPCMSG_PROG_UNAVAIL;
	if (call->vers != program->vers)
		return RPCMSG_PROG_MISMATCH;
	if (call->proc >= program->proc_count ||
	    !program->procs[call->proc].name)
		return RPCMSG_PROC_UNAVAIL;
	return RPCMSG_SUCCESS;
}

static bool decode_args(const struct rpcmsg_call *msg, struct rpcsrv_call *call)
{
	XDR xdr;

	assert(call->desc->args_size <= RPCSRV_ARGS_SIZE);
	if (!call->desc->args)
		return true;
	/* XDR_DECODE only reads; XDR_ENCODE is why the type is not const. */
	xdrmem_create(&xdr, (char *)msg->args, (u_int)msg->args_len,
		      XDR_DECODE);
	if (call->desc->args(&xdr, call->args.bytes))
		return true;
	rpcsrv_call_fini(call);
	return false;
}

static enum rpcsrv_verdict refuse(const struct rpcsrv_program *program,
				  uint32_t xid, enum rpcmsg_status status,
				  struct buf *reply)
{
	rpcmsg_add_reply(reply, xid, status, program->vers);
	return RPCSRV_REPLY;
}

enum rpcsrv_verdict rpcsrv_decode(const struct rpcsrv_program *program,
				  const uint8_t *bytes, size_t len,
				  struct rpcsrv_call *call, struct buf *reply)
{
	struct rpcmsg_call msg;
	enum rpcmsg_status status;

	if (len > RPCMSG_SIZE_MAX)
		return RPCSRV_DROP;
	switch (rpcmsg_parse_call(bytes, len, &msg)) {
	case RPCMSG_CALL_OK:
		break;
	case RPCMSG_CALL_VERSION:
		return refuse(program, msg.xid, RPCMSG_RPC_MISMATCH, reply);
	case RPCMSG_CALL_AUTH:
		return refuse(program, msg.xid, RPCMSG_AUTH_ERROR, reply);
	case RPCMSG_CALL_GARBLED:
	default:
		return RPCSRV_DROP;
	}
	status = check_call(program, &msg);
	if (status != RPCMSG_SUCCESS)
		return refuse(program, msg.xid, status, reply);
	*call = (struct rpcsrv_call){
		.xid = msg.xid,
		.proc = msg.proc,
		.desc = &program->procs[msg.proc],
	};
	if (!decode_args(&msg, call))
		return refuse(program, msg.xid, RPCMSG_GARBAGE_ARGS, reply);
	return RPCSRV_CALL;
}

void rpcsrv_call_fini(struct rpcsrv_call *call)
{
	XDR xdr = {.x_op = XDR_FREE};

	if (call->desc && call->desc->args)
		call->desc->args(&xdr, call->args.bytes);
	call->desc = NULL;
}

void rpcsrv_add_reply(struct buf *reply, uint32_t xid,
		      const struct rpcsrv_proc *proc, void *results)
{
	assert(!proc->results || results);
	rpcmsg_add_reply(reply, xid, RPCMSG_SUCCESS, 0);
	if (proc->results)
		rpcsrv_add_xdr(reply, proc->results, results);
}

void rpcsrv_add_xdr(struct buf *out, rpcsrv_xdr *xdr, void *value)
{
	char bytes[RPCMSG_SIZE_MAX];
	XDR stream;

	xdrmem_create(&stream, bytes, sizeof(bytes), XDR_ENCODE);
	if (xdr(&stream, value))
		buf_add(out, bytes, xdr_getpos(&stream));
	else
		out->is_overflowed = true;
}
