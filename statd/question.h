/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asking peers for the number of their statd: SM_STAT over UDP, the port from
 * their rpcbind, in the background and paced (design section 5).  What an
 * answer means is for others to say (statd/notice.c).
 */
#ifndef NFS_RECLAIM_STATD_QUESTION_H
#define NFS_RECLAIM_STATD_QUESTION_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/list.h"
#include "lib/prng.h"
#include "lib/rpccall.h"
#include "lib/timerq.h"

#define QUESTION_WAIT_FIRST_MS 2000u
#define QUESTION_WAIT_MAX_MS   120000u
#define QUESTION_OPEN_MAX      64u /* peers that were asked and may answer */
#define QUESTION_SILENT_TRIES  3u  /* so often unanswered is silence */

struct effects;
struct peer;
struct peers;

enum question_stage {
	QUESTION_IDLE,	  /* nobody wants to know */
	QUESTION_WAITING, /* for room among those that are open */
	QUESTION_PORT,	  /* the peer's rpcbind was asked */
	QUESTION_NUMBER,  /* the peer's statd was asked */
	QUESTION_PAUSED,  /* for the next try */
};

/* What is being asked of one peer; lives in struct peer.  Zeroed = idle. */
struct question {
	enum question_stage stage;
	struct link in_queue; /* questions::waiting */
	struct link in_news;  /* questions::news */
	struct rpccall call;
	struct timer timer;
	unsigned int tries; /* sent in vain */
	bool has_answer;    /* this news is an answer, not silence */
	uint32_t number;    /* ... the number */
	struct addr from;   /* ... the statd that gave it */
};

struct questions {
	struct effects *out; /* borrowed */
	struct peers *peers; /* borrowed */
	struct prng *rng;    /* borrowed */
	struct rpccalls calls;
	struct timerq timers;
	struct link waiting; /* question::in_queue */
	struct link news;    /* question::in_news */
	unsigned int open_count;
	uint64_t next_id;
	uint64_t now_ms; /* of the last call */
};

/*
 * Makes @set empty.
 * Owns:   questions_fini() ends it; the three are borrowed for as long.
 */
void questions_init(struct questions *set, struct effects *out,
		    struct peers *peers, struct prng *rng);

/*
 * Frees @set; all questions must have been ended with questions_stop().
 */
void questions_fini(struct questions *set);

/*
 * Makes the question of a new peer ready.
 */
void question_init(struct question *question);

/*
 * Asks @peer from now on until it answers or questions_stop(): again at 2, 4
 * .. 120 s, with jitter, each of its addresses in turn.  Where it is being
 * asked, but paused, it is asked at once.  Another record with the same
 * address that is asked already is asked for both.
 * Return: false where @peer has no address that can be asked (none known, or
 *         loopback).
 */
bool questions_ask(struct questions *set, uint64_t now_ms, struct peer *peer);

/*
 * Ends the question to @peer; harmless where there is none.
 */
void questions_stop(struct questions *set, struct peer *peer);

/*
 * Feeds a datagram from the socket that questions leave from.  An answer, as
 * well as each try that stays without one, is news for questions_take().
 */
void questions_answer(struct questions *set, uint64_t now_ms,
		      const struct addr *from, const uint8_t *bytes,
		      size_t len);

/*
 * Does what is due at @now_ms.
 */
void questions_timer(struct questions *set, uint64_t now_ms);

/*
 * Takes a peer of which there is news (see struct question), or NULL.  After
 * an answer its question is idle; after a silent try it goes on.
 */
struct peer *questions_take(struct questions *set);

/*
 * Returns when questions_timer() is wanted next, or UINT64_MAX.
 */
uint64_t questions_deadline_ms(const struct questions *set);

#endif
