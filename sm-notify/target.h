/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is still to be said, and to whom: the lines of the files in sm.bak/,
 * gathered into one target per peer, with the names to announce there and the
 * addresses to try.  When anything is said is talk.c's business.
 *
 * ORDER: a line leaves its file when its name was acknowledged, never before.
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_TARGET_H
#define NFS_RECLAIM_SM_NOTIFY_TARGET_H

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
#include "lib/rpccall.h"
#include "lib/timerq.h"
#include "sm-notify/guard.h"
#include "sm-notify/notify.h"
#include "sm-notify/pace.h"
#include "sm-notify/saying.h"
#include "sm-notify/unread.h"

/* A file of sm.bak/. */
struct target_file {
	struct link in_files; /* target_set::files */
	struct link in_dirty; /* target_set::dirty */
	struct link lines;    /* of target_line::in_file, in their order */
	char *name;
};

/* A line of it, as it stood there. */
struct target_line {
	struct link in_file; /* target_file::lines */
	struct link in_name; /* target_name::lines, where it has one */
	struct target_file *file;
	uint8_t *bytes; /* without LF */
	size_t len;
};

/* A name of ours that one peer knows us by. */
struct target_name {
	struct link in_names; /* target::names or told_names */
	struct link lines;    /* of target_line::in_name */
	char *text;
	struct sayings sayings; /* of it in full, and short where it has that */
};

/* The conversation with one peer over TCP; stream.c's. */
struct target_stream {
	struct link in_waiting; /* streams::urgent or waiting */
	struct addr peer;	/* of the last call */
	uint16_t port;		/* of its statd there, 0 = unknown */
	uint32_t xid;
	struct target_name *name; /* announced by the call, or NULL */
	unsigned int saying;	  /* ... of it */
	bool is_open;		  /* it has a place */
	bool is_calling;	  /* a call is under way */
	bool was_tried;
};

/* One peer. */
struct target {
	struct map_node by_name; /* target_set::by_name */
	char *mon_name;
	char *host;		/* name to look up, or NULL */
	struct link names;	/* of target_name::in_names: untold ones */
	struct link told_names; /* of target_name::in_names: the others */
	enum notify_why why;
	struct link in_loose; /* target_set::loose */
	struct link in_fresh; /* target_set::fresh */
	bool is_parked;	      /* nothing more is sent to it */
	bool is_numeric;      /* addrs[0] is mon_name itself and stays */
	size_t addr_count;
	size_t addr_at; /* which one is tried */
	struct addr addrs[NOTIFY_ADDRS_MAX];
	struct addr sources[NOTIFY_SOURCES_MAX]; /* ours; [0]: any */
	unsigned int source_count;		 /* 0: not known yet */
	struct target_stream stream;

	/* The rest is talk.c's. */
	uint64_t id;	       /* of its SENDs and RESOLVEs: place + 1 */
	struct link in_ready;  /* talk::urgent, eager or ready: it is due */
	struct link in_called; /* requests::called */
	struct link in_asking; /* lookups::asking */
	struct timer timer;    /* the next attempt */
	struct rpccall call;
	struct target_name *announced; /* by call; NULL: it asks the port */
	unsigned int saying;	       /* of announced */
	struct pace_slot slot;
	uint32_t wait_ms;   /* how long the last send may stay silent */
	unsigned int tries; /* sends, all told */
	uint64_t told_ms;
	bool is_stream_acked; /* the last that was acknowledged went over TCP */
	unsigned int silent;  /* sends in a row without an answer */
	uint16_t port;	      /* of its statd at addr_at, 0 = unknown */
	uint16_t port_before;
	bool is_active;	  /* has something left to send */
	bool is_urgent;	  /* somebody waits for it */
	bool is_asking;	  /* a look-up is queued or open */
	bool is_awaiting; /* the last send has no answer yet */
	bool has_complained;
};

#define TARGET_MARKS_MAX 65536u

struct target_set {
	struct map by_name;
	struct keyset marks; /* "MON_NAME MY_NAME" of records told already */
	struct guards guards;
	struct unread unread; /* files */
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
 * Adds the lines that ask for @target to @out, each with LF.
 */
void target_add_lines(const struct target *target, struct buf *out);

/*
 * Returns the target that @id names, or NULL.
 */
struct target *target_set_get(const struct target_set *set, uint64_t id);

/*
 * Takes the next file whose content changed, and writes what it must hold now.
 * Return: its name, NULL where there is none.
 * Owns:   the result borrows from @set.
 */
const char *target_set_take_dirty(struct target_set *set, struct buf *content);

/*
 * Tells whether anything is left to be announced to @target.
 */
bool target_has_names(const struct target *target);

/*
 * Tells whether @target is set aside: never to be told in this run.
 */
bool target_is_aside(const struct target *target);

/*
 * Tells whether every line of @target was acknowledged.
 */
bool target_is_told(const struct target *target);

/*
 * Returns the name of which a saying is to be announced next.
 * Range:  target_has_names().
 */
struct target_name *target_next_name(const struct target *target);

/*
 * Returns from which address of ours the saying @at of @name goes; ADDR_NONE:
 * any.
 */
const struct addr *target_source(const struct target *target,
				 const struct target_name *name,
				 unsigned int at);

/*
 * Notes, once, that an answer of the peer came to our address @used: it is to
 * be told from our other ones there, too.
 */
void target_learn_sources(struct target_set *set, struct target *target,
			  const struct addr *used);

/*
 * Notes that the peer acknowledged the saying @at of @name.  Where nothing more
 * is to be said about @name, it is told and its lines are gone.
 */
void target_acked(struct target_set *set, struct target *target,
		  struct target_name *name, unsigned int at);

/*
 * Notes that the saying @at of @name was not acknowledged: another one, or
 * another name, has the next turn.  Where all that is left was silent too often
 * (saying.h), the name counts as told.
 * Source: design decision 13.
 */
void target_unacked(struct target_set *set, struct target *target,
		    struct target_name *name, unsigned int at);

/*
 * Returns the address that is tried now.
 * Range:  target->addr_count > 0.
 */
const struct addr *target_addr(const struct target *target);

/*
 * Moves @target to its next address.
 * Return: whether all that are known have been tried: time for a look-up.
 */
bool target_next_addr(struct target *target);

/*
 * Makes @addr the one that is tried, where @target has it.
 * Return: whether it has.
 */
bool target_use_addr(struct target *target, const struct addr *addr);

/*
 * Replaces what earlier look-ups found by @count addresses; a numeric mon_name
 * stays first.  The one that is tried goes on being tried where it is still
 * there.  Nothing changes where none of @addrs is an address.
 * Range:  at most NOTIFY_ADDRS_MAX are kept.
 */
void target_set_addrs(struct target *target, const struct addr *addrs,
		      size_t count);

#endif
