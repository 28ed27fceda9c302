/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names and log lines that leave the core, for fuzz_nsm.c.
 */
#ifndef NFS_RECLAIM_FUZZ_NSM_TEXT_H
#define NFS_RECLAIM_FUZZ_NSM_TEXT_H

#include "statd/nsm.h"

/* Looks at a RESOLVE: it must be a name, and no address. */
void resolve_check(const struct nsm_out *out);
/* Looks at a LOG: one line that is printable. */
void log_check(const struct nsm_out *out);

#endif
