/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of sm-notify's core share: a notifier, a clock that the test
 * turns, and words for "this must be sent now" and "this comes back".
 */
#ifndef NFS_RECLAIM_TESTS_UNIT_NOTIFY_WORLD_H
#define NFS_RECLAIM_TESTS_UNIT_NOTIFY_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/rpcmsg.h"
#include "sm-notify/notify.h"

#define PROG_PORTMAP 100000u
#define PROG_STATUS  100024u
#define STATD_PORT   4045
#define START_MS     1000000u /* when every world begins */
#define NUMBER	     7
#define PRIV	     "00000000000000000000000000000000"

/* A line of a record file. */
#define LINE(mon, my) \
	"0100007f 000186b5 00000003 00000010 " PRIV " " mon " " my "\n"

/* A notifier, its clock, and the effect that was taken last. */
struct world {
	struct notify *n;
	uint64_t now_ms;
	struct notify_out out;
	unsigned int warnings;
	char last_log[256];
	char last_told[64];
	struct addr own;  /* of ours, to which answers come */
	bool has_streams; /* CALLs are effects; else they fail at once */
	bool is_grace_over;
	bool is_late; /* look-ups lead to one that is monitored again */
};

/* What was sent: a copy, since the effect is only lent. */
struct sent {
	uint64_t id;
	struct addr peer;
	struct rpcmsg_call call;
	char name[64]; /* of SM_NOTIFY */
	uint32_t number;
};

/* A world of @config, whose seed and number are the world's. */
struct world world_with(struct notify_config config);
/* A world that announces @name (or my_name) and ends at @give_up_ms. */
struct world world_new(const char *name, uint64_t give_up_ms,
		       uint32_t packets_per_second);
struct world world_default(void);

void feed_file(struct world *w, const char *name, const char *text);
/* The same, of a file that max-age sets aside. */
void feed_old_file(struct world *w, const char *name, const char *text);
void feed_kind(struct world *w, enum notify_in_kind kind);
/* @count files like LINE("10.x.y.z", "srv.example.com"). */
void feed_peers(struct world *w, unsigned int count);
void resolve(struct world *w, uint64_t id, const char *const *addrs,
	     size_t count);
/* SEND_FAILED for @id. */
void fail_send(struct world *w, uint64_t id);
/* STUCK for @file, whose REWRITE was taken last. */
void fail_rewrite(struct world *w, const char *file);
/* The right answer to @sent. */
void answer(struct world *w, const struct sent *sent);
/* Another one; @port is rpcbind's. */
void answer_from(struct world *w, const struct sent *sent,
		 const struct addr *from, enum rpcmsg_status status,
		 uint16_t port);

/* REQUEST @id: @text is "VERB TAG MON_NAME [ADDRESS...]". */
void request(struct world *w, uint64_t id, const char *text);
/* The content of sm/.reclaim/parked. */
void feed_parked(struct world *w, const char *text);
void expect_answer(struct world *w, uint64_t id, enum ctl_word word);

/*
 * Takes the next effect that is no log line and not TOLD (but notes it); false:
 * there is none.
 */
bool take(struct world *w);
/* What comes of the CALL @sent: an answer, or (@status < 0) a failure. */
void answer_call(struct world *w, const struct sent *sent, int status,
		 uint16_t port);
/* The clock goes to the next deadline, at which the core is woken. */
void sleep_until_due(struct world *w);
/* The same, until there is an effect, which is taken. */
void sleep_until_effect(struct world *w);

void expect(struct world *w, enum notify_out_kind kind);
void expect_nothing(struct world *w);
struct sent expect_send(struct world *w);
struct sent expect_getport(struct world *w, const char *address);
struct sent expect_notify(struct world *w, const char *address,
			  const char *name);
void expect_rewrite(struct world *w, const char *file, const char *text);
void expect_done(struct world *w, size_t told, size_t untold);

/* Reads the SEND that was taken last. */
struct sent sent_read(const struct world *w);
/* Tells whether @sent went to the numeric @address. */
bool is_to(const struct sent *sent, const char *address);

#endif
