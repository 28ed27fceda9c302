/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.sqlite as somebody else left it: nfsdcld's database, or nfsdcltrack's,
 * made of any tables and rows, or of any bytes.  What is read of it lies within
 * its bounds; a database that was opened has one form, can be written, and can
 * be opened again with the same clients in it.
 *
 * Input: one byte; where it is 0 the rest is the file, else operations of one
 * byte and what they read.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sqlite3.h>

#include "cltrack/cldb.h"
#include "cltrack/trackdb.h"
#include "fuzz/input.h"

#define OPERATIONS_MAX 60
#define NAME_LEN_MAX   40

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
	struct input in;
	char dir[64];
	char file[96];
	char table[NAME_LEN_MAX + 1]; /* that rows go into */
	sqlite3 *db;
	bool is_odd; /* has columns that nobody makes */
};

/* --- a directory in memory, where there is such a thing ------------------- */

static void begin_dir(struct world *w)
{
	const char *above = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	snprintf(w->dir, sizeof(w->dir), "%s/fuzz_cldb.XXXXXX", above);
	require(mkdtemp(w->dir) != NULL);
	snprintf(w->file, sizeof(w->file), "%s/" CLDB_FILE, w->dir);
}

static void end_dir(struct world *w)
{
	DIR *dir = opendir(w->dir);
	const struct dirent *entry;

	require(dir != NULL);
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	rmdir(w->dir);
}

/* --- what somebody left --------------------------------------------------- */

static void write_bytes(const struct world *w)
{
	FILE *file = fopen(w->file, "wb");

	require(file != NULL);
	require(fwrite(w->in.data, 1, w->in.size, file) == w->in.size);
	fclose(file);
}

/* An error is somebody's mistake: the statement is not obeyed. */
static void run(const struct world *w, char *text)
{
	(void)sqlite3_exec(w->db, text, NULL, NULL, NULL);
	sqlite3_free(text);
}

/* An epoch is near the others, or anything. */
static long long take_epoch(struct world *w)
{
	uint8_t byte = input_byte(&w->in);
	uint64_t epoch = byte & 7;

	if (byte >= 0xf0)
		for (int i = 0; i < 8; i++)
			epoch = epoch << 8 | input_byte(&w->in);
	return (long long)epoch;
}

static void take_name(struct world *w)
{
	uint8_t byte = input_byte(&w->in);
	long long epoch = take_epoch(w);
	size_t len = byte >> 3;

	switch (byte & 3) {
	case 0:
		snprintf(w->table, sizeof(w->table), "clients");
		break;
	case 1:
		snprintf(w->table, sizeof(w->table), "rec-%llx", epoch);
		break;
	case 2:
		snprintf(w->table, sizeof(w->table), "rec-%016llx", epoch);
		break;
	default:
		snprintf(w->table, sizeof(w->table), "rec-");
		for (size_t i = 0; i < len; i++)
			w->table[4 + i] = (char)input_byte(&w->in);
		w->table[4 + len] = '\0';
		break;
	}
}

static void add_table(struct world *w)
{
	enum { KNOWN = 4 }; /* what nfs-utils makes */
	static const char *const columns[] = {
		"id BLOB PRIMARY KEY",
		"id BLOB PRIMARY KEY, princhash BLOB",
		"id BLOB PRIMARY KEY, time INTEGER",
		"id BLOB PRIMARY KEY, time INTEGER, has_session INTEGER",
		"id, princhash",
		"princhash",
		"id TEXT PRIMARY KEY, princhash BLOB DEFAULT 'none'",
		"id BLOB PRIMARY KEY, princhash BLOB) WITHOUT ROWID; --",
	};

	uint8_t which;

	take_name(w);
	which = input_byte(&w->in) & 7;
	w->is_odd |= which >= KNOWN;
	run(w, sqlite3_mprintf("CREATE TABLE \"%w\" (%s)", w->table,
			       columns[which]));
}

/* The text of a value; sqlite3_free() ends it. */
static char *take_value(struct world *w)
{
	uint8_t byte = input_byte(&w->in);
	int len = input_byte(&w->in);

	switch (byte & 7) {
	case 0:
		return sqlite3_mprintf("NULL");
	case 1:
		return sqlite3_mprintf("%d", len);
	case 2:
		return sqlite3_mprintf("'text%d'", len);
	case 3:
		return sqlite3_mprintf("zeroblob(32)");
	case 4:
		return sqlite3_mprintf("zeroblob(%d)", 1000 + len);
	case 5:
		return sqlite3_mprintf("2.5");
	default:
		return sqlite3_mprintf("X'%02x'", len);
	}
}

static void add_row(struct world *w)
{
	char *id = take_value(w);
	char *other = take_value(w);

	run(w, sqlite3_mprintf("INSERT INTO \"%w\" VALUES (%s%s%s)", w->table,
			       id, input_byte(&w->in) & 1 ? "" : ", ", other));
	run(w, sqlite3_mprintf("INSERT INTO \"%w\" VALUES (%s, %s)", w->table,
			       id, other));
	run(w, sqlite3_mprintf("INSERT INTO \"%w\" VALUES (%s)", w->table, id));
	sqlite3_free(id);
	sqlite3_free(other);
}

