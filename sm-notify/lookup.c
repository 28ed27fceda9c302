/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Look-ups of peers' host names: at most LOOKUPS_MAX at a time, and a peer
 * that gave its address asks for none while others are waiting (contract.md
 * B-8, B-9).
 */
#include "sm-notify/lookup.h"

#include <string.h>

#include "lib/hostname.h"

/* Look-ups that may be open; below os/resolver's queue. */
#define LOOKUPS_MAX 256u
/* Above so many, nobody who has an address asks for more. */
#define LOOKUPS_BUSY 64u

void lookups_init(struct lookups *lookups, struct outbox *out)
{
	*lookups = (struct lookups){.out = out};
	list_init(&lookups->asking);
}

static void start(struct lookups *lookups, const struct target *target)
{
	lookups->open++;
	outbox_resolve(lookups->out, target->id, target->host);
}

void lookups_ask(struct lookups *lookups, struct target *target)
{
	if (target->is_asking || !target->host)
		return;
	if (target->addr_count > 0 && lookups->open >= LOOKUPS_BUSY)
		return;
	target->is_asking = true;
	if (lookups->open < LOOKUPS_MAX)
		start(lookups, target);
	else
		list_append(&lookups->asking, &target->in_asking);
}

bool lookups_end(struct lookups *lookups, struct target *target)
{
	struct link *next;

	if (!target->is_asking || !list_is_empty(&target->in_asking))
		return false;
	target->is_asking = false;
	lookups->open--;
	next = list_take_first(&lookups->asking);
	if (next)
		start(lookups, container_of(next, struct target, in_asking));
	return true;
}

/* --- what came of one ----------------------------------------------------- */

/* Whether both may be names of one host: equal, or one the short form. */
static bool is_name_of(const char *name, const char *other)
{
	size_t len = hostname_short_len(name);

	if (len != hostname_short_len(other) ||
	    strncasecmp(name, other, len) != 0)
		return false;
	return name[len] == '\0' || other[len] == '\0' ||
	       hostname_is_equal(name, other);
}

/* Whether @target is this very host: an NFS mount of our own exports. */
static bool is_self(const struct target *target)
{
	const struct link *pos;

	if (is_name_of("localhost", target->host))
		return true;
	list_for_each (pos, &target->names)
		if (is_name_of(container_of(pos, const struct target_name,
					    in_names)
				       ->text,
			       target->host))
			return true;
	return false;
}

size_t lookups_choose(const struct target *target, const struct addr *addrs,
		      size_t count, struct addr *chosen)
{
	bool is_here = is_self(target);
	size_t kept = 0;

	for (size_t i = 0; i < count && kept < NOTIFY_ADDRS_MAX; i++)
		if (is_here || !addr_is_loopback(&addrs[i]))
			chosen[kept++] = addrs[i];
	return kept;
}
