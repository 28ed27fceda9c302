/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The NSM core: everything rpc.statd decides, as a function of what happened.
 * It touches no clock, socket or disk.  Things that happened go in through
 * nsm_input(); what is to be done about them comes out of nsm_output() as
 * effects, in order.  A simulator can therefore stop the host between any two
 * effects and look at what would have survived.
 *
 * ORDER: a REPLY to SM_MON leaves only after STORED came back for it, and after
 * it is sure that no late notice of ours follows (statd/late.h); a REPLY to
 * SM_NOTIFY only after lockd answered the callback, or MEMO_STORED came back
 * for a MEMO that tells of it; and while a RESOLVE may show that another record
 * is about its sender, for one that tells of the notice.  Break the first and a
 * power failure forgets a peer; break the others and a restart of statd loses a
 * reboot that the sender believes delivered.
 */
#ifndef NFS_RECLAIM_STATD_NSM_H
#define NFS_RECLAIM_STATD_NSM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/buf.h"
#include "lib/ctl.h"
#include "lib/log.h"
#include "lib/siphash.h"
#include "statd/verify.h"

#define NSM_WAITERS_MAX 8 /* calls that wait for one STORE or one event */
#define NSM_WORDS_MAX	4 /* of a CALLOUT */

struct nsm;

/* What may change while the core runs. */
struct nsm_policy {
	/* Loopback is enough; else SM_MON and the like need a reserved port. */
	bool takes_any_port;
	bool has_callout; /* there is a program to run, see CALLOUT */
	enum verify_check notify_check;
};

struct nsm_config {
	uint8_t seed[SIPHASH_KEY_SIZE]; /* for xids and hash keys */
	uint16_t reserved_port_max; /* highest port that proves root, >= 1023 */
	struct nsm_policy policy;
	const char *name; /* announced instead of my_name, or NULL; borrowed */
};

/* The socket that a SEND leaves from; its ANSWER counts at no other. */
enum nsm_source {
	NSM_FROM_LOOPBACK, /* 127.0.0.1: callbacks to lockd */
	NSM_FROM_ANY,	   /* our address on the way: questions to peers */
};

enum nsm_in_kind {
	NSM_IN_FILE,   /* a file of sm/, read at start */
	NSM_IN_MEMO,   /* a file of sm/.reclaim, read after all of sm/ */
	NSM_IN_LOADED, /* all that is on the disk was fed */
	NSM_IN_NUMBER, /* what `state` says now; 0 = the store cannot be used */
	NSM_IN_CALL,   /* a message came to one of our service sockets */
	NSM_IN_STORED, /* a STORE ended */
	NSM_IN_MEMO_STORED, /* a MEMO with an id ended */
	NSM_IN_ANSWER,	    /* a datagram came to a socket that SENDs use */
	NSM_IN_SEND_FAILED, /* a SEND could not be handed to the network */
	NSM_IN_RESOLVED,    /* a RESOLVE ended */
	NSM_IN_UNTOLD,	    /* what became of an UNTOLD */
	NSM_IN_GRACE,	    /* whether grace runs, wanted by a GRACE */
	NSM_IN_TIMER,	    /* nsm_deadline_ms() has come */
	NSM_IN_MOUNTS, /* the servers of NFS mounts of this host, all of them */
	NSM_IN_POLICY, /* the administrator wants it so from now on */
	NSM_IN_CALLED, /* a CALLOUT ended */
};

enum nsm_transport { NSM_UDP, NSM_TCP };

/* How a CALLOUT ended. */
enum nsm_call_end {
	NSM_CALL_EXITED,      /* code: its status */
	NSM_CALL_KILLED,      /* code: the signal */
	NSM_CALL_TIMED_OUT,   /* killed, because it took too long */
	NSM_CALL_NOT_STARTED, /* code: -errno */
	NSM_CALL_LOST,	      /* nobody can say, nor start another one */
};

struct nsm_called {
	enum nsm_call_end how;
	int code;
	const char *reason; /* what an -errno means, for the log, or NULL */
};

enum nsm_untold {
	NSM_UNTOLD_NONE,   /* there is nobody to tell */
	NSM_UNTOLD_YES,	   /* CTL_ASK: there is */
	NSM_UNTOLD_TOLD,   /* CTL_TELL: all have acknowledged */
	NSM_UNTOLD_PARKED, /* nothing will be sent to them */
	NSM_UNTOLD_LOST,   /* whoever was to answer is gone */
};

/* What the machine knows about an untold peer. */
struct nsm_untold_facts {
	bool is_grace;	/* a grace period runs here */
	bool is_server; /* the peer serves an NFSv2/3 mount of ours */
	bool has_nfsd;	/* an NFS server runs here */
	bool was_held;	/* in this boot another life has noted "held" */
};

