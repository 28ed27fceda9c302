/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Goes by what is known now; nothing is looked up for it.
 */
#include "statd/subject.h"

#include "lib/hostname.h"

bool subject_of_peer(const struct peer *peer, struct ctl_subject *subject)
{
	struct addr addrs[CTL_ADDRS_MAX];
	size_t i;

	for (i = 0; i < peer->addr_count && i < CTL_ADDRS_MAX; i++)
		addrs[i] = peer->addrs[i].addr;
	return ctl_set_subject(subject, peer->rec.mon_name, addrs, i);
}

bool subject_is_same_host(const struct peer *a, const struct peer *b)
{
	size_t i;

	for (i = 0; i < a->addr_count; i++)
		if (peer_has_addr(b, &a->addrs[i].addr))
			return true;
	return hostname_is_equal(a->rec.mon_name, b->rec.mon_name);
}
