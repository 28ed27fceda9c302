/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The world that cldsim.c and edges.c play around the core of nfsdcld: what it
 * is made of, what can be done in it, and its disk.
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
#define TABLES	  8 /* epochs on the disk at a time */
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
	uint8_t told[HASH_SIZE]; /* may_reclaim: whose, as nfsd was told */
	bool has_told;
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
	bool is_silent;	  /* sends no RECLAIM_COMPLETE */
	bool was_removed; /* in this life of nfsd */
};

struct table {
	uint64_t epoch; /* 0: none */
	bool has[CLIENTS];
	uint8_t hash[CLIENTS][HASH_SIZE];
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
	uint8_t hash[CLIENTS][HASH_SIZE];
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
	uint64_t hash;	    /* of all that happened */
	bool is_scripted;   /* no dice: */
	bool is_power_next; /* what fails before crash point ... */
	unsigned int crash_at;
	unsigned int points; /* passed so far */
	bool is_cut_short;   /* the power failed at the crash point */
	bool has_lost_debt;  /* of what was answered with an error */
	char label[48];	     /* how to have this run again */
	unsigned int failures;
	unsigned int allowed, denied, crashes;
};

/* Returns the table of @epoch, NULL where there is none; 0: a free place. */
struct table *clddisk_table(struct disk *disk, uint64_t epoch);

/* Returns an empty table of @epoch. */
struct table *clddisk_make(struct disk *disk, uint64_t epoch);

/* Does a STORE, all of it; 0 or -errno. */
int clddisk_apply(struct disk *disk, const struct job *job);

/* Prints a line where @s is loud. */
void cldworld_say(struct sim *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Counts and prints a rule that is broken. */
void cldworld_violate(struct sim *s, const char *rule, const char *who);

/* One in @of; never in a script. */
bool cldworld_chance(struct sim *s, unsigned int of);

/* A crash point: tells whether all, or the daemon, ends here. */
bool cldworld_dies(struct sim *s);

/* Gives the core an input, and carries out what comes of it. */
void cldworld_feed(struct sim *s, const struct cld_in *in);

/* The worker does the first job there is. */
void cldworld_work(struct sim *s);

/* The daemon reads where it is from the disk. */
void cldworld_begin_daemon(struct sim *s);

/* nfsd starts, and knows nobody. */
void cldworld_begin_nfsd(struct sim *s);

/* nfsd makes an upcall; @who: -1 for none. */
void cldworld_ask(struct sim *s, enum upcall_command command, int who);

/* nfsd wants to end its grace period. */
void cldworld_begin_end(struct sim *s);

/* @who reclaims its lock, or learns that it may not. */
void cldworld_reclaim(struct sim *s, int who);

/* To be called between steps: forgives what was owed and is paid. */
void cldworld_settle_waivers(struct sim *s);

/* The daemon is gone, with nfsd where the power failed; they begin again. */
void cldworld_crash(struct sim *s);

/* nfsd alone ends and begins again. */
void cldworld_restart_nfsd(struct sim *s);

/* Tells whether nfsd went on in spite of an error about @p. */
bool cldworld_is_excused(const struct sim *s, const struct person *p);

/* Which script to play, and where to crash in it. */
struct edges_choice {
	const char *name;   /* or "all" */
	bool is_v41;	    /* A */
	unsigned int point; /* 0: no crash */
	bool is_power;
	bool is_loud; /* this run alone */
};

struct edges_result {
	unsigned int runs, failures;
	unsigned int excused; /* what was owed got lost: no verdict */
};

/* Plays what @choice names; without is_loud all versions and crash points. */
void edges_run(const struct edges_choice *choice, struct edges_result *result);

#endif
