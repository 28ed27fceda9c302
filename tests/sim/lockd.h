/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lock manager of a host: whom it has monitored, and all that is known and
 * expected of each of these.  Part of sim.h.
 */
#ifndef NFS_RECLAIM_TESTS_SIM_LOCKD_H
#define NFS_RECLAIM_TESTS_SIM_LOCKD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/record.h"
#include "tests/sim/attack.h"
#include "tests/sim/disk.h"
#include "tests/sim/net.h"

#define SIM_PAIRS_MAX (3 * SIM_HOSTS_MAX)
#define SIM_NAMES     2 /* a host's full name and its short one */

struct host;

/* What the last callout about a pair was that worked. */
enum told { TOLD_NOTHING, TOLD_ADD, TOLD_DEL };

enum pair_state { PAIR_IDLE, PAIR_MONITORING, PAIR_MONITORED, PAIR_LEAVING };

/* A peer under one of its names: what lockd does, and what check.c expects. */
struct pair {
	struct host *peer;
	struct addr addr; /* of the peer, as this host knows it */
	char mon_name[SIM_NAME_SIZE];
	char my_name[SIM_NAME_SIZE];
	enum pair_state state;
	unsigned int calls; /* under way */
	bool is_unheard;    /* no statd answered the last of them */
	uint8_t cookie[RECORD_PRIV_SIZE];

	bool has_cookie;    /* lockd's handle of the peer lives */
	uint64_t cookie_ms; /* when that was made */
	/* Numbers of the peer from then until its directory was replaced. */
	uint32_t had_first;
	uint32_t had_last; /* 0: it was not */
	uint32_t heard;	   /* the number of the last callback for it */
	uint32_t answered; /* ... of the last notice of it that had an answer */
	uint64_t answered_ms; /* ... at first */
	uint32_t ignored;     /* ... that was taken for a notice of nobody */
	uint32_t ambiguous;   /* ... that came, see known_is_ambiguous() */
	bool is_unresolved;   /* statd asked for its address in vain */
	bool is_looked_up;    /* ... since it has the record: in vain or not */

	bool has_locks;	       /* it may have some of this boot */
	bool is_in_grace;      /* ... promised in grace */
	bool is_graced;	       /* ... promised while it was told in grace */
	uint32_t granted_life; /* ... by this statd */
	uint32_t guarded_life; /* see is_only_asked() */
	uint32_t settled_life; /* see is_only_settled() */

	bool is_promised; /* statd answered SM_MON with success */
	bool is_floating; /* by the address that moves to whoever is @peer */
	bool is_theirs;	  /* ... that of nfs-utils */
	bool is_fresh;	  /* a debt whose record the turn has to retire */
	uint8_t promised[RECORD_PRIV_SIZE];
	bool is_debt;		      /* to be told of this boot */
	bool was_told[SIM_NAMES];     /* each of our names */
	unsigned int sent[SIM_NAMES]; /* since the full one is known */
	bool is_told_elsewhere;	      /* see names_note_answer() */
	bool is_callback_due;	      /* the peer crashed and will tell us */
	uint32_t due_above;	      /* ... a number above this */
	uint64_t due_ms;	      /* ... since it crashed then */
	bool is_answered;	      /* ... and needs not tell again */
	bool is_doubtful;   /* ... by what must be asked about (believed.c) */
	bool has_come;	    /* ... and is all that statd looks at */
	bool is_overtaken;  /* ... see believed_is_overtaken() */
	uint64_t forged_ms; /* the last callback by one with its address */
	struct quiet quiet; /* see attack.h */

	bool is_aside;	  /* sm-notify must not tell it: skip, max-age */
	bool was_aside;	  /* ... when it was parked, in this boot */
	bool is_missed;	  /* ... nor could it: its file was not to be read */
	bool is_stuck;	  /* told, and the disk did not let its line go */
	bool is_unmerged; /* the turn could not bring it into sm.bak/ */
	bool is_refused;  /* ... in the turn that runs */
	bool is_unread;	  /* this statd could not read its record */

	enum told told;	   /* by callouts, in this boot */
	bool is_memo_lost; /* the disk refused to note a callout */
	bool is_unsure;	   /* ... and statd was killed then */
};

struct lockd_call {
	bool is_open;
	bool is_given_up; /* -f has declared its locks lost meanwhile */
	uint32_t xid;
	uint32_t proc;
	struct pair *pair;
	uint8_t cookie[RECORD_PRIV_SIZE];
};

#define LOCKD_CALLS_MAX 64

struct lockd {
	bool is_started;
	bool is_registered;
	uint16_t port;
	uint32_t next_cookie;
	uint64_t slow_until_ms;
	struct pair pairs[SIM_PAIRS_MAX];
	size_t pair_count;
	struct lockd_call calls[LOCKD_CALLS_MAX];
};

void lockd_init(struct host *h);
void lockd_boot(struct host *h);
void lockd_power_fail(struct host *h);
/* Locks something between @a and @b: each monitors the other. */
void lockd_lock(struct host *a, struct host *b);
/* Stops monitoring some peer. */
void lockd_unlock(struct host *h);
/* The first pair of @peer; NULL: by the address that moves alone, or none. */
struct pair *lockd_pair_of(struct host *h, const struct host *peer);
/* Stops monitoring @pair, if it does. */
void lockd_leave(struct host *h, struct pair *pair);
/* Has @pair monitored; whether it is.  locks_monitored() hears of the end. */
bool lockd_watch(struct host *h, struct pair *pair);
/* The answer to the call @index, if that still is @xid; none: it failed. */
void lockd_replied(struct host *h, size_t index, uint32_t xid,
		   const uint8_t *bytes, size_t len);
/* statd went away: what is under way fails. */
void lockd_statd_died(struct host *h);
/* A callback has come. */
void lockd_input(struct host *h, const struct packet *p);

/* --- lockdlife.c ------------------------------------------------------- */

#define LOCKD_SLOW_MS 60000

/* Callbacks are answered late, for a while. */
void lockd_slow(struct host *h);
/* It forgets all that it knew, and comes again on another port. */
void lockd_restart(struct host *h);
/* The same, after a word to statd about each peer. */
void lockd_unload(struct host *h);
/* nfsd is started, which begins a grace period, or stopped. */
void lockd_nfsd(struct host *h);

#endif
