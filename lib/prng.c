/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random numbers: SipHash of a counter under a secret key.  Whoever sees some
 * of them learns nothing about the others, which is what an xid needs; it is
 * not meant for keys that outlive the process.
 */
#include "lib/prng.h"

#include <assert.h>
#include <string.h>

void prng_init(struct prng *rng, const uint8_t seed[static SIPHASH_KEY_SIZE])
{
	memcpy(rng->key, seed, sizeof(rng->key));
	rng->counter = 0;
}

uint64_t prng_u64(struct prng *rng)
{
	uint64_t counter = rng->counter++;
	uint8_t bytes[8];
	unsigned int i;

	/* Byte order is fixed, so that a seed means the same everywhere. */
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(counter >> (8 * i));
	return siphash(rng->key, bytes, sizeof(bytes));
}

uint32_t prng_u32(struct prng *rng)
{
	return (uint32_t)(prng_u64(rng) >> 32);
}

uint64_t prng_below(struct prng *rng, uint64_t bound)
{
	uint64_t number;
	uint64_t skipped;

	assert(bound > 0);
	/* 2^64 mod bound numbers are left out, or the low ones would be more
	 * likely than the others. */
	skipped = (UINT64_MAX - bound + 1) % bound;
	do {
		number = prng_u64(rng);
	} while (number < skipped);
	return number % bound;
}
