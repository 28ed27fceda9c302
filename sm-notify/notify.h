/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The notifier core: everything sm-notify decides, as a function of what
 * happened.  It is given the records of peers that are untold, and turns them
 * into packets, retries and, once a peer has acknowledged, rewritten files.
 * No clock, socket or disk.
 *
 * ORDER: a line leaves its file only after the peer acknowledged the notice
 * (the right xid from the address that was asked).  Break it and a reboot is
 * never announced to that peer.
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_NOTIFY_H
#define NFS_RECLAIM_SM_NOTIFY_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/ctl.h"
#include "lib/log.h"
#include "lib/siphash.h"

#define NOTIFY_WAIT_FIRST_MS 2000u
#define NOTIFY_WAIT_MAX_MS   120000u
#define NOTIFY_GRACE_MS	     90000u /* may run from the start of the run */
#define NOTIFY_WAIT_GRACE_MS 8000u  /* the longest wait in it */
#define NOTIFY_URGENT_MS     500u   /* first wait where somebody waits */
#define NOTIFY_WAIT_LEFT_MS  8000u  /* ... between sends to one that answers */
#define NOTIFY_SILENT_TRIES  4u /* sends to one that stays silent, design 13 */
#define NOTIFY_WINDOW_FIRST  64u
#define NOTIFY_WINDOW_MIN    16u
#define NOTIFY_WINDOW_MAX    4096u
#define NOTIFY_ADDRS_MAX     16u /* addresses tried for one peer */
#define NOTIFY_SOURCES_MAX   8u	 /* of ours, that one peer is told from */
#define NOTIFY_STREAM_TRIES  3u	 /* silent sends, then over TCP as well */

struct notify;

/* An address of ours, and the number of its interface. */
struct notify_own {
	struct addr addr;
	uint32_t link;
};

struct notify_config {
	uint8_t seed[SIPHASH_KEY_SIZE];
	uint32_t number;  /* the NSM state number to announce, odd */
	const char *name; /* announced instead of my_name (-v), or NULL */
	const struct notify_own *own; /* also to be told from, see own.h */
	size_t own_count;
	const char *skip;    /* peers that are never told (skip.h), or NULL */
	uint64_t give_up_ms; /* when to stop (monotonic), UINT64_MAX = never */
	uint32_t packets_per_second; /* 1..1000000 */
};

enum notify_in_kind {
	NOTIFY_IN_PARKED,      /* sm/.reclaim/parked, before any file */
	NOTIFY_IN_FILE,	       /* a file of sm.bak/; what came of a READ */
	NOTIFY_IN_UNREAD,      /* ... that cannot be read: file.name */
	NOTIFY_IN_GONE,	       /* ... that a READ did not find any more */
	NOTIFY_IN_STUCK,       /* a REWRITE of file.name failed, and changed
				* nothing; before the next notify_output() */
	NOTIFY_IN_START,       /* all files are in: begin (or end, if none) */
	NOTIFY_IN_ANSWER,      /* a datagram came back */
	NOTIFY_IN_CALL_ANSWER, /* a CALL was answered */
	NOTIFY_IN_CALL_FAILED, /* a CALL was not, and will not be */
	NOTIFY_IN_SEND_FAILED, /* a SEND could not be handed to the network */
	NOTIFY_IN_RESOLVED,    /* a RESOLVE ended */
	NOTIFY_IN_REQUEST,     /* somebody wants to know, or has a wish */
	NOTIFY_IN_CANCEL,      /* ... and is gone */
	NOTIFY_IN_TIMER,       /* notify_deadline_ms() has come */
};

struct notify_in {
	enum notify_in_kind kind;
	const uint8_t *bytes; /* PARKED, FILE: content; ANSWERs: the message */
	size_t len;
	/* No grace period runs: looked at where notify_wants_grace() says so.
	 */
	bool is_grace_over;
	union {
		struct {
			const char *name;
			bool is_too_old; /* max-age: its lines are set aside;
					    after START nobody looks */
		} file;
		struct {
			uint64_t id; /* of REQUEST and CANCEL; no other's */
			const struct ctl_request *request;
		} request;
		struct {
			struct addr from;
			struct addr to; /* which of ours, or ADDR_NONE */
		} answer;
		struct {
			uint64_t id;
		} call;
		struct {
			uint64_t id;
			int error; /* -errno */
		} send_failed;
		struct {
			uint64_t id;
			const struct addr *addrs;
			size_t count; /* 0: the name does not resolve */
			bool is_late; /* one is monitored again */
		} resolved;
	};
};

enum notify_out_kind {
	NOTIFY_OUT_SEND,    /* send a datagram from our one socket */
	NOTIFY_OUT_CALL,    /* send over a connection, then CALL_* */
	NOTIFY_OUT_HANG_UP, /* end a CALL; nothing comes of it */
	NOTIFY_OUT_RESOLVE, /* look a host name up, then RESOLVED */
	NOTIFY_OUT_REWRITE, /* the file's new content; len 0: remove it */
	NOTIFY_OUT_READ,    /* try the file again: FILE, UNREAD or GONE */
	NOTIFY_OUT_TOLD,    /* a peer is told; for whoever watches */
	NOTIFY_OUT_LOG,
	NOTIFY_OUT_ANSWER, /* to a REQUEST: exactly one, unless cancelled */
	NOTIFY_OUT_DONE,   /* nothing more will happen; comes once, last */
};

