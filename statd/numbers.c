/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ring: who fills it pays with calls, and spoils no more than what was known
 * of old copies.
 */
#include "statd/numbers.h"

static size_t find(const struct numbers *set, const struct addr *from,
		   uint32_t number)
{
	size_t i;

	for (i = 0; i < set->count; i++)
		if (set->all[i].number == number &&
		    addr_is_same_host(&set->all[i].host, from))
			break;
	return i;
}

/* Its place is that of the first time: it may go before its time. */
static void note_again(struct number_known *known, uint64_t now_ms)
{
	if (now_ms - known->last_ms > NUMBERS_FRESH_MS)
		known->since_ms = now_ms;
	known->last_ms = now_ms;
}

void numbers_note(struct numbers *set, uint64_t now_ms, const struct addr *from,
		  uint32_t number)
{
	size_t i = find(set, from, number);

	if (i < set->count) {
		note_again(&set->all[i], now_ms);
		return;
	}
	set->all[set->next] = (struct number_known){.host = *from,
						    .number = number,
						    .since_ms = now_ms,
						    .last_ms = now_ms};
	set->next = (set->next + 1) % NUMBERS_MAX;
	if (set->count < NUMBERS_MAX)
		set->count++;
}

bool numbers_has_before(const struct numbers *set, uint64_t ms,
			const struct addr *from, uint32_t number)
{
	size_t i = find(set, from, number);

	return i < set->count && set->all[i].since_ms < ms &&
	       ms <= set->all[i].last_ms + NUMBERS_FRESH_MS;
}
