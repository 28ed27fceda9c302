/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The server table with the real NSM types: which reply each wrong call gets,
 * and arguments read and results written byte for byte.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "lib/rpcmsg.h"
#include "lib/rpcsrv.h"
#include "proto/sm_inter.h"

static const struct rpcsrv_proc procs[] = {
	[SM_PROC_NULL] = {.name = "NULL"},
	[SM_PROC_STAT] = {.name = "STAT",
			  .args = (rpcsrv_xdr *)xdr_sm_name,
			  .results = (rpcsrv_xdr *)xdr_sm_stat_res,
			  .args_size = sizeof(struct sm_name)},
	[SM_PROC_MON] = {.name = "MON",
			 .args = (rpcsrv_xdr *)xdr_sm_mon,
			 .results = (rpcsrv_xdr *)xdr_sm_stat_res,
			 .args_size = sizeof(struct sm_mon)},
	[SM_PROC_NOTIFY] = {.name = "NOTIFY",
			    .args = (rpcsrv_xdr *)xdr_sm_stat_chge,
			    .args_size = sizeof(struct sm_stat_chge)},
};

static const struct rpcsrv_program program = {
	.prog = SM_PROGRAM,
	.vers = SM_VERSION,
	.procs = procs,
	.proc_count = sizeof(procs) / sizeof(procs[0]),
};

static void add_name(struct buf *out, const char *bytes, size_t len)
{
	static const char padding[3];

	buf_add_be32(out, (uint32_t)len);
	buf_add(out, bytes, len);
	buf_add(out, padding, (4 - len % 4) % 4);
}

static void add_mon(struct buf *out)
{
	add_name(out, "peer\0x", 6);
	add_name(out, "me", 2);
	buf_add_be32(out, 100021);
	buf_add_be32(out, 3);
	buf_add_be32(out, 16);
	buf_add(out, "0123456789abcdef", SM_PRIV_SIZE);
}

static struct buf call_begin(uint32_t prog, uint32_t vers, uint32_t proc)
{
	struct buf call;

	buf_init(&call, RPCMSG_SIZE_MAX + 1);
	rpcmsg_add_call(&call, 0x1234, prog, vers, proc);
	return call;
}

/* Decodes and frees @call, which must be refused with @status. */
static void assert_refused(struct buf *call, enum rpcmsg_status status)
{
	struct rpcsrv_call decoded;
	struct rpcmsg_reply reply;
	struct buf out;

	buf_init(&out, RPCMSG_SIZE_MAX);
	assert_int_equal(rpcsrv_decode(&program, call->bytes, call->len,
				       &decoded, &out),
			 RPCSRV_REPLY);
	assert_true(rpcmsg_parse_reply(out.bytes, out.len, &reply));
	assert_int_equal(reply.xid, 0x1234);
	assert_int_equal(reply.status, status);
	buf_fini(&out);
	buf_fini(call);
}

static void assert_dropped(const struct buf *call)
{
	struct rpcsrv_call decoded;
	struct buf out;

	buf_init(&out, RPCMSG_SIZE_MAX);
	assert_int_equal(rpcsrv_decode(&program, call->bytes, call->len,
				       &decoded, &out),
			 RPCSRV_DROP);
	assert_int_equal(out.len, 0);
}

static void test_wrong_numbers(void **state)
{
	struct buf call = call_begin(SM_PROGRAM + 1, SM_VERSION, 0);

	(void)state;
	assert_refused(&call, RPCMSG_PROG_UNAVAIL);
	call = call_begin(SM_PROGRAM, SM_VERSION + 1, 0);
	assert_refused(&call, RPCMSG_PROG_MISMATCH);
	call = call_begin(SM_PROGRAM, SM_VERSION, SM_PROC_NOTIFY + 1);
	assert_refused(&call, RPCMSG_PROC_UNAVAIL);
	call = call_begin(SM_PROGRAM, SM_VERSION, UINT32_MAX);
	assert_refused(&call, RPCMSG_PROC_UNAVAIL);
	/* A hole in the table. */
	call = call_begin(SM_PROGRAM, SM_VERSION, SM_PROC_UNMON);
	assert_refused(&call, RPCMSG_PROC_UNAVAIL);
}