struct notify_out {
	enum notify_out_kind kind;
	const uint8_t *bytes; /* SEND, CALL: message; REWRITE: content */
	size_t len;
	union {
		struct {
			uint64_t id;
			struct addr peer;
			struct addr source; /* of ours, ADDR_NONE: any */
		} send;			    /* CALL, too */
		struct {
			uint64_t id;
		} hang_up;
		struct {
			uint64_t id;
			const char *name;
		} resolve;
		struct {
			const char *file;
		} rewrite;
		struct {
			const char *file;
		} read;
		struct {
			size_t at; /* of the peer, see notify_peer() */
		} told;
		struct {
			enum log_level level;
			enum log_class class; /* LOG_TRACE only */
			const char *text;     /* escaped, without LF */
		} log;
		struct {
			uint64_t id;
			enum ctl_word word;
		} answer;
		struct {
			size_t told;   /* peers (distinct mon_names) */
			size_t untold; /* peers whose lines are still in sm.bak
					*/
		} done;
	};
};

/* Why a peer is not told, as far as is known. */
enum notify_why {
	NOTIFY_TOLD, /* it is */
	NOTIFY_NOT_YET,
	NOTIFY_SILENT,
	NOTIFY_UNRESOLVED, /* its name has no address now */
	NOTIFY_REFUSED,	   /* it answered, but not with success */
	NOTIFY_NO_STATD,   /* its rpcbind knows no statd */
	NOTIFY_NO_ADDRESS, /* neither an address nor a host name */
	NOTIFY_PARKED,	   /* monitored again: a notice would come too late */
	/* Set aside: never tried, and not counted as untold. */
	NOTIFY_SKIPPED, /* by config.skip */
	NOTIFY_TOO_OLD, /* by file.is_too_old, all of its files */
};

/* One peer, for whoever watches. */
struct notify_peer {
	const char *mon_name;
	const char *host; /* the name that would be looked up, or NULL */
	enum notify_why why;
	struct addr addr;   /* asked last, or first to be; or ADDR_NONE */
	bool is_stream;	    /* told over TCP; untold: tried there, too */
	unsigned int tries; /* calls that were sent to it */
	uint64_t told_ms;   /* NOTIFY_TOLD: when */
};

/*
 * Returns a notifier with nobody to tell.
 * Owns:   notify_free() ends it; @config is copied, its strings too.
 */
struct notify *notify_new(const struct notify_config *config);

/*
 * Frees @n and everything in it; NULL is fine.
 */
void notify_free(struct notify *n);

/*
 * Feeds one thing that happened; effects queue up.  Never blocks, never fails.
 * Range:  @now_ms is monotonic and never smaller than before.
 * Owns:   nothing of *in is kept.
 * Source: X/Open CAE C702 chapter 11; contract.md 4.4; design decision 13.
 */
void notify_input(struct notify *n, uint64_t now_ms,
		  const struct notify_in *in);

/*
 * Tells whether @in, which is fed next, has to say whether a grace period runs,
 * looked at right before: somebody is to be told in grace, and not after it.
 */
bool notify_wants_grace(const struct notify *n, const struct notify_in *in);

/*
 * Takes the next effect, in order.
 * Return: false when there is none.
 * Owns:   *out borrows from @n until the next call on @n.
 */
bool notify_output(struct notify *n, struct notify_out *out);

/*
 * Returns when NOTIFY_IN_TIMER is wanted next, or UINT64_MAX.
 */
uint64_t notify_deadline_ms(const struct notify *n);

/*
 * Returns how many peers are still untold, those included that are parked, but
 * not those set aside.
 */
size_t notify_untold_count(const struct notify *n);

/*
 * Parks what rpc.statd has parked, so that notify_peer() says who would be told
 * (--dry-run).  Nothing is sent and nothing is queued.
 * Range:  all files are in; in place of NOTIFY_IN_START, which must not follow.
 */
void notify_foretell(struct notify *n);

/*
 * Returns how many peers are untold and parked: monitored again, so that a
 * notice would come too late.  Those set aside are not counted.
 */
size_t notify_parked_count(const struct notify *n);

/*
 * Adds to @line, for the log, who is still to be told; see report_add_left().
 */
void notify_add_left(const struct notify *n, struct buf *line);

/*
 * Returns how many peers are set aside.
 */
size_t notify_aside_count(const struct notify *n);

/*
 * Returns how many files could not be read so far.
 */
size_t notify_unread_count(const struct notify *n);

/*
 * Tells whether a file held a line that was not understood, or none at all: it
 * stays, and whom it names is not told.
 */
bool notify_is_puzzled(const struct notify *n);

/*
 * Tells whether there is nobody to tell and was nobody: all was understood,
 * and there are only peers that are set aside.
 */
bool notify_has_nobody(const struct notify *n);

/*
 * Returns a number that is another one whenever notify_peer() has news.
 */
uint64_t notify_changes(const struct notify *n);

/*
 * Writes what is known of the peer @at, 0 and up.
 * Return: false where there are not so many.
 * Owns:   *out borrows from @n until the next call of notify_input().
 */
bool notify_peer(const struct notify *n, size_t at, struct notify_peer *out);

/*
 * Writes from which of our addresses a peer is told beside @used.
 * Return: how many, less than NOTIFY_SOURCES_MAX.
 */
size_t notify_sources(const struct notify *n, const struct addr *used,
		      struct addr out[static NOTIFY_SOURCES_MAX - 1]);

/*
 * Calls @visit with every name that the peer @at is told, in full and, where
 * there is one, short.
 */
void notify_peer_names(const struct notify *n, size_t at,
		       void (*visit)(void *ctx, const char *name, size_t len),
		       void *ctx);

#endif
