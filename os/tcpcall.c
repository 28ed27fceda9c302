/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns one outgoing stream socket: connects, sends, receives, and never waits.
 * Knows nothing of what a message says, and tries nothing twice.
 */
#include "os/tcpcall.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/rpcmsg.h"
#include "lib/rpcrec.h"
#include "lib/xalloc.h"
#include "os/sockbind.h"

#define MARK_SIZE 4

struct tcpcall {
	int fd;
	struct loop_watch *watch;
	struct loop_timer *timer;
	tcpcall_done *done;
	void *ctx;
	struct buf out; /* the record, and how much of it is sent */
	size_t sent;
	struct rpcrec rec;
	bool is_busy; /* tcpcall_free() leaves the memory to the reader */
	bool is_freed;
};

/* The last thing that is done with @call in an event. */
static void finish(struct tcpcall *call, int error, const uint8_t *bytes,
		   size_t len)
{
	loop_watch_set(call->watch, 0);
	loop_timer_set(call->timer, UINT64_MAX);
	call->done(call->ctx, error, bytes, len);
}

static void send_more(struct tcpcall *call)
{
	ssize_t put;

	while (call->sent < call->out.len) {
		put = send(call->fd, call->out.bytes + call->sent,
			   call->out.len - call->sent, MSG_NOSIGNAL);
		if (put < 0 && errno == EAGAIN)
			return;
		if (put < 0) {
			finish(call, -errno, NULL, 0);
			return;
		}
		call->sent += (size_t)put;
	}
	loop_watch_set(call->watch, LOOP_READ);
}

static void receive_more(struct tcpcall *call)
{
	uint8_t bytes[RPCMSG_SIZE_MAX];
	const uint8_t *at = bytes;
	ssize_t got = recv(call->fd, bytes, sizeof(bytes), 0);
	size_t len;

	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		finish(call, got < 0 ? -errno : -ECONNRESET, NULL, 0);
		return;
	}
	len = (size_t)got;
	switch (rpcrec_feed(&call->rec, &at, &len)) {
	case RPCREC_MORE:
		break;
	case RPCREC_RECORD:
		finish(call, 0, call->rec.record.bytes, call->rec.record.len);
		break;
	case RPCREC_OVERSIZE:
		finish(call, -EMSGSIZE, NULL, 0);
		break;
	}
}

/* Writable for the first time: connected, or refused. */
static void on_event(void *ctx, int fd, unsigned int events)
{
	struct tcpcall *call = ctx;
	int error = 0;
	socklen_t len = sizeof(error);

	(void)fd;
	call->is_busy = true;
	if (call->sent == 0 &&
	    getsockopt(call->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error)
		finish(call, -error, NULL, 0);
	else if (call->sent < call->out.len)
		send_more(call);
	else if (events & LOOP_READ)
		receive_more(call);
	call->is_busy = false;
	if (call->is_freed)
		free(call);
}

static void on_timeout(void *ctx)
{
	struct tcpcall *call = ctx;

	call->is_busy = true;
	finish(call, -ETIMEDOUT, NULL, 0);
	call->is_busy = false;
	if (call->is_freed)
		free(call);
}

/* A port that another call of ours used lately will do for another peer. */
static int start(int fd, int family, const struct addr *local,
		 const struct addr *peer)
{
	const int on = 1;
	union addr_sockaddr to;
	socklen_t len = sockbind_address(family, peer, &to);
	int error;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
		return -errno;
	error = sockbind_client(fd, family, local, "tcp");
	if (error)
		return error;
	return connect(fd, &to.any, len) == 0 || errno == EINPROGRESS ? 0
								      : -errno;
}

struct tcpcall *tcpcall_open(struct loop *loop, const struct addr *local,
			     const struct addr *peer, int *error,
			     tcpcall_done *done, void *ctx)
{
	int family = peer->family == ADDR_V4 ? AF_INET : AF_INET6;
	struct addr from = *local;
	struct tcpcall *call;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	*error = fd < 0 ? -errno : 0;
	if (from.family != peer->family)
		from.family = ADDR_NONE;
	if (!*error)
		*error = start(fd, family, &from, peer);
	if (*error) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	call = xzalloc(sizeof(*call));
	call->fd = fd;
	call->done = done;
	call->ctx = ctx;
	buf_init(&call->out, RPCMSG_SIZE_MAX + MARK_SIZE);
	rpcrec_init(&call->rec, RPCMSG_SIZE_MAX);
	call->watch = loop_watch(loop, fd, LOOP_WRITE, on_event, call);
	call->timer = loop_timer_new(loop, on_timeout, call);
	loop_timer_set(call->timer, loop_now_ms() + TCPCALL_TIMEOUT_MS);
	return call;
}

void tcpcall_say(struct tcpcall *call, const uint8_t *bytes, size_t len)
{
	assert(len <= RPCMSG_SIZE_MAX && call->out.len == 0);
	rpcrec_add(&call->out, bytes, len);
}

void tcpcall_free(struct tcpcall *call)
{
	if (!call || call->is_freed)
		return;
	loop_unwatch(call->watch);
	loop_timer_free(call->timer);
	close(call->fd);
	buf_fini(&call->out);
	rpcrec_fini(&call->rec);
	call->is_freed = true;
	if (!call->is_busy)
		free(call);
}
