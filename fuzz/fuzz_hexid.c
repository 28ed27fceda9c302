/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Client ids in arguments: what is accepted is, written again, what was given.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cltrack/hexid.h"
#include "fuzz/input.h"

#define TEXT_MAX (2 * CLIENT_ID_MAX + 16)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[TEXT_MAX + 1], back[2 * CLIENT_ID_MAX + 1] = "";
	uint8_t id[CLIENT_ID_MAX];
	enum hexid_error error;
	size_t len, i;

	if (size > TEXT_MAX)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	error = hexid_parse(text, id, &len);
	require(strlen(hexid_error_text(error)) > 0);
	if (error != HEXID_OK) {
		require(len == 0);
		return 0;
	}
	require(len > 0 && len <= CLIENT_ID_MAX);
	for (i = 0; i < len; i++)
		(void)snprintf(back + 2 * i, 3, "%02x", id[i]);
	require(strcasecmp(text, back) == 0);
	return 0;
}
