/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Peers that are still to be told, for fuzz_nsm.c.
 */
#ifndef NFS_RECLAIM_FUZZ_NSM_UNTOLD_H
#define NFS_RECLAIM_FUZZ_NSM_UNTOLD_H

#include <stdint.h>

#include "statd/nsm.h"

/* Looks at an UNTOLD or a NOTE: it must be one that others can read. */
void untold_check(const struct nsm_out *out);
/* What became of the UNTOLD @id, perhaps with records to tell. */
struct nsm_in untold_outcome(uint8_t byte, uint64_t id);

#endif
