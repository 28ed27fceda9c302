/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ring: who fills it pays with calls, and spoils no more than what was known
 * of old copies.
 */
#include "statd/numbers.h"

static const struct number_known *find(const struct numbers *set,
				       const struct addr *from, uint32_t number)
{
	size_t i;

	for (i = 0; i < set->count; i++)
		if (set->all[i].number == number &&
		    addr_is_same_host(&set->all[i].host, from))
			return &set->all[i];
	return NULL;
}

void numbers_note(struct numbers *set, uint64_t now_ms, const struct addr *from,
		  uint32_t number)
{
	if (find(set, from, number) != NULL)
		return;
	set->all[set->next] = (struct number_known){.host = *from,
						    .number = number,
						    .since_ms = now_ms};
	set->next = (set->next + 1) % NUMBERS_MAX;
	if (set->count < NUMBERS_MAX)
		set->count++;
}

bool numbers_has_before(const struct numbers *set, uint64_t ms,
			const struct addr *from, uint32_t number)
{
	const struct number_known *known = find(set, from, number);

	return known != NULL && known->since_ms < ms;
}
