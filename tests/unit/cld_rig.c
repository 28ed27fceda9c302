/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nothing here knows what the core should do.
 */
#include "tests/unit/cld_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define CLIENTS_MAX 8

struct cld *rig;
uint64_t rig_now_ms;
struct cld_out rig_out;
struct upcall rig_message;

static void begin(uint64_t current, uint64_t recovery, bool has_old_kernel,
		  bool is_first_time)
{
	const struct cld_config config = {.seed = "clients",
					  .has_old_kernel = has_old_kernel};
	const struct cld_in in = {.kind = CLD_IN_EPOCHS,
				  .epochs = {current, recovery, is_first_time}};

	cld_free(rig);
	rig_now_ms = 1000;
	rig = cld_new(&config);
	cld_input(rig, rig_now_ms, &in);
}

void rig_begin(uint64_t current, uint64_t recovery, bool has_old_kernel)
{
	begin(current, recovery, has_old_kernel, false);
}

void rig_begin_first_time(void)
{
	begin(2, 1, false, true);
}

int rig_end(void **state)
{
	(void)state;
	cld_free(rig);
	rig = NULL;
	return 0;
}

static void ask(uint32_t xid, enum upcall_command command, const char *id,
		bool is_repeat, bool is_grace)
{
	struct upcall upcall = {.version = 2,
				.command = (uint8_t)command,
				.xid = xid};
	uint8_t bytes[UPCALL_SIZE_MAX];
	struct cld_in in = {.kind = CLD_IN_REQUEST,
			    .request = {.reply_to = xid + 1000,
					.bytes = bytes,
					.is_repeat = is_repeat,
					.is_grace = is_grace}};

	if (id != NULL) {
		upcall.client.id = (const uint8_t *)id;
		upcall.client.id_len = strlen(id);
	}
	in.request.len = upcall_encode(&upcall, bytes);
	cld_input(rig, rig_now_ms, &in);
}

void rig_ask(uint32_t xid, enum upcall_command command, const char *id)
{
	ask(xid, command, id, false, false);
}

void rig_ask_again(uint32_t xid, enum upcall_command command, const char *id)
{
	ask(xid, command, id, true, false);
}

void rig_ask_in_grace(uint32_t xid, enum upcall_command command, const char *id)
{
	ask(xid, command, id, false, true);
}

static bool take(void)
{
	while (cld_output(rig, &rig_out))
		if (rig_out.kind != CLD_OUT_LOG)
			return true;
	return false;
}

void rig_expect(enum cld_out_kind kind)
{
	assert_true(take());
	assert_int_equal(rig_out.kind, kind);
	if (kind == CLD_OUT_REPLY || kind == CLD_OUT_RECORD)
		(void)upcall_decode(rig_out.reply.bytes, rig_out.reply.len,
				    &rig_message);
}

uint64_t rig_expect_store(enum cld_op op)
{
	rig_expect(CLD_OUT_STORE);
	assert_int_equal(rig_out.store.op, op);
	return rig_out.store.id;
}

void rig_expect_answer(uint32_t xid, int status)
{
	rig_expect(CLD_OUT_REPLY);
	assert_int_equal(rig_out.reply.reply_to, xid + 1000);
	assert_int_equal(rig_message.xid, xid);
	assert_int_equal(rig_message.status, status);
}

void rig_expect_nothing(void)
{
	assert_false(take());
}

void rig_stored(uint64_t id, int error)
{
	const struct cld_in in = {
		.kind = CLD_IN_STORED,
		.stored = {.id = id, .error = error, .reason = "a test"}};

	cld_input(rig, rig_now_ms, &in);
}

void rig_clients(enum cld_in_kind kind, uint64_t id, const char *const *ids)
{
	struct client clients[CLIENTS_MAX] = {{0}};
	struct cld_in in = {.kind = kind,
			    .clients = {.id = id, .clients = clients}};

	for (; *ids != NULL; ids++) {
		struct client *client = &clients[in.clients.count++];

		client->id = (const uint8_t *)*ids;
		client->id_len = strlen(*ids);
	}
	cld_input(rig, rig_now_ms, &in);
}

void rig_failed(enum cld_in_kind kind, uint64_t id, int error)
{
	const struct cld_in in = {
		.kind = kind,
		.clients = {.id = id, .error = error, .reason = "a test"}};

	cld_input(rig, rig_now_ms, &in);
}

void rig_wait(void)
{
	const struct cld_in in = {.kind = CLD_IN_TIMER};

	assert_true(cld_deadline_ms(rig) != UINT64_MAX);
	if (cld_deadline_ms(rig) > rig_now_ms)
		rig_now_ms = cld_deadline_ms(rig);
	cld_input(rig, rig_now_ms, &in);
}
