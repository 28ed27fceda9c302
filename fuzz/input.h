/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the fuzz targets share: the bytes that are left of an input, and the
 * demand that ends a run.
 */
#ifndef NFS_RECLAIM_FUZZ_INPUT_H
#define NFS_RECLAIM_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct input {
	const uint8_t *data;
	size_t size;
};

/* Ends the run as a finding unless @fact holds; in every build. */
static inline void require(bool fact)
{
	if (!fact)
		abort();
}

/* Takes a byte; 0 where none is left. */
static inline uint8_t input_byte(struct input *in)
{
	if (in->size == 0)
		return 0;
	in->size--;
	return *in->data++;
}

/* Takes up to *len bytes that are left. */
static inline const uint8_t *input_bytes(struct input *in, size_t *len)
{
	const uint8_t *bytes = in->data;

	if (*len > in->size)
		*len = in->size;
	in->data += *len;
	in->size -= *len;
	return bytes;
}

#endif
