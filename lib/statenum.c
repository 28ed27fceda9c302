/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The arithmetic of the NSM state number and the three small files that carry
 * it.  It decides which number comes next; when it is raised, and in which
 * order things reach the disk, is the boot turn's business (os/bootturn).
 *
 * Source: X/Open CAE C702 chapter 11; contract.md 3.1; design section 4.
 */
#include "lib/statenum.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATENUM_MAX 0x7fffffffu /* it is a signed int on wire and disk */

bool statenum_is_newer(uint32_t a, uint32_t b)
{
	uint32_t ahead = a - b;

	return ahead != 0 && ahead <= STATENUM_MAX;
}

uint32_t statenum_decode(const void *bytes, size_t len)
{
	uint32_t number;

	if (len < STATENUM_FILE_SIZE)
		return 0;
	memcpy(&number, bytes, sizeof(number));
	if (number == 0 || number > STATENUM_MAX)
		return 0;
	/* COMPAT: even means down, and we are up.  The top is odd already. */
	return number % 2 == 0 ? number + 1 : number;
}

void statenum_encode(uint32_t number, uint8_t out[static STATENUM_FILE_SIZE])
{
	memcpy(out, &number, sizeof(number));
}

static uint32_t max_of(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

uint32_t statenum_raise(uint32_t announced, uint32_t floor, uint32_t on_disk)
{
	uint32_t base = max_of(max_of(announced, floor), on_disk);
	uint32_t step = on_disk == announced ? 2 : 4;

	if (base == 0)
		return STATENUM_FIRST;
	if (base > STATENUM_MAX - step - 1)
		return STATENUM_FIRST;
	base += step;
	return base % 2 == 0 ? base + 1 : base;
}

/* Reads forward over text that need not end with a NUL. */
struct cursor {
	const char *at;
	const char *end;
};

/* @bytes may be NULL where @len is 0. */
static struct cursor cursor_on(const char *bytes, size_t len)
{
	return (struct cursor){.at = bytes,
			       .end = len == 0 ? bytes : bytes + len};
}

static bool take_char(struct cursor *c, char wanted)
{
	if (c->at == c->end || *c->at != wanted)
		return false;
	c->at++;
	return true;
}

/* A decimal number of at most 20 digits, no sign, at most @max. */
static bool take_number(struct cursor *c, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;
	unsigned int digits = 0;

	while (c->at < c->end && *c->at >= '0' && *c->at <= '9') {
		uint64_t digit = (uint64_t)(*c->at - '0');

		if (++digits > 20 || value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
		c->at++;
	}
	*out = value;
	return digits > 0;
}

static bool is_key_char(char c)
{
	return c > ' ' && c < 0x7f;
}

/* Printable bytes without blanks. */
static bool take_key(struct cursor *c, char out[static BOOTKEY_SIZE])
{
	size_t len = 0;

	while (c->at < c->end && is_key_char(*c->at)) {
		if (len == BOOTKEY_SIZE - 1)
			return false;
		out[len++] = *c->at++;
	}
	memset(out + len, 0, BOOTKEY_SIZE - len);
	return len > 0;
}

static bool take_word(struct cursor *c, const char *word)
{
	while (*word != '\0')
		if (!take_char(c, *word++))
			return false;
	return true;
}

bool bootrec_parse(const void *bytes, size_t len, struct bootrec *out)
{
	struct cursor c = cursor_on(bytes, len);
	struct bootrec rec = {0};
	uint64_t number, floor;

	if (!take_key(&c, rec.key) || !take_char(&c, ' ') ||
	    !take_number(&c, STATENUM_MAX, &number) || !take_char(&c, ' ') ||
	    !take_number(&c, STATENUM_MAX, &floor) || !take_char(&c, ' '))
		return false;
	rec.has_left = take_word(&c, "left");
	if (!rec.has_left && !take_word(&c, "turn"))
		return false;
	rec.is_turned = rec.has_left || take_word(&c, "ed");
	if (!rec.is_turned && !take_word(&c, "ing"))
		return false;
	if (!take_char(&c, '\n') || c.at != c.end)
		return false;
	rec.number = (uint32_t)number;
	rec.floor = (uint32_t)floor;
	*out = rec;
	return true;
}

static const char *stage_word(const struct bootrec *rec)
{
	if (!rec->is_turned)
		return "turning";
	return rec->has_left ? "left" : "turned";
}

size_t bootrec_format(const struct bootrec *rec,
		      char out[static BOOTREC_LEN_MAX])
{
	int len = snprintf(out, BOOTREC_LEN_MAX, "%s %u %u %s\n", rec->key,
			   rec->number, rec->floor, stage_word(rec));

	return (size_t)len;
}

void pidrec_parse(const void *bytes, size_t len, struct pidrec *out)
{
	struct cursor c = cursor_on(bytes, len);
	struct pidrec rec = {0};
	uint64_t pid = 0;

	*out = rec;
	if (!take_number(&c, INT32_MAX, &pid))
		return;
	rec.pid = (int32_t)pid;
	*out = rec;
	if (!take_char(&c, '\n') || !take_key(&c, rec.key) ||
	    !take_char(&c, ' ') || !take_number(&c, UINT64_MAX, &rec.device) ||
	    !take_char(&c, ':') || !take_number(&c, UINT64_MAX, &rec.inode) ||
	    !take_char(&c, '\n') || c.at != c.end)
		return;
	rec.has_key = true;
	*out = rec;
}

size_t pidrec_format(const struct pidrec *rec, char out[static BOOTREC_LEN_MAX])
{
	int len = snprintf(out, BOOTREC_LEN_MAX, "%d\n", rec->pid);

	if (rec->has_key)
		len += snprintf(out + len, BOOTREC_LEN_MAX - (size_t)len,
				"%s %llu:%llu\n", rec->key,
				(unsigned long long)rec->device,
				(unsigned long long)rec->inode);
	return (size_t)len;
}
