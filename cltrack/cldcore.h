/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the two rooms of the core of nfsdcld share: cld.c takes the upcalls and
 * records clients, cldturn.c changes epochs.
 */
#ifndef NFS_RECLAIM_CLTRACK_CLDCORE_H
#define NFS_RECLAIM_CLTRACK_CLDCORE_H

#include "cltrack/cld.h"
#include "cltrack/cldout.h"
#include "cltrack/clientlist.h"
#include "cltrack/upcall.h"
#include "lib/keyset.h"
#include "lib/list.h"

enum cldstep {
	CLDSTEP_WAITING, /* for its turn */
	CLDSTEP_STORING, /* its STORE is out */
	CLDSTEP_ASKING,	 /* GraceDone: LOOK and LOAD are out */
	CLDSTEP_SENDING, /* GraceStart: records go to nfsd */
	CLDSTEP_RESTING, /* until due_ms, then again */
};

struct cldrequest {
	struct link in_all; /* cld::requests */
	uint64_t id;	    /* of what is out for it; another at each try */
	uint64_t reply_to;
	uint8_t version;
	uint8_t command;
	uint32_t xid;
	bool is_answered; /* or nobody waits for an answer */
	bool is_repeat;
	bool is_superseded; /* a later request undoes it */
	enum cldstep step;
	unsigned int tries;
	uint64_t due_ms;
	uint64_t epoch;		   /* Create, Remove: whose table */
	struct clientlist client;  /* Create, Remove, Check: one */
	struct clientlist carried; /* GraceDone: whom ... */
	bool has_carried;	   /* ... if that is known */
};

/* The GraceStart or GraceDone under way; there is one at most. */
struct cldturn {
	struct cldrequest *request; /* or NULL */
	uint64_t current;	    /* GraceStart: what they become */
	uint64_t recovery;
	uint64_t ended; /* ... and what is over with it */
	bool is_stored;
	bool has_loaded;
	bool has_alive;
	struct clientlist loaded; /* all of recovery */
	struct clientlist alive;  /* v4.0 clients that hold state */
	bool *is_unsent;	  /* of each in loaded */
	size_t at;		  /* the next of these */
	size_t unsent;		  /* that nfsd did not take */
	unsigned int passes;
};

struct cldcounts {
	uint64_t asked[UPCALL_GET_VERSION + 1];
	uint64_t refused; /* upcalls that cannot be read, or obeyed */
	uint64_t failed;  /* answers with an error of the database */
	uint64_t told;	  /* records that nfsd took */
	uint64_t untold;  /* that it did not take, or cannot */
	uint64_t carried; /* C-14 */
	uint64_t epochs_begun;
};

struct cld {
	struct cld_config config;
	struct cldout out;
	struct link requests; /* cldrequest::in_all, as they came */
	size_t request_count;
	uint64_t last_id;
	uint64_t now_ms;
	uint64_t current;
	uint64_t recovery;
	bool is_first_time;
	bool has_grace_start;  /* nfsd sends it */
	struct keyset removed; /* client ids, in this grace period */
	bool has_too_many_removed;
	struct cldturn turn;
	struct cldcounts counts;
	struct log_limit complaints;
};

/*
 * Answers @request with @status, 0 or -errno, where that was not done.
 */
void cld_answer(struct cld *cld, struct cldrequest *request, int status);

/*
 * Puts @request behind all others.
 * Owns:   cld_drop() ends it.
 */
struct cldrequest *cld_add(struct cld *cld, uint8_t command);

/*
 * Forgets @request, which has been answered.
 */
void cld_drop(struct cld *cld, struct cldrequest *request);

/*
 * Begins all that waits and may.
 */
void cld_advance(struct cld *cld);

/*
 * Lets @request rest, longer after each try.
 */
void cld_rest(struct cld *cld, struct cldrequest *request);

/*
 * Tries at once what is owed of clients.
 */
void cld_hurry(struct cld *cld);

/*
 * Tells whether it is owed that @client is removed.
 */
bool cld_is_removal_owed(const struct cld *cld, const struct client *client);

/*
 * Tells whether one more complaint may be logged now.
 */
bool cld_may_complain(struct cld *cld);

/*
 * Begins the GraceStart or GraceDone @request; none is under way.
 */
void cldturn_begin(struct cld *cld, struct cldrequest *request);

/*
 * The STORE of the turn ended with @error, which means @reason.
 */
void cldturn_stored(struct cld *cld, int error, const char *reason);

/*
 * A LOAD or LOOK of the turn ended.
 */
void cldturn_clients(struct cld *cld, const struct cld_in *in);

/*
 * Queues the next effect of a turn that sends records.
 * Return: false where there is none.
 */
bool cldturn_send(struct cld *cld);

/*
 * nfsd did not take the record that was sent last.
 */
void cldturn_send_failed(struct cld *cld, const char *reason);

/*
 * Ends the turn without an answer: the pipe is gone.
 */
void cldturn_close(struct cld *cld);

/*
 * Forgets the turn's lists and that there is one.
 */
void cldturn_end(struct cld *cld);

#endif
