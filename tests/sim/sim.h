/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A few hosts in one process, under a virtual clock: the real cores of
 * rpc.statd and sm-notify, and models of all that surrounds them (disk, lock
 * manager, rpcbind, network).  Everything that happens follows from a seed.
 *
 *   scenario.h  what befalls the hosts: one scenario after the other
 *   mishaps.c   misfortunes that any of them may use
 *   sim.c    the clock, one run, the command line
 *   host.c   power, and rpc.statd: carries out what its core says
 *   notifier.c  the same for sm-notify
 *   exits.c  with which settings sm-notify runs, and how it ends
 *   operator.c  its other runs: -n, -v, two at once
 *   errand.c  ... and -P, for an address that moves
 *   parking.c  what statd and it say to each other of the untold
 *   theirs.c    nfs-utils' programs on our disk
 *   cluster.c   directories on shared storage, and copies of them
 *   turn.c   the boot turn (design section 4), step by step on the model disk
 *   retire.c ... its records: from sm/ to sm.bak/
 *   lockd.c  the lock manager: who is monitored, and the callback
 *   lockdlife.c ... which is slow, restarted, unloaded
 *   locks.c  locks over NLM: processes and the lock manager of a client
 *   lockserver.c  ... and that of a server
 *   lockrule.c  ... and what must hold of them
 *   lift.c   the end of a grace period that nobody needs
 *   callout.c the program for HA, and what a cluster learns from it
 *   disk.c   a disk that loses what was not flushed, and refuses things
 *   store.c  the store worker
 *   net.c    links, and rpcbind
 *   attack.c an attacker: forges; replay.c: replays; flood.c: floods
 *   crowd.c  many peers that say nothing, and callers who must be served
 *   caps.c   what must stay few, whatever comes
 *   stream.c calls over TCP
 *   check.c  what must always hold
 *   heard.c  ... of notices that come
 *   laterule.c ... that none of ours comes late
 *   rest.c   ... that it ends
 *   known.c  ... what of statd has to be on the disk by then
 *   believed.c  ... of those that are in doubt
 *   foreign.c, tidings.c  hosts that run other status monitors
 *   names.c  the name service
 *   nat.c    translation of addresses
 *   trace.c  what happened, as text and as one hash
 */
#ifndef NFS_RECLAIM_TESTS_SIM_SIM_H
#define NFS_RECLAIM_TESTS_SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/buf.h"
#include "lib/ctl.h"
#include "lib/list.h"
#include "lib/prng.h"
#include "lib/record.h"
#include "lib/timerq.h"
#include "sm-notify/notify.h"
#include "statd/nsm.h"
#include "tests/sim/attack.h"
#include "tests/sim/crowd.h"
#include "tests/sim/disk.h"
#include "tests/sim/foreign.h"
#include "tests/sim/lockd.h"
#include "tests/sim/locks.h"
#include "tests/sim/names.h"
#include "tests/sim/nat.h"
#include "tests/sim/net.h"
#include "tests/sim/operator.h"
#include "tests/sim/scenario.h"

#define SIM_CALLS_MAX	  32768 /* of one life of a statd */
#define SIM_ANNOUNCED_MAX 256	/* boots of one host in one run */
#define SIM_RECENT_MAX	  8	/* datagrams that an attacker remembers */

/* State numbers that no host ever has, by who forges them. */
#define FORGED_BY_NAME 1000000u
#define FORGED_AS_PEER 2000000u
#define FORGED_NUMBERS 1000000u
#define HONEST_NUMBERS 1000u /* no host has so many boots */

/* Where each host has numbers of its own (believed.c), it has so many. */
#define SIM_NUMBERS_EACH (HONEST_NUMBERS / SIM_HOSTS_MAX)

struct sim;
struct host;
struct event;
struct statd_call;
typedef void event_run(struct sim *s, struct event *e);

/* --- host.c, turn.c ---------------------------------------------------- */

struct statd_call {
	bool is_answered;
	uint64_t came_ms;
	struct addr from;
	struct addr to; /* which of ours; a stream's: ADDR_NONE */
	bool is_lockd;
	size_t lockd_call; /* whose it is, where is_lockd */
	uint32_t xid;
	bool is_mon;
	struct pair *pair; /* SM_MON: which */
	uint8_t cookie[RECORD_PRIV_SIZE];
	struct host *sender; /* SM_NOTIFY: whose, NULL the attacker's */
	struct notice_mark notice;
	size_t crowd;	/* the member that it is about + 1, or 0: see crowd.h */
	bool is_stream; /* it came over TCP; the sender's stream: */
	uint64_t stream_id;
	uint64_t stream_seq;
	uint32_t stream_life;
};

