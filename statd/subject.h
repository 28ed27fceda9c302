/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a peer that we monitor is called when it is asked about elsewhere.
 */
#ifndef NFS_RECLAIM_STATD_SUBJECT_H
#define NFS_RECLAIM_STATD_SUBJECT_H

#include <stdbool.h>

#include "lib/ctl.h"
#include "statd/peers.h"

/*
 * Writes mon_name and known addresses of @peer.
 * Errors: false where a name from a file of nfs-utils has no subject.
 */
bool subject_of_peer(const struct peer *peer, struct ctl_subject *subject);

/*
 * Tells whether @a and @b are records of the same host, for all we know: the
 * same mon_name ignoring ASCII case, or an address that both have.
 */
bool subject_is_same_host(const struct peer *a, const struct peer *b);

#endif
