/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A core of nfsdcld in the hands of a test: upcalls in, effects out, one at a
 * time.
 */
#ifndef NFS_RECLAIM_TESTS_UNIT_CLD_RIG_H
#define NFS_RECLAIM_TESTS_UNIT_CLD_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "cltrack/cld.h"
#include "cltrack/upcall.h"

extern struct cld *rig;
extern uint64_t rig_now_ms;
extern struct cld_out rig_out;	  /* what rig_expect() took */
extern struct upcall rig_message; /* of a REPLY or RECORD */

/* Makes the core, in @current and @recovery. */
void rig_begin(uint64_t current, uint64_t recovery, bool has_old_kernel);

/* Makes it once more, for its first time. */
void rig_begin_first_time(void);

int rig_end(void **state);

/* Feeds an upcall of version 2 about @id (NULL: none); its xid is @xid. */
void rig_ask(uint32_t xid, enum upcall_command command, const char *id);

/* The same, as one that a life before has read; in grace, for old kernels. */
void rig_ask_again(uint32_t xid, enum upcall_command command, const char *id);
void rig_ask_in_grace(uint32_t xid, enum upcall_command command,
		      const char *id);

/* Takes the next effect that is no LOG; it is of @kind. */
void rig_expect(enum cld_out_kind kind);

/* ... and a STORE of @op; returns its id. */
uint64_t rig_expect_store(enum cld_op op);

/* ... and an answer to @xid with @status. */
void rig_expect_answer(uint32_t xid, int status);

/* ... and there is none. */
void rig_expect_nothing(void);

void rig_stored(uint64_t id, int error);

/* CLIENTS or ALIVE for @id: those that the NULL-ended @ids name. */
void rig_clients(enum cld_in_kind kind, uint64_t id, const char *const *ids);

void rig_failed(enum cld_in_kind kind, uint64_t id, int error);

/* Lets the time come that the core waits for. */
void rig_wait(void);

#endif