/* A run of the program for HA. */
struct callout_run {
	uint64_t id; /* 0: none */
	char name[SIM_NAME_SIZE];
	struct pair *pair; /* NULL: about a reboot */
	enum told tells;
};

#define CALLOUT_RUNS_MAX 4

struct statd {
	struct nsm *core; /* NULL: not running */
	uint32_t life;
	uint16_t port;
	struct store store;
	struct statd_call *calls;
	size_t call_count;
	size_t open_strangers;	  /* calls of others without an answer */
	size_t callbacks_at_once; /* sent because of one input */
	struct {
		uint64_t since_ms;
		unsigned int count; /* look-ups of its port, since then */
	} asked[SIM_HOSTS_MAX];
	unsigned int spins;
	struct callout_run runs[CALLOUT_RUNS_MAX];
	bool is_launcher_lost; /* nothing is run in this life any more */
	uint64_t looked_up_ms; /* when a look-up ended last, or it started */
};

/* A call of a notifier over TCP. */
struct stream {
	uint64_t id;
	uint64_t seq; /* 0: not open */
	struct addr peer;
};

#define SIM_STREAMS_MAX 64

struct notifier {
	struct stream streams[SIM_STREAMS_MAX];
	uint64_t stream_seq;
	struct notify *core; /* NULL: not running */
	uint32_t life;
	bool is_bound;	     /* its socket is there */
	bool is_serving;     /* it has begun */
	bool has_run;	     /* in this boot: the pid file is there */
	unsigned int unread; /* files of sm.bak/ that it did not get so far */
	bool is_done;	     /* the last run of this boot came to its end */
	char skip[SIM_NAME_SIZE]; /* whom it was told never to tell */
	bool is_ageing;		  /* it sets records aside for their age */
	uint32_t age_salt;	  /* ... these */
	unsigned int spins;
};

/* How the statd of a host answers SM_STAT. */
enum stat_model {
	STAT_OWN,    /* with its number: FreeBSD, illumos, ours */
	STAT_LAGS,   /* nfs-utils: with the number from before its raise */
	STAT_SILENT, /* not at all */
};

#define PARKING_REQUESTS_MAX 256

/* What statd wants of sm-notify. */
struct parking_request {
	bool is_open;
	uint64_t tag;
	uint64_t id; /* of the UNTOLD */
	enum ctl_verb verb;
	uint32_t statd_life;
	uint32_t notifier_life;
	struct ctl_subject subject;
};

struct parking {
	struct buf parked; /* sm/.reclaim/parked */
	uint64_t grace_until_ms;
	bool has_nfsd;
	bool is_server[SIM_HOSTS_MAX]; /* of a mount of ours */
	bool is_carrying;	       /* an effect of statd is under way */
	uint64_t last_tag;
	struct parking_request requests[PARKING_REQUESTS_MAX];
};

struct host {
	struct sim *sim;
	unsigned int index;
	struct addr addr;
	struct addr floating; /* a third one, which may move */
	struct addr other;    /* its notices leave from here, where it is set */
	char node[SIM_NAME_SIZE];    /* as DNS knows it */
	char my_name[SIM_NAME_SIZE]; /* ... as its lockd does: its nodename */
	bool is_up;
	uint32_t boot;
	uint64_t boot_ms;
	bool is_turned;
	bool has_old_records; /* sm/ still has some of an earlier boot */
	uint32_t number;      /* in force in this boot, 0 before the turn */
	enum stat_model stat_model;
	bool has_fixed_port; /* its statd is on the same port in each life */
	bool has_callout;
	uint32_t announced[SIM_ANNOUNCED_MAX];
	size_t announced_count;
	uint32_t announced_boot; /* in which the last of them was */
	struct disk disk;
	uint64_t checked; /* disk::changes when last looked at */
	struct statd statd;
	struct notifier notifier;
	struct lockd lockd;
	struct parking parking;
	struct crowd crowd;
	struct locks locks;
	struct operators op;
	struct theirs theirs;
	struct foreign foreign;
	struct sighting recent[SIM_RECENT_MAX];
	size_t recent_count;
};

enum program {
	PROGRAM_STATD,
	PROGRAM_NOTIFIER,
	PROGRAM_TURN,
	PROGRAM_ERRAND,
};

