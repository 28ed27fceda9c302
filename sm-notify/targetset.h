/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is still to be said, and to whom: the lines of the files in sm.bak/,
 * gathered into one target per peer.
 *
 * ORDER: a line leaves its file when its name was acknowledged, never before.
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_TARGETSET_H
#define NFS_RECLAIM_SM_NOTIFY_TARGETSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/buf.h"
#include "lib/ctl.h"
#include "lib/keyset.h"
#include "lib/list.h"
#include "lib/map.h"
#include "lib/record.h"
#include "sm-notify/guard.h"
#include "sm-notify/notify.h"
#include "sm-notify/stuck.h"
#include "sm-notify/target.h"
#include "sm-notify/unread.h"

/* A file of sm.bak/. */
struct target_file {
	struct link in_files; /* target_set::files */
	struct link in_dirty; /* target_set::dirty */
	struct link lines;    /* of target_line::in_file, in their order */
	char *name;
};

#define TARGET_MARKS_MAX 65536u

struct target_set {
	struct map by_name;
	struct keyset marks; /* "MON_NAME MY_NAME" of records told already */
	struct guards guards;
	struct unread unread; /* files */
	struct stuck stuck;   /* files */
	struct link loose;    /* of target::in_loose: not found by its name */
	struct link fresh;    /* of target::in_fresh: not taken up yet */
	struct target **targets; /* in the order they were found */
	size_t count;
	size_t size;
	struct link files; /* of target_file::in_files */
	struct link dirty; /* of target_file::in_dirty: to be rewritten */
	struct notify_own *own;
	size_t own_count;
	size_t aside;	 /* targets */
	bool has_told;	 /* a line was told by another, and left its file */
	bool is_puzzled; /* a line or a file was not understood */
	char *name;	 /* announced in place of my_name, or NULL */
	char *skip;	 /* peers that are never told, or NULL */
};

/* What was wrong in a file. */
struct target_report {
	unsigned int unparsable; /* lines */
	enum record_error error; /* of the first unparsable line */
};

/*
 * Makes @set empty.
 * Range:  of @config, what concerns whom to tell, and from where.
 * Owns:   target_set_fini() ends it; @config is copied.
 */
void target_set_init(struct target_set *set,
		     const uint8_t key[static SIPHASH_KEY_SIZE],
		     const struct notify_config *config);

/*
 * Frees all targets and files of @set.
 */
void target_set_fini(struct target_set *set);

/* A file of sm.bak/ as it was read; everything is borrowed. */
struct target_text {
	const char *name;
	const void *bytes;
	size_t len;
	bool is_too_old; /* a peer of such files alone is set aside */
};

/*
 * Takes the file @in.  A line that cannot be parsed stays in the file and
 * stops no other.  One that says what its peer was told in this run leaves it.
 * Owns:   copies.
 */
void target_set_add_file(struct target_set *set, const struct target_text *in,
			 struct target_report *report);

/*
 * Notes that the record "MON_NAME MY_NAME" of @len bytes was told by another:
 * its line leaves its file without a notice.
 * Range:  before target_set_add_file(); at most TARGET_MARKS_MAX, a further one
 *         is one notice too many.
 * Owns:   copies.
 */
void target_set_note_told(struct target_set *set, const char *text, size_t len);

/*
 * Calls @visit for each target that @subject names, by mon_name or by an
 * address that is known now; once, where its addresses differ.  Its
 * work does not grow with the number of targets that have their address as
 * mon_name alone.
 */
void target_set_each(const struct target_set *set,
		     const struct ctl_subject *subject,
		     void (*visit)(void *ctx, struct target *target),
		     void *ctx);

/*
 * Takes the next target that has got a line to be told since it was taken last,
 * in the order in which they did; NULL where there is none.
 */
struct target *target_set_take_fresh(struct target_set *set);

/*
 * Returns the target that @id names, or NULL.
 */
struct target *target_set_get(const struct target_set *set, uint64_t id);

/*
 * Has the file @name rewritten, though none of its lines was told since.
 */
void target_set_rewrite(struct target_set *set, const char *name);

/*
 * Takes the next file whose content changed, and writes what it must hold now.
 * Return: its name, NULL where there is none.
 * Owns:   the result borrows from @set.
 */
const char *target_set_take_dirty(struct target_set *set, struct buf *content);

/*
 * Notes, once, that an answer of the peer came to our address @used: it is to
 * be told from our other ones there, too.
 */
void target_set_learn_sources(struct target_set *set, struct target *target,
			      const struct addr *used);

/*
 * Notes that the peer acknowledged the saying @at of @name.  Where nothing more
 * is to be said about @name, it is told and its lines are gone.
 */
void target_set_acked(struct target_set *set, struct target *target,
		      struct target_name *name, unsigned int at);

/*
 * Notes that the saying @at of @name was not acknowledged: another one, or
 * another name, has the next turn.  Where all that is left was silent too often
 * (saying.h), the name counts as told.
 * Source: design decision 13.
 */
void target_set_unacked(struct target_set *set, struct target *target,
			struct target_name *name, unsigned int at);

#endif
