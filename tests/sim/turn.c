/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The boot turn of design section 4 on the model disk: the same steps in the
 * same order as os/bootturn, with the same arithmetic (lib/statenum) and the
 * same merge (lib/record), and a place to die between any two of them.
 */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/statenum.h"

/* What exits.c does not see to itself. */
static bool is_refused(struct host *h, enum program who, enum disk_op op)
{
	return who == PROGRAM_TURN && disk_error(h, op) != 0;
}

static bool give_up(struct host *h, enum disk_dir dir, const char *temp)
{
	disk_unlink(&h->disk, dir, temp);
	return false;
}

/* The names in @dir are durable, unless something happens; else false. */
static bool sync_dir(struct host *h, enum disk_dir dir)
{
	if (disk_error(h, DISK_FLUSH_DIR) != 0)
		return false;
	disk_sync_dir(&h->disk, dir);
	return host_survives(h, PROGRAM_TURN);
}

bool turn_replace(struct host *h, enum disk_dir dir, const char *name,
		  const void *bytes, size_t len)
{
	enum program who = h->op.is_rewriting ? PROGRAM_NOTIFIER : PROGRAM_TURN;
	char temp[SIM_NAME_SIZE + 8];
	struct inode *inode;

	snprintf(temp, sizeof(temp), ".%s.new", name);
	disk_unlink(&h->disk, dir, temp);
	inode = disk_create(&h->disk, dir, temp);
	if (!host_survives(h, who))
		return false;
	disk_write(&h->disk, inode, bytes, len);
	if (is_refused(h, who, DISK_WRITE))
		return give_up(h, dir, temp);
	if (!host_survives(h, who))
		return false;
	/* ORDER: never rename an unsynced file over a synced one. */
	if (is_refused(h, who, DISK_FLUSH)) {
		disk_fail_sync(&h->disk, inode);
		return give_up(h, dir, temp);
	}
	disk_sync(&h->disk, inode);
	if (!host_survives(h, who))
		return false;
	if (is_refused(h, who, DISK_NAME))
		return give_up(h, dir, temp);
	disk_rename(&h->disk, dir, temp, name);
	return host_survives(h, who);
}

static bool replace_durably(struct host *h, const char *name, const void *bytes,
			    size_t len)
{
	if (!turn_replace(h, DISK_ROOT, name, bytes, len))
		return false;
	return sync_dir(h, DISK_ROOT);
}

static bool write_bootrec(struct host *h, const struct bootrec *rec)
{
	char line[BOOTREC_LEN_MAX];
	size_t len = bootrec_format(rec, line);

	trace(h->sim, h, "turn: %.*s", (int)len - 1, line);
	h->op.turns++;
	return replace_durably(h, "state.boot", line, len);
}

static bool write_state(struct host *h, uint32_t number)
{
	uint8_t bytes[STATENUM_FILE_SIZE];

	statenum_encode(number, bytes);
	return replace_durably(h, "state", bytes, sizeof(bytes));
}

/*
 * One that cannot be brought into sm.bak/ stays where it is, and its peer is
 * not told in this boot: the next turn tries again.
 */
static void refuse(struct host *h, const char *file)
{
	size_t i;

	trace(h->sim, h, "turn: sm/%s cannot be merged", file);
	for (i = 0; i < h->lockd.pair_count; i++)
		if (strcmp(h->lockd.pairs[i].mon_name, file) == 0)
			h->lockd.pairs[i].is_refused = true;
}

static bool is_refused_file(const struct host *h, const char *file)
{
	size_t i;

	for (i = 0; i < h->lockd.pair_count; i++)
		if (strcmp(h->lockd.pairs[i].mon_name, file) == 0 &&
		    h->lockd.pairs[i].is_refused)
			return true;
	return false;
}

static bool merge_copy(struct host *h, const struct dirent *entry)
{
	const struct inode *old = disk_find(&h->disk, DISK_BAK, entry->name);
	uint64_t errors = h->disk.errors;
	struct buf merged;
	bool is_alive;

	buf_init(&merged, RECORD_FILE_MAX);
	if (old != NULL)
		buf_add(&merged, old->bytes, old->len);
	record_merge(&merged, entry->inode->bytes, entry->inode->len);
	is_alive = turn_replace(h, DISK_BAK, entry->name, merged.bytes,
				merged.len);
	buf_fini(&merged);
	if (is_alive || h->disk.errors == errors)
		return is_alive;
	refuse(h, entry->name);
	return true;
}

/* As os/retire: a second name where that can be had, else a merged copy. */
static bool merge_file(struct host *h, const struct dirent *entry)
{
	if (disk_find(&h->disk, DISK_BAK, entry->name) != NULL ||
	    disk_error(h, DISK_NAME) != 0)
		return merge_copy(h, entry);
	disk_link(&h->disk, DISK_SM, DISK_BAK, entry->name);
	return host_survives(h, PROGRAM_TURN);
}

/* All of sm/ into sm.bak/, durably, but for what is refused. */
static bool merge_all(struct host *h)
{
	const struct dirents *sm = &h->disk.dirs[DISK_SM].now;
	size_t i;

	for (i = 0; i < h->lockd.pair_count; i++)
		h->lockd.pairs[i].is_refused = false;
	for (i = 0; i < sm->count; i++) {
		if (sm->all[i].name[0] != '.' && !merge_file(h, &sm->all[i]))
			return false;
	}
	if (!sync_dir(h, DISK_BAK))
		return false;
	for (i = 0; i < h->lockd.pair_count; i++)
		h->lockd.pairs[i].is_unmerged = h->lockd.pairs[i].is_refused;
	return true;
}

