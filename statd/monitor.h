/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SM_MON, SM_UNMON, SM_UNMON_ALL and the files of sm/: who is remembered, and
 * when the lock manager may believe it (contract.md 2.6, 2.7, 9).
 */
#ifndef NFS_RECLAIM_STATD_MONITOR_H
#define NFS_RECLAIM_STATD_MONITOR_H

#include <stddef.h>
#include <stdint.h>

#include "lib/list.h"
#include "lib/log.h"
#include "lib/record.h"
#include "statd/callouts.h"
#include "statd/effects.h"
#include "statd/late.h"
#include "statd/names.h"
#include "statd/notice.h"
#include "statd/peers.h"

/* STOREs under way.  Half of what the service lets wait: while the disk hangs,
 * whoever does not need it is still answered. */
#define MONITOR_STORES_MAX 32768

struct monitor {
	struct effects *out;	   /* borrowed */
	struct peers *peers;	   /* borrowed */
	struct names *names;	   /* borrowed */
	struct notices *notices;   /* borrowed */
	struct callouts *callouts; /* borrowed */
	struct late *late;	   /* borrowed */
	struct link jobs;	   /* store_job::in_jobs: STOREs under way */
	size_t job_count;
	uint64_t next_id;
	uint32_t number; /* the local state number; 0 = no usable store */
	struct log_limit limit;
};

/*
 * The rooms beside this one.
 */
struct monitor_rooms {
	struct effects *out;
	struct peers *peers;
	struct names *names;
	struct notices *notices;
	struct callouts *callouts;
	struct late *late;
};

/*
 * Makes @m ready.
 * Owns:   monitor_fini() ends it; the rooms are borrowed for as long.
 */
void monitor_init(struct monitor *m, const struct monitor_rooms *rooms);

/*
 * Frees the STOREs under way; nobody is answered.
 */
void monitor_fini(struct monitor *m);

/*
 * Takes the content of the file @name as it is in sm/: its records are
 * monitored, but count as durable only once they are stored again; what is no
 * record is reported and kept.
 */
void monitor_load(struct monitor *m, const char *name, const uint8_t *bytes,
		  size_t len);

/*
 * SM_MON: remembers @rec, which the caller may reuse, and answers @caller once
 * it is durable and no notice of ours to that peer comes late, at once where
 * both is so already, or with a failure.
 * ORDER: no answer before STORED.
 */
void monitor_add(struct monitor *m, uint64_t now_ms,
		 const struct monitor_caller *caller, const struct record *rec);

/*
 * Answers an SM_MON with stat_fail and state -1.
 */
void monitor_refuse(struct monitor *m, const struct monitor_caller *caller);

/*
 * SM_UNMON: forgets the pair of @rec, found exactly or else ignoring case.
 * The caller is answered by nsm.c without waiting for the disk.
 */
void monitor_remove(struct monitor *m, uint64_t now_ms,
		    const struct record *rec);

/*
 * SM_UNMON_ALL: forgets every pair of the lock manager and my_name of @rec.
 */
void monitor_remove_all(struct monitor *m, uint64_t now_ms,
			const struct record *rec);

/*
 * Takes the end of the STORE @id: answers all who wait for it.  @reason (may
 * be NULL) says in the log what @error (0 or -errno) means.
 */
void monitor_stored(struct monitor *m, uint64_t now_ms, uint64_t id, int error,
		    const char *reason);

/*
 * Answers those whose peer is durable, and which late.c holds back no longer.
 */
void monitor_settle(struct monitor *m);

/*
 * Notes what `state` says now; 0: there is no usable store.
 */
void monitor_set_number(struct monitor *m, uint64_t now_ms, uint32_t number);

/*
 * Forgets every peer without a trace on the disk, at the very end.
 */
void monitor_drop_all(struct monitor *m);

#endif
