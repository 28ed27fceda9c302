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

static bool replace_durably(struct host *h, const char *name, const void *bytes,
			    size_t len)
{
	if (!retire_file(h, DISK_ROOT, name, bytes, len))
		return false;
	return retire_sync_dir(h, DISK_ROOT);
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
	return retire_sync_dir(h, DISK_MEMO);
}

static void read_store(const struct host *h, struct bootrec *rec,
		       uint32_t *on_disk)
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
	snprintf(key, BOOTKEY_SIZE, "machine-%u.%u-boot-%u", h->index,
		 h->op.machine, operator_machine(h)->boot);
}

bool turn_is_of_this_boot(struct host *h)
{
	struct bootrec rec;
	char key[BOOTKEY_SIZE];
	uint32_t on_disk;

	make_key(h, key);
	read_store(h, &rec, &on_disk);
	return strcmp(rec.key, key) == 0;
}

static bool turn_steps(struct host *h, struct bootrec *rec, const char *key,
		       uint32_t on_disk)
{
	if (strcmp(rec->key, key) != 0 || on_disk > rec->number) {
		rec->number = statenum_raise(rec->number, rec->floor, on_disk);
		errand_check_own(h, rec->number);
		strcpy(rec->key, key);
	}
	rec->is_turned = false;
	if (!write_bootrec(h, rec) || !retire_move(h, DISK_SM, DISK_BAK) ||
	    !empty_memos(h))
		return false;
	parking_turn(h);
	if (!write_state(h, rec->number))
		return false;
	rec->is_turned = true;
	rec->has_left = h->has_old_records;
	return write_bootrec(h, rec);
}

/* Its locks count as lost from the moment at which the number is durable. */
static bool force_steps(struct host *h, struct bootrec *rec)
{
	h->op.has_copied = true;
	if (!retire_copy(h, DISK_SM, DISK_BAK))
		return false;
	parking_turn(h);
	rec->is_turned = true;
	if (!write_bootrec(h, rec))
		return false;
	check_forced(h);
	if (!write_state(h, rec->number))
		return false;
	h->op.has_copied = false;
	return true;
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

bool turn_has_left(const struct host *h)
{
	struct bootrec rec;
	uint32_t on_disk;

	read_store(h, &rec, &on_disk);
	return rec.has_left;
}

bool turn_is_force_unfinished(const struct host *h)
{
	struct bootrec rec;
	uint32_t on_disk;

	read_store(h, &rec, &on_disk);
	return rec.is_turned && rec.number > on_disk;
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
	if (is_alive)
		operator_machine(h)->is_mark_ours = true;
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
	errand_check_own(h, rec.number);
	is_alive = force_steps(h, &rec);
	see_number(h);
	return is_alive;
}

bool turn_copy(struct host *h, uint32_t *number)
{
	struct bootrec rec;
	uint32_t on_disk;
	bool is_behind, is_alive;

	read_store(h, &rec, &on_disk);
	*number = on_disk > rec.number ? on_disk : rec.number;
	if (*number == 0)
		*number = STATENUM_FIRST;
	h->op.turns_seen = h->op.turns;
	if (!flush(h))
		return false;
	is_behind = h->is_turned && on_disk < rec.number;
	is_alive = (on_disk != 0 && !is_behind) || write_state(h, *number);
	see_number(h);
	if (!is_alive)
		return false;
	/* Killed on the way, it leaves what the next run goes on with. */
	h->op.has_copied = h->is_turned;
	return retire_copy(h, DISK_SM, DISK_BAK);
}

/* As os/bootturn for -P: above all that the directory and the copy know. */
bool turn_raise_floor(struct host *h, uint32_t own, uint32_t *number)
{
	struct bootrec rec;
	uint32_t on_disk;

	read_store(h, &rec, &on_disk);
	if (rec.key[0] == '\0') {
		strcpy(rec.key, BOOTREC_NO_KEY);
		rec.number = on_disk;
	}
	*number = statenum_raise(rec.number, own > rec.floor ? own : rec.floor,
				 on_disk);
	rec.floor = *number;
	return write_bootrec(h, &rec);
}

/*
 * Whether sm-notify of this boot stands in for a state.boot that was lost, ours
 * or nfs-utils', as os/bootmark says.
 */
static bool is_adopted(struct host *h, const struct bootrec *rec)
{
	const struct machine *machine = operator_machine(h);

	if (!machine->has_mark)
		return false;
	return !machine->is_mark_ours || rec->key[0] == '\0' ||
	       strcmp(rec->key, BOOTREC_NO_KEY) == 0;
}

/* Nothing is retired: what is in sm/ is of this boot. */
static bool adopt(struct host *h, struct bootrec *rec, const char *key,
		  uint32_t on_disk)
{
	bool was_ours = operator_machine(h)->is_mark_ours;

	if (!was_ours && !empty_memos(h))
		return false;
	if (!was_ours)
		parking_turn(h);
	strcpy(rec->key, key);
	if (rec->number < on_disk)
		rec->number = on_disk;
	if (rec->number == 0)
		rec->number = STATENUM_FIRST;
	rec->is_turned = true;
	if (!write_bootrec(h, rec) || !flush(h) ||
	    (on_disk < rec->number && !write_state(h, rec->number)))
		return false;
	trace(h->sim, h, "turn: taken over");
	operator_machine(h)->is_mark_ours = true;
	return true;
}

static bool turn_do(struct host *h, struct bootrec *rec)
{
	char key[BOOTKEY_SIZE];
	uint32_t on_disk;

	if (disk_error(h, DISK_READ) != 0)
		return false;
	make_key(h, key);
	read_store(h, rec, &on_disk);
	if (strcmp(rec->key, key) == 0 && rec->is_turned)
		return turn_keep(h);
	if (strcmp(rec->key, key) != 0 && is_adopted(h, rec))
		return adopt(h, rec, key, on_disk);
	return turn_steps(h, rec, key, on_disk);
}

bool turn_run(struct host *h)
{
	struct bootrec rec;

	if (!turn_do(h, &rec))
		return false;
	read_store(h, &rec, &h->number);
	h->is_turned = true;
	check_turned(h);
	return true;
}