void host_init(struct host *h, struct sim *s, unsigned int index);
void host_fini(struct host *h);
uint64_t host_clock(const struct host *h);
void host_power_on(struct host *h);
void host_power_fail(struct host *h);
/* Runs the turn, or nfs-utils' sm-notify, and then the programs. */
void host_turn(struct host *h);
/* A place where the power may fail or @who be killed; false where it was. */
bool host_survives(struct host *h, enum program who);
/* The newest number that anybody heard of @h; 0: none. */
uint32_t host_last_announced(const struct host *h);
/* The number in the file "state", 0: none. */
uint32_t host_read_number(const struct host *h);

void statd_start(struct host *h);
void statd_kill(struct host *h);
/* Takes the process away; nobody starts it again. */
void statd_end(struct host *h);
void statd_input(struct host *h, const struct nsm_in *in);
/* Tells it what the file "state" says. */
void statd_feed_number(struct host *h);
void statd_call(struct host *h, const struct statd_call *call,
		enum nsm_transport transport, const uint8_t *bytes, size_t len);

/* Has @run called with @id and @name after the time that DNS takes. */
struct event *host_resolve(struct host *h, event_run *run, uint64_t id,
			   const char *name);
/* Counts inputs of a core's timer, which must not spin. */
void host_count_spin(struct host *h, unsigned int *spins, bool is_timer);

void notifier_run(struct sim *s, struct event *e);
void notifier_start(struct host *h);
/* Has a run begin that is alone, with what h->op says. */
void notifier_bind(struct host *h);
/* Takes the process away without a word. */
void notifier_end(struct host *h);
void notifier_kill(struct host *h);
/* Stops it as SIGTERM does. */
void notifier_stop(struct host *h);
void notifier_input(struct host *h, const struct notify_in *in);
/* The same, and leaves what comes of it to who is carrying effects out. */
void notifier_feed(struct host *h, const struct notify_in *in);

/* Runs the boot turn; false where the process or the host died on the way. */
bool turn_run(struct host *h);
/* Whether state.boot says that the turn left something in sm/. */
bool turn_has_left(const struct host *h);
/* A turned boot: a `state` that fell behind is written again. */
bool turn_keep(struct host *h);
/* "sm-notify -f", up to its first notice. */
bool turn_force(struct host *h);
/* Whether a -f has ended between its two files: `state` does not know of it. */
bool turn_is_force_unfinished(const struct host *h);
/* "sm-notify -n", up to its first notice: writes what it will announce. */
bool turn_copy(struct host *h, uint32_t *number);
/* Whether state.boot is of the boot of this machine. */
bool turn_is_of_this_boot(struct host *h);
/* Raises FLOOR in state.boot above @own and all that is known here. */
bool turn_raise_floor(struct host *h, uint32_t own, uint32_t *number);

/* --- retire.c --------------------------------------------------------- */

/* Replaces a file, not yet durably, with crash points in between. */
bool retire_file(struct host *h, enum disk_dir dir, const char *name,
		 const void *bytes, size_t len);
/* The names in @dir are durable, unless something happens; else false. */
bool retire_sync_dir(struct host *h, enum disk_dir dir);
/* All of @from is in @to as well, durably, but for what the disk refuses. */
bool retire_copy(struct host *h, enum disk_dir from, enum disk_dir to);
/* ... and in @from no more. */
bool retire_move(struct host *h, enum disk_dir from, enum disk_dir to);

/* --- exits.c ----------------------------------------------------------- */

/* Chooses the settings of a run that begins; @config borrows from @h. */
void exits_choose(struct host *h, struct notify_config *config);
/* Somebody is parked: whom the run has set aside then stays so in this boot. */
void exits_parked(struct host *h, const char *subject);
/* Whether the run that begins finds the record @file too old. */
bool exits_is_too_old(const struct host *h, const char *file);
/* The run that begins cannot read the record @file. */
void exits_missed(struct host *h, const char *file);
/* Carries a REWRITE out, or fails to. */
void exits_rewrite(struct host *h, const struct notify_out *out);
/* "sm-notify -f": the operator declares the locks lost. */
void exits_force(struct host *h);
/* The run has ended by itself. */
void exits_done(struct host *h, const struct notify_out *out);

/* --- callout.c --------------------------------------------------------- */

/* Starts the program; it works at some time before its end. */
void callout_begin(struct host *h, const struct nsm_out *out);
/* statd is gone, and with it all that it runs. */
void callout_kill_all(struct host *h);
/* A file of sm/.reclaim was written, or not. */
void callout_memo_written(struct host *h, const struct store_job *job);
/* The cluster starts anew with us. */
void callout_power_fail(struct host *h);
/* At the very end: what the cluster knows is what is on the disk. */
void callout_check_end(struct host *h);

