/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What operators and their scripts do with a state directory: other runs of
 * sm-notify than the plain one, other programs, other machines.  Part of sim.h.
 */
#ifndef NFS_RECLAIM_TESTS_SIM_OPERATOR_H
#define NFS_RECLAIM_TESTS_SIM_OPERATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/sim/disk.h"

#define MACHINES    2 /* that share the directory of one host */
#define OWED_MAX    32
#define CALLS_MAX   64 /* over TCP, of an errand */
#define ERRAND_PORT 904

struct addr;
struct host;
struct lockd_call;
struct notify;
struct packet;
struct pair;
struct sim;

/* Which of the runs of design section 4 is on the directory itself. */
enum run_kind {
	OPERATOR_PLAIN, /* and what follows a -f */
	OPERATOR_COPY,	/* -n */
};

/* A machine, and what /run/sm-notify.pid says there. */
struct machine {
	uint32_t boot;
	bool is_up;
	bool has_mark;
	bool is_mark_ours; /* with our second line; else nfs-utils' */
};

/* A record in a copy whose peer is not told yet. */
struct owed {
	char mon_name[SIM_NAME_SIZE];
	char my_name[SIM_NAME_SIZE];
	struct host *peer;
};

/* sm-notify -f -v ADDRESS -P COPY. */
struct errand {
	struct notify *core; /* NULL: not running */
	uint32_t life;
	uint32_t number; /* it announces */
	uint32_t last;	 /* announced from a copy of this host, or 0 */
	bool is_wanted;	 /* the agent has not seen it done */
	bool is_bound;	 /* it has the lock of its copy */
	bool is_over;
	unsigned int spins;
	uint64_t calls[CALLS_MAX];
	struct owed owes[OWED_MAX];
	size_t owed_count;
};

struct operators {
	enum run_kind kind;	  /* of the sm-notify that runs or ran last */
	bool is_forced;		  /* it is -f itself */
	uint32_t number;	  /* it announces */
	char name[SIM_NAME_SIZE]; /* -v; or "" */
	bool has_renamed;	  /* in this boot some run had a -v */
	bool has_copied; /* sm/ is in sm.bak/, by -n or a -f that was killed;
			    or a part of it, where that happened meanwhile */
	bool has_failed_store; /* of this life of statd */
	uint32_t turns;	       /* how often state.boot was written */
	uint32_t turns_seen;   /* ... when -n looked */
	bool is_rewriting;     /* sm-notify writes, and not the turn */
	unsigned int machine;  /* that has the directory now */
	struct machine machines[MACHINES];
	struct errand errand;
	struct disk backup;
	uint32_t came_with; /* the number in a directory that was put here */
	uint32_t went_with; /* the highest in one that was replaced; 0: none */
};

/* Power comes: a new boot of the machine that has the directory. */
void operator_boot(struct host *h);
/* "sm-notify -n", with or without -v. */
void operator_copy(struct host *h);
/* A plain run, or -f, with -v. */
void operator_rename(struct host *h);
/* Whether the run must end before it writes: another program turned. */
bool operator_is_outdone(struct host *h);
/* Whether @name is one of the two forms of @full: 0 full, 1 short. */
bool operator_is_form(const char *full, int which, const char *name);

/* --- errand.c ---------------------------------------------------------- */

/* Makes one directory a flushed copy of another; temporary files stay away. */
void errand_copy_dir(struct disk *to, enum disk_dir to_dir,
		     const struct disk *from, enum disk_dir from_dir);
/* A copy of the records of @from is made, and its peers are told. */
void errand_begin(struct host *h, const struct host *from);
/* Runs on the copy that is there, where that is wanted. */
void errand_start(struct host *h);
void errand_end(struct host *h);
void errand_kill(struct host *h);
void errand_boot(struct host *h);
void errand_answer(struct host *h, const struct packet *p);
uint64_t errand_deadline_ms(const struct host *h);
void errand_timer(struct host *h);
void errand_check_step(struct host *h);
void errand_check_end(struct host *h);
/* The number of the host itself is raised. */
void errand_check_own(struct host *h, uint32_t number);

/* --- cluster.c --------------------------------------------------------- */

/* The machine that has the directory of @h. */
struct machine *operator_machine(struct host *h);
/* Its power fails; so does its service, or it is stopped: to another one. */
void cluster_fail_over(struct host *h);
void cluster_move(struct host *h);
void cluster_boot(struct host *h);
/* A floating address, with the first host. */
void cluster_init(struct sim *s);
/* A node gets the address, or tells its clients once more. */
void cluster_take(struct host *h);
bool cluster_is_floating(const struct addr *addr);
bool cluster_is_client(const struct host *h);
void cluster_feed_mounts(struct host *h);
/* Where @pair is told. */
const struct addr *cluster_addr(const struct pair *pair);
/* Whether a notice from @from may be about @pair. */
bool cluster_is_source(const struct pair *pair, const struct addr *from);
/* Whether @p, which answers @h, is an answer of the peer of @pair. */
bool cluster_is_answer(const struct host *h, const struct pair *pair,
		       const struct packet *p);
/* A backup is made, or put back; or the disk of another host is. */
void cluster_restore(struct host *h);
void cluster_clone(struct host *h);
void cluster_turned(struct host *h);
/*
 * Whether @number of the peer of @pair may be one that its host knows of, from
 * a directory that was replaced since.
 */
bool cluster_is_again(const struct pair *pair, uint32_t number);
/* Whether a copy that @h got calls the peer of @pair by another name. */
bool cluster_has_names(const struct host *h, const struct pair *pair);
/* Clears what peers are to hear of @h, where @number is not news to them. */
void cluster_forget_due(struct host *h, uint32_t number);

/* --- theirs.c ---------------------------------------------------------- */

#define THEIRS_PORT 905

/* The programs of nfs-utils. */
struct theirs {
	bool is_installed;
	bool is_up;	   /* their statd */
	bool is_unflushed; /* they wrote what a power failure may undo */
	uint32_t life;
	uint32_t said; /* the highest number of any boot of theirs ... */
	uint32_t said_boot;
	uint32_t lost; /* the highest that was announced and undone then */
};

/* The other programs than now, at once or from the next boot on. */
void theirs_exchange(struct host *h);
/* Ours, where it is theirs. */
void theirs_leave(struct host *h);
/* Their sm-notify, then their statd. */
void theirs_boot(struct host *h);
/*
 * Whether @number may be of an earlier boot: nfs-utils' sm-notify had nobody to
 * tell in this one and raised nothing, nobody is owed a notice of a reboot, and
 * the lines in sm.bak/ are copies made by -n, or by a -f that has not brought
 * its number into `state`.  Who is told meanwhile hears the number as it
 * stands, and what that -f owes stays owed.
 */
bool theirs_has_kept(const struct host *h, uint32_t number);
/* The disk has lost what it loses. */
void theirs_power_failed(struct host *h);
/* lockd calls; false where it is not theirs to answer. */
bool theirs_call(struct host *h, const struct lockd_call *call);
/* A datagram for their statd, and an answer to their sm-notify. */
void theirs_input(struct host *h, const struct packet *p);
void theirs_answer(struct host *h, const struct packet *p);

#endif