static bool retire(struct host *h)
{
	struct dirents *sm = &h->disk.dirs[DISK_SM].now;
	size_t i;

	/* ORDER: sm.bak is durable before anything leaves sm. */
	if (!merge_all(h))
		return false;
	for (i = 0; i < sm->count;) {
		if (is_refused_file(h, sm->all[i].name)) {
			i++;
			continue;
		}
		if (disk_error(h, DISK_NAME) != 0)
			return false;
		disk_unlink(&h->disk, DISK_SM, sm->all[i].name);
		if (!host_survives(h, PROGRAM_TURN))
			return false;
	}
	h->has_old_records = sm->count > 0;
	return sync_dir(h, DISK_SM);
}

/* What was under way in the boot before means nothing now. */
static bool empty_memos(struct host *h)
{
	struct dirents *memos = &h->disk.dirs[DISK_MEMO].now;

	while (memos->count > 0) {
		if (disk_error(h, DISK_NAME) != 0)
			return false;
		disk_unlink(&h->disk, DISK_MEMO, memos->all[0].name);
		if (!host_survives(h, PROGRAM_TURN))
			return false;
	}
	return sync_dir(h, DISK_MEMO);
}

static void read_store(struct host *h, struct bootrec *rec, uint32_t *on_disk)
{
	const struct inode *state = disk_find(&h->disk, DISK_ROOT, "state");
	const struct inode *boot = disk_find(&h->disk, DISK_ROOT, "state.boot");

	*rec = (struct bootrec){0};
	if (boot != NULL)
		bootrec_parse(boot->bytes, boot->len, rec);
	*on_disk =
		state != NULL ? statenum_decode(state->bytes, state->len) : 0;
}

static void make_key(struct host *h, char key[static BOOTKEY_SIZE])
{
	snprintf(key, BOOTKEY_SIZE, "machine-%u-boot-%u", h->op.machine,
		 operator_machine(h)->boot);
}

static bool turn_steps(struct host *h, struct bootrec *rec, const char *key,
		       uint32_t on_disk)
{
	if (strcmp(rec->key, key) != 0 || on_disk > rec->number) {
		rec->number = statenum_raise(rec->number, rec->floor, on_disk);
		strcpy(rec->key, key);
	}
	rec->is_turned = false;
	if (!write_bootrec(h, rec) || !retire(h) || !empty_memos(h))
		return false;
	parking_turn(h);
	if (!write_state(h, rec->number))
		return false;
	rec->is_turned = true;
	return write_bootrec(h, rec);
}

/* Its locks count as lost from the moment at which the number is durable. */
static bool force_steps(struct host *h, struct bootrec *rec)
{
	if (!merge_all(h))
		return false;
	parking_turn(h);
	rec->is_turned = true;
	if (!write_bootrec(h, rec))
		return false;
	check_forced(h);
	return write_state(h, rec->number);
}

/* The number as rpc.statd reads it. */
static void see_number(struct host *h)
{
	struct bootrec rec;

	if (h->is_turned)
		read_store(h, &rec, &h->number);
}

/* What a run that was killed, or nfs-utils, has written and not flushed. */
static bool flush(struct host *h)
{
	static const enum disk_dir dirs[] = {DISK_SM, DISK_BAK, DISK_ROOT};
	size_t i;

	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		disk_sync_dir(&h->disk, dirs[i]);
		if (!host_survives(h, PROGRAM_TURN))
			return false;
	}
	return true;
}

bool turn_keep(struct host *h)
{
	struct bootrec rec;
	uint32_t on_disk;
	bool is_alive;

	if (!flush(h))
		return false;
	read_store(h, &rec, &on_disk);
	is_alive = on_disk >= rec.number || write_state(h, rec.number);
	see_number(h);
	return is_alive;
}

bool turn_force(struct host *h)
{
	struct bootrec rec;
	uint32_t on_disk;
	bool is_alive;

	if (!turn_keep(h))
		return false;
	read_store(h, &rec, &on_disk);
	rec.number = statenum_raise(h->number, rec.floor, h->number);
	is_alive = force_steps(h, &rec);
	see_number(h);
	return is_alive;
}

bool turn_copy(struct host *h, uint32_t *number)
{
	struct bootrec rec;
	uint32_t on_disk;
	bool is_behind;

	read_store(h, &rec, &on_disk);
	*number = on_disk > rec.number ? on_disk : rec.number;
	if (*number == 0)
		*number = STATENUM_FIRST;
	h->op.turns_seen = h->op.turns;
	if (!flush(h))
		return false;
	is_behind = h->is_turned && on_disk < rec.number;
	if ((on_disk == 0 || is_behind) && !write_state(h, *number))
		return false;
	see_number(h);
	return merge_all(h);
}

bool turn_run(struct host *h)
{
	struct bootrec rec;
	char key[BOOTKEY_SIZE];
	uint32_t on_disk;

	if (disk_error(h, DISK_READ) != 0)
		return false;
	make_key(h, key);
	read_store(h, &rec, &on_disk);
	if ((strcmp(rec.key, key) != 0 || !rec.is_turned) &&
	    !turn_steps(h, &rec, key, on_disk))
		return false;
	h->number = rec.number;
	h->is_turned = true;
	check_turned(h);
	return true;
}
