/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls as bytes (X/Open CAE C702 chapter 11; RFC 1833).
 */
#include "sm-notify/message.h"

#include <assert.h>

#include "lib/rpcmsg.h"
#include "lib/rpcsrv.h"
#include "proto/sm_inter.h"

void message_add_getport(struct buf *out, uint32_t xid, enum addr_family family,
			 enum portmap_protocol protocol)
{
	portmap_add_getport(out, xid, family, SM_PROGRAM, SM_VERSION, protocol);
	assert(!out->is_overflowed);
}

void message_add_notice(struct buf *out, uint32_t xid,
			const struct message_notice *notice)
{
	struct sm_stat_chge args = {0};

	args.mon_name.sm_string_len = (u_int)notice->len;
	args.mon_name.sm_string_val = notice->name;
	args.state = (int)notice->number;
	rpcmsg_add_call(out, xid, SM_PROGRAM, SM_VERSION, SM_PROC_NOTIFY);
	rpcsrv_add_xdr(out, (rpcsrv_xdr *)xdr_sm_stat_chge, &args);
	assert(!out->is_overflowed);
}
