/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One peer that may still be untold of our reboot while lockd monitors it
 * again: what is being done about it, and whose SM_MON waits for that.  For
 * late.c alone, which decides.
 */
#ifndef NFS_RECLAIM_STATD_LATEJOB_H
#define NFS_RECLAIM_STATD_LATEJOB_H

#include "lib/buf.h"
#include "lib/ctl.h"
#include "statd/late.h"

enum late_stage {
	LATE_ASKED, /* is it untold? */
	LATE_HELD,  /* it is being told, SM_MON waits */
	LATE_GRACE, /* it is being told while grace runs */
	LATE_PARKING,
	LATE_DONE,
};

struct late_job {
	struct link in_jobs;	/* late::jobs, in_grace or done */
	struct link in_telling; /* late::telling */
	struct timer timer;	/* its stage ends then */
	struct peer *peer;	/* NULL: monitored no more */
	struct envoy *envoy;	/* where we tell it ourselves */
	uint64_t id;
	enum late_stage stage;
	unsigned int asks;
	uint32_t number;      /* in force when it was asked about */
	uint32_t told_number; /* its peer was, by another record; 0: none */
	bool is_loaded;	      /* lockd has not asked for it in this life */
	bool is_answered;     /* its SM_MON, so it may have locks */
	bool is_by_name;      /* none of its addresses was known */
	bool is_wished;	      /* sm-notify was asked to tell it */
	bool is_counted;      /* its wait was taken from late::held_ms */
	bool is_unsure;	      /* whether grace still runs; SM_MON waits */
	struct monitor_caller waiters[NSM_WAITERS_MAX];
	unsigned int waiter_count;
};

/*
 * Has @job last in @stage until another one is set; @head is the list for it.
 * No timer is set, and nothing is unsure, afterwards.
 */
void latejob_set_stage(struct late *late, struct late_job *job,
		       enum late_stage stage, struct link *head);

/*
 * Lets those who wait for @job be answered.
 */
void latejob_release(struct late *late, struct late_job *job);

/*
 * Gives back what is left of the wait of @job, see late::held_ms.
 */
void latejob_end_hold(struct late *late, struct late_job *job);

/*
 * Frees the envoy of @job, where it has one.
 */
void latejob_stop_telling(struct late *late, struct late_job *job);

/*
 * Ends @job, which moves to late::done: nothing more is open about its peer.
 * @is_settled: and no notice to it can come late in this boot.
 */
void latejob_finish(struct late *late, struct late_job *job, bool is_settled);

/*
 * Adds to @text how others know the peer of @job.
 * Return: false where they do not, and nothing was added.
 */
bool latejob_add_subject(struct late_job *job, struct buf *text);

/*
 * Queues the UNTOLD @verb about the peer of @job.
 */
void latejob_ask_world(struct late *late, struct late_job *job,
		       enum ctl_verb verb);

/*
 * Queues a log line: the peer's mon_name and @what.
 */
void latejob_log(struct late *late, const struct late_job *job,
		 enum log_level level, const char *what);

/*
 * Frees all jobs in the list @head.
 */
void latejobs_free(struct late *late, struct link *head);

#endif
