/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What others want of the notifier: to know whether a peer is untold, to have
 * it told next, or never again (design decision 14).  Requests come while it
 * runs; decisions of before are lines of sm/.reclaim/parked.
 *
 * ORDER: "told" is answered after the line has left its file, and never while
 * the disk keeps it (stuck.h).  Whoever hears it lets the peer have locks
 * again, and a next run must not announce this boot to it once more.
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_REQUEST_H
#define NFS_RECLAIM_SM_NOTIFY_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/ctl.h"
#include "lib/list.h"
#include "lib/parked.h"
#include "sm-notify/outbox.h"
#include "sm-notify/targetset.h"

#define REQUESTS_TELLERS_MAX 4096u /* that wait for "told" */

struct requests {
	struct target_set *set; /* borrowed */
	struct outbox *box;	/* borrowed */
	struct link tellers;	/* of teller::in_tellers */
	struct link called;	/* of target::in_called */
	size_t teller_count;
	size_t in_grace_count; /* ... who say that in grace alone */
	uint32_t number;       /* that is announced */
	struct buf lines; /* of sm/.reclaim/parked, until requests_start() */
	bool is_stale;	  /* some target was told or parked */
};

/*
 * Makes @requests empty; @number is the one that is announced.
 * Owns:   requests_fini() ends it; @set and @box are borrowed for as long.
 */
void requests_init(struct requests *requests, struct target_set *set,
		   struct outbox *box, uint32_t number);

/*
 * Frees @requests; nobody is answered.
 */
void requests_fini(struct requests *requests);

/*
 * Takes the content of sm/.reclaim/parked, before any file of sm.bak/: what
 * was told the number leaves its file, what is parked counts from
 * requests_start() on.  Lines that say nothing are passed over.
 * Owns:   copies.
 */
void requests_load(struct requests *requests, const uint8_t *bytes, size_t len);

/*
 * Parks what the loaded lines say, and who was told another number; all files
 * are in.
 */
void requests_start(struct requests *requests);

/*
 * Takes the request @id: answered now or, a "tell", later.  Targets that it
 * hurries or parks are handed out by requests_next().
 */
void requests_take(struct requests *requests, uint64_t id,
		   const struct ctl_request *request);

/*
 * Tells how the targets of @subject stand: CTL_UNTOLD where one is, though it
 * be set aside, or parked by what this run knows alone, or its line could not
 * be taken out of its file, or where it may be in a file that could not be
 * read, else CTL_PARKED where one is that, else CTL_NONE.
 */
enum ctl_word requests_state(const struct requests *requests,
			     const struct ctl_subject *subject);

/*
 * Tells whether a file that could not be read has the name of @subject, or is
 * an address of it.
 */
bool requests_has_unread(const struct requests *requests,
			 const struct ctl_subject *subject);

/*
 * Parks the targets of @subject, and those that turn out to have one of its
 * addresses.
 */
void requests_park(struct requests *requests,
		   const struct ctl_subject *subject);

/*
 * Tells whether somebody is told for as long as a grace period runs.
 */
bool requests_want_grace(const struct requests *requests);

/*
 * Parks, for this run, whoever is told for as long as a grace period runs: none
 * does any more.  Whoever waits hears of it, and parks them for good.
 */
void requests_grace_over(struct requests *requests);

/*
 * Forgets the request @id, whose asker is gone; the target stays urgent.
 */
void requests_cancel(struct requests *requests, uint64_t id);

/*
 * Returns the next target that has just become urgent or parked, or NULL.
 */
struct target *requests_next(struct requests *requests);

/*
 * Notes that a target was told, or parked by the caller.
 */
void requests_note(struct requests *requests);

/*
 * Answers those whose targets are all told or parked by now.
 */
void requests_settle(struct requests *requests);

/*
 * Answers all who wait that their peers stay untold.
 */
void requests_end(struct requests *requests);

#endif
