/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The three small files that carry the state number: what is accepted survives
 * being written again, and no content of `state` makes a number that is even,
 * negative or not above what was there.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/input.h"
#include "lib/statenum.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NUMBER_MAX 0x7fffffffu
#define NEAR_END   (NUMBER_MAX - 8) /* from here on it may start again */

static void try_number(const uint8_t *data, size_t size)
{
	uint32_t number = statenum_decode(data, size);
	uint32_t floor = size < 8 ? 0 : statenum_decode(data + 4, 4);
	uint32_t announced = size < 12 ? 0 : statenum_decode(data + 8, 4);
	uint32_t raised = statenum_raise(announced, floor, number);

	require(number == 0 || (number % 2 == 1 && number <= NUMBER_MAX));
	require(raised % 2 == 1 && raised <= NUMBER_MAX);
	require(raised >= STATENUM_FIRST);
	if (number < NEAR_END && floor < NEAR_END && announced < NEAR_END)
		require(raised > number && raised > floor &&
			raised > announced);
}

static void try_bootrec(const uint8_t *data, size_t size)
{
	char text[BOOTREC_LEN_MAX];
	struct bootrec rec, back;
	size_t len;

	if (!bootrec_parse(data, size, &rec))
		return;
	require(rec.key[0] != '\0' && rec.number <= NUMBER_MAX);
	len = bootrec_format(&rec, text);
	/* There is one way to write it, but for zeros in front. */
	require(len <= size && (len < size || memcmp(text, data, len) == 0));
	require(len < sizeof(text) && bootrec_parse(text, len, &back));
	require(memcmp(&rec.key, &back.key, sizeof(rec.key)) == 0);
	require(rec.number == back.number && rec.floor == back.floor &&
		rec.is_turned == back.is_turned &&
		rec.has_left == back.has_left);
}

static void try_pidrec(const uint8_t *data, size_t size)
{
	char text[BOOTREC_LEN_MAX];
	struct pidrec rec, back;
	size_t len;

	pidrec_parse(data, size, &rec);
	require(rec.pid >= 0);
	require(rec.has_key == (rec.key[0] != '\0'));
	len = pidrec_format(&rec, text);
	require(len < sizeof(text));
	if (rec.has_key) {
		require(len <= size);
		require(len < size || memcmp(text, data, len) == 0);
	}
	pidrec_parse(text, len, &back);
	require(rec.pid == back.pid && rec.has_key == back.has_key);
	require(rec.device == back.device && rec.inode == back.inode);
	require(memcmp(rec.key, back.key, sizeof(rec.key)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_number(data, size);
	try_bootrec(data, size);
	try_pidrec(data, size);
	return 0;
}
