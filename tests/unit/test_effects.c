/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queue of effects: in order, each with bytes of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "statd/effects.h"

static int setup(void **state)
{
	static struct effects out;

	effects_init(&out);
	*state = &out;
	return 0;
}

static int teardown(void **state)
{
	effects_fini(*state);
	return 0;
}

/* A buffer with @text, to be given away. */
static struct buf message_of(const char *text)
{
	struct buf message;

	buf_init(&message, 64);
	buf_add_text(&message, text);
	return message;
}

static void nothing_is_taken_from_an_empty_queue(void **state)
{
	struct nsm_out out;

	assert_false(effects_take(*state, &out));
	assert_false(effects_take(*state, &out));
}

static void effects_leave_in_the_order_they_came(void **state)
{
	static const enum nsm_out_kind kinds[] = {
		NSM_OUT_STORE, NSM_OUT_FORGET,	NSM_OUT_REPLY,
		NSM_OUT_SEND,  NSM_OUT_RESOLVE, NSM_OUT_LOG};
	struct effects *effects = *state;
	struct buf content = message_of("content");
	struct buf answer = message_of("answer");
	struct buf call = message_of("call");
	struct addr to = addr_loopback(111);
	struct nsm_out out;
	size_t i;

	effects_store(effects, 7, "client", true, &content);
	effects_forget(effects, "client");
	effects_reply(effects, 8, &answer);
	effects_send(effects, 9, NSM_FROM_ANY, &to, &call);
	effects_resolve(effects, 10, "client");
	effects_log(effects, LOG_WARN, "%s", "text");
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		assert_true(effects_take(effects, &out));
		assert_int_equal(out.kind, kinds[i]);
	}
	assert_false(effects_take(effects, &out));
}

static void each_effect_carries_what_it_was_given(void **state)
{
	struct effects *effects = *state;
	struct buf content = message_of("content");
	struct buf call = message_of("call");
	struct addr to = addr_loopback(111);
	struct nsm_out out;

	effects_store(effects, 7, "client", true, &content);
	assert_true(effects_take(effects, &out));
	assert_int_equal(out.store.id, 7);
	assert_string_equal(out.store.file, "client");
	assert_true(out.store.is_new);
	assert_int_equal(out.len, 7);
	assert_memory_equal(out.bytes, "content", 7);

	effects_send(effects, 9, NSM_FROM_ANY, &to, &call);
	assert_true(effects_take(effects, &out));
	assert_int_equal(out.send.id, 9);
	assert_true(addr_is_equal(&out.send.peer, &to));
	assert_int_equal(out.send.source, NSM_FROM_ANY);
	assert_memory_equal(out.bytes, "call", 4);

	effects_resolve(effects, 10, "name");
	assert_true(effects_take(effects, &out));
	assert_int_equal(out.resolve.id, 10);
	assert_string_equal(out.resolve.name, "name");
}

/* The caller may reuse its memory as soon as the effect is queued. */
static void names_are_copied_and_bytes_taken(void **state)
{
	struct effects *effects = *state;
	char file[] = "client";
	struct buf content = message_of("content");
	const uint8_t *bytes = content.bytes;
	struct nsm_out out;

	effects_store(effects, 1, file, false, &content);
	memset(file, 'x', sizeof(file) - 1);
	assert_int_equal(content.len, 0);
	assert_null(content.bytes);
	assert_true(effects_take(effects, &out));
	assert_string_equal(out.store.file, "client");
	assert_ptr_equal(out.bytes, bytes);
	assert_false(out.store.is_new);
}

static void a_reply_without_message_is_empty(void **state)
{
	struct effects *effects = *state;
	struct nsm_out out;

	effects_reply(effects, 11, NULL);
	assert_true(effects_take(effects, &out));
	assert_int_equal(out.reply.reply_to, 11);
	assert_int_equal(out.len, 0);
}

static void log_lines_are_cut_at_their_cap(void **state)
{
	struct effects *effects = *state;
	char longer[2 * LOG_TEXT_MAX];
	struct nsm_out out;

	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	effects_log(effects, LOG_ERROR, "%s", longer);
	assert_true(effects_take(effects, &out));
	assert_int_equal(out.log.level, LOG_ERROR);
	assert_int_equal(strlen(out.log.text), LOG_TEXT_MAX - 1);
	effects_debug(effects, LOG_CLASS_CALL, "%s %d", "call", 5);
	assert_true(effects_take(effects, &out));
	assert_int_equal(out.log.level, LOG_TRACE);
	assert_int_equal(out.log.class, LOG_CLASS_CALL);
	assert_string_equal(out.log.text, "call 5");
}

/* What is lent out and what still waits are freed alike; teardown ends it. */
static void a_queue_may_end_half_taken(void **state)
{
	struct effects *effects = *state;
	struct buf first = message_of("first");
	struct buf second = message_of("second");
	struct nsm_out out;

	effects_reply(effects, 1, &first);
	effects_reply(effects, 2, &second);
	assert_true(effects_take(effects, &out));
	effects_fini(effects);
	assert_false(effects_take(effects, &out));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_taken_from_an_empty_queue),
		TEST(effects_leave_in_the_order_they_came),
		TEST(each_effect_carries_what_it_was_given),
		TEST(names_are_copied_and_bytes_taken),
		TEST(a_reply_without_message_is_empty),
		TEST(log_lines_are_cut_at_their_cap),
		TEST(a_queue_may_end_half_taken),
	};

	return cmocka_run_group_tests_name("effects", tests, NULL, NULL);
}
