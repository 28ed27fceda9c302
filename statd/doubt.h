/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is known of a peer's statd, and the notices about which it is being
 * asked: the baseline, the facts that statd/verify.c judges, and what an
 * answer or a silence makes of a notice in doubt (design section 5).
 */
#ifndef NFS_RECLAIM_STATD_DOUBT_H
#define NFS_RECLAIM_STATD_DOUBT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"
#include "statd/effects.h"
#include "statd/numbers.h"
#include "statd/peers.h"
#include "statd/question.h"
#include "statd/verify.h"

#define DOUBT_YOUNG_MS	900000u /* a late copy may come so long */
#define DOUBT_PROMPT_MS 2000u	/* no host reboots in less */
#define DOUBT_SILENT_MS 900000u /* a silent peer is asked so long */

struct doubts {
	struct effects *out;	     /* borrowed */
	struct questions *questions; /* borrowed */
	struct memos *memos;	     /* borrowed */
	enum verify_check check;
	struct peer *settling; /* whose news is being taken, or NULL */
	unsigned int next_kind;
	char *ended_name; /* of the doubt that was taken last */
	struct numbers numbers;
};

/* One SM_NOTIFY as it came in; in doubt, nobody waits for its answer. */
struct notice_call {
	uint64_t reply_to;
	uint32_t xid;
	struct addr from;
	bool is_reserved_port;
	const char *name; /* without NUL inside */
	uint32_t number;
};

/* A notice that was in doubt and is no more. */
struct doubt_end {
	struct peer *peer;
	struct notice_call call; /* its name lives until the next take */
	enum verify_verdict verdict;
};

/*
 * Makes @set ready; peers are asked only where @check is VERIFY_CHECK_ASK.
 * Owns:   doubts_fini() ends it; the three rooms are borrowed for as long.
 */
void doubts_init(struct doubts *set, struct effects *out,
		 struct questions *questions, struct memos *memos,
		 enum verify_check check);

/*
 * Changes what a notice has to prove from now on.  Peers are asked, or not any
 * more; what was in doubt is repeated by its sender and judged anew.
 */
void doubts_set_check(struct doubts *set, uint64_t now_ms,
		      enum verify_check check);

/*
 * Frees @set; its peers must have been taken out with doubts_forget().
 */
void doubts_fini(struct doubts *set);

/*
 * Remembers the number in @call, whomever it is about, for records that lockd
 * asks for later.
 */
void doubts_note(struct doubts *set, uint64_t now_ms,
		 const struct notice_call *call);

/*
 * Returns all that is known about @call when it meets @peer.
 */
struct verify_facts doubts_facts(const struct doubts *set, uint64_t now_ms,
				 const struct notice_call *call,
				 const struct peer *peer, bool is_from_address);

/*
 * Has @peer asked for its baseline: what is known of before means nothing from
 * here on.  A peer without addresses is asked once it has some.
 */
void doubts_want_baseline(struct doubts *set, uint64_t now_ms,
			  struct peer *peer);

/*
 * Notes that lockd has just asked to monitor @peer, or to do so under a new
 * cookie, and has it asked for its baseline.
 */
void doubts_watch(struct doubts *set, uint64_t now_ms, struct peer *peer);

/*
 * Notes that @peer was loaded from the disk: it is to be asked for its baseline
 * as soon as doubts_resume() says so.
 */
void doubts_watch_loaded(struct doubts *set, struct peer *peer);

/*
 * Gives @peer, loaded from the disk, the baseline that its statd at @from gave
 * to the process before us; it need not be asked.
 */
void doubts_recall(struct doubts *set, struct peer *peer, uint32_t number,
		   const struct addr *from);

/*
 * Has @peer asked where it is to be asked and was not: its addresses have just
 * been found, or all that is on the disk was loaded.
 */
void doubts_resume(struct doubts *set, uint64_t now_ms, struct peer *peer);

/*
 * Has @peer asked about @call, unless it is being asked about one like it; then
 * the number of @call, where it is the newer one of the same sender, may become
 * that of what is believed.
 * Return: the doubt, where it is about @call and no other one, or NULL; who
 *         waits in it is answered where @call turns out to be a duplicate.
 */
struct doubt *doubts_open(struct doubts *set, uint64_t now_ms,
			  const struct notice_call *call, struct peer *peer,
			  bool is_from_address);

/*
 * Ends the doubts and questions of @peer without an end to any notice.
 */
void doubts_forget(struct doubts *set, struct peer *peer);

/*
 * Takes the next notice that an answer or a silence has settled; the verdict
 * is not VERIFY_ASK.  To be called until it returns false, after every answer
 * and every timer.
 * Return: false where there is none.
 */
bool doubts_take(struct doubts *set, uint64_t now_ms, struct doubt_end *out);

#endif
