/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sm.bak/ as rpc.statd sees it while no sm-notify runs: its records less what
 * sm/.reclaim/parked says of them.
 */
#ifndef NFS_RECLAIM_STATD_BAKINDEX_H
#define NFS_RECLAIM_STATD_BAKINDEX_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "sm-notify/request.h"
#include "sm-notify/targetset.h"

struct bakindex {
	int bak_fd; /* borrowed */
	int sm_fd;  /* borrowed */
	bool is_read;
	bool is_sure; /* sm.bak/ had not just been changed when it was read */
	bool has_unread;	 /* files that could not be read */
	uint32_t number;	 /* in force */
	struct timespec changed; /* sm.bak/, when it was read */
	struct target_set set;
	struct outbox box; /* stays empty */
	struct requests requests;
};

/*
 * Makes @index one that has read nothing of the directories @bak_fd and @sm_fd.
 * Owns:   bakindex_fini() ends it; the descriptors are borrowed for as long.
 */
void bakindex_init(struct bakindex *index, int bak_fd, int sm_fd);

/*
 * Takes @number for the state number in force: who was told another one is
 * parked.  0, which is none, changes nothing.
 */
void bakindex_set_number(struct bakindex *index, uint32_t number);

/*
 * Frees what was read.
 */
void bakindex_fini(struct bakindex *index);

/*
 * Tells, by one fstatat(2), whether sm.bak/ is known to be empty.
 */
bool bakindex_is_empty(const struct bakindex *index);

/*
 * Tells how @subject stands: CTL_UNTOLD, whose lines are added to @lines, else
 * CTL_PARKED or CTL_NONE.  Reads sm.bak/ where it has changed; it is read from
 * beginning to end, which for ten thousand files takes a fraction of a second.
 * A file that cannot be read counts as one of an untold peer, without lines.
 */
enum ctl_word bakindex_ask(struct bakindex *index,
			   const struct ctl_subject *subject,
			   struct buf *lines);

/*
 * Tells whether a file that could not be read, when the directory was, may be
 * one of @subject.
 */
bool bakindex_has_unread(const struct bakindex *index,
			 const struct ctl_subject *subject);

/*
 * Takes @subject for parked, or told, from now on.
 */
void bakindex_park(struct bakindex *index, const struct ctl_subject *subject);

#endif
