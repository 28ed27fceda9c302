/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns what was said about peers that are in no file, or in none that could be
 * read.
 */
#include "sm-notify/guard.h"

#include <assert.h>
#include <string.h>

#include "lib/hostname.h"
#include "lib/record.h"

void guards_init(struct guards *g, const uint8_t key[static SIPHASH_KEY_SIZE])
{
	keyset_init(&g->names, key, GUARDS_MAX);
	keyset_init(&g->addrs, key, GUARDS_MAX);
}

void guards_fini(struct guards *g)
{
	keyset_fini(&g->names);
	keyset_fini(&g->addrs);
}

void guards_add(struct guards *g, const struct ctl_subject *subject)
{
	char folded[RECORD_NAME_MAX + 1];
	uint8_t key[24];

	assert(strlen(subject->mon_name) <= RECORD_NAME_MAX);
	hostname_fold(subject->mon_name, folded);
	keyset_add(&g->names, folded, strlen(folded));
	for (size_t i = 0; i < subject->addr_count; i++)
		keyset_add(&g->addrs, key, addr_key(&subject->addrs[i], key));
}

bool guards_have_name(const struct guards *g, const char *mon_name)
{
	char folded[RECORD_NAME_MAX + 1];

	assert(strlen(mon_name) <= RECORD_NAME_MAX);
	hostname_fold(mon_name, folded);
	return keyset_has(&g->names, folded, strlen(folded));
}

bool guards_have_addr(const struct guards *g, const struct addr *addr)
{
	uint8_t key[24];

	return keyset_has(&g->addrs, key, addr_key(addr, key));
}
