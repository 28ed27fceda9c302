/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Notices that were answered, or are about to be, although the first look-up of
 * some record is still open, or all of them failed so far: that record may be
 * about the sender as well.  They stand in for a sender who will not repeat:
 * they are met again with every record whose look-up ends, in this life or the
 * next (sm/.reclaim).
 *
 * ORDER: the file of a kept notice is written before its sender is answered,
 * and goes after all that the notice caused can do without it.  Break it and a
 * restart of statd loses a reboot that the sender believes delivered.
 */
#ifndef NFS_RECLAIM_STATD_KEPT_H
#define NFS_RECLAIM_STATD_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/buf.h"
#include "lib/list.h"
#include "statd/doubt.h"
#include "statd/memos.h"

#define KEPT_MAX	   64	  /* notices */
#define KEPT_ADDRESS_MAX   8	  /* of one source address */
#define KEPT_AGAIN_MS	   30000u /* as a sender repeats what is undecided */
#define KEPT_AFTERWARDS_MS DOUBT_SILENT_MS

/* A newer number that another one has taken the place of; 0: none. */
struct kept_newer {
	uint32_t number;
	bool is_reserved_port;
	uint64_t came_ms;
};

/* One (source address, name). */
struct kept_notice {
	struct link in_all; /* kept::all */
	struct memo_slot memo;
	uint64_t version; /* of memo, the first that has it */
	struct addr from; /* the port does not count */
	bool is_reserved_port;
	char *name;
	uint32_t number;
	struct kept_newer newer; /* than number */
	uint64_t came_ms;	 /* the last copy; a restart counts as one */
	uint64_t until_ms;	 /* it is not to end before */
	bool is_undecided;	 /* for a record that it has met since */
	struct link waiters;	 /* senders.c: who wants to know */
	unsigned int waiter_count;
};

struct kept {
	struct memos *memos; /* borrowed */
	struct link all;     /* kept_notice::in_all */
	size_t count;
	uint64_t next_ms; /* when kept_is_due(), where there is one */
};

/*
 * Makes @set empty.
 * Owns:   kept_fini() ends it; @memos is borrowed for as long.
 */
void kept_init(struct kept *set, struct memos *memos);

/*
 * Frees all notices.  Their waiters must be gone.
 */
void kept_fini(struct kept *set);

/*
 * Keeps @call.  One of the same address and name takes the place of what was
 * kept, newer or not: it was believed later.  It may be a late copy all the
 * same: what it takes the place of stays beside it where that was newer; what
 * stood there already stays instead, where it is newer still and came from a
 * reserved port.  But lockd heard that of @call before @under_way, a number
 * which it is being told (0: none); where that one is kept, it stays, unless
 * @call is newer, and from a reserved port.
 * Return: the notice, owned by @set; NULL where too many are kept.
 */
struct kept_notice *kept_note(struct kept *set, uint64_t now_ms,
			      const struct notice_call *call,
			      uint32_t under_way);

/*
 * Takes the file @number of sm/.reclaim, as it was found at the start, with
 * @len bytes from outside.
 * Return: false where it is damaged, or too many are kept; it is to be removed
 *         then.
 */
bool kept_load(struct kept *set, uint64_t now_ms, uint64_t number,
	       const uint8_t *bytes, size_t len);

/*
 * Adds to @out, a buffer of MEMO_SIZE_MAX, what the file of @notice holds.
 */
void kept_format(const struct kept_notice *notice, struct buf *out);

/*
 * Tells whether @notice, as it is now, outlives this process.
 */
bool kept_is_stored(const struct kept_notice *notice);

/*
 * Returns @notice as a call that nobody waits for.
 * Owns:   its name is borrowed.
 */
struct notice_call kept_call(const struct kept_notice *notice);

/*
 * Returns the same with the newer number beside it, which there must be.
 */
struct notice_call kept_newer_call(const struct kept_notice *notice);

/*
 * Removes @notice and its file.  Its waiters must be gone.
 */
void kept_drop(struct kept *set, struct kept_notice *notice);

/*
 * Tells whether it is time to look at all notices; the next time is
 * KEPT_AGAIN_MS later.
 */
bool kept_is_due(struct kept *set, uint64_t now_ms);

/*
 * Returns when kept_is_due() is wanted next, or UINT64_MAX.
 */
uint64_t kept_deadline_ms(const struct kept *set);

#endif
