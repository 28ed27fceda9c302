/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers that a peer cannot guess from those it has seen (SipHash of a
 * counter under a secret seed), and that a test can repeat from a seed.
 */
#ifndef NFS_RECLAIM_LIB_PRNG_H
#define NFS_RECLAIM_LIB_PRNG_H

#include <stdint.h>

#include "lib/siphash.h"

struct prng {
	uint8_t key[SIPHASH_KEY_SIZE];
	uint64_t counter;
};

/*
 * Starts @rng from @seed.  A daemon takes the seed from getrandom(2), a test
 * from its command line.
 */
void prng_init(struct prng *rng, const uint8_t seed[static SIPHASH_KEY_SIZE]);

/*
 * Returns the next 64 random bits.
 */
uint64_t prng_u64(struct prng *rng);

/*
 * Returns the next 32 random bits.
 */
uint32_t prng_u32(struct prng *rng);

/*
 * Returns a random number below @bound.
 * Range:  bound 1..UINT64_MAX.
 */
uint64_t prng_below(struct prng *rng, uint64_t bound);

#endif
