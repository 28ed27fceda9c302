/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Three maps over one set of records.  Names are kept folded to lower case in
 * the map by name, since DNS names have no case; the record itself keeps the
 * bytes that lockd sent, because they go back to it in the callback and onto
 * the disk.
 */
#include "statd/peers.h"

#include <stdlib.h>
#include <string.h>

#include "lib/hostname.h"
#include "lib/xalloc.h"

void peers_init(struct peers *set, const uint8_t key[static SIPHASH_KEY_SIZE])
{
	list_init(&set->all);
	map_init(&set->by_name, key);
	map_init(&set->by_addr, key);
	map_init(&set->files, key);
	set->count = 0;
	set->servers = NULL;
	set->server_count = 0;
}

void peers_fini(struct peers *set)
{
	struct link *pos, *after;
	size_t i;

	list_for_each_safe (pos, after, &set->all)
		peers_remove(set, container_of(pos, struct peer, in_all));
	/* What is left are files that hold nothing but foreign lines. */
	for (i = 0; i < set->files.bucket_count; i++) {
		struct map_node *node = set->files.buckets[i];

		while (node != NULL) {
			struct peer_file *file =
				container_of(node, struct peer_file, by_name);

			node = node->next;
			buf_fini(&file->foreign);
			free(file->name);
			free(file);
		}
	}
	peers_set_mounts(set, NULL, 0);
	map_fini(&set->files);
	map_fini(&set->by_name);
	map_fini(&set->by_addr);
}

static uint64_t name_hash(const struct peers *set, const char *name)
{
	char folded[RECORD_NAME_MAX + 1];

	if (strlen(name) > RECORD_NAME_MAX)
		return 0;
	hostname_fold(name, folded);
	return map_hash(&set->by_name, folded, strlen(folded));
}

static uint64_t addr_hash(const struct peers *set, const struct addr *addr)
{
	uint8_t key[24];

	return map_hash(&set->by_addr, key, addr_key(addr, key));
}

struct peer_file *peers_file(struct peers *set, const char *name)
{
	uint64_t hash = map_hash(&set->files, name, strlen(name));
	struct map_node *node;
	struct peer_file *file;

	for (node = map_first(&set->files, hash); node != NULL;
	     node = map_next(node)) {
		file = container_of(node, struct peer_file, by_name);
		if (strcmp(file->name, name) == 0)
			return file;
	}
	file = xzalloc(sizeof(*file));
	file->name = xstrdup(name);
	list_init(&file->peers);
	buf_init(&file->foreign, RECORD_FILE_MAX);
	map_add(&set->files, &file->by_name, hash);
	return file;
}

bool peer_file_is_empty(const struct peer_file *file)
{
	return list_is_empty(&file->peers) && file->foreign.len == 0 &&
	       !file->foreign.is_overflowed;
}

enum record_error peer_file_format(const struct peer_file *file,
				   struct buf *out)
{
	struct link *pos;

	/* Lines that were too many to keep must not vanish from the disk. */
	if (file->foreign.is_overflowed)
		return RECORD_LONG;
	buf_add(out, file->foreign.bytes, file->foreign.len);
	list_for_each (pos, &file->peers) {
		const struct peer *peer =
			container_of(pos, struct peer, in_file);
		enum record_error error = record_format(&peer->rec, out);

		if (error != RECORD_OK)
			return error;
	}
	return RECORD_OK;
}

struct peer *peers_add(struct peers *set, const struct record *rec,
		       const char *file)
{
	struct peer *peer = xzalloc(sizeof(*peer));
	struct addr addr;
	size_t i;

	record_copy(&peer->rec, rec);
	list_init(&peer->events);
	list_init(&peer->stores);
	list_init(&peer->in_lookup);
	for (i = 0; i < DOUBTS_MAX; i++)
		list_init(&peer->doubts[i].waiters);
	question_init(&peer->question);
	memo_slot_init(&peer->memo, MEMO_PEER);
	peer->file = peers_file(set, file);
	list_append(&peer->file->peers, &peer->in_file);
	list_append(&set->all, &peer->in_all);
	map_add(&set->by_name, &peer->by_name, name_hash(set, rec->mon_name));
	set->count++;
	peer->lookup = PEER_FIRST;
	if (addr_parse(rec->mon_name, &addr)) {
		peer->lookup = PEER_NUMERIC;
		peers_set_addrs(set, peer, &addr, 1);
	}
	return peer;
}

static void file_drop_if_empty(struct peers *set, struct peer_file *file)
{
	if (!peer_file_is_empty(file))
		return;
	map_remove(&set->files, &file->by_name);
	buf_fini(&file->foreign);
	free(file->name);
	free(file);
}

void peers_remove(struct peers *set, struct peer *peer)
{
	peers_set_addrs(set, peer, NULL, 0);
	peer_clear_delivered(peer);
	map_remove(&set->by_name, &peer->by_name);
	list_remove(&peer->in_all);
	list_remove(&peer->in_file);
	set->count--;
	file_drop_if_empty(set, peer->file);
	record_fini(&peer->rec);
	free(peer);
}

