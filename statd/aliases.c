/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nothing here has a timer: an old name is forgotten when another is asked for,
 * and looked up again when it is asked for itself.
 *
 * SAFETY: anybody can send names.  Two look-ups at a time leave the helper
 * processes to the records' own names; beyond the queue a name counts as a
 * stranger's at once, which is what it was before there were look-ups.
 */
#include "statd/aliases.h"

#include <stdlib.h>
#include <string.h>

#include "lib/hostname.h"
#include "lib/xalloc.h"

void aliases_init(struct aliases *set, struct effects *out,
		  const uint8_t key[static SIPHASH_KEY_SIZE])
{
	*set = (struct aliases){.out = out, .next_id = ALIASES_FIRST_ID};
	map_init(&set->by_name, key);
	list_init(&set->waiting);
	list_init(&set->open);
	list_init(&set->ended);
}

static void forget(struct aliases *set, struct alias *alias)
{
	map_remove(&set->by_name, &alias->by_name);
	list_remove(&alias->in_list);
	free(alias->name);
	free(alias);
}

static void forget_all(struct aliases *set, struct link *list)
{
	while (!list_is_empty(list))
		forget(set, container_of(list->next, struct alias, in_list));
}

void aliases_fini(struct aliases *set)
{
	forget_all(set, &set->waiting);
	forget_all(set, &set->open);
	forget_all(set, &set->ended);
	map_fini(&set->by_name);
}

static uint64_t hash_of(const struct aliases *set, const char *name)
{
	char folded[HOSTNAME_LEN_MAX + 1];

	hostname_fold(name, folded);
	return map_hash(&set->by_name, folded, strlen(folded));
}

static struct alias *find(const struct aliases *set, const char *name)
{
	struct map_node *node;

	for (node = map_first(&set->by_name, hash_of(set, name)); node != NULL;
	     node = map_next(node)) {
		struct alias *alias = container_of(node, struct alias, by_name);

		if (hostname_is_equal(alias->name, name))
			return alias;
	}
	return NULL;
}

static uint64_t age_ms(const struct alias *alias, uint64_t now_ms)
{
	return now_ms - alias->ended_ms;
}

static struct alias *oldest(const struct aliases *set)
{
	if (list_is_empty(&set->ended))
		return NULL;
	return container_of(set->ended.next, struct alias, in_list);
}

static void forget_stale(struct aliases *set, uint64_t now_ms)
{
	struct alias *alias;

	while ((alias = oldest(set)) != NULL &&
	       age_ms(alias, now_ms) >= ALIASES_STALE_MS)
		forget(set, alias);
}

static void pump(struct aliases *set)
{
	struct link *link;

	while (set->open_count < ALIASES_OPEN_MAX &&
	       (link = list_take_first(&set->waiting)) != NULL) {
		struct alias *alias = container_of(link, struct alias, in_list);

		list_append(&set->open, link);
		set->open_count++;
		alias->id = set->next_id++;
		effects_resolve(set->out, alias->id, alias->name);
	}
}

static void enqueue(struct aliases *set, struct alias *alias)
{
	list_remove(&alias->in_list);
	list_append(&set->waiting, &alias->in_list);
	alias->is_queued = true;
	set->queue_count++;
	pump(set);
}

static void add(struct aliases *set, const char *name)
{
	struct alias *alias = xzalloc(sizeof(*alias));

	/* Those that are queued are fewer than ALIASES_MAX. */
	if (set->by_name.count == ALIASES_MAX)
		forget(set, oldest(set));
	alias->name = xstrdup(name);
	list_init(&alias->in_list);
	map_add(&set->by_name, &alias->by_name, hash_of(set, name));
	enqueue(set, alias);
}

/*
 * SAFETY: resolvers take "0300.0.2.2" or "0xc0000202" for an address, which is
 * then whatever the sender of the notice wants it to be.
 */
static bool is_number_like(const char *name)
{
	const char *last = strrchr(name, '.');

	last = last == NULL ? name : last + 1;
	if (last[0] == '0' && (last[1] == 'x' || last[1] == 'X'))
		return last[2 + strspn(last + 2, "0123456789abcdefABCDEF")] ==
		       '\0';
	return last[strspn(last, "0123456789")] == '\0';
}

static bool can_be_looked_up(const char *name)
{
	struct addr addr;

	return hostname_check(name, strlen(name)) == HOSTNAME_OK &&
	       !addr_parse(name, &addr) && !is_number_like(name);
}

enum alias_state aliases_find(struct aliases *set, uint64_t now_ms,
			      const char *name, const struct alias **out)
{
	struct alias *alias;

	if (!can_be_looked_up(name))
		return ALIAS_UNKNOWN;
	forget_stale(set, now_ms);
	alias = find(set, name);
	if (alias == NULL) {
		if (set->queue_count >= ALIASES_QUEUE_MAX)
			return ALIAS_UNKNOWN;
		add(set, name);
		return ALIAS_OPEN;
	}
	if (!alias->has_ended)
		return ALIAS_OPEN;
	if (!alias->is_queued && age_ms(alias, now_ms) >= ALIASES_AGAIN_MS &&
	    set->queue_count < ALIASES_QUEUE_MAX)
		enqueue(set, alias);
	*out = alias;
	return ALIAS_ENDED;
}

static void set_addrs(struct alias *alias, const struct addr *addrs,
		      size_t count)
{
	size_t i;

	if (count == 0)
		return;
	if (count > ALIASES_ADDRS_MAX)
		count = ALIASES_ADDRS_MAX;
	for (i = 0; i < count; i++)
		alias->addrs[i] = addrs[i];
	alias->addr_count = count;
}

void aliases_resolved(struct aliases *set, uint64_t now_ms, uint64_t id,
		      const struct addr *addrs, size_t count)
{
	struct link *pos, *after;

	list_for_each_safe (pos, after, &set->open) {
		struct alias *alias = container_of(pos, struct alias, in_list);

		if (alias->id != id)
			continue;
		alias->id = 0;
		alias->is_queued = false;
		alias->has_ended = true;
		alias->ended_ms = now_ms;
		set_addrs(alias, addrs, count);
		set->open_count--;
		set->queue_count--;
		list_remove(pos);
		list_append(&set->ended, pos);
	}
	pump(set);
}
