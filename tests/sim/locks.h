/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Locks over NLM: processes that want and hold them, the lock managers on both
 * sides, and what must hold of all that.  Part of sim.h.
 */
#ifndef NFS_RECLAIM_TESTS_SIM_LOCKS_H
#define NFS_RECLAIM_TESTS_SIM_LOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sm-notify/notify.h"
#include "tests/sim/net.h"

#define LOCKS_FILES	2  /* that a server has */
#define LOCKS_CLAIMS	4  /* of the processes of a client */
#define LOCKS_QUEUE_MAX 64 /* what lockd has not read yet */

struct event;
struct host;
struct pair;
struct sim;

/* Why a lock may be lost, and is counted apart. */
enum loss {
	LOSS_NOT,
	LOSS_NETWORK,	  /* the network healed too late for the grace period */
	LOSS_NO_GRACE,	  /* the server had none, or a short one */
	LOSS_PARKED,	  /* monitored again before it could be told */
	LOSS_ASIDE,	  /* skip, max-age */
	LOSS_UNREAD,	  /* sm-notify could not read its file at first */
	LOSS_UNMERGED,	  /* the turn could not bring its file into sm.bak/ */
	LOSS_NOT_RUN,	  /* sm-notify gave up, or was stopped or killed */
	LOSS_DECLARED,	  /* -f: the administrator has declared it lost */
	LOSS_ANSWERED,	  /* who rebooted was told so before lockd was */
	LOSS_LATE_COPY,	  /* of a notice: it was in the network already */
	LOSS_GRACE_ENDED, /* and statd was away then: it parks nobody */
	LOSS_UNANNOUNCED, /* a reboot of which its host had to tell nobody */
	LOSS_FORGED,	  /* by who the manual says will be believed */
	LOSS_BY_NAME,	  /* notices come from an address nobody registered */
	LOSS_UNMONITORED, /* SM_MON failed, and so did the reclaim */
	LOSS_CONFLICT, /* a lost one was reclaimed in the place of this one */
	LOSS_COUNT,
};

enum claim_state {
	CLAIM_NONE,
	CLAIM_MONITORING, /* SM_MON is under way */
	CLAIM_ASKING,	  /* LOCK is, or is to be repeated */
	CLAIM_HELD,	  /* the process believes that it has it */
	CLAIM_LEAVING,	  /* UNLOCK is under way */
};

/* What a process of a client wants, or has. */
struct claim {
	enum claim_state state;
	struct host *server;
	unsigned int file;
	uint32_t owner;		/* no other process in this run has it */
	uint32_t serial;	/* of its last call */
	bool is_owed;		/* the server has crashed with it */
	bool is_reclaimed;	/* ... and is being asked for it again */
	uint32_t server_number; /* the server's, when it was granted */
	bool is_forgotten;	/* by lockd, after a reclaim that was refused */
	enum loss loss;
};

/* What a server knows of a file. */
struct file {
	uint32_t owner; /* 0: not locked */
	struct host *client;
	uint32_t client_number; /* the client's, when it was granted */
	uint64_t granted_ms;
};

enum nlm_op { LOCK_GET, LOCK_RECLAIM, LOCK_PUT };

enum nlm_result {
	LOCK_GRANTED,
	LOCK_DENIED,
	LOCK_NO_LOCKS,
	LOCK_GRACE,
	LOCK_OPEN, /* there is no answer yet */
};

/* A call on its way to a server, or back. */
struct nlm_call {
	enum nlm_op op;
	enum nlm_result result;
	struct host *client;
	uint32_t client_boot;
	size_t claim;
	struct host *server;
	uint32_t server_boot;
	unsigned int file;
	uint32_t owner;
	uint32_t serial;
	enum loss loss; /* of the lock, when the process called */
};

/* What lockd reads next: a call or, where there are bytes, a callback. */
struct nlm_task {
	struct nlm_call call;
	struct packet packet; /* whose bytes are ours */
};

