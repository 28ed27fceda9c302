/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file of /proc/fs/nfsd/clients, in which remote hosts have written: what is
 * understood lies within its bounds.
 */
#include <stdint.h>
#include <stdlib.h>

#include "cltrack/clientinfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct clientinfo info;

	if (clientinfo_parse(data, size, &info) &&
	    (info.id_len == 0 || info.id_len > CLIENT_ID_MAX || info.minor > 9))
		abort();
	return 0;
}