static void test_mismatch_names_the_version(void **state)
{
	struct buf call = call_begin(SM_PROGRAM, 7, 0), out;
	struct rpcsrv_call decoded;

	(void)state;
	buf_init(&out, RPCMSG_SIZE_MAX);
	rpcsrv_decode(&program, call.bytes, call.len, &decoded, &out);
	assert_int_equal(out.len, 32);
	assert_memory_equal(out.bytes + 24, "\0\0\0\1\0\0\0\1", 8);
	buf_fini(&out);
	buf_fini(&call);
}

static void test_wrong_headers(void **state)
{
	struct buf call = call_begin(SM_PROGRAM, SM_VERSION, 0);

	(void)state;
	call.bytes[11] = 3;
	assert_refused(&call, RPCMSG_RPC_MISMATCH);
	call = call_begin(SM_PROGRAM, SM_VERSION, 0);
	call.bytes[30] = 2;
	assert_refused(&call, RPCMSG_AUTH_ERROR);
	call = call_begin(SM_PROGRAM, SM_VERSION, 0);
	call.bytes[7] = 1;
	assert_dropped(&call);
	call.len = 39;
	assert_dropped(&call);
	call.len = 0;
	assert_dropped(&call);
	buf_fini(&call);
}

static void test_message_over_the_cap(void **state)
{
	static const uint8_t bytes[RPCMSG_SIZE_MAX + 1 - RPCMSG_CALL_HEADER];
	struct buf call = call_begin(SM_PROGRAM, SM_VERSION, SM_PROC_NULL);
	struct rpcsrv_call decoded;
	struct buf out;

	(void)state;
	buf_init(&out, RPCMSG_SIZE_MAX);
	buf_add(&call, bytes, sizeof(bytes));
	assert_dropped(&call);
	assert_int_equal(rpcsrv_decode(&program, call.bytes, call.len - 1,
				       &decoded, &out),
			 RPCSRV_CALL);
	rpcsrv_call_fini(&decoded);
	buf_fini(&call);
}

static void test_mon_is_decoded(void **state)
{
	struct buf call = call_begin(SM_PROGRAM, SM_VERSION, SM_PROC_MON), out;
	const struct sm_mon *mon;
	struct rpcsrv_call decoded;

	(void)state;
	buf_init(&out, RPCMSG_SIZE_MAX);
	add_mon(&call);
	buf_add_text(&call, "bytes behind the arguments");
	assert_int_equal(rpcsrv_decode(&program, call.bytes, call.len, &decoded,
				       &out),
			 RPCSRV_CALL);
	assert_int_equal(out.len, 0);
	assert_int_equal(decoded.xid, 0x1234);
	assert_int_equal(decoded.proc, SM_PROC_MON);
	assert_ptr_equal(decoded.desc, &procs[SM_PROC_MON]);
	mon = (const void *)decoded.args.bytes;
	assert_int_equal(mon->mon_id.mon_name.sm_string_len, 6);
	assert_memory_equal(mon->mon_id.mon_name.sm_string_val, "peer\0x", 6);
	assert_int_equal(mon->mon_id.my_id.my_name.sm_string_len, 2);
	assert_int_equal(mon->mon_id.my_id.my_prog, 100021);
	assert_int_equal(mon->mon_id.my_id.my_vers, 3);
	assert_int_equal(mon->mon_id.my_id.my_proc, 16);
	assert_memory_equal(mon->priv, "0123456789abcdef", SM_PRIV_SIZE);
	rpcsrv_call_fini(&decoded);
	rpcsrv_call_fini(&decoded);
	buf_fini(&call);
}

