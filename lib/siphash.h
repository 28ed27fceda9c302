/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SipHash-2-4: a keyed hash that nobody without the key can predict.  It
 * spreads names that an attacker chose over a map, and it makes the numbers of
 * lib/prng.
 */
#ifndef NFS_RECLAIM_LIB_SIPHASH_H
#define NFS_RECLAIM_LIB_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#define SIPHASH_KEY_SIZE 16

/*
 * Returns the SipHash-2-4 of the @len bytes at @bytes under @key.
 * Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012).
 */
uint64_t siphash(const uint8_t key[static SIPHASH_KEY_SIZE], const void *bytes,
		 size_t len);

#endif
