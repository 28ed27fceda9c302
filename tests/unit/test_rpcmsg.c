/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RPC headers against bytes written down by hand from RFC 5531 section 9, and
 * against every way of cutting them short.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "lib/rpcmsg.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Puts @words into @out as XDR does; returns the number of bytes. */
static size_t put_words(uint8_t *out, const uint32_t *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		out[4 * i] = (uint8_t)(words[i] >> 24);
		out[4 * i + 1] = (uint8_t)(words[i] >> 16);
		out[4 * i + 2] = (uint8_t)(words[i] >> 8);
		out[4 * i + 3] = (uint8_t)words[i];
	}
	return 4 * count;
}

static void assert_words(const struct buf *buf, const uint32_t *words,
			 size_t count)
{
	uint8_t bytes[256];
	size_t len = put_words(bytes, words, count);

	assert_false(buf->is_overflowed);
	assert_int_equal(buf->len, len);
	assert_memory_equal(buf->bytes, bytes, len);
}

/* A call with an AUTH_SYS credential of 6 bytes and 2 of padding. */
static const uint32_t call_words[] = {0xdeadbeef, 0, 2, 100024,	    1,
				      6,	  1, 6, 0x61626364, 0x65660000,
				      0,	  0, 7, 8};

static void test_call_is_read(void **state)
{
	uint8_t bytes[sizeof(call_words)];
	size_t len = put_words(bytes, call_words, COUNT(call_words));
	struct rpcmsg_call call;

	(void)state;
	assert_int_equal(rpcmsg_parse_call(bytes, len, &call), RPCMSG_CALL_OK);
	assert_int_equal(call.xid, 0xdeadbeef);
	assert_int_equal(call.prog, 100024);
	assert_int_equal(call.vers, 1);
	assert_int_equal(call.proc, 6);
	assert_ptr_equal(call.args, bytes + len - 8);
	assert_int_equal(call.args_len, 8);
}

static void test_call_cut_short_is_garbled(void **state)
{
	uint8_t bytes[sizeof(call_words)];
	size_t len = put_words(bytes, call_words, COUNT(call_words)) - 8;
	struct rpcmsg_call call;

	(void)state;
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(rpcmsg_parse_call(bytes, cut, &call),
				 RPCMSG_CALL_GARBLED);
	assert_int_equal(rpcmsg_parse_call(bytes, len, &call), RPCMSG_CALL_OK);
	assert_int_equal(call.args_len, 0);
}

static void test_call_refusals(void **state)
{
	uint8_t bytes[sizeof(call_words)];
	uint32_t words[COUNT(call_words)];
	struct rpcmsg_call call;

	(void)state;
	memcpy(words, call_words, sizeof(words));
	words[1] = 1;
	put_words(bytes, words, COUNT(words));
	assert_int_equal(rpcmsg_parse_call(bytes, sizeof(bytes), &call),
			 RPCMSG_CALL_GARBLED);
	words[1] = 0;
	words[2] = 3;
	put_words(bytes, words, COUNT(words));
	call.xid = 0;
	/* Nothing behind the version counts, not even that it is there. */
	assert_int_equal(rpcmsg_parse_call(bytes, 12, &call),
			 RPCMSG_CALL_VERSION);
	assert_int_equal(call.xid, 0xdeadbeef);
}

/* Reads a call whose credential (or verifier) claims and has @auth_len. */
static enum rpcmsg_call_error parse_auth(int is_verifier, uint32_t auth_len)
{
	uint32_t words[12 + 110] = {1, 0, 2, 3, 4, 5};
	uint8_t bytes[sizeof(words)];
	size_t padded_words = (auth_len + 3) / 4;
	struct rpcmsg_call call;
	enum rpcmsg_call_error error;
	size_t len;

	words[is_verifier ? 9 : 7] = auth_len;
	len = put_words(bytes, words, 10 + padded_words);
	error = rpcmsg_parse_call(bytes, len, &call);
	assert_int_equal(call.xid, 1);
	if (error == RPCMSG_CALL_OK)
		assert_int_equal(call.args_len, 0);
	return error;
}

static void test_auth_limit(void **state)
{
	(void)state;
	for (int is_verifier = 0; is_verifier <= 1; is_verifier++) {
		assert_int_equal(parse_auth(is_verifier, 399), RPCMSG_CALL_OK);
		assert_int_equal(parse_auth(is_verifier, 400), RPCMSG_CALL_OK);
		assert_int_equal(parse_auth(is_verifier, 401),
				 RPCMSG_CALL_AUTH);
	}
}

static void test_auth_length_that_wraps(void **state)
{
	uint32_t words[] = {1, 0, 2, 3, 4, 5, 0, 0xfffffffd, 0, 0};
	uint8_t bytes[sizeof(words)];
	struct rpcmsg_call call;

	(void)state;
	put_words(bytes, words, COUNT(words));
	assert_int_equal(rpcmsg_parse_call(bytes, sizeof(bytes), &call),
			 RPCMSG_CALL_AUTH);
}

