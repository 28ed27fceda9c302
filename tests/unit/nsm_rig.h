/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hand-driven NSM core for unit tests: messages in, effects out, a clock that
 * the test moves.
 */
#ifndef NFS_RECLAIM_TESTS_UNIT_NSM_RIG_H
#define NFS_RECLAIM_TESTS_UNIT_NSM_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "statd/nsm.h"

#define RIG_OUT_MAX  128
#define RIG_TEXT_MAX 2048

/* An effect with a copy of all that it borrowed. */
struct rig_out {
	struct nsm_out out;
	uint8_t bytes[RIG_TEXT_MAX];
	char text[RIG_TEXT_MAX]; /* file, name, words or log line */
};

struct rig {
	struct nsm *nsm;
	struct nsm_policy policy; /* as it was told last */
	uint64_t now_ms;
	uint64_t next_reply_to;
	uint32_t next_xid;
	bool is_grace_over;
	bool is_untold_asked; /* the test answers UNTOLD; else: "none" */
	struct rig_out outs[RIG_OUT_MAX]; /* of the last input */
	size_t out_count;
};

/*
 * Starts a core whose state number is 3, and which asks no peer.
 */
void rig_init(struct rig *rig);

/*
 * The same with another notify-check.
 */
void rig_init_check(struct rig *rig, enum verify_check check);

/*
 * Frees the core.
 */
void rig_fini(struct rig *rig);

/*
 * Feeds @in and collects the effects.
 */
void rig_feed(struct rig *rig, const struct nsm_in *in);

/*
 * Feeds the call of @proc with @args encoded by @xdr from @from ("127.0.0.1",
 * "192.0.2.1") and @port.
 * Return: the reply_to it was given.
 */
uint64_t rig_call(struct rig *rig, const char *from, uint16_t port,
		  uint32_t proc, void *xdr, void *args);

/*
 * SM_MON of (@mon_name, "me") by lockd, the cookie all @cookie.
 */
uint64_t rig_mon(struct rig *rig, const char *mon_name, char cookie);

/*
 * SM_UNMON of the same pair.
 */
uint64_t rig_unmon(struct rig *rig, const char *mon_name);

/*
 * SM_NOTIFY of @name and @number from @from and a reserved port.
 */
uint64_t rig_notify(struct rig *rig, const char *from, const char *name,
		    int number);

/*
 * Ends the STORE @id with @error.
 */
void rig_stored(struct rig *rig, uint64_t id, int error);

/*
 * Monitors @mon_name and lets it become durable.
 */
void rig_monitor(struct rig *rig, const char *mon_name, char cookie);

/*
 * Tells the core rig::policy, which the test has changed.
 */
void rig_set_policy(struct rig *rig);

/*
 * Sets whether there is a program for HA.
 */
void rig_set_callout(struct rig *rig, bool is_on);

/*
 * Ends the CALLOUT @id: @how, with @code.
 */
void rig_called(struct rig *rig, uint64_t id, enum nsm_call_end how, int code);

/*
 * Moves the clock to the core's deadline and feeds the timer.
 */
void rig_tick(struct rig *rig);

/*
 * Returns the @index-th effect of @kind of the last input, or NULL.
 */
const struct rig_out *rig_get(const struct rig *rig, enum nsm_out_kind kind,
			      size_t index);

/*
 * Returns how many effects of @kind the last input had.
 */
size_t rig_count(const struct rig *rig, enum nsm_out_kind kind);

/*
 * Reads the sm_stat_res of the @index-th REPLY: its result, and *number.
 * Return: -1 where there is no such reply or it is no answer.
 */
int rig_result(const struct rig *rig, size_t index, int *number);

/*
 * Tells whether the first REPLY goes to @reply_to and is a void success.
 */
bool rig_is_answered(const struct rig *rig, uint64_t reply_to);

/*
 * Answers the SEND @send as rpcbind does, with @port.
 */
void rig_answer_port(struct rig *rig, const struct rig_out *send,
		     uint16_t port);

/*
 * Answers the SEND @send as lockd does, from @from ("127.0.0.1") and the port
 * that was asked, plus @port_shift.
 */
void rig_answer_void(struct rig *rig, const struct rig_out *send,
		     const char *from, uint16_t port_shift);

/*
 * Answers the SEND @send as the statd at @from does, with @number.
 */
void rig_answer_stat(struct rig *rig, const struct rig_out *send,
		     const struct addr *from, uint32_t number);

/*
 * Lets lockd, on port 4045, answer all lookups and callbacks of the last
 * effects until there are none.
 * Return: how many callbacks it got; *last is a copy of the last one.
 */
size_t rig_run_lockd(struct rig *rig, struct rig_out *last);

#endif
