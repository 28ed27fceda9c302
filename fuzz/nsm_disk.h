/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A model of sm/ for the fuzzer of rpc.statd's core: what the disk was told to
 * do, in order, and what it has done.
 */
#ifndef NFS_RECLAIM_FUZZ_NSM_DISK_H
#define NFS_RECLAIM_FUZZ_NSM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuzz/input.h"
#include "lib/buf.h"
#include "lib/list.h"
#include "lib/record.h"
#include "statd/nsm.h"

#define DISK_FILES_MAX 128

/* A file as the disk has it, and as it will be. */
struct disk_file {
	char *name;
	struct buf content;
	bool is_there;	    /* on the disk */
	bool will_be_there; /* once all that is queued was done */
};

struct disk {
	struct disk_file files[DISK_FILES_MAX];
	size_t file_count;
	struct link jobs; /* what is queued, oldest first */
};

/*
 * Makes @disk empty.
 * Owns:   disk_fini() ends it.
 */
void disk_init(struct disk *disk);

/*
 * Frees all that @disk holds.
 */
void disk_fini(struct disk *disk);

/*
 * Puts the file @name onto @disk, as it was found at the start.
 */
void disk_note_file(struct disk *disk, const char *name, const uint8_t *bytes,
		    size_t len);

/*
 * Queues a STORE, or a FORGET, after checks that hold for every one.
 */
void disk_note_store(struct disk *disk, const struct nsm_out *out);
void disk_note_forget(struct disk *disk, const struct nsm_out *out);

/*
 * Does all that is queued up to a STORE, which ends with @error.
 * Return: false where none is queued; else *id is that of the STORE.
 */
bool disk_work(struct disk *disk, int error, uint64_t *id);

/*
 * Tells whether the STORE @id is queued.
 */
bool disk_is_busy(const struct disk *disk, uint64_t id);

/*
 * Tells whether some file on @disk has a record with the key of @rec, and the
 * cookie @priv where that is not NULL.
 */
bool disk_has(const struct disk *disk, const struct record *rec,
	      const uint8_t *priv);

#endif