struct nsm_in {
	enum nsm_in_kind kind;
	/*
	 * FILE, MEMO: content; CALL, ANSWER: the message; UNTOLD, where it is
	 * YES and nobody else will tell: the records, lines of sm.bak/.
	 */
	const uint8_t *bytes;
	size_t len;
	/* No grace period runs, looked at where nsm_wants_grace() says so. */
	bool is_grace_over;
	union {
		struct {
			const char *name;
		} file;
		struct {
			uint64_t number; /* its name */
		} memo;
		uint32_t number;
		struct {
			uint64_t reply_to; /* names the caller in REPLY */
			enum nsm_transport transport;
			struct addr peer;
		} call;
		struct {
			uint64_t id;
			int error;	    /* 0 or -errno */
			const char *reason; /* what it means, for the log */
		} stored;		    /* MEMO_STORED as well */
		struct {
			enum nsm_source to; /* the socket it came to */
			struct addr from;
		} answer;
		struct {
			uint64_t id;
			int error; /* -errno */
		} send_failed;
		struct {
			uint64_t id;
			const struct addr *addrs;
			size_t count; /* 0: the name does not resolve */
		} resolved;
		struct {
			const struct addr *servers;
			size_t count;
		} mounts;
		struct {
			uint64_t id;
			enum nsm_untold what;
			struct nsm_untold_facts facts; /* YES */
		} untold;
		bool is_grace;
		struct nsm_policy policy;
		struct {
			uint64_t id; /* LOST: of no matter */
			struct nsm_called end;
		} called;
	};
};

enum nsm_out_kind {
	NSM_OUT_REPLY,	 /* answer a CALL; len 0: it gets no answer */
	NSM_OUT_STORE,	 /* make a whole file of sm/ durable, then STORED */
	NSM_OUT_FORGET,	 /* remove a file of sm/; nobody waits for it */
	NSM_OUT_MEMO,	 /* write a file of sm/.reclaim; len 0: remove it */
	NSM_OUT_SEND,	 /* send a datagram from a reserved port */
	NSM_OUT_RESOLVE, /* look a host name up, then RESOLVED */
	NSM_OUT_CALLOUT, /* run the program for HA with words, then CALLED */
	NSM_OUT_UNTOLD,	 /* ask, tell or park who is in sm.bak/; then UNTOLD */
	NSM_OUT_NOTE,	 /* add a line to sm/.reclaim/parked */
	NSM_OUT_GRACE,	 /* see whether a grace period runs, then GRACE */
	NSM_OUT_LOG,
};

/* Every CALL gets exactly one REPLY, however late. */
struct nsm_out {
	enum nsm_out_kind kind;
	const uint8_t *bytes; /* REPLY, SEND: message; STORE, MEMO: content */
	size_t len;
	union {
		struct {
			uint64_t reply_to;
		} reply;
		struct {
			uint64_t id;
			const char
				*file; /* a name that hostname_check() likes */
			bool is_new; /* sm/ has no such file, for all we know */
		} store;
		struct {
			const char *file;
		} forget;
		struct {
			uint64_t id;	 /* for MEMO_STORED; 0 where removed */
			uint64_t number; /* the file's name */
		} memo;
		struct {
			uint64_t id;
			enum nsm_source source;
			struct addr peer;
		} send;
		struct {
			uint64_t id;
			const char *name;
		} resolve;
		struct {
			uint64_t id;
			const char *words[NSM_WORDS_MAX]; /* from argv[1] on */
			size_t count;
		} callout;
		struct {
			uint64_t id;
			enum ctl_verb verb;
			const char *subject; /* "MON_NAME [ADDRESS...]" */
			bool is_noted; /* CTL_PARK: it was told, no line */
		} untold;
		struct {
			const char *line; /* lib/parked.h, without LF */
		} note;
		struct {
			enum log_level level;
			enum log_class class; /* LOG_TRACE only */
			const char *text;     /* escaped, without LF */
		} log;
	};
};

/*
 * Returns a core that monitors nobody and whose store cannot be used until
 * NSM_IN_NUMBER says so (until then SM_MON is answered with stat_fail).
 * Owns:   nsm_free() ends it; @config is copied.
 */
struct nsm *nsm_new(const struct nsm_config *config);

/*
 * Frees @n and everything in it; NULL is fine.
 */
void nsm_free(struct nsm *n);

/*
 * Feeds one thing that happened; effects queue up.  Never blocks, never fails.
 * Range:  @now_ms is monotonic and never smaller than before.
 * Owns:   nothing of *in is kept.
 * Source: X/Open CAE C702 chapter 11; contract.md 2, 9; design section 2.
 */
void nsm_input(struct nsm *n, uint64_t now_ms, const struct nsm_in *in);

/*
 * Takes the next effect, in order.
 * Return: false when there is none.
 * Owns:   *out borrows from @n until the next call on @n.
 */
bool nsm_output(struct nsm *n, struct nsm_out *out);

/*
 * Tells whether the next input has to say that no grace period runs, looked at
 * right before: it may have somebody told who must not be told after it.
 */
bool nsm_wants_grace(const struct nsm *n);

/*
 * Returns when NSM_IN_TIMER is wanted next, or UINT64_MAX.
 */
uint64_t nsm_deadline_ms(const struct nsm *n);

/*
 * Returns how many (mon_name, my_name) pairs are monitored.
 */
size_t nsm_peer_count(const struct nsm *n);

/*
 * Adds the status to @out, for an administrator to read: fewer than 30 lines,
 * each ended by LF; all totals, and of each trouble the first few peers that
 * have it.
 */
void nsm_status(const struct nsm *n, uint64_t now_ms, struct buf *out);

#endif
