/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nfsd's end of the conversation: the file `cld` in the directory `nfsd` of
 * rpc_pipefs, which is there while nfsd runs.  It is opened as soon as it is
 * made, and again after it went away.
 */
#ifndef NFS_RECLAIM_CLTRACK_PIPE_H
#define NFS_RECLAIM_CLTRACK_PIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cltrack/slots.h"
#include "os/loop.h"

#define PIPE_FILE "cld"

struct pipe;

struct pipe_calls {
	void (*opened)(void *ctx);
	/* An upcall, whole; @is_repeat: a life before has read it. */
	void (*upcall)(void *ctx, uint64_t reply_to, const uint8_t *bytes,
		       size_t len, bool is_repeat);
	void (*closed)(void *ctx); /* nobody waits for answers any more */
	void *ctx;
};

/*
 * Returns a pipe in the directory @dir that is not open.
 * Owns:   borrows @slots; copies the rest.  pipe_free() ends it.
 */
struct pipe *pipe_new(struct loop *loop, const char *dir, struct slots *slots,
		      const struct pipe_calls *calls);

/*
 * Begins to watch @pipe's directory, and opens the file where it is there; no
 * upcall is handed out from here.
 * Errors: -errno where the directory cannot be watched.
 */
int pipe_start(struct pipe *pipe);

/*
 * Answers the upcall @reply_to with @len bytes (0: forgets it); harmless where
 * the pipe went away meanwhile.
 * Errors: -errno, as nfsd said.
 */
int pipe_reply(struct pipe *pipe, uint64_t reply_to, const uint8_t *bytes,
	       size_t len);

/*
 * Writes @len bytes that belong to an upcall but do not answer it.
 * Errors: -errno, as nfsd said; -EPIPE where the pipe is not open.
 */
int pipe_send(struct pipe *pipe, const uint8_t *bytes, size_t len);

/*
 * Tells whether the pipe is open now.
 */
bool pipe_is_open(const struct pipe *pipe);

/*
 * Closes @pipe without calling anybody; NULL is fine.
 */
void pipe_free(struct pipe *pipe);

#endif
