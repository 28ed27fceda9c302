/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What sets a peer aside: an age line that is accepted survives being written
 * again, and a list of peers names each of its items, whatever else is in it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/input.h"
#include "lib/hostname.h"
#include "sm-notify/age.h"
#include "sm-notify/skip.h"

#define LIST_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_age(const uint8_t *data, size_t size)
{
	char text[AGE_LEN_MAX];
	struct age age, back;
	size_t len;

	if (!age_parse(data, size, &age)) {
		require(age.boots == 0);
		return;
	}
	require(age.boots > 0 && age.boots <= AGE_BOOTS_MAX);
	len = age_format(&age, text);
	require(len < sizeof(text) && age_parse(text, len, &back));
	require(!strcmp(age.key, back.key) && age.boots == back.boots);
}

static void try_list(const uint8_t *data, size_t size)
{
	char list[LIST_MAX + 1], item[HOSTNAME_LEN_MAX + 1];
	size_t len;

	if (size > LIST_MAX)
		return;
	memcpy(list, data, size);
	list[size] = '\0';
	len = strcspn(list, " \t,");
	if (len == 0 || len > HOSTNAME_LEN_MAX)
		return;
	memcpy(item, list, len);
	item[len] = '\0';
	require(skip_has(list, item));
	(void)skip_has(list, "192.0.2.1");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_age(data, size);
	try_list(data, size);
	return 0;
}
