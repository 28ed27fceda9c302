/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of peers that are never told (`--skip`, key `skip`).
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_SKIP_H
#define NFS_RECLAIM_SM_NOTIFY_SKIP_H

#include <stdbool.h>

/*
 * Tells whether @list names @peer: host names without regard to ASCII case,
 * addresses as addresses, however they are written.  Items are divided by
 * blanks, tabs and commas.
 * Range:  @list may be NULL: it names nobody.
 */
bool skip_has(const char *list, const char *peer);

#endif
