/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files of sm/.reclaim: what must outlive the process, but no more than
 * that, since the boot turn empties the directory.  Each file belongs to a
 * slot, which lives in whatever it tells of; who owns a slot says that its
 * content has changed, and is asked for the content when it can be written.
 * Slots may come and go while a write is under way.  A file's name is a
 * number given out here, so no name from outside ever becomes a path.
 */
#ifndef NFS_RECLAIM_STATD_MEMOS_H
#define NFS_RECLAIM_STATD_MEMOS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/list.h"
#include "statd/effects.h"

/* Whose a slot is; the first word of its content says the same. */
enum memo_kind {
	MEMO_PEER,    /* "peer": struct peer, see statd/memo.h */
	MEMO_CALLOUT, /* "callout": statd/callouts.c, see statd/hawords.h */
	MEMO_NOTICE,  /* "notice": struct kept_notice, see statd/memo.h */
};

#define MEMOS_NUMBER_MAX 999999999999999999u /* 18 digits */
#define MEMOS_AGAIN_MS	 30000u		     /* after a write that failed */

/* One file.  All fields are memos.c's; versions count changes. */
struct memo_slot {
	struct link in_queue; /* memos::dirty, ::writing, ::failed, or none */
	enum memo_kind kind;
	uint64_t number;  /* the name of the file, 0: it has none */
	uint64_t job;	  /* the write under way, or 0 */
	uint64_t wanted;  /* the version that the owner has */
	uint64_t writing; /* ... that is being written */
	uint64_t stored;  /* ... that the file is known to hold */
	bool has_failed;  /* it is in memos::failed */
	bool is_probe;	  /* whether the disk takes those again */
};

struct memos {
	struct effects *out; /* borrowed */
	struct link dirty;   /* memo_slot::in_queue: changed, no write open */
	struct link writing; /* memo_slot::in_queue */
	struct link failed;  /* memo_slot::in_queue: to be written again */
	uint64_t again_ms;   /* when the first of them is, where there is one */
	uint64_t next_job;
	uint64_t next_number;
	size_t file_count;
	bool is_failing; /* the last write failed */
};

/*
 * Makes @set empty.
 * Owns:   nothing; @out is borrowed for as long as @set is used.
 */
void memos_init(struct memos *set, struct effects *out);

/*
 * Makes @slot ready; it has no file yet.
 * Owns:   memos_drop() ends it.
 */
void memo_slot_init(struct memo_slot *slot, enum memo_kind kind);

/*
 * Notes that what @slot should hold has changed, or should be tried again.
 * Return: the version that holds the change, for memo_slot_has().
 */
uint64_t memos_touch(struct memos *set, struct memo_slot *slot);

/*
 * Tells whether the change of @version is in the file, so that it outlives
 * this process.
 */
bool memo_slot_has(const struct memo_slot *slot, uint64_t version);

/*
 * Tells whether a write of @slot is under way or about to be.
 */
bool memo_slot_is_busy(const struct memo_slot *slot);

/*
 * Takes a slot that has changed and of which no write is under way, or NULL;
 * memos_write() must follow.
 */
struct memo_slot *memos_take(struct memos *set);

/*
 * Has the file of @slot hold @content from now on; an empty one removes the
 * file.  So does one that overflowed, and then nothing of it counts as stored.
 * Owns:   takes the bytes of @content.
 */
void memos_write(struct memos *set, struct memo_slot *slot,
		 struct buf *content);

/*
 * Takes the end of the write @job; @error is 0 or -errno, and @reason (may be
 * NULL) says what it means.  A failure is said in the log once.  Unless it is
 * touched before, the slot is then written again by memos_timer().
 * Return: the slot, or NULL where that is gone.
 */
struct memo_slot *memos_stored(struct memos *set, uint64_t now_ms, uint64_t job,
			       int error, const char *reason);

/*
 * Has one of the slots whose write failed written again, each MEMOS_AGAIN_MS;
 * once such a write succeeds, all the others as well.
 */
void memos_timer(struct memos *set, uint64_t now_ms);

/*
 * Returns when memos_timer() is wanted next, or UINT64_MAX.
 */
uint64_t memos_deadline_ms(const struct memos *set);

/*
 * Notes that the file @number was found at start and is that of @slot, which
 * has none yet.
 * Range:  @number is 1..MEMOS_NUMBER_MAX.
 */
void memos_adopt(struct memos *set, struct memo_slot *slot, uint64_t number);

/*
 * Removes the file @number, found at start, which belongs to nobody.
 * Range:  @number is 1..MEMOS_NUMBER_MAX.
 */
void memos_discard(struct memos *set, uint64_t number);

/*
 * Ends @slot, whose owner is about to go, and removes its file.
 */
void memos_drop(struct memos *set, struct memo_slot *slot);

/*
 * Tells whether the first word of @bytes, a file's content, is @word.
 */
bool memos_is_kind(const uint8_t *bytes, size_t len, const char *word);

#endif
