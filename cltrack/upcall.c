/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Offsets instead of packed structs: every access is a memcpy of a size that
 * was checked, and nothing here depends on how a compiler lays out a union.
 */
#include "cltrack/upcall.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define AT_VERSION  0u
#define AT_COMMAND  1u
#define AT_STATUS   2u
#define AT_XID	    4u
#define AT_BODY	    UPCALL_HEADER_SIZE /* a name's length, or the version */
#define AT_ID	    (AT_BODY + 2u)
#define AT_HASH_LEN (AT_ID + CLIENT_ID_MAX)
#define AT_HASH	    (AT_HASH_LEN + 1u)

static_assert(AT_HASH_LEN == UPCALL_V1_SIZE, "version 1 ends after the id");
static_assert(AT_HASH + CLIENT_PRINCHASH_LEN == UPCALL_V2_SIZE,
	      "version 2 ends after the hash");

size_t upcall_size(uint8_t version)
{
	switch (version) {
	case 1:
		return UPCALL_V1_SIZE;
	case 2:
		return UPCALL_V2_SIZE;
	default:
		return 0;
	}
}

static bool has_client(const struct upcall *upcall)
{
	switch (upcall->command) {
	case UPCALL_CREATE:
	case UPCALL_REMOVE:
	case UPCALL_CHECK:
		return true;
	case UPCALL_GRACE_START:
		return upcall->status == -EINPROGRESS;
	default:
		return false;
	}
}

static enum upcall_fault decode_client(const uint8_t *bytes, struct upcall *out)
{
	uint16_t id_len;

	memcpy(&id_len, bytes + AT_BODY, sizeof(id_len));
	if (id_len == 0 || id_len > CLIENT_ID_MAX)
		return UPCALL_BAD_ID;
	if (out->version > 1) {
		uint8_t hash_len = bytes[AT_HASH_LEN];

		if (hash_len != 0 && hash_len != CLIENT_PRINCHASH_LEN)
			return UPCALL_BAD_HASH;
		out->client.princhash_len = hash_len;
		if (hash_len != 0)
			out->client.princhash = bytes + AT_HASH;
	}
	out->client.id = bytes + AT_ID;
	out->client.id_len = id_len;
	return UPCALL_OK;
}

enum upcall_fault upcall_decode(const uint8_t *bytes, size_t len,
				struct upcall *out)
{
	size_t size;

	*out = (struct upcall){0};
	if (len < UPCALL_HEADER_SIZE)
		return UPCALL_SHORT;
	out->version = bytes[AT_VERSION];
	out->command = bytes[AT_COMMAND];
	memcpy(&out->status, bytes + AT_STATUS, sizeof(out->status));
	memcpy(&out->xid, bytes + AT_XID, sizeof(out->xid));
	size = upcall_size(out->version);
	if (size == 0)
		return UPCALL_NO_VERSION;
	if (len != size)
		return len < size ? UPCALL_SHORT : UPCALL_LONG;
	if (out->command == UPCALL_GET_VERSION)
		out->offered = bytes[AT_BODY];
	return has_client(out) ? decode_client(bytes, out) : UPCALL_OK;
}

static void encode_client(const struct upcall *upcall, uint8_t *out)
{
	const struct client *client = &upcall->client;
	uint16_t id_len = (uint16_t)client->id_len;

	assert(client->id_len <= CLIENT_ID_MAX);
	memcpy(out + AT_BODY, &id_len, sizeof(id_len));
	memcpy(out + AT_ID, client->id, client->id_len);
	if (upcall->version == 1 || client->princhash_len == 0)
		return;
	assert(client->princhash_len == CLIENT_PRINCHASH_LEN);
	out[AT_HASH_LEN] = CLIENT_PRINCHASH_LEN;
	memcpy(out + AT_HASH, client->princhash, CLIENT_PRINCHASH_LEN);
}

size_t upcall_encode(const struct upcall *upcall,
		     uint8_t out[static UPCALL_SIZE_MAX])
{
	size_t size = upcall_size(upcall->version);

	assert(size != 0);
	memset(out, 0, size);
	out[AT_VERSION] = upcall->version;
	out[AT_COMMAND] = upcall->command;
	memcpy(out + AT_XID, &upcall->xid, sizeof(upcall->xid));
	upcall_set_status(out, upcall->status);
	if (upcall->command == UPCALL_GET_VERSION)
		out[AT_BODY] = upcall->offered;
	else if (upcall->client.id_len > 0)
		encode_client(upcall, out);
	return size;
}

void upcall_set_status(uint8_t *bytes, int16_t status)
{
	memcpy(bytes + AT_STATUS, &status, sizeof(status));
}

const char *upcall_fault_text(enum upcall_fault fault)
{
	switch (fault) {
	case UPCALL_OK:
		return "fine";
	case UPCALL_SHORT:
		return "too short";
	case UPCALL_LONG:
		return "too long";
	case UPCALL_NO_VERSION:
		return "of an unknown version";
	case UPCALL_BAD_ID:
		return "without a client id of 1 to 1024 bytes";
	case UPCALL_BAD_HASH:
		return "with a hash of another length than 0 or 32";
	}
	return "?";
}

const char *upcall_command_name(uint8_t command)
{
	static const char *const names[] = {"Create",	  "Remove",
					    "Check",	  "GraceDone",
					    "GraceStart", "GetVersion"};

	return command < sizeof(names) / sizeof(names[0]) ? names[command]
							  : "?";
}