/* --- parking.c ------------------------------------------------------------ */

void parking_init(struct host *h);
void parking_fini(struct host *h);
void parking_boot(struct host *h);
void parking_power_fail(struct host *h);
/* lockd starts, and its grace period, where it has one. */
void parking_begin_grace(struct host *h);
/* Whether a grace period runs, as os/kernel.h tells. */
bool parking_has_grace(const struct host *h);
/* The turn empties sm/.reclaim. */
void parking_turn(struct host *h);
/* Carries out an UNTOLD, a NOTE or a GRACE of statd. */
void parking_carry(struct host *h, const struct nsm_out *out);
/* sm-notify answers the request @id. */
void parking_answer(struct host *h, uint64_t id, enum ctl_word word);
/* sm-notify has ended or was killed. */
void parking_notifier_ended(struct host *h);
/* As monitored_is_late(): a notice to one of @addrs comes too late. */
bool parking_is_late(struct host *h, const struct addr *addrs, size_t count);
/* Whether the debt of @pair may stay for the next boot. */
bool parking_is_excused(const struct host *h, const struct pair *pair);
/* Whether @h rightly has not told @peer of this boot. */
bool parking_is_silent(const struct host *h, const struct host *peer);

/* --- laterule.c ----------------------------------------------------------- */

/* lockd was told that @pair is monitored: locks may be granted. */
void laterule_granted(struct host *h, struct pair *pair);
/* -f begins: the locks are declared lost, and those that are asked for. */
void laterule_give_up(struct host *h);
/* A notice goes to @to. */
void laterule_check_notice(struct host *h, const struct addr *to);
/* ... by sm-notify: its SEND or CALL @id. */
void laterule_check_record(struct host *h, uint64_t id);
/*
 * Whether @h knows the peer, or several behind one address, under more than one
 * name, of which DNS may tie some.
 */
bool laterule_has_other_names(const struct host *h, const struct pair *pair);

/* --- check.c ----------------------------------------------------------- */

struct record_wanted {
	const char *mon_name;
	const char *my_name;
	const uint8_t *cookie; /* this or a later one; NULL: any */
};

/* Whether a file of @dir says so, whatever a power failure now would take. */
bool check_is_on_disk(const struct disk *disk, enum disk_dir dir,
		      const struct record_wanted *wanted);
/* ... and whether one says so now. */
bool check_is_seen(const struct disk *disk, enum disk_dir dir,
		   const struct record_wanted *wanted);
/* Whether @dir has a line about @pair, whatever a power failure takes. */
bool check_has_line(const struct host *h, const struct pair *pair,
		    enum disk_dir dir);
bool check_is_wanted(const struct record_wanted *wanted,
		     const struct record *rec);