static void test_call_is_written(void **state)
{
	static const uint32_t words[] = {7, 0, 2, 100021, 3, 16, 0, 0, 0, 0};
	struct rpcmsg_call call;
	struct buf buf;

	(void)state;
	buf_init(&buf, RPCMSG_SIZE_MAX);
	rpcmsg_add_call(&buf, 7, 100021, 3, 16);
	assert_words(&buf, words, COUNT(words));
	assert_int_equal(buf.len, RPCMSG_CALL_HEADER);
	assert_int_equal(rpcmsg_parse_call(buf.bytes, buf.len, &call),
			 RPCMSG_CALL_OK);
	buf_fini(&buf);
}

struct reply_case {
	enum rpcmsg_status status;
	size_t count;
	uint32_t words[8];
};

static const struct reply_case reply_cases[] = {
	{RPCMSG_SUCCESS, 6, {9, 1, 0, 0, 0, 0}},
	{RPCMSG_PROG_UNAVAIL, 6, {9, 1, 0, 0, 0, 1}},
	{RPCMSG_PROG_MISMATCH, 8, {9, 1, 0, 0, 0, 2, 4, 4}},
	{RPCMSG_PROC_UNAVAIL, 6, {9, 1, 0, 0, 0, 3}},
	{RPCMSG_GARBAGE_ARGS, 6, {9, 1, 0, 0, 0, 4}},
	{RPCMSG_SYSTEM_ERR, 6, {9, 1, 0, 0, 0, 5}},
	{RPCMSG_RPC_MISMATCH, 6, {9, 1, 1, 0, 2, 2}},
	{RPCMSG_AUTH_ERROR, 5, {9, 1, 1, 1, 1}},
};

static void test_replies_are_written_and_read(void **state)
{
	struct rpcmsg_reply reply;
	struct buf buf;

	(void)state;
	buf_init(&buf, RPCMSG_SIZE_MAX);
	for (size_t i = 0; i < COUNT(reply_cases); i++) {
		const struct reply_case *expected = &reply_cases[i];

		buf_clear(&buf);
		rpcmsg_add_reply(&buf, 9, expected->status, 4);
		assert_words(&buf, expected->words, expected->count);
		assert_true(rpcmsg_parse_reply(buf.bytes, buf.len, &reply));
		assert_int_equal(reply.xid, 9);
		assert_int_equal(reply.status, expected->status);
		assert_int_equal(reply.results_len, 0);
		for (size_t cut = 0; cut < buf.len; cut++)
			assert_false(
				rpcmsg_parse_reply(buf.bytes, cut, &reply));
	}
	buf_fini(&buf);
}

static void test_reply_with_verifier_and_results(void **state)
{
	static const uint32_t words[] = {9,	     1,		 0, 1,	 5,
					 0x61626364, 0x65000000, 0, 111, 222};
	uint8_t bytes[sizeof(words)];
	size_t len = put_words(bytes, words, COUNT(words));
	struct rpcmsg_reply reply;

	(void)state;
	assert_true(rpcmsg_parse_reply(bytes, len, &reply));
	assert_int_equal(reply.status, RPCMSG_SUCCESS);
	assert_ptr_equal(reply.results, bytes + len - 8);
	assert_int_equal(reply.results_len, 8);
}

static void test_malformed_replies(void **state)
{
	static const uint32_t cases[][8] = {
		{9, 0, 0, 0, 0, 0},   /* a call */
		{9, 2, 0, 0, 0, 0},   /* neither call nor reply */
		{9, 1, 2, 0, 0, 0},   /* neither accepted nor denied */
		{9, 1, 0, 0, 0, 6},   /* no such accept_stat */
		{9, 1, 1, 2, 0, 0},   /* no such reject_stat */
		{9, 1, 0, 0, 401, 0}, /* a verifier over the limit */
		{9, 1, 0, 0, 12, 0},  /* a verifier longer than the rest */
	};
	uint8_t bytes[sizeof(cases[0])];
	struct rpcmsg_reply reply;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t len = put_words(bytes, cases[i], COUNT(cases[i]));

		assert_false(rpcmsg_parse_reply(bytes, len, &reply));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_call_is_read),
		cmocka_unit_test(test_call_cut_short_is_garbled),
		cmocka_unit_test(test_call_refusals),
		cmocka_unit_test(test_auth_limit),
		cmocka_unit_test(test_auth_length_that_wraps),
		cmocka_unit_test(test_call_is_written),
		cmocka_unit_test(test_replies_are_written_and_read),
		cmocka_unit_test(test_reply_with_verifier_and_results),
		cmocka_unit_test(test_malformed_replies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
