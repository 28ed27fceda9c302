/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk that keeps what was flushed, and of the rest any part; and the worker
 * that writes records for rpc.statd.  Part of sim.h.
 */
#ifndef NFS_RECLAIM_TESTS_SIM_DISK_H
#define NFS_RECLAIM_TESTS_SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/list.h"
#include "lib/prng.h"
#include "statd/nsm.h"

#define SIM_NAME_SIZE 64
#define DISK_SLOW_MS  180000

struct host;

enum disk_dir {
	DISK_ROOT,
	DISK_SM,
	DISK_BAK,
	DISK_MEMO,
	DISK_COPY, /* as DISK_ROOT, for sm-notify -P */
	DISK_COPY_SM,
	DISK_COPY_BAK,
	DISK_DIRS
};

/* A file's bytes.  Written once: nothing overwrites a file in place. */
struct inode {
	struct link in_disk; /* disk::inodes */
	uint8_t *bytes;
	size_t len;
	bool is_synced;
	bool is_lost; /* a flush failed: clean, and not on the disk */
};

/* What a disk may refuse. */
enum disk_op {
	DISK_WRITE, /* to make a file, or to write to it */
	DISK_FLUSH,
	DISK_NAME, /* to rename, link or remove */
	DISK_FLUSH_DIR,
	DISK_READ,
};

struct dirent {
	char name[SIM_NAME_SIZE];
	struct inode *inode; /* NULL: removed */
};

struct dirents {
	struct dirent *all;
	size_t count;
	size_t size;
};

struct dir {
	struct dirents now;	/* what a program sees */
	struct dirents durable; /* what surely survives */
	struct dirents pending; /* changes since the last flush, in order */
};

/* One change that the store worker was asked for. */
struct store_job {
	struct link in_queue; /* store::queued or store::batch */
	uint64_t id;
	char file[SIM_NAME_SIZE];
	enum disk_dir dir;
	bool is_new;
	bool is_removal;
	uint8_t *bytes;
	size_t len;
	struct inode *inode; /* written, not yet flushed */
	bool is_direct;	     /* under its own name, as durable.h DURABLE_NEW */
	struct store_claim *claim;
	int error;
};

/* A file that statd/claim.c would not take for its own. */
struct store_claim {
	struct link in_claims; /* store::claims */
	char file[SIM_NAME_SIZE];
	bool is_ours;
	struct buf kept; /* lines of others that are in it */
};

enum store_stage { STORE_IDLE, STORE_WRITE, STORE_FLUSH, STORE_SYNC_DIR };

struct store {
	struct link queued;
	struct link batch;
	struct link claims; /* store_claim::in_claims */
	enum store_stage stage;
	uint64_t since_ms; /* it is not idle */
};

#define STORE_STAGE_MS 20 /* in the calm no stage takes longer */

struct disk {
	struct link inodes; /* inode::in_disk */
	struct dir dirs[DISK_DIRS];
	uint64_t changes;	    /* how often anything here changed */
	uint64_t errors;	    /* how often it refused something */
	unsigned int error_percent; /* of what it is asked for */
	unsigned int read_percent;  /* ... of reads */
	uint64_t full_until_ms;
	uint64_t slow_until_ms; /* a flush takes up to DISK_SLOW_MS */
};

/* Tells whether a file with these bytes is what is looked for. */
typedef bool disk_match(void *ctx, const uint8_t *bytes, size_t len);

void disk_init(struct disk *disk);
void disk_fini(struct disk *disk);
/* Makes an empty file; NULL where the name is taken. */
struct inode *disk_create(struct disk *disk, enum disk_dir dir,
			  const char *name);
void disk_write(struct disk *disk, struct inode *inode, const void *bytes,
		size_t len);
void disk_sync(struct disk *disk, struct inode *inode);
/* The bytes are lost, and no later flush says so. */
void disk_fail_sync(struct disk *disk, struct inode *inode);
/* 0, or -errno: the disk of @h does not do @op now. */
int disk_error(struct host *h, enum disk_op op);
/* Nothing can be written for a while; flushes take minutes for a while. */
void disk_fill(struct host *h);
void disk_slow(struct host *h);
/* Gives a file a second name, in another directory. */
void disk_link(struct disk *disk, enum disk_dir from, enum disk_dir to,
	       const char *name);
void disk_rename(struct disk *disk, enum disk_dir dir, const char *from,
		 const char *to);
/* Harmless where there is no such file. */
void disk_unlink(struct disk *disk, enum disk_dir dir, const char *name);
void disk_sync_dir(struct disk *disk, enum disk_dir dir);
/* As sync(1). */
void disk_sync_all(struct disk *disk);
/* The file as a program sees it, or NULL. */
const struct inode *disk_find(const struct disk *disk, enum disk_dir dir,
			      const char *name);
/*
 * Whether some file of @dir matches, whatever a power failure now would do;
 * that of the name @likely is looked at first.
 */
bool disk_survives(const struct disk *disk, enum disk_dir dir,
		   const char *likely, disk_match *match, void *ctx);
/* Whether there is such a file, whatever a power failure now would do. */
bool disk_keeps(const struct disk *disk, enum disk_dir dir, const char *name);
/* Loses what was not flushed, or some of it. */
void disk_power_fail(struct disk *disk, struct prng *rng);

void store_init(struct store *store);
/* The process that owns the worker is gone. */
void store_kill(struct store *store);
void store_put(struct host *h, const struct nsm_out *out);
void store_remove(struct host *h, const char *file);
/* Whether it has nothing to do but to remove files of sm/.reclaim. */
bool store_is_removing(const struct store *store);
/* Writes or removes a file of sm/.reclaim, which nobody flushes. */
void store_memo(struct host *h, const struct nsm_out *out);

#endif