/* Its notices leave from an address that nobody registered. */
bool check_is_by_name_only(const struct host *h);
/* Notes that @rule is broken; the first one ends the run. */
void check_violate(struct host *h, const char *rule, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void check_mon_answered(struct host *h, const struct statd_call *call,
			const uint8_t *bytes, size_t len);
void check_unmon_sent(struct host *h, struct pair *pair);
void check_notice_sent(struct host *h, const struct addr *to,
		       const struct notice_mark *notice);
void check_ack_delivered(struct host *h, const struct packet *p);
void check_power_failed(struct host *h);
void check_statd_starts(struct host *h);
/* statd cannot read the record @file, and knows nothing of its peer. */
void check_unread(struct host *h, const char *file);
void check_turned(struct host *h);
/* The number of a -f is durable. */
void check_forced(struct host *h);
/* A question goes to the rpcbind at @to. */
void check_asked(struct host *h, const struct addr *to);
/* No queue of statd is longer than its header allows. */
void check_caps(struct host *h);
void check_step(struct sim *s);
void check_end(struct sim *s);

/* --- heard.c ----------------------------------------------------------- */

/* The power of @h fails: whoever monitors it must hear of that. */
void heard_expect(struct host *h, struct host *peer);
/* The record of @h about @peer is gone untold: it is not to hear of @h. */
void heard_waive(const struct host *h, struct host *peer);
/* @peer has acknowledged @number, announced by @h; before the turn: by -n. */
void heard_copied(const struct host *h, struct host *peer, uint32_t number);
void heard_answered(struct host *h, const struct statd_call *call);
void heard_resolved(struct host *h, const char *name, const struct addr *addrs,
		    size_t count);
void heard_callback(struct host *h, struct pair *pair, uint32_t number);
/* Whether @h must tell @peer, under @my_name (NULL: any name). */
bool heard_is_owed(const struct host *h, const struct host *peer,
		   const char *my_name);

/* --- believed.c -------------------------------------------------------- */

/* Gives each host numbers that no other has; before any of them boots. */
void believed_prepare(struct sim *s);
/* Whether what @teller sends to @h has to be asked about. */
bool believed_is_doubtful(const struct host *teller, const struct host *h);
/* ... and @h may get another answer than @teller would give, or none. */
bool believed_may_be_refused(const struct host *teller, const struct host *h);
/* The baseline that statd of @h has of @pair, as it has written it down. */
bool believed_baseline(const struct host *h, const struct pair *pair,
		       uint32_t *out, struct addr *of);
/* The baseline of @pair is of before its peer's statd was restarted. */
bool believed_is_before_restart(const struct host *h, const struct pair *pair);
/* @teller begins to announce a number; its statd says @said, or nothing: 0. */
void believed_announced(struct host *teller, uint32_t said, uint32_t before);
/* A notice has come to statd of @h: what does it look at now? */
void believed_came(struct host *h);
/*
 * Whether lockd of @h was called back for what @pair's peer announces, by its
 * answer to a question about another notice: its own is refused.
 */
bool believed_is_overtaken(const struct host *h, const struct pair *pair);
/* The look-up of a name in a notice has ended. */
void believed_looked_up(struct host *h, const char *name, bool is_found);
/* Whether a notice by @name, from an address of nobody, leads @h to @pair. */
bool believed_leads_to(const struct host *h, const struct pair *pair,
		       const char *name);
/* lockd of @h hears @number for @pair, in no forged notice. */
void believed_called_back(struct host *h, const struct pair *pair,
			  uint32_t number);

/* --- rest.c ------------------------------------------------------------ */

void rest_check_end(struct host *h);

/* --- trace.c ----------------------------------------------------------- */

enum trace_use {
	TRACE_NONE, /* which takes a quarter of the time off a run */
	TRACE_HASH,
	TRACE_SHOW, /* and the hash */
};

struct trace {
	enum trace_use use;
	uint64_t hash;
};

/* Notes one line, where anybody wants it; @h may be NULL. */
void trace(struct sim *s, const struct host *h, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* --- sim.c ------------------------------------------------------------- */

struct event {
	struct timer timer; /* sim::events */
	event_run *run;
	struct host *host;
	uint32_t life; /* of the process that it is for */
	uint64_t id;
	size_t index;
	uint8_t *bytes; /* freed with the event */
	size_t len;
	struct packet *packet; /* freed with the event */
	char name[SIM_NAME_SIZE];
};

struct sim {
	uint64_t seed;
	uint64_t now_ms;
	struct prng rng;
	struct timerq events;
	struct host hosts[SIM_HOSTS_MAX];
	unsigned int host_count;
	struct net net;
	struct attack attack;
	struct names names;
	struct nat nat;
	struct trace trace;
	const struct scenario *scenario;
	bool has_floating;	   /* an address that moves between hosts */
	uint32_t floating_number;  /* announced from it last */
	bool has_last_boot;	   /* every host reboots when it begins */
	bool is_calm;		   /* the misfortunes are over */
	bool has_own_numbers;	   /* each host, see believed_prepare() */
	uint64_t late_of_others;   /* notices of nfs-utils after the locks */
	unsigned int crash_one_in; /* crash points, 0 never */
	uint64_t chaos_ms;
	uint64_t pause_ms_max;
	uint64_t grace_ms;	   /* of each lockd, 0: now this, now that */
	unsigned int deaf_percent; /* of the callbacks that lockd misses */
	bool is_faithful; /* sm-notify tells everybody, however long it takes */
	uint32_t last_owner;
	struct lock_counts lock_counts;
	const char *violated; /* NULL: nothing */
};

/* Has @run called after @delay_ms; the caller fills in what it needs. */
struct event *sim_after(struct sim *s, uint64_t delay_ms, event_run *run,
			struct host *h);
/* Lets a scenario do with fewer hosts, before any of them boots. */
void sim_limit_hosts(struct sim *s, unsigned int max);
/* A random number of @low..@high. */
uint64_t sim_between(struct sim *s, uint64_t low, uint64_t high);
/* True @percent times in a hundred, but never once the run is calm. */
bool sim_mishap(struct sim *s, unsigned int percent);
/* Fills @seed with random bytes. */
void sim_random_seed(struct sim *s, uint8_t seed[static SIPHASH_KEY_SIZE]);
struct host *sim_host_at(struct sim *s, const struct addr *addr);

#endif
