/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Headers of RPC calls and replies (RFC 5531 section 9).  One reader walks over
 * bytes that anybody may have sent: it takes whole 4-byte units or nothing, and
 * never looks behind the length it was given.  Credentials are skipped, not
 * judged: NSM has no authentication, and what is trusted is decided by address
 * and port (contract.md S-1).
 */
#include "lib/rpcmsg.h"

enum { TYPE_CALL = 0, TYPE_REPLY = 1 };
enum { REPLY_ACCEPTED = 0, REPLY_DENIED = 1 };
enum { DENIED_RPC_MISMATCH = 0, DENIED_AUTH_ERROR = 1 };
enum { AUTH_FLAVOR_NONE = 0 };
enum { AUTH_STAT_BADCRED = 1 };

struct reader {
	const uint8_t *at;
	size_t left;
};

static bool take_be32(struct reader *in, uint32_t *out)
{
	if (in->left < 4)
		return false;
	*out = (uint32_t)in->at[0] << 24 | (uint32_t)in->at[1] << 16 |
	       (uint32_t)in->at[2] << 8 | in->at[3];
	in->at += 4;
	in->left -= 4;
	return true;
}

/* Skips a credential or verifier of which the flavor is not read yet. */
static enum rpcmsg_call_error skip_auth(struct reader *in)
{
	uint32_t flavor, len, padded_len;

	if (!take_be32(in, &flavor) || !take_be32(in, &len))
		return RPCMSG_CALL_GARBLED;
	if (len > RPCMSG_AUTH_MAX)
		return RPCMSG_CALL_AUTH;
	padded_len = (len + 3) & ~3u;
	if (in->left < padded_len)
		return RPCMSG_CALL_GARBLED;
	in->at += padded_len;
	in->left -= padded_len;
	return RPCMSG_CALL_OK;
}

enum rpcmsg_call_error rpcmsg_parse_call(const uint8_t *bytes, size_t len,
					 struct rpcmsg_call *out)
{
	struct reader in = {.at = bytes, .left = len};
	enum rpcmsg_call_error error;
	uint32_t type, version;

	if (!take_be32(&in, &out->xid) || !take_be32(&in, &type) ||
	    type != TYPE_CALL || !take_be32(&in, &version))
		return RPCMSG_CALL_GARBLED;
	/* Only xid, type and version mean the same in every version. */
	if (version != RPCMSG_VERSION)
		return RPCMSG_CALL_VERSION;
	if (!take_be32(&in, &out->prog) || !take_be32(&in, &out->vers) ||
	    !take_be32(&in, &out->proc))
		return RPCMSG_CALL_GARBLED;
	error = skip_auth(&in);
	if (error == RPCMSG_CALL_OK)
		error = skip_auth(&in);
	if (error != RPCMSG_CALL_OK)
		return error;
	out->args = in.at;
	out->args_len = in.left;
	return RPCMSG_CALL_OK;
}

static bool parse_accepted(struct reader *in, struct rpcmsg_reply *out)
{
	uint32_t status, low, high;

	if (skip_auth(in) != RPCMSG_CALL_OK || !take_be32(in, &status) ||
	    status > RPCMSG_SYSTEM_ERR)
		return false;
	/* The first six of enum rpcmsg_status are accept_stat's numbers. */
	out->status = (enum rpcmsg_status)status;
	if (out->status == RPCMSG_PROG_MISMATCH)
		return take_be32(in, &low) && take_be32(in, &high);
	if (out->status == RPCMSG_SUCCESS) {
		out->results = in->at;
		out->results_len = in->left;
	}
	return true;
}

static bool parse_denied(struct reader *in, struct rpcmsg_reply *out)
{
	uint32_t reason, low, high;

	if (!take_be32(in, &reason) || !take_be32(in, &low))
		return false;
	if (reason == DENIED_RPC_MISMATCH) {
		out->status = RPCMSG_RPC_MISMATCH;
		return take_be32(in, &high);
	}
	out->status = RPCMSG_AUTH_ERROR;
	return reason == DENIED_AUTH_ERROR;
}

bool rpcmsg_parse_reply(const uint8_t *bytes, size_t len,
			struct rpcmsg_reply *out)
{
	struct reader in = {.at = bytes, .left = len};
	uint32_t type, kind;

	*out = (struct rpcmsg_reply){.results = NULL};
	if (!take_be32(&in, &out->xid) || !take_be32(&in, &type) ||
	    type != TYPE_REPLY || !take_be32(&in, &kind))
		return false;
	if (kind == REPLY_ACCEPTED)
		return parse_accepted(&in, out);
	return kind == REPLY_DENIED && parse_denied(&in, out);
}

static void add_auth_none(struct buf *out)
{
	buf_add_be32(out, AUTH_FLAVOR_NONE);
	buf_add_be32(out, 0);
}

void rpcmsg_add_call(struct buf *out, uint32_t xid, uint32_t prog,
		     uint32_t vers, uint32_t proc)
{
	buf_add_be32(out, xid);
	buf_add_be32(out, TYPE_CALL);
	buf_add_be32(out, RPCMSG_VERSION);
	buf_add_be32(out, prog);
	buf_add_be32(out, vers);
	buf_add_be32(out, proc);
	add_auth_none(out);
	add_auth_none(out);
}

static void add_denied(struct buf *out, enum rpcmsg_status status)
{
	buf_add_be32(out, REPLY_DENIED);
	if (status == RPCMSG_RPC_MISMATCH) {
		buf_add_be32(out, DENIED_RPC_MISMATCH);
		buf_add_be32(out, RPCMSG_VERSION);
		buf_add_be32(out, RPCMSG_VERSION);
		return;
	}
	buf_add_be32(out, DENIED_AUTH_ERROR);
	buf_add_be32(out, AUTH_STAT_BADCRED);
}

void rpcmsg_add_reply(struct buf *out, uint32_t xid, enum rpcmsg_status status,
		      uint32_t version)
{
	buf_add_be32(out, xid);
	buf_add_be32(out, TYPE_REPLY);
	if (status == RPCMSG_RPC_MISMATCH || status == RPCMSG_AUTH_ERROR) {
		add_denied(out, status);
		return;
	}
	buf_add_be32(out, REPLY_ACCEPTED);
	add_auth_none(out);
	buf_add_be32(out, (uint32_t)status);
	if (status == RPCMSG_PROG_MISMATCH) {
		buf_add_be32(out, version);
		buf_add_be32(out, version);
	}
}
