/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The messages between nfsd and its tracking daemon (contract.md 6.4).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cltrack/upcall.h"

static uint8_t message[UPCALL_SIZE_MAX + 1];

/* What the kernel declares: packed, host order. */
struct kernel_v2 {
	uint8_t version;
	uint8_t command;
	int16_t status;
	uint32_t xid;
	uint16_t id_len;
	uint8_t id[1024];
	uint8_t hash_len;
	uint8_t hash[32];
} __attribute__((packed));

static void a_message_of_the_kernel_is_read(void **state)
{
	struct kernel_v2 sent = {.version = 2,
				 .command = UPCALL_CREATE,
				 .xid = 0x12345678,
				 .id_len = 3,
				 .id = "abc",
				 .hash_len = 32};
	struct upcall got;

	(void)state;
	memset(sent.hash, 7, sizeof(sent.hash));
	assert_int_equal(sizeof(sent), UPCALL_V2_SIZE);
	memcpy(message, &sent, sizeof(sent));
	assert_int_equal(upcall_decode(message, sizeof(sent), &got), UPCALL_OK);
	assert_int_equal(got.version, 2);
	assert_int_equal(got.command, UPCALL_CREATE);
	assert_int_equal(got.xid, 0x12345678);
	assert_int_equal(got.client.id_len, 3);
	assert_memory_equal(got.client.id, "abc", 3);
	assert_int_equal(got.client.princhash_len, 32);
	assert_memory_equal(got.client.princhash, sent.hash, 32);
}

static void version_1_ends_after_the_id(void **state)
{
	struct kernel_v2 sent = {.version = 1,
				 .command = UPCALL_REMOVE,
				 .id_len = 1024};
	struct upcall got;

	(void)state;
	memset(sent.id, 'x', sizeof(sent.id));
	sent.hash_len = 200; /* is not there */
	memcpy(message, &sent, sizeof(sent));
	assert_int_equal(upcall_decode(message, UPCALL_V1_SIZE, &got),
			 UPCALL_OK);
	assert_int_equal(got.client.id_len, 1024);
	assert_int_equal(got.client.princhash_len, 0);
}

static enum upcall_fault decode(const struct kernel_v2 *sent, size_t len)
{
	struct upcall got;
	enum upcall_fault fault;
	uint8_t *copy = malloc(len + 1);

	memcpy(copy, sent, len < sizeof(*sent) ? len : sizeof(*sent));
	fault = upcall_decode(copy, len, &got);
	if (fault != UPCALL_OK)
		assert_int_equal(got.client.id_len, 0);
	free(copy);
	return fault;
}

static void lengths_are_bounded(void **state)
{
	struct kernel_v2 sent = {.version = 2, .id_len = 1, .xid = 9};

	(void)state;
	assert_int_equal(decode(&sent, 7), UPCALL_SHORT);
	assert_int_equal(decode(&sent, UPCALL_V2_SIZE - 1), UPCALL_SHORT);
	assert_int_equal(decode(&sent, UPCALL_V2_SIZE + 1), UPCALL_LONG);
	assert_int_equal(decode(&sent, UPCALL_V2_SIZE), UPCALL_OK);
	sent.id_len = 0;
	assert_int_equal(decode(&sent, UPCALL_V2_SIZE), UPCALL_BAD_ID);
	sent.id_len = 1025;
	assert_int_equal(decode(&sent, UPCALL_V2_SIZE), UPCALL_BAD_ID);
	sent.id_len = 1024;
	sent.hash_len = 33;
	assert_int_equal(decode(&sent, UPCALL_V2_SIZE), UPCALL_BAD_HASH);
	sent.hash_len = 31;
	assert_int_equal(decode(&sent, UPCALL_V2_SIZE), UPCALL_BAD_HASH);
	sent.command = UPCALL_GRACE_DONE; /* carries none of them */
	assert_int_equal(decode(&sent, UPCALL_V2_SIZE), UPCALL_OK);
	sent.version = 1;
	assert_int_equal(decode(&sent, UPCALL_V2_SIZE), UPCALL_LONG);
	sent.version = 3;
	assert_int_equal(decode(&sent, UPCALL_V2_SIZE), UPCALL_NO_VERSION);
	sent.version = 0;
	assert_int_equal(decode(&sent, UPCALL_V2_SIZE), UPCALL_NO_VERSION);
}

static void what_is_written_is_read_again(void **state)
{
	const uint8_t hash[CLIENT_PRINCHASH_LEN] = {1, 2, 3};
	struct upcall sent = {.version = 2,
			      .command = UPCALL_GRACE_START,
			      .status = -EINPROGRESS,
			      .xid = 77,
			      .client = {(const uint8_t *)"id", 2, hash,
					 sizeof(hash)}};
	struct upcall got;
	size_t len = upcall_encode(&sent, message);

	(void)state;
	assert_int_equal(len, UPCALL_V2_SIZE);
	assert_int_equal(upcall_decode(message, len, &got), UPCALL_OK);
	assert_int_equal(got.status, -EINPROGRESS);
	assert_memory_equal(got.client.id, "id", 2);
	assert_memory_equal(got.client.princhash, hash, sizeof(hash));
	sent.version = 1;
	len = upcall_encode(&sent, message);
	assert_int_equal(len, UPCALL_V1_SIZE);
	assert_int_equal(upcall_decode(message, len, &got), UPCALL_OK);
	assert_int_equal(got.client.princhash_len, 0);
	/* The last record is followed by an answer without a client. */
	sent.status = 0;
	sent.client = (struct client){0};
	len = upcall_encode(&sent, message);
	assert_int_equal(upcall_decode(message, len, &got), UPCALL_OK);
	assert_int_equal(got.status, 0);
}

static void get_version_is_answered_in_its_first_byte(void **state)
{
	const struct upcall sent = {.version = 1,
				    .command = UPCALL_GET_VERSION,
				    .offered = 2};
	struct upcall got;
	size_t len = upcall_encode(&sent, message);

	(void)state;
	assert_int_equal(len, UPCALL_V1_SIZE);
	assert_int_equal(message[8], 2);
	assert_int_equal(upcall_decode(message, len, &got), UPCALL_OK);
	assert_int_equal(got.offered, 2);
	upcall_set_status(message, -EOPNOTSUPP);
	assert_int_equal(upcall_decode(message, len, &got), UPCALL_OK);
	assert_int_equal(got.status, -EOPNOTSUPP);
}

static void everything_has_a_name(void **state)
{
	(void)state;
	assert_string_equal(upcall_command_name(UPCALL_GRACE_START),
			    "GraceStart");
	assert_string_equal(upcall_command_name(6), "?");
	assert_string_equal(upcall_fault_text(UPCALL_SHORT), "too short");
	assert_string_equal(upcall_fault_text(UPCALL_LONG), "too long");
	assert_string_not_equal(upcall_fault_text(UPCALL_NO_VERSION), "?");
	assert_string_not_equal(upcall_fault_text(UPCALL_BAD_ID), "?");
	assert_string_not_equal(upcall_fault_text(UPCALL_BAD_HASH), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_of_the_kernel_is_read),
		cmocka_unit_test(version_1_ends_after_the_id),
		cmocka_unit_test(lengths_are_bounded),
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(get_version_is_answered_in_its_first_byte),
		cmocka_unit_test(everything_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
