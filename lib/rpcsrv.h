/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The server half of a program, sans-IO: a table of procedures turns message
 * bytes into decoded arguments, or into the reply that says why not.
 */
#ifndef NFS_RECLAIM_LIB_RPCSRV_H
#define NFS_RECLAIM_LIB_RPCSRV_H

#include <stddef.h>
#include <stdint.h>
#include <rpc/types.h>
#include <rpc/xdr.h>

#include "lib/buf.h"

#define RPCSRV_ARGS_SIZE 128 /* largest decoded argument struct */

/* XDR routines as rpcgen makes them, called with one struct pointer. */
typedef bool_t rpcsrv_xdr(XDR *, void *);

struct rpcsrv_proc {
	const char *name;    /* NULL: no such procedure */
	rpcsrv_xdr *args;    /* NULL: void */
	rpcsrv_xdr *results; /* NULL: void */
	size_t args_size;    /* at most RPCSRV_ARGS_SIZE */
};

struct rpcsrv_program {
	uint32_t prog;
	uint32_t vers;
	const struct rpcsrv_proc *procs; /* by procedure number */
	uint32_t proc_count;
};

struct rpcsrv_call {
	uint32_t xid;
	uint32_t proc;
	const struct rpcsrv_proc *desc;
	union {
		uint8_t bytes[RPCSRV_ARGS_SIZE];
		uint64_t aligned;
		void *pointer;
	} args; /* the decoded argument struct of that procedure */
};

enum rpcsrv_verdict {
	RPCSRV_CALL,  /* *call is set */
	RPCSRV_REPLY, /* the reply in @reply says what was wrong */
	RPCSRV_DROP,  /* no call, or over RPCMSG_SIZE_MAX: nothing is said */
};

/*
 * Decodes the call in @bytes for @program.  Bytes behind the arguments are
 * ignored, as libtirpc does.
 * Errors: as the enum says; @reply then holds RPC_MISMATCH, PROG_UNAVAIL,
 *         PROG_MISMATCH, PROC_UNAVAIL, GARBAGE_ARGS or AUTH_ERROR.
 * Owns:   rpcsrv_call_fini() ends *call after RPCSRV_CALL.
 * Source: RFC 5531 section 9; contract.md 1.1.
 */
enum rpcsrv_verdict rpcsrv_decode(const struct rpcsrv_program *program,
				  const uint8_t *bytes, size_t len,
				  struct rpcsrv_call *call, struct buf *reply);

/*
 * Frees what XDR allocated inside @call.
 */
void rpcsrv_call_fini(struct rpcsrv_call *call);

/*
 * Adds the successful reply to the call @xid of @proc with @results (may be
 * NULL for a void procedure).
 */
void rpcsrv_add_reply(struct buf *reply, uint32_t xid,
		      const struct rpcsrv_proc *proc, void *results);

/*
 * Adds @value encoded by @xdr to @out.
 * Range:  the encoding has at most RPCMSG_SIZE_MAX bytes.
 * Errors: @out is "overflowed" where XDR refuses or the cap is passed.
 */
void rpcsrv_add_xdr(struct buf *out, rpcsrv_xdr *xdr, void *value);

#endif
