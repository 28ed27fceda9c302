/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two sources, a batch each: either is there whole, or can be read again.
 */
#include "cltrack/legacy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cltrack/recdir.h"
#include "cltrack/trackdb.h"
#include "lib/log.h"

#define HASH_PREFIX "hash:" /* the kernel's word */
#define HASH_SIZE   (sizeof(HASH_PREFIX) + RECDIR_NAME_LEN)

struct import {
	struct cldb *db;
	uint64_t epoch;
	unsigned int count;
	unsigned int damaged;
};

/* --- nfsdcltrack --- */

static int import_id(void *arg, const uint8_t *id, size_t id_len)
{
	struct client client = {.id = id, .id_len = id_len};
	struct import *import = arg;
	int error = cldb_create(import->db, import->epoch, &client);

	if (error == -EINVAL) {
		import->damaged++;
		return 0;
	}
	import->count += error == 0;
	return error;
}

/*
 * COMPAT: the current table is emptied, as nfs-utils does: nfsdcltrack may have
 * gone on since the last import, where the kernel did not wait for nfsdcld, and
 * a client that it removed must not come back.
 */
static int read_trackdb(const char *dir, struct import *import)
{
	int error = cldb_grace_start(import->db, import->epoch, 0);

	return error ? error : trackdb_ids(dir, import_id, import);
}

/* --- the recovery directory --- */

/* Reads where it is; -ENOENT where the kernel has none. */
static int read_place(const char *file, char out[static PATH_MAX])
{
	ssize_t len;
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -ENOENT;
	/* COMPAT: some kernels have the file and give EINVAL (contract 6.1). */
	len = read(fd, out, PATH_MAX - 1);
	close(fd);
	out[len > 0 ? len : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return out[0] == '/' ? 0 : -ENOENT;
}

static int import_name(void *arg, const char *name)
{
	char id[HASH_SIZE];

	(void)snprintf(id, sizeof(id), HASH_PREFIX "%s", name);
	/* With its NUL: so the kernel compares it. */
	return import_id(arg, (const uint8_t *)id, sizeof(id));
}

static int read_recdir(const char *path, struct import *import)
{
	return recdir_each(path, import_name, import);
}

/* --- both --- */

/* Has @read put clients into one batch. */
static int import_one(struct import *import, const char *place,
		      int (*read)(const char *place, struct import *import))
{
	int error = cldb_begin(import->db);

	import->count = 0;
	import->damaged = 0;
	if (!error)
		error = read(place, import);
	if (!error)
		error = cldb_commit(import->db);
	else
		cldb_rollback(import->db);
	if (import->damaged > 0)
		log_line(LOG_ERROR, "%s: %u damaged clients are left out",
			 place, import->damaged);
	if (error)
		log_line(LOG_ERROR, "%s: its clients are not taken over: %s",
			 place, strerror(-error));
	else if (import->count > 0)
		log_line(LOG_NOTE, "%s: %u clients are taken over", place,
			 import->count);
	return error;
}

int legacy_import(const struct legacy *legacy, struct cldb *db, uint64_t epoch)
{
	struct import import = {.db = db, .epoch = epoch};
	struct cldb_epochs epochs;
	char place[PATH_MAX];
	int error = cldb_epochs(db, &epochs);
	int error_2 = 0;

	if (error)
		return error;
	if (!epochs.is_first_time || epochs.recovery != 0 ||
	    epochs.current != 1 || epoch != 1)
		return 0;
	if (trackdb_exists(legacy->trackdb_dir))
		error = import_one(&import, legacy->trackdb_dir, read_trackdb);
	if (read_place(legacy->recoverydir_file, place) == 0 &&
	    recdir_has(place))
		error_2 = import_one(&import, place, read_recdir);
	return error ? error : error_2;
}

int legacy_clean(const struct legacy *legacy)
{
	char place[PATH_MAX];
	int error = 0;
	int error_2 = 0;

	if (trackdb_exists(legacy->trackdb_dir))
		error = trackdb_empty(legacy->trackdb_dir);
	if (read_place(legacy->recoverydir_file, place) == 0)
		error_2 = recdir_clean(place);
	if (error_2 == -ENOENT)
		error_2 = 0;
	if (error_2)
		log_line(LOG_ERROR, "%s: %s", place, strerror(-error_2));
	return error ? error : error_2;
}