/* Whether @a and @b are the same key, names compared as @match says. */
static bool is_match(const struct record *a, const struct record *b,
		     enum peers_match match)
{
	if (match == PEERS_EXACT)
		return record_is_same_key(a, b);
	return a->prog == b->prog && a->vers == b->vers && a->proc == b->proc &&
	       hostname_is_equal(a->mon_name, b->mon_name) &&
	       hostname_is_equal(a->my_name, b->my_name);
}

struct peer *peers_find(const struct peers *set, const struct record *rec,
			enum peers_match match)
{
	struct peer *peer = NULL;

	while ((peer = peers_next_by_name(set, rec->mon_name, peer)) != NULL)
		if (is_match(&peer->rec, rec, match))
			return peer;
	return NULL;
}

struct peer *peers_next_by_name(const struct peers *set, const char *name,
				const struct peer *after)
{
	struct map_node *node;

	if (after == NULL)
		node = map_first(&set->by_name, name_hash(set, name));
	else
		node = map_next(&after->by_name);
	for (; node != NULL; node = map_next(node)) {
		struct peer *peer = container_of(node, struct peer, by_name);

		if (hostname_is_equal(peer->rec.mon_name, name))
			return peer;
	}
	return NULL;
}

struct peer_addr *peers_next_by_addr(const struct peers *set,
				     const struct addr *addr,
				     const struct peer_addr *after)
{
	struct map_node *node;

	if (after == NULL)
		node = map_first(&set->by_addr, addr_hash(set, addr));
	else
		node = map_next(&after->node);
	for (; node != NULL; node = map_next(node)) {
		struct peer_addr *place =
			container_of(node, struct peer_addr, node);

		if (addr_is_same_host(&place->addr, addr))
			return place;
	}
	return NULL;
}

void peers_set_addrs(struct peers *set, struct peer *peer,
		     const struct addr *addrs, size_t count)
{
	size_t i;

	for (i = 0; i < peer->addr_count; i++)
		map_remove(&set->by_addr, &peer->addrs[i].node);
	free(peer->addrs);
	peer->addrs = NULL;
	peer->addr_count = 0;
	if (count == 0)
		return;
	if (count > PEERS_ADDRS_MAX)
		count = PEERS_ADDRS_MAX;
	peer->addrs = xcalloc(count, sizeof(peer->addrs[0]));
	peer->addr_count = count;
	for (i = 0; i < count; i++) {
		peer->addrs[i].addr = addrs[i];
		peer->addrs[i].peer = peer;
		map_add(&set->by_addr, &peer->addrs[i].node,
			addr_hash(set, &addrs[i]));
	}
}

bool peer_has_addr(const struct peer *peer, const struct addr *addr)
{
	size_t i;

	for (i = 0; i < peer->addr_count; i++)
		if (addr_is_same_host(&peer->addrs[i].addr, addr))
			return true;
	return false;
}

void peers_set_mounts(struct peers *set, const struct addr *servers,
		      size_t count)
{
	free(set->servers);
	set->servers = NULL;
	set->server_count = count;
	if (count == 0)
		return;
	set->servers = xcalloc(count, sizeof(servers[0]));
	memcpy(set->servers, servers, count * sizeof(servers[0]));
}

bool peer_is_server_of_mount(const struct peers *set, const struct peer *peer)
{
	size_t i;

	for (i = 0; i < set->server_count; i++)
		if (peer_has_addr(peer, &set->servers[i]))
			return true;
	return false;
}

static struct peer_delivered *delivered_find(const struct peer *peer,
					     const char *name)
{
	size_t i;

	for (i = 0; i < peer->delivered_count; i++)
		if (hostname_is_equal(peer->delivered[i].name, name))
			return (struct peer_delivered *)&peer->delivered[i];
	return NULL;
}

bool peer_get_delivered(const struct peer *peer, const char *name,
			uint32_t *number)
{
	const struct peer_delivered *d = delivered_find(peer, name);

	if (d == NULL)
		return false;
	*number = d->number;
	return true;
}

bool peer_was_delivered_last(const struct peer *peer, uint32_t number)
{
	return peer->delivered_count > 0 &&
	       peer->delivered[peer->delivered_count - 1].number == number;
}

/* The others keep their order. */
static void delivered_remove(struct peer *peer, struct peer_delivered *d)
{
	size_t index = (size_t)(d - peer->delivered);

	free(d->name);
	peer->delivered_count--;
	memmove(d, d + 1, sizeof(*d) * (peer->delivered_count - index));
}

void peer_set_delivered(struct peer *peer, const char *name, uint32_t number)
{
	struct peer_delivered *d = delivered_find(peer, name);
	struct peer_delivered latest = {xstrdup(name), number};

	if (d == NULL && peer->delivered_count == PEERS_DELIVERED_MAX)
		d = &peer->delivered[0];
	if (d != NULL)
		delivered_remove(peer, d);
	peer->delivered[peer->delivered_count++] = latest;
}

void peer_clear_delivered(struct peer *peer)
{
	while (peer->delivered_count > 0)
		free(peer->delivered[--peer->delivered_count].name);
}
