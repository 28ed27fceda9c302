/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages of the control socket and lines of sm/.reclaim/parked: what is
 * accepted is written again as it was, but for how an address is spelled, and
 * then read back as the same.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/input.h"
#include "lib/ctl.h"
#include "lib/parked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require_same(const struct ctl_subject *a,
			 const struct ctl_subject *b)
{
	require(strcmp(a->mon_name, b->mon_name) == 0);
	require(a->addr_count == b->addr_count);
	for (size_t i = 0; i < a->addr_count; i++)
		require(addr_is_equal(&a->addrs[i], &b->addrs[i]));
}

static void try_subject(const struct ctl_subject *subject)
{
	struct ctl_subject back;
	struct buf text;

	require(hostname_check(subject->mon_name, strlen(subject->mon_name)) ==
		HOSTNAME_OK);
	require(subject->addr_count <= CTL_ADDRS_MAX);
	buf_init(&text, CTL_LEN_MAX - 32);
	ctl_add_subject(&text, subject);
	require(!text.is_overflowed);
	require(ctl_parse_subject(text.bytes, text.len, &back));
	require_same(subject, &back);
	buf_fini(&text);
}

static void try_request(const uint8_t *data, size_t size)
{
	struct ctl_request request, back;
	struct buf subject, text;

	if (!ctl_parse_request(data, size, &request))
		return;
	try_subject(&request.subject);
	buf_init(&subject, CTL_LEN_MAX);
	buf_init(&text, CTL_LEN_MAX);
	ctl_add_subject(&subject, &request.subject);
	ctl_add_request(&text, request.verb, request.tag, buf_text(&subject));
	require(!text.is_overflowed);
	require(ctl_parse_request(text.bytes, text.len, &back));
	require(back.verb == request.verb && back.tag == request.tag);
	require_same(&request.subject, &back.subject);
	buf_fini(&text);
	buf_fini(&subject);
}

static void try_answer(const uint8_t *data, size_t size)
{
	enum ctl_word word;
	struct buf text;
	uint64_t tag;

	if (!ctl_parse_answer(data, size, &tag, &word))
		return;
	buf_init(&text, CTL_LEN_MAX);
	ctl_add_answer(&text, tag, word);
	require(text.len == size && memcmp(text.bytes, data, size) == 0);
	buf_fini(&text);
}

static void try_told(const struct parked_line *line, const uint8_t *data,
		     size_t size)
{
	struct buf text;

	require(line->number > 0);
	buf_init(&text, size);
	buf_addf(&text, "told %" PRIu32 " ", line->number);
	buf_add(&text, line->told, line->told_len);
	require(text.len == size && memcmp(text.bytes, data, size) == 0);
	buf_fini(&text);
}

static void try_line(const uint8_t *data, size_t size)
{
	struct parked_line line;

	if (!parked_parse(data, size, &line))
		return;
	if (line.kind == PARKED_PARK)
		try_subject(&line.subject);
	if (line.kind == PARKED_TOLD)
		try_told(&line, data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_request(data, size);
	try_answer(data, size);
	try_line(data, size);
	return 0;
}
