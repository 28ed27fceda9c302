/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The high-availability callouts: which program run is due, and when it may
 * begin.  A cluster keeps its own list of whom a host monitors; the last
 * callout about a pair must say what holds, whatever happened in between.
 *
 * A pair is (mon_name, my_name).  It has at most one callout that waits, the
 * latest; callouts about one mon_name run one after the other, in order.
 *
 * ORDER: from before the disk changes for a pair until the callout about it has
 * ended, a file in sm/.reclaim names the pair: whoever finds it there runs the
 * callout again that fits what is on the disk.  Break it and a statd that is
 * killed leaves a cluster that believes what does not hold.
 */
#ifndef NFS_RECLAIM_STATD_CALLOUTS_H
#define NFS_RECLAIM_STATD_CALLOUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/buf.h"
#include "lib/list.h"
#include "lib/log.h"
#include "lib/map.h"
#include "lib/record.h"
#include "statd/effects.h"
#include "statd/memos.h"
#include "statd/nsm.h"
#include "statd/peers.h"

#define CALLOUTS_RUNNING_MAX 4	  /* at a time */
#define CALLOUTS_NOTICES_MAX 1024 /* sm-notify events that wait */

struct notice_call;

struct callouts {
	struct effects *out; /* borrowed */
	struct peers *peers; /* borrowed */
	struct memos *memos; /* borrowed */
	bool is_on;	     /* a program is set */
	bool is_lost;	     /* nobody is left who could run it */
	struct map by_name;  /* lane::by_name */
	struct link lanes;   /* lane::in_all */
	struct link ready;   /* lane::in_ready: may begin their next */
	struct link running; /* callout::in_lane */
	struct link notices; /* callout::in_notices: those that wait */
	size_t running_count;
	size_t waiting_count;
	size_t notice_count;
	uint64_t next_id;
	uint64_t done; /* since the start, like those that follow */
	uint64_t failed;
	uint64_t dropped; /* sm-notify events */
	uint64_t refused; /* for their names */
	struct log_limit limit;
};

/*
 * Makes @c empty and off.
 * Owns:   callouts_fini() ends it; the three rooms are borrowed for as long.
 */
void callouts_init(struct callouts *c, struct effects *out, struct peers *peers,
		   struct memos *memos,
		   const uint8_t key[static SIPHASH_KEY_SIZE]);

/*
 * Frees @c and all that waits.
 */
void callouts_fini(struct callouts *c);

/*
 * Takes the file @number of sm/.reclaim, as it was found at the start, with
 * @len bytes from outside.
 * Return: false where it is damaged or there is no program to run; it is to be
 *         removed then.
 */
bool callouts_load(struct callouts *c, uint64_t number, const uint8_t *bytes,
		   size_t len);

/*
 * Takes the end of the write of @slot, of kind MEMO_CALLOUT; where it failed,
 * it is tried again with the next event of its pair.
 */
void callouts_kept(struct memo_slot *slot, bool is_kept);

/*
 * All records and files were loaded: begins what a killed statd left behind,
 * add-client where the record is there, else del-client.
 */
void callouts_resume(struct callouts *c, uint64_t now_ms);

/*
 * Says whether there is a program to run.  While there is none nothing is
 * queued, and what waits is dropped.
 */
void callouts_set_on(struct callouts *c, bool is_on);

/*
 * Notes that the disk is about to change for the pair of @rec: from now until
 * the callout about it has ended, it may not be what the cluster believes.
 * ORDER:  before that change is asked for.
 */
void callouts_note(struct callouts *c, const struct record *rec);

/*
 * The pair of @rec is monitored from now on, or under a new cookie: add-client.
 */
void callouts_add(struct callouts *c, uint64_t now_ms,
		  const struct record *rec);

/*
 * The pair of @rec is not monitored any more: del-client.
 */
void callouts_del(struct callouts *c, uint64_t now_ms,
		  const struct record *rec);

/*
 * The notice @call is believed for @peer: sm-notify, unless it was already for
 * a record that it is about.  Beyond CALLOUTS_NOTICES_MAX the oldest that waits
 * is dropped.
 * ORDER:  before the lock manager's event is made.
 */
void callouts_notice(struct callouts *c, uint64_t now_ms,
		     const struct peer *peer, const struct notice_call *call);

/*
 * Takes the end of the CALLOUT @id, and lets the next one begin; NSM_CALL_LOST
 * means all that run, and that none will.
 */
void callouts_called(struct callouts *c, uint64_t now_ms, uint64_t id,
		     const struct nsm_called *end);

/*
 * Adds a line about @c to @out where there is a program to run.
 */
void callouts_add_status(const struct callouts *c, struct buf *out);

#endif
