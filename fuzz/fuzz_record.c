/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two files of sm/ and sm.bak/, parted by the first byte 0xff: whatever is a
 * record survives being written, and a merge neither loses nor repeats a line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/input.h"
#include "lib/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_line(const uint8_t *line, size_t len)
{
	struct record rec, back, copy;
	struct buf out;

	if (record_parse(line, len, &rec) != RECORD_OK)
		return;
	require(len < RECORD_LINE_MAX);
	record_copy(&copy, &rec);
	require(record_is_same_key(&copy, &rec));
	record_fini(&copy);
	buf_init(&out, RECORD_LINE_MAX);
	/* One byte more than was read: the blank of an absent my_name. */
	if (record_format(&rec, &out) == RECORD_OK) {
		require(!out.is_overflowed && out.bytes[out.len - 1] == '\n');
		require(record_parse(out.bytes, out.len - 1, &back) ==
			RECORD_OK);
		require(record_is_same_key(&rec, &back));
		require(memcmp(rec.priv, back.priv, sizeof(rec.priv)) == 0);
		record_fini(&back);
	}
	buf_fini(&out);
	record_fini(&rec);
}

/* Not record_is_same_key(), which is what is tried. */
static bool is_same_pair(const struct record *a, const struct record *b)
{
	return a->prog == b->prog && a->vers == b->vers && a->proc == b->proc &&
	       strcmp(a->mon_name, b->mon_name) == 0 &&
	       strcmp(a->my_name, b->my_name) == 0;
}

static bool is_same_line(const uint8_t *a, size_t a_len, const uint8_t *b,
			 size_t b_len)
{
	struct record left, right;
	bool is_same = false;

	if (a_len == b_len && memcmp(a, b, a_len) == 0)
		return true;
	if (record_parse(a, a_len, &left) != RECORD_OK)
		return false;
	if (record_parse(b, b_len, &right) == RECORD_OK) {
		is_same = is_same_pair(&left, &right);
		record_fini(&right);
	}
	record_fini(&left);
	return is_same;
}

static bool has_line(const struct buf *file, const uint8_t *line, size_t len)
{
	struct record_lines lines = {.bytes = file->bytes, .len = file->len};
	const uint8_t *have;
	size_t have_len;

	while (record_lines_next(&lines, &have, &have_len))
		if (is_same_line(line, len, have, have_len))
			return true;
	return false;
}

/* Tries every line; nothing but LFs lies between them. */
static void try_lines(const uint8_t *bytes, size_t size)
{
	struct record_lines lines = {.bytes = bytes, .len = size};
	const uint8_t *line, *at = bytes;
	size_t len;

	while (record_lines_next(&lines, &line, &len)) {
		require(len > 0 && memchr(line, '\n', len) == NULL);
		while (at < line)
			require(*at++ == '\n');
		at += len;
		try_line(line, len);
	}
	while (at < bytes + size)
		require(*at++ == '\n');
}

/* Nothing that @merged has after the bytes of @into is there already. */
static void require_nothing_twice(const struct buf *merged,
				  const struct buf *into)
{
	struct record_lines lines = {.bytes = merged->bytes,
				     .len = merged->len,
				     .at = into->len};
	const uint8_t *line;
	size_t len;

	while (record_lines_next(&lines, &line, &len))
		require(!has_line(into, line, len));
}

static void try_merge(const uint8_t *into, size_t into_len, const uint8_t *from,
		      size_t from_len)
{
	struct record_lines lines = {.bytes = from, .len = from_len};
	const struct buf before = {.bytes = (uint8_t *)into, .len = into_len};
	const uint8_t *line;
	struct buf file;
	size_t len, merged_len;

	buf_init(&file, RECORD_FILE_MAX);
	if (into_len > 0)
		buf_add(&file, into, into_len);
	record_merge(&file, from, from_len);
	if (!file.is_overflowed) {
		require(into_len == 0 ||
			memcmp(file.bytes, into, into_len) == 0);
		while (record_lines_next(&lines, &line, &len))
			require(has_line(&file, line, len));
		require_nothing_twice(&file, &before);
		merged_len = file.len;
		record_merge(&file, from, from_len);
		require(file.len == merged_len);
	}
	buf_fini(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *split = size == 0 ? NULL : memchr(data, 0xff, size);
	size_t into_len = split == NULL ? size : (size_t)(split - data);
	size_t from_at = split == NULL ? size : into_len + 1;

	try_lines(data, size);
	if (size > 0)
		try_merge(data, into_len, data + from_at, size - from_at);
	return 0;
}
