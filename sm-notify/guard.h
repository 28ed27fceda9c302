/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Peers of whom was said, while the notifier runs, that they may have locks
 * again: by name, and by address.  What turns out later to be about one of them
 * is parked.
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_GUARD_H
#define NFS_RECLAIM_SM_NOTIFY_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/ctl.h"
#include "lib/keyset.h"

#define GUARDS_MAX 65536u /* names, and as many addresses */

struct guards {
	struct keyset names; /* folded */
	struct keyset addrs; /* addr_key()s */
};

/*
 * Makes @guards empty.
 * Owns:   guards_fini() ends it.
 */
void guards_init(struct guards *guards,
		 const uint8_t key[static SIPHASH_KEY_SIZE]);

/*
 * Frees all of @guards.
 */
void guards_fini(struct guards *guards);

/*
 * Notes the name and the addresses of @subject; beyond GUARDS_MAX nothing.
 */
void guards_add(struct guards *guards, const struct ctl_subject *subject);

/*
 * Tells whether a peer of this name was noted.
 * Range:  at most RECORD_NAME_MAX bytes.
 */
bool guards_have_name(const struct guards *guards, const char *mon_name);

/*
 * Tells whether one with this address was.
 */
bool guards_have_addr(const struct guards *guards, const struct addr *addr);

#endif