/* The leak checker of `make check` with sanitizers sees what is left over. */
static void test_arguments_cut_short(void **state)
{
	struct buf whole;

	(void)state;
	buf_init(&whole, RPCMSG_SIZE_MAX);
	add_mon(&whole);
	for (size_t len = 0; len < whole.len; len++) {
		struct buf call =
			call_begin(SM_PROGRAM, SM_VERSION, SM_PROC_MON);

		buf_add(&call, whole.bytes, len);
		assert_refused(&call, RPCMSG_GARBAGE_ARGS);
	}
	buf_fini(&whole);
}

static void test_name_limits(void **state)
{
	static const char name[SM_MAXSTRLEN + 1];
	struct buf call = call_begin(SM_PROGRAM, SM_VERSION, SM_PROC_STAT), out;
	struct rpcsrv_call decoded;

	(void)state;
	buf_init(&out, RPCMSG_SIZE_MAX);
	add_name(&call, name, SM_MAXSTRLEN);
	assert_int_equal(rpcsrv_decode(&program, call.bytes, call.len, &decoded,
				       &out),
			 RPCSRV_CALL);
	rpcsrv_call_fini(&decoded);
	buf_fini(&call);
	call = call_begin(SM_PROGRAM, SM_VERSION, SM_PROC_STAT);
	add_name(&call, name, SM_MAXSTRLEN + 1);
	assert_refused(&call, RPCMSG_GARBAGE_ARGS);
	call = call_begin(SM_PROGRAM, SM_VERSION, SM_PROC_STAT);
	buf_add_be32(&call, UINT32_MAX);
	assert_refused(&call, RPCMSG_GARBAGE_ARGS);
	/* Empty is well-formed; whether it may be is the core's question. */
	call = call_begin(SM_PROGRAM, SM_VERSION, SM_PROC_STAT);
	buf_add_be32(&call, 0);
	assert_int_equal(rpcsrv_decode(&program, call.bytes, call.len, &decoded,
				       &out),
			 RPCSRV_CALL);
	rpcsrv_call_fini(&decoded);
	buf_fini(&call);
}

static void test_replies(void **state)
{
	static const uint8_t expected[] = {0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0,
					   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
					   0, 0, 0, 0, 0, 1, 0, 0, 0, 13};
	struct sm_stat_res res = {.res_stat = SM_STAT_FAIL, .state = 13};
	struct buf out;

	(void)state;
	buf_init(&out, RPCMSG_SIZE_MAX);
	rpcsrv_add_reply(&out, 9, &procs[SM_PROC_MON], &res);
	assert_int_equal(out.len, sizeof(expected));
	assert_memory_equal(out.bytes, expected, sizeof(expected));
	buf_clear(&out);
	rpcsrv_add_reply(&out, 9, &procs[SM_PROC_NOTIFY], NULL);
	assert_int_equal(out.len, 24);
	assert_memory_equal(out.bytes, expected, 24);
	buf_fini(&out);
}

static void test_encoding_that_is_refused(void **state)
{
	char bytes[SM_MAXSTRLEN + 1] = "";
	struct sm_name name = {
		.mon_name = {.sm_string_len = sizeof(bytes),
			     .sm_string_val = bytes},
	};
	struct buf out;

	(void)state;
	buf_init(&out, RPCMSG_SIZE_MAX);
	rpcsrv_add_xdr(&out, (rpcsrv_xdr *)xdr_sm_name, &name);
	assert_true(out.is_overflowed);
	buf_clear(&out);
	name.mon_name.sm_string_len = 5;
	memcpy(bytes, "peer1", 5);
	rpcsrv_add_xdr(&out, (rpcsrv_xdr *)xdr_sm_name, &name);
	assert_int_equal(out.len, 12);
	assert_memory_equal(out.bytes, "\0\0\0\5peer1\0\0\0", 12);
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrong_numbers),
		cmocka_unit_test(test_mismatch_names_the_version),
		cmocka_unit_test(test_wrong_headers),
		cmocka_unit_test(test_message_over_the_cap),
		cmocka_unit_test(test_mon_is_decoded),
		cmocka_unit_test(test_arguments_cut_short),
		cmocka_unit_test(test_name_limits),
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_encoding_that_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
