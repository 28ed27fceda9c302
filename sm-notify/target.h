/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One peer of sm.bak/: the names to announce to it, and the addresses to try.
 * Which lines ask for that is targetset.c's business, and when anything is said
 * talk.c's.
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_TARGET_H
#define NFS_RECLAIM_SM_NOTIFY_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/buf.h"
#include "lib/list.h"
#include "lib/map.h"
#include "lib/rpccall.h"
#include "lib/timerq.h"
#include "sm-notify/notify.h"
#include "sm-notify/pace.h"
#include "sm-notify/saying.h"

struct target_file;

/* A line of a file of sm.bak/, as it stood there. */
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
	bool is_parked_here;  /* ... by this run, and the next knows nothing */
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

/*
 * Returns a peer that is to be told nothing yet.
 * Range:  @mon_name of at most RECORD_NAME_MAX bytes.
 * Owns:   target_free() ends it.
 */
struct target *target_new(const char *mon_name);

/*
 * Frees @target.  It must be in no list, and its names without lines.
 */
void target_free(struct target *target);

/*
 * Notes that a line about @target stands in the file @name, which may be a host
 * name to look up.
 */
void target_note_file(struct target *target, const char *name);

/*
 * Tells whether @target is set aside: never to be told in this run.
 */
bool target_is_aside(const struct target *target);

/*
 * Returns the name of ours @text that is to be announced to @target, made where
 * it is not there.
 * Owns:   @target's; @text is copied.
 */
struct target_name *target_add_name(struct target *target, const char *text);

/*
 * Tells whether @target has been told @text.
 */
bool target_was_told(const struct target *target, const char *text);

/*
 * Adds the lines that ask for @target to @out, each with LF.
 */
void target_add_lines(const struct target *target, struct buf *out);

/*
 * Tells whether anything is left to be announced to @target.
 */
bool target_has_names(const struct target *target);

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
 * Tells whether the usual spelling of its only address is the mon_name of
 * @target.
 */
bool target_is_found_by_addr(const struct target *target);

/*
 * Tells whether @target is known to have @addr.
 */
bool target_has_addr(const struct target *target, const struct addr *addr);

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
void target_take_addrs(struct target *target, const struct addr *addrs,
		       size_t count);

#endif
