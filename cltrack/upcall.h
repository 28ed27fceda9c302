/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The messages that nfsd and its tracking daemon exchange over a pipe of
 * rpc_pipefs: fixed sizes, packed, in the byte order of the host.
 *
 * Source: contract.md 6.4 (the kernel's include/uapi/linux/nfsd/cld.h).
 */
#ifndef NFS_RECLAIM_CLTRACK_UPCALL_H
#define NFS_RECLAIM_CLTRACK_UPCALL_H

#include <stddef.h>
#include <stdint.h>

#include "cltrack/client.h"

#define UPCALL_VERSION_MAX 2u
#define UPCALL_HEADER_SIZE 8u
#define UPCALL_V1_SIZE	   1034u
#define UPCALL_V2_SIZE	   1067u
#define UPCALL_SIZE_MAX	   UPCALL_V2_SIZE

enum upcall_command {
	UPCALL_CREATE = 0,
	UPCALL_REMOVE = 1,
	UPCALL_CHECK = 2, /* kernels before 5.2 */
	UPCALL_GRACE_DONE = 3,
	UPCALL_GRACE_START = 4,
	UPCALL_GET_VERSION = 5,
};

/* Why a message is of no use. */
enum upcall_fault {
	UPCALL_OK,
	UPCALL_SHORT,	   /* it has not even a header, or lacks its end */
	UPCALL_LONG,	   /* it has more than its version says */
	UPCALL_NO_VERSION, /* a version that nobody has defined */
	UPCALL_BAD_ID,	   /* no client id, or a longer one than there can be */
	UPCALL_BAD_HASH,   /* of the principal: neither 0 nor 32 bytes */
};

struct upcall {
	uint8_t version;
	uint8_t command; /* upcall_command, or one that is not known */
	int16_t status;	 /* of an answer: 0 or -errno */
	uint32_t xid;
	/* Create, Remove, Check, and GraceStart's records (-EINPROGRESS). */
	struct client client;
	uint8_t offered; /* GetVersion: the answer */
};

/*
 * Returns the size of every message of @version, or 0.
 */
size_t upcall_size(uint8_t version);

/*
 * Reads the @len bytes at @bytes into *out.
 * Errors: not UPCALL_OK: *out has the header where there was one, the version
 *         where it is NO_VERSION; no client.
 * Owns:   *out borrows from @bytes.
 * SAFETY: both lengths inside are bounded here and nowhere else (contract.md
 *         C-3, C-5).
 */
enum upcall_fault upcall_decode(const uint8_t *bytes, size_t len,
				struct upcall *out);

/*
 * Writes @upcall; what it does not carry is zero.
 * Range:  a known version; a client that upcall_decode() would take, or none
 *         (id_len 0).
 * Return: the size of the message.
 */
size_t upcall_encode(const struct upcall *upcall,
		     uint8_t out[static UPCALL_SIZE_MAX]);

/*
 * Puts @status into the message at @bytes, which has a header: the answer to
 * what cannot be read.
 */
void upcall_set_status(uint8_t *bytes, int16_t status);

/*
 * Returns what is wrong, for the log.
 * Owns:   static.
 */
const char *upcall_fault_text(enum upcall_fault fault);

/*
 * Returns the name of @command, for the log; "?" where it has none.
 * Owns:   static.
 */
const char *upcall_command_name(uint8_t command);

#endif