struct locks {
	struct claim claims[LOCKS_CLAIMS];
	struct file files[LOCKS_FILES];
	struct nlm_task queue[LOCKS_QUEUE_MAX];
	size_t queued;
	bool is_busy;		 /* the first of them waits for SM_MON */
	bool is_looked_at;	 /* what became of the locks when grace ended */
	uint64_t grace_ms;	 /* how long it was */
	uint32_t forced_boot;	 /* the last boot with an -f */
	uint64_t was_away_ms;	 /* when statd or lockd was, the last time */
	uint64_t disk_failed_ms; /* when statd could not write */
	uint64_t was_ended_ms;	 /* when sm-notify was stopped, the last time */
	uint32_t told[SIM_HOSTS_MAX]; /* the last number of that host */
	/* When something on the way to that host failed, the last time. */
	uint64_t trouble_ms[SIM_HOSTS_MAX];
};

struct lock_counts {
	uint64_t granted;
	uint64_t reclaimed;
	uint64_t freed; /* their client has rebooted */
	uint64_t lifted;
	uint64_t lost[LOSS_COUNT];
};

/* --- locks.c: the client ---------------------------------------------------
 */

/* A process of @h asks for a lock at a server whose file system it has. */
void locks_want(struct host *h);
void locks_power_fail(struct host *h);
/* Whether locks between @h and @peer keep their handle of each other. */
bool locks_use(const struct host *h, const struct host *peer);
/* An SM_MON or SM_UNMON about @pair has ended. */
void locks_monitored(struct host *h, struct pair *pair);
/* statd says that the peer of @pair has rebooted, and is at @number. */
void locks_called_back(struct host *h, struct pair *pair, uint32_t number);
/* Sends @call to @to; it may be lost. */
void locks_send(struct host *from, struct host *to, const struct nlm_call *call,
		void (*run)(struct sim *s, struct event *e));
/* The claim that @call is about, where it still is; or NULL. */
struct claim *locks_claim(const struct nlm_call *call);
/* An answer arrives. */
void locks_answered(struct sim *s, struct event *e);

/* --- lockserver.c ------------------------------------------------------------
 */

/* A call arrives. */
void lockserver_arrive(struct sim *s, struct event *e);
/* Keeps a callback for after the call that waits; false where none does. */
bool lockserver_defer(struct host *h, const struct packet *p);
/* The SM_MON that the first call waits for has ended. */
void lockserver_monitored(struct host *h, const struct pair *pair);
/* @client has rebooted, so @h drops its locks. */
void lockserver_drop(struct host *h, struct host *client, uint32_t number);
/* lockd starts: its grace period begins. */
void lockserver_start(struct host *h);
/* Ends what is left of the grace period. */
void lockserver_lift(struct host *h);
void lockserver_power_fail(struct host *h);

/* --- lockrule.c -------------------------------------------------------- */

/* Something between @a and @b, or of @h, has failed for a moment. */
void lockrule_trouble(struct host *a, struct host *b);
void lockrule_trouble_all(struct host *h);
/* ... and statd cannot call lockd, or could not until now. */
void lockrule_away(struct host *h);
/* @h has lost its locks. */
void lockrule_crashed(struct host *h);
/* ... by its administrator's word. */
void lockrule_declared(struct host *h);
/* A notice of @client is answered; or taken for that of nobody. */
void lockrule_answered(struct host *h, struct host *client, uint32_t number,
		       bool is_of_nobody);
/* A notice of @number comes to statd of @h, from @from. */
void lockrule_noticed(struct host *h, const struct addr *from, uint32_t number);
/* @h gives @file to whom @call is of; who may be dead by now. */
void lockrule_granted(struct host *h, const struct file *file,
		      const struct nlm_call *call);
/* @h drops a lock since its client is said to have come to @number. */
void lockrule_dropped(struct host *h, const struct file *file, uint32_t number);
/* The lock manager of @h forgets a lock, as @result is no. */
void lockrule_refused(struct host *h, struct claim *claim,
		      enum nlm_result result);
/* The grace period of @h is over. */
void lockrule_grace_over(struct host *h);
/* Grace is ended before its time. */
void lockrule_lifted(struct host *h);
void lockrule_end(struct sim *s);
/* Adds @more to @sum. */
void lockrule_add(struct lock_counts *sum, const struct lock_counts *more);
void lockrule_print(const char *scenario, const struct lock_counts *counts);

/* --- lift.c ------------------------------------------------------------ */

/*
 * All of sm.bak/ that could be read is in: where there is nobody to tell, ends
 * the run, and perhaps the grace period.
 */
bool lift_is_over(struct host *h);

#endif
