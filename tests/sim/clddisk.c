/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk whose transactions happen at once or not at all.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/cldsim.h"

struct table *clddisk_table(struct disk *disk, uint64_t epoch)
{
	for (int i = 0; i < TABLES; i++)
		if (disk->tables[i].epoch == epoch)
			return &disk->tables[i];
	return NULL;
}

struct table *clddisk_make(struct disk *disk, uint64_t epoch)
{
	struct table *table = clddisk_table(disk, epoch);

	if (table == NULL)
		table = clddisk_table(disk, 0);
	if (table == NULL)
		abort();
	*table = (struct table){.epoch = epoch};
	return table;
}

static void drop_table(struct disk *disk, uint64_t epoch)
{
	struct table *table = clddisk_table(disk, epoch);

	if (epoch != 0 && table != NULL)
		table->epoch = 0;
}

static void carry(struct table *table, const struct job *job, int who)
{
	if (!table->has[who])
		memcpy(table->hash[who], job->hash[who], HASH_SIZE);
	table->has[who] = true;
}

int clddisk_apply(struct disk *disk, const struct job *job)
{
	const struct cld_store *store = &job->store;
	struct table *current = clddisk_table(disk, store->current);

	if (store->op == CLD_START) {
		struct table *ended = clddisk_table(disk, store->recovery);

		for (int i = 0; i < CLIENTS; i++)
			if (job->who[i] && store->ended != 0)
				carry(ended, job, i);
		drop_table(disk, store->ended);
		clddisk_make(disk, store->current);
		disk->current = store->current;
		disk->recovery = store->recovery;
		return 0;
	}
	if (current == NULL)
		return -ENOENT;
	for (int i = 0; i < CLIENTS; i++) {
		if (!job->who[i])
			continue;
		current->has[i] &= store->op == CLD_DONE;
		if (store->op != CLD_REMOVE)
			carry(current, job, i);
	}
	if (store->op == CLD_DONE) {
		drop_table(disk, store->recovery);
		disk->recovery = 0;
		disk->is_first_time &= !store->is_last_first_time;
	}
	return 0;
}
