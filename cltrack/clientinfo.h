/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What nfsd shows of one client in /proc/fs/nfsd/clients/N/info: lines like
 * `status: confirmed`, `name: "Linux NFSv4.0 host"`, `minor version: 0`.
 */
#ifndef NFS_RECLAIM_CLTRACK_CLIENTINFO_H
#define NFS_RECLAIM_CLTRACK_CLIENTINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cltrack/client.h"

/*
 * Bytes of the file that are looked at: an id of which each byte is escaped,
 * and what stands around it.
 */
#define CLIENTINFO_SIZE_MAX 8192u

struct clientinfo {
	uint8_t id[CLIENT_ID_MAX];
	size_t id_len;
	unsigned int minor;
	/* It is known here, and its state is: also where it went silent. */
	bool is_confirmed;
};

/*
 * Reads the @len bytes at @text, which a remote host has written a part of.
 * Return: whether it has all of *out: a name that can be an id, a minor
 *         version, and what the status is.
 * COMPAT: Linux before 5.13 shows no status: such a client is not known to be
 *         confirmed, and false is returned.
 */
bool clientinfo_parse(const uint8_t *text, size_t len, struct clientinfo *out);

#endif
