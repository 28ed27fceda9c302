/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a resolver or a terminal must never see.
 */
#include "fuzz/nsm_text.h"

#include <string.h>

#include "fuzz/nsm_disk.h"
#include "lib/hostname.h"

void resolve_check(const struct nsm_out *out)
{
	struct addr addr;

	require(hostname_check(out->resolve.name, strlen(out->resolve.name)) ==
		HOSTNAME_OK);
	require(!addr_parse(out->resolve.name, &addr));
}

void log_check(const struct nsm_out *out)
{
	const char *at;

	require(strlen(out->log.text) < LOG_TEXT_MAX);
	for (at = out->log.text; *at != '\0'; at++)
		require(*at >= 0x20 && *at < 0x7f);
}
