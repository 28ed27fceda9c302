/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The world that cldsim.c plays around the core of nfsdcld: what it is made of,
 * and its disk.
 */
#ifndef NFS_RECLAIM_TESTS_SIM_CLDSIM_H
#define NFS_RECLAIM_TESTS_SIM_CLDSIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cltrack/cld.h"
#include "cltrack/upcall.h"
#include "lib/prng.h"

#define CLIENTS	  5 /* each wants the one lock of its own ... */
#define TABLES	  4 /* epochs on the disk at a time */
#define UPCALLS	  32
#define JOBS	  64
#define STEPS	  600
#define STEP_MS	  500
#define HASH_SIZE CLIENT_PRINCHASH_LEN

enum life { LIFE_DOWN, LIFE_STARTING, LIFE_GRACE, LIFE_ENDING, LIFE_NORMAL };

/* Its lock is wanted by all others as soon as the server gives it to them. */
struct person {
	char id[16];
	uint8_t hash[HASH_SIZE];
	bool is_v40;
	bool is_online;
	bool has_belief; /* that it holds its lock */
	bool is_known;	 /* to nfsd */
	bool is_held;	 /* its lock, by nfsd for it */
	bool is_exposed; /* somebody else can have had it */
	bool is_promised;
	bool is_waived; /* it was answered with an error, which is owed ... */
	bool is_lost;	/* ... by a daemon that is gone */
	bool may_reclaim;
	bool is_recorded; /* Create was answered, in this life of nfsd */
	bool is_asked;	  /* an upcall about it is out */
	bool was_removed; /* in this life of nfsd */
};

struct table {
	uint64_t epoch; /* 0: none */
	bool has[CLIENTS];
};

struct disk {
	uint64_t current, recovery;
	bool is_first_time;
	struct table tables[TABLES];
};

struct asked {
	bool is_open;
	uint8_t bytes[UPCALL_SIZE_MAX];
	size_t len;
	uint8_t command;
	int who;
};

struct job {
	enum cld_out_kind kind;
	struct cld_store store; /* clients: by who */
	uint64_t id;
	bool who[CLIENTS];
};

struct sim {
	struct prng rng;
	struct cld *cld;
	uint64_t now_ms;
	struct disk disk;
	struct person people[CLIENTS];
	enum life life;
	struct asked asked[UPCALLS];
	uint32_t xid;
	struct job jobs[JOBS];
	size_t job_count;
	bool has_bad_days; /* of the disk */
	bool is_disk_bad;
	bool is_dying; /* kill or power, before the next effect */
	bool is_power;
	bool is_end_owed; /* GraceDone was answered with an error */
	bool is_end_lost; /* a GraceDone was owed by one that is gone */
	bool is_loud;
	uint64_t seed;
	unsigned int failures;
	unsigned int allowed, denied, crashes;
};

/* Returns the table of @epoch, NULL where there is none; 0: a free place. */
struct table *clddisk_table(struct disk *disk, uint64_t epoch);

/* Returns an empty table of @epoch. */
struct table *clddisk_make(struct disk *disk, uint64_t epoch);

/* Does a STORE, all of it; 0 or -errno. */
int clddisk_apply(struct disk *disk, const struct job *job);

#endif
