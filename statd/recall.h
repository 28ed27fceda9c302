/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a record knows over a restart of rpc.statd: from struct peer into a
 * file of sm/.reclaim (statd/memo.h) and back.
 */
#ifndef NFS_RECLAIM_STATD_RECALL_H
#define NFS_RECLAIM_STATD_RECALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "statd/notice.h"
#include "statd/peers.h"

/*
 * Adds to @out, a buffer of MEMO_SIZE_MAX, what of @peer is to be kept;
 * nothing where there is nothing.
 * Errors: @out is "overflowed" where it cannot be kept.
 */
void recall_format(const struct peer *peer, struct buf *out);

/*
 * Gives the record that the file @number, with @len bytes, is about what it
 * knew: its baseline, what was delivered, and what lockd has yet to hear, with
 * which it is called back at once.  The record is the one with the same line,
 * cookie included.
 * Return: false where the file is damaged, or about no record; it is to be
 *         removed then.
 */
bool recall_load(struct notices *set, uint64_t now_ms, uint64_t number,
		 const uint8_t *bytes, size_t len);

#endif
