/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ONC RPC message headers (RFC 5531 section 9), sans-IO: bytes in, fields out,
 * and back.  Arguments and results stay raw bytes here; what they mean is
 * XDR's business (proto/).
 */
#ifndef NFS_RECLAIM_LIB_RPCMSG_H
#define NFS_RECLAIM_LIB_RPCMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"

#define RPCMSG_VERSION	   2u
#define RPCMSG_AUTH_MAX	   400u	 /* bytes of a credential, RFC 5531 8.2 */
#define RPCMSG_SIZE_MAX	   9000u /* COMPAT: libtirpc's RPC_MAXDATASIZE */
#define RPCMSG_CALL_HEADER 40u	 /* bytes of the calls we make (AUTH_NONE) */

struct rpcmsg_call {
	uint32_t xid;
	uint32_t prog;
	uint32_t vers;
	uint32_t proc;
	const uint8_t *args; /* borrows from the message */
	size_t args_len;
};

enum rpcmsg_call_error {
	RPCMSG_CALL_OK,
	RPCMSG_CALL_GARBLED, /* no call, or cut short: no answer is possible */
	RPCMSG_CALL_VERSION, /* RPC version is not 2; out->xid is set */
	RPCMSG_CALL_AUTH, /* credential or verifier over the limit; xid set */
};

/*
 * Reads a call.  Any flavor of credential is accepted and not looked at.
 * Errors: as the enum says.
 * Owns:   out->args borrows from @bytes.
 * Source: RFC 5531 section 9.
 */
enum rpcmsg_call_error rpcmsg_parse_call(const uint8_t *bytes, size_t len,
					 struct rpcmsg_call *out);

/* The outcomes that a server may have to tell. */
enum rpcmsg_status {
	RPCMSG_SUCCESS, /* results follow */
	RPCMSG_PROG_UNAVAIL,
	RPCMSG_PROG_MISMATCH, /* low and high follow */
	RPCMSG_PROC_UNAVAIL,
	RPCMSG_GARBAGE_ARGS,
	RPCMSG_SYSTEM_ERR,
	RPCMSG_RPC_MISMATCH, /* denied: RPC version */
	RPCMSG_AUTH_ERROR,   /* denied: bad credential */
};

struct rpcmsg_reply {
	uint32_t xid;
	enum rpcmsg_status status;
	const uint8_t *results; /* RPCMSG_SUCCESS; borrows from the message */
	size_t results_len;
};

/*
 * Reads a reply.
 * Errors: false where it is no well-formed reply.
 * Owns:   out->results borrows from @bytes.
 */
bool rpcmsg_parse_reply(const uint8_t *bytes, size_t len,
			struct rpcmsg_reply *out);

/*
 * Adds the header of a call with empty AUTH_NONE credential and verifier; the
 * arguments are added by the caller.
 */
void rpcmsg_add_call(struct buf *out, uint32_t xid, uint32_t prog,
		     uint32_t vers, uint32_t proc);

/*
 * Adds the header of a reply with @status.  RPCMSG_PROG_MISMATCH says that the
 * only version is @version; others ignore it.  Results are added by the
 * caller after RPCMSG_SUCCESS.
 */
void rpcmsg_add_reply(struct buf *out, uint32_t xid, enum rpcmsg_status status,
		      uint32_t version);

#endif
