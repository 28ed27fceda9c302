/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The core of nfsdcld: which NFSv4 clients may reclaim after a reboot, as a
 * function of what nfsd says.  It touches no clock, pipe or database; things
 * that happened go in, what is to be done comes out, in order (as statd/nsm.h).
 *
 * Clients are recorded in the table of the *current* epoch.  Each start of nfsd
 * begins another one, and those of the epoch before, *recovery*, may reclaim
 * until the grace period is over.  A start within a grace period changes
 * neither number: who reclaimed may do so again.
 *
 * ORDER: Create, Remove, GraceStart and GraceDone are answered with 0 only
 * after STORED came back without an error.  Break it and nfsd grants locks that
 * a power failure makes impossible to reclaim, or, with GraceDone, lets a
 * client reclaim what others have had since.
 *
 * Source: contract.md 6.3 - 6.5, 8.7, 11; RFC 7530 section 9.6.3.4.
 */
#ifndef NFS_RECLAIM_CLTRACK_CLD_H
#define NFS_RECLAIM_CLTRACK_CLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cltrack/client.h"
#include "lib/buf.h"
#include "lib/log.h"
#include "lib/siphash.h"

#define CLD_REQUESTS_MAX 1024u	/* that are under way, or owed */
#define CLD_REMOVED_MAX	 65536u /* clients remembered as gone, in a grace */
#define CLD_TURN_TRIES	 4u	/* of GraceStart, GraceDone, then an error */
#define CLD_SEND_PASSES	 8u	/* over the records nfsd did not take */

struct cld;

struct cld_config {
	uint8_t seed[SIPHASH_KEY_SIZE]; /* for hash keys */
	/* It sends no GraceStart (contract.md 6.3), unless it does. */
	bool has_old_kernel;
};

enum cld_in_kind {
	CLD_IN_EPOCHS,	    /* what the database says; once, before all else */
	CLD_IN_REQUEST,	    /* an upcall was read */
	CLD_IN_STORED,	    /* a STORE ended */
	CLD_IN_CLIENTS,	    /* a LOAD ended */
	CLD_IN_ALIVE,	    /* a LOOK ended */
	CLD_IN_SEND_FAILED, /* a RECORD; before the next cld_output() */
	CLD_IN_CLOSED,	    /* the pipe is gone, and who waited for answers */
	CLD_IN_TIMER,	    /* cld_deadline_ms() has come */
};

struct cld_in {
	enum cld_in_kind kind;
	union {
		struct {
			uint64_t current;
			uint64_t recovery; /* 0: not in grace */
			bool is_first_time;
		} epochs;
		struct {
			uint64_t reply_to; /* names the upcall in REPLY */
			const uint8_t *bytes;
			size_t len;
			bool is_repeat; /* maybe done, by a life before */
			bool is_grace;	/* old kernels: v4_end_grace says N */
		} request;
		struct {
			uint64_t id;
			int error; /* 0 or -errno; CHECK: -ENOENT, not there */
			const char *reason; /* what it means, for the log */
		} stored;
		struct {
			uint64_t id;
			const struct client *clients;
			size_t count;
			int error;
			const char *reason;
		} clients; /* CLIENTS and ALIVE */
		struct {
			const char *reason;
		} send_failed;
	};
};

enum cld_op {
	CLD_CREATE, /* insert or replace clients[0] in current */
	CLD_REMOVE, /* remove clients[0] from current */
	CLD_CHECK,  /* is clients[0] in recovery? then also into current */
	/*
	 * These are the epochs now; empty the table of current.  Where the end
	 * of an older one is owed, ended: first DONE with recovery as current.
	 */
	CLD_START,
	/*
	 * Insert clients into current where they are not there, then recovery
	 * is over and its table gone; all or nothing.
	 */
	CLD_DONE,
};

struct cld_store {
	uint64_t id;
	enum cld_op op;
	uint64_t current;
	uint64_t recovery;
	uint64_t ended; /* START; 0: none */
	const struct client *clients;
	size_t count;
	bool is_last_first_time; /* DONE: and no first time any more */
};

enum cld_out_kind {
	CLD_OUT_REPLY,	/* answer an upcall; len 0: it gets no answer */
	CLD_OUT_RECORD, /* tell nfsd of a client that may reclaim */
	CLD_OUT_STORE,	/* change the database durably, then STORED */
	CLD_OUT_LOAD,	/* read the table of an epoch, then CLIENTS */
	CLD_OUT_LOOK,	/* which v4.0 clients hold state now? then ALIVE */
	CLD_OUT_CLEAN,	/* remove what other trackers left; nobody waits */
	CLD_OUT_LOG,
};

/*
 * Every REQUEST gets exactly one REPLY, unless CLOSED comes before.  STOREs and
 * LOADs take effect in the order in which they come out.
 */
struct cld_out {
	enum cld_out_kind kind;
	union {
		struct {
			uint64_t reply_to;
			const uint8_t *bytes;
			size_t len;
		} reply; /* and RECORD */
		struct cld_store store;
		struct {
			uint64_t id;
			uint64_t epoch;
		} load;
		struct {
			uint64_t id;
		} look;
		struct {
			enum log_level level;
			enum log_class class; /* LOG_TRACE only */
			const char *text;     /* escaped, without LF */
		} log;
	};
};

/*
 * Returns a core that waits for EPOCHS.
 * Owns:   cld_free() ends it; @config is copied.
 */
struct cld *cld_new(const struct cld_config *config);

/*
 * Frees @cld and everything in it; NULL is fine.
 */
void cld_free(struct cld *cld);

/*
 * Feeds one thing that happened; effects queue up.  Never blocks, never fails.
 * Range:  @now_ms is monotonic and never smaller than before.
 * Owns:   nothing of *in is kept.
 */
void cld_input(struct cld *cld, uint64_t now_ms, const struct cld_in *in);

/*
 * Takes the next effect, in order.
 * Return: false when there is none.
 * Owns:   *out borrows from @cld until the next call on @cld.
 */
bool cld_output(struct cld *cld, struct cld_out *out);

/*
 * Returns when CLD_IN_TIMER is wanted next, or UINT64_MAX.
 */
uint64_t cld_deadline_ms(const struct cld *cld);

/*
 * Tells whether a client's record, or the end of a grace period, is owed: it
 * was answered with an error, and is tried again.
 */
bool cld_is_owing(const struct cld *cld);

/*
 * Adds one page about @cld to @out, lines ended by LF.
 */
void cld_status(const struct cld *cld, struct buf *out);

#endif
