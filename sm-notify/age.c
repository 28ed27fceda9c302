/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The age of a record, in boots.  A line that is damaged counts as no line:
 * the record is told once more, which is the safe side.
 */
#include "sm-notify/age.h"

#include <stdio.h>
#include <string.h>

/* Reads 1..AGE_BOOTS_MAX in decimal digits, to the end of @text. */
static bool parse_boots(const char *text, size_t len, uint32_t *boots)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		sum = sum * 10 + (uint32_t)(text[i] - '0');
		if (sum > AGE_BOOTS_MAX)
			return false;
	}
	*boots = sum;
	return sum > 0;
}

bool age_parse(const void *bytes, size_t len, struct age *age)
{
	const char *text = bytes;
	const char *blank;
	size_t key_len;

	*age = (struct age){.boots = 0};
	if (len == 0 || text[len - 1] != '\n' || memchr(text, '\0', len))
		return false;
	blank = memchr(text, ' ', len);
	if (!blank || blank == text)
		return false;
	key_len = (size_t)(blank - text);
	if (key_len >= sizeof(age->key) ||
	    !parse_boots(blank + 1, len - key_len - 2, &age->boots)) {
		age->boots = 0;
		return false;
	}
	memcpy(age->key, text, key_len);
	return true;
}

size_t age_format(const struct age *age, char out[static AGE_LEN_MAX])
{
	int len = snprintf(out, AGE_LEN_MAX, "%s %u\n", age->key, age->boots);

	return len > 0 ? (size_t)len : 0;
}

bool age_count(struct age *age, const char *key)
{
	if (age->boots > 0 && strcmp(age->key, key) == 0)
		return false;
	snprintf(age->key, sizeof(age->key), "%s", key);
	if (age->boots < AGE_BOOTS_MAX)
		age->boots++;
	return true;
}

bool age_is_over(const struct age *age, uint32_t boots_max)
{
	return boots_max > 0 && age->boots > boots_max;
}