static void add_grace(struct world *w)
{
	long long current = take_epoch(w);
	long long recovery = take_epoch(w);

	run(w, sqlite3_mprintf("CREATE TABLE grace "
			       "(current INTEGER, recovery INTEGER)"));
	run(w, sqlite3_mprintf("INSERT INTO grace VALUES (%lld, %lld)", current,
			       recovery));
}

static void add_parameter(struct world *w)
{
	static const char *const keys[] = {"version", "first_time",
					   "grace_start", "other"};
	const char *key = keys[input_byte(&w->in) & 3];
	char *value = take_value(w);

	run(w, sqlite3_mprintf("CREATE TABLE parameters "
			       "(key TEXT PRIMARY KEY, value TEXT)"));
	run(w, sqlite3_mprintf("REPLACE INTO parameters VALUES (%Q, %s)", key,
			       value));
	sqlite3_free(value);
}

static void operate(struct world *w)
{
	uint8_t byte = input_byte(&w->in);

	switch (byte & 7) {
	case 0:
	case 1:
		add_table(w);
		break;
	case 2:
	case 3:
	case 4:
		add_row(w);
		break;
	case 5:
		add_grace(w);
		break;
	case 6:
		add_parameter(w);
		break;
	default:
		run(w, sqlite3_mprintf("REPLACE INTO parameters VALUES "
				       "('version', '%d')",
				       byte >> 3));
		break;
	}
}

static void make(struct world *w)
{
	require(sqlite3_open(w->file, &w->db) == SQLITE_OK);
	run(w, sqlite3_mprintf("PRAGMA journal_mode = MEMORY;"
			       "PRAGMA synchronous = OFF;"
			       "BEGIN"));
	for (int i = 0; w->in.size > 0 && i < OPERATIONS_MAX; i++)
		operate(w);
	run(w, sqlite3_mprintf("COMMIT"));
	sqlite3_close(w->db);
}

/* --- what is read --------------------------------------------------------- */

struct seen {
	struct cldb *db;
	uint64_t epoch;
	unsigned int count;
};

static int see_client(void *arg, const struct client *client)
{
	struct seen *seen = arg;

	require(client->id_len > 0 && client->id_len <= CLIENT_ID_MAX);
	require(client->princhash_len == 0 ||
		client->princhash_len == CLIENT_PRINCHASH_LEN);
	require(cldb_has(seen->db, seen->epoch, client->id, client->id_len) !=
		0);
	seen->count++;
	return 0;
}

static int see_id(void *arg, const uint8_t *id, size_t id_len)
{
	unsigned int *sum = arg;

	for (size_t i = 0; i < id_len; i++)
		*sum += id[i];
	return 0;
}

/* Opens it; the clients of both epochs are counted.  -errno or 0. */
static int look(const struct world *w, struct seen *seen)
{
	struct cldb_epochs epochs;
	int error = cldb_open(w->dir, CLDB_DELETE, &seen->db);

	if (error != 0)
		return error;
	error = cldb_epochs(seen->db, &epochs);
	if (error == 0)
		require(epochs.current != 0 &&
			epochs.current != epochs.recovery);
	seen->epoch = epochs.current;
	if (error == 0)
		error = cldb_clients(seen->db, epochs.current, see_client,
				     seen);
	seen->epoch = epochs.recovery;
	if (error == 0 && epochs.recovery != 0)
		error = cldb_clients(seen->db, epochs.recovery, see_client,
				     seen);
	return error;
}

/* A client comes and goes, where the database is sound. */
static void change(const struct seen *seen, bool is_sound)
{
	static const uint8_t id[] = "one that nobody has";
	const struct client client = {.id = id, .id_len = sizeof(id)};
	struct cldb_epochs epochs;
	int error = cldb_epochs(seen->db, &epochs);

	if (error == 0)
		error = cldb_create(seen->db, epochs.current, &client);
	if (error == 0)
		error = cldb_has(seen->db, epochs.current, id, sizeof(id)) == 1
				? 0
				: -ENOENT;
	if (error == 0)
		error = cldb_remove(seen->db, epochs.current, id, sizeof(id));
	require(error == 0 || !is_sound);
}

static void use(const struct world *w, bool is_sound)
{
	struct seen seen = {.count = 0}, again = {.count = 0};
	int error = look(w, &seen);

	if (seen.db == NULL)
		return;
	require(error == 0 || !is_sound);
	change(&seen, is_sound);
	cldb_close(seen.db);
	error = look(w, &again);
	if (is_sound)
		require(error == 0 && again.count == seen.count);
	if (again.db != NULL)
		cldb_close(again.db);
	error = cldb_downgrade(w->dir);
	require(error == 0 || !is_sound);
	again = (struct seen){.count = 0};
	error = look(w, &again);
	if (is_sound)
		require(error == 0 && again.count == seen.count);
	if (again.db != NULL)
		cldb_close(again.db);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = {.in = {data, size}};
	unsigned int sum = 0;
	bool is_sound;

	begin_dir(&w);
	is_sound = input_byte(&w.in) != 0;
	if (is_sound)
		make(&w);
	else
		write_bytes(&w);
	(void)trackdb_ids(w.dir, see_id, &sum);
	use(&w, is_sound && !w.is_odd);
	end_dir(&w);
	return 0;
}
