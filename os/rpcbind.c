/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns our registration with the rpcbind of this host: RPCB version 4 calls
 * (RFC 1833 section 2.2.1) over rpcbind's own socket, by which it knows who we
 * are.  One connection carries UNSET and every SET at once, and is then kept
 * open, because its end is the only sign that rpcbind, and with it our
 * entries, went away.  Nothing that rpcbind does or fails to do stops us;
 * the two calls for the start and the end of a program wait, but not long.
 */
#include "os/rpcbind.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/portmap.h"
#include "lib/rpcmsg.h"
#include "lib/rpcrec.h"
#include "lib/xalloc.h"
#include "os/process.h"

#define WAIT_FIRST_MS  1000u
#define WAIT_MAX_MS    30000u
#define WITHDRAW_MS    1000u
#define SERVED_MS      2000u
#define CALLS_SIZE_MAX 2048u /* the calls of one registration */
#define NETID_SIZE     8
#define OWNER_SIZE     12
#define ALL_NETIDS     "" /* what rpcbind takes for "whatever netid" */
#define READ_PER_TURN  1024

struct entry {
	char netid[NETID_SIZE];
	uint16_t port;
};

struct rpcbind {
	struct loop *loop;
	rpcbind_change *change;
	void *ctx;
	uint32_t prog;
	uint32_t vers;
	struct sockaddr_un server;
	uint32_t silence_ms_max;
	struct entry entries[RPCBIND_NETIDS_MAX];
	uint32_t count;
	int fd; /* -1: not connected */
	struct loop_watch *watch;
	struct loop_timer *timer; /* connected: silence; else: try again */
	struct rpcrec rec;
	uint32_t xid;	  /* of UNSET; the SET of entry i has xid + 1 + i */
	uint32_t granted; /* a bit for each entry that rpcbind took */
	uint32_t wait_ms;
	bool is_registered;
	bool is_loss_told; /* since they held last, or ever */
};

static void hang_up(struct rpcbind *bind)
{
	if (bind->fd < 0)
		return;
	loop_unwatch(bind->watch);
	bind->watch = NULL;
	close(bind->fd);
	bind->fd = -1;
	rpcrec_fini(&bind->rec);
}

static void try_later(struct rpcbind *bind)
{
	bool is_news = !bind->is_loss_told;

	hang_up(bind);
	bind->is_registered = false;
	loop_timer_set(bind->timer, loop_now_ms() + bind->wait_ms);
	bind->wait_ms *= 2;
	if (bind->wait_ms > WAIT_MAX_MS)
		bind->wait_ms = WAIT_MAX_MS;
	bind->is_loss_told = true;
	if (is_news)
		bind->change(bind->ctx, false);
}

static void on_registered(struct rpcbind *bind)
{
	loop_timer_set(bind->timer, UINT64_MAX);
	bind->wait_ms = WAIT_FIRST_MS;
	bind->is_registered = true;
	bind->is_loss_told = false;
	bind->change(bind->ctx, true);
}

/* What UNSET says does not matter: false is also "there was nothing". */
static void on_reply(struct rpcbind *bind)
{
	struct rpcmsg_reply reply;
	uint32_t entry;

	if (!rpcmsg_parse_reply(bind->rec.record.bytes, bind->rec.record.len,
				&reply))
		return;
	entry = reply.xid - bind->xid - 1;
	if (entry >= bind->count || bind->is_registered)
		return;
	if (reply.status != RPCMSG_SUCCESS ||
	    !portmap_parse_bool(reply.results, reply.results_len)) {
		try_later(bind);
		return;
	}
	bind->granted |= 1u << entry;
	if (bind->granted == (1u << bind->count) - 1)
		on_registered(bind);
}

static void on_readable(void *ctx, int fd, unsigned int events)
{
	struct rpcbind *bind = ctx;
	uint8_t bytes[READ_PER_TURN];
	const uint8_t *at = bytes;
	ssize_t got = recv(fd, bytes, sizeof(bytes), 0);
	size_t len = got > 0 ? (size_t)got : 0;
	enum rpcrec_status status = RPCREC_RECORD;

	(void)events;
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		try_later(bind);
		return;
	}
	while (bind->fd >= 0 && status == RPCREC_RECORD) {
		status = rpcrec_feed(&bind->rec, &at, &len);
		if (status == RPCREC_RECORD)
			on_reply(bind);
		else if (status == RPCREC_OVERSIZE)
			try_later(bind);
	}
}

/* COMPAT: how rpcbind itself writes the owner of an entry. */
static const char *owner_format(char out[static OWNER_SIZE])
{
	if (geteuid() == 0)
		return "superuser";
	snprintf(out, OWNER_SIZE, "%u", geteuid());
	return out;
}

/* Adds UNSET as a record of its own. */
static void add_unset(const struct rpcbind *bind, struct buf *out)
{
	char owner[OWNER_SIZE];
	struct buf call;

	buf_init(&call, CALLS_SIZE_MAX);
	portmap_add_set(&call, bind->xid, false, bind->prog, bind->vers,
			ALL_NETIDS, 0, owner_format(owner));
	rpcrec_add(out, call.bytes, call.len);
	buf_fini(&call);
}

static void add_set(const struct rpcbind *bind, uint32_t entry, struct buf *out)
{
	const struct entry *e = &bind->entries[entry];
	char owner[OWNER_SIZE];
	struct buf call;

	buf_init(&call, CALLS_SIZE_MAX);
	portmap_add_set(&call, bind->xid + 1 + entry, true, bind->prog,
			bind->vers, e->netid, e->port, owner_format(owner));
	rpcrec_add(out, call.bytes, call.len);
	buf_fini(&call);
}

/* Returns a connection, or -1 where nobody takes one now. */
static int connect_server(const struct rpcbind *bind)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&bind->server,
			       sizeof(bind->server)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* A new connection takes far more than @calls: a part sent is a failure. */
static bool send_calls(int fd, const struct buf *calls)
{
	assert(!calls->is_overflowed);
	return send(fd, calls->bytes, calls->len, MSG_NOSIGNAL) ==
	       (ssize_t)calls->len;
}

static void try_now(struct rpcbind *bind)
{
	struct buf calls;
	bool is_sent;

	bind->granted = 0;
	process_random(&bind->xid, sizeof(bind->xid));
	bind->fd = connect_server(bind);
	if (bind->fd < 0) {
		try_later(bind);
		return;
	}
	rpcrec_init(&bind->rec, RPCMSG_SIZE_MAX);
	bind->watch =
		loop_watch(bind->loop, bind->fd, LOOP_READ, on_readable, bind);
	buf_init(&calls, CALLS_SIZE_MAX);
	/* ORDER: rpcbind refuses a SET while another address stands there, as
	 * that of a run before ours that crashed. */
	add_unset(bind, &calls);
	for (uint32_t i = 0; i < bind->count; i++)
		add_set(bind, i, &calls);
	is_sent = send_calls(bind->fd, &calls);
	buf_fini(&calls);
	if (is_sent)
		loop_timer_set(bind->timer,
			       loop_now_ms() + bind->silence_ms_max);
	else
		try_later(bind);
}

static void on_timer(void *ctx)
{
	struct rpcbind *bind = ctx;

	if (bind->fd >= 0)
		try_later(bind);
	else
		try_now(bind);
}

struct rpcbind *rpcbind_new(struct loop *loop, uint32_t prog, uint32_t vers,
			    rpcbind_change *change, void *ctx)
{
	struct rpcbind *bind = xzalloc(sizeof(*bind));

	assert(change != NULL);
	bind->loop = loop;
	bind->change = change;
	bind->ctx = ctx;
	bind->prog = prog;
	bind->vers = vers;
	bind->fd = -1;
	bind->wait_ms = WAIT_FIRST_MS;
	bind->timer = loop_timer_new(loop, on_timer, bind);
	rpcbind_set_server(bind, RPCBIND_SOCKET, RPCBIND_SILENCE_MS);
	return bind;
}

void rpcbind_set_server(struct rpcbind *bind, const char *path,
			uint32_t silence_ms_max)
{
	assert(strlen(path) < sizeof(bind->server.sun_path));
	bind->server = (struct sockaddr_un){.sun_family = AF_UNIX};
	strcpy(bind->server.sun_path, path);
	bind->silence_ms_max = silence_ms_max;
}

void rpcbind_add(struct rpcbind *bind, const char *netid, uint16_t port)
{
	struct entry *entry = &bind->entries[bind->count];

	assert(bind->count < RPCBIND_NETIDS_MAX);
	assert(strlen(netid) < NETID_SIZE);
	strcpy(entry->netid, netid);
	entry->port = port;
	bind->count++;
}

void rpcbind_start(struct rpcbind *bind)
{
	assert(bind->count > 0 && bind->fd < 0);
	try_now(bind);
}

void rpcbind_free(struct rpcbind *bind)
{
	if (bind == NULL)
		return;
	hang_up(bind);
	loop_timer_free(bind->timer);
	free(bind);
}

/* Waits until @fd can be read; false where @deadline_ms comes first. */
static bool wait_readable(int fd, uint64_t deadline_ms)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	uint64_t now_ms;
	int ready;

	do {
		now_ms = loop_now_ms();
		if (now_ms >= deadline_ms)
			return false;
		ready = poll(&poll_fd, 1, (int)(deadline_ms - now_ms));
	} while (ready < 0 && errno == EINTR);
	return ready > 0;
}

/*
 * Sends UNSET on a connection of its own: on the old one, replies to what was
 * asked before may be outstanding.  The reply is awaited because rpcbind drops
 * the calls of a connection that is closed before it reads them.
 */
void rpcbind_clear(struct rpcbind *bind)
{
	uint64_t deadline_ms = loop_now_ms() + WITHDRAW_MS;
	struct buf call;
	int fd = connect_server(bind);

	if (fd < 0)
		return;
	buf_init(&call, CALLS_SIZE_MAX);
	process_random(&bind->xid, sizeof(bind->xid));
	add_unset(bind, &call);
	/* That a reply came says it is done; not what it says. */
	if (send_calls(fd, &call))
		(void)wait_readable(fd, deadline_ms);
	buf_fini(&call);
	close(fd);
}

void rpcbind_withdraw(struct rpcbind *bind)
{
	if (bind == NULL)
		return;
	rpcbind_clear(bind);
	rpcbind_free(bind);
}

/* One datagram, in a connected socket: the kernel drops what others send. */
static int connect_udp(uint16_t port)
{
	const struct addr to = addr_loopback(port);
	union addr_sockaddr sa = {0};
	socklen_t len = addr_to_sockaddr(&to, &sa);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, &sa.any, len) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Awaits the reply to the call with @xid; *reply borrows from @bytes. */
static bool await_reply(int fd, uint32_t xid, uint64_t deadline_ms,
			uint8_t bytes[static RPCMSG_SIZE_MAX],
			struct rpcmsg_reply *reply)
{
	ssize_t len;

	while (wait_readable(fd, deadline_ms)) {
		len = recv(fd, bytes, RPCMSG_SIZE_MAX, 0);
		if (len < 0 && errno != EAGAIN)
			return false; /* nobody is there */
		if (len > 0 && rpcmsg_parse_reply(bytes, (size_t)len, reply) &&
		    reply->xid == xid)
			return reply->status == RPCMSG_SUCCESS;
	}
	return false;
}

/* Asks over UDP on this host; *reply borrows from @bytes. */
static bool ask_local(uint16_t port, const struct buf *call,
		      uint64_t deadline_ms,
		      uint8_t bytes[static RPCMSG_SIZE_MAX],
		      struct rpcmsg_reply *reply)
{
	int fd = connect_udp(port);
	uint32_t xid;
	bool is_answered;

	if (fd < 0)
		return false;
	memcpy(&xid, call->bytes, sizeof(xid)); /* the first field of a call */
	is_answered = send(fd, call->bytes, call->len, MSG_NOSIGNAL) >= 0 &&
		      await_reply(fd, ntohl(xid), deadline_ms, bytes, reply);
	close(fd);
	return is_answered;
}

bool rpcbind_is_served(uint32_t prog, uint32_t vers)
{
	uint64_t deadline_ms = loop_now_ms() + SERVED_MS;
	uint8_t bytes[RPCMSG_SIZE_MAX];
	struct rpcmsg_reply reply;
	struct buf call;
	uint32_t xids[2];
	int port = 0;
	bool is_served = false;

	process_random(xids, sizeof(xids));
	buf_init(&call, CALLS_SIZE_MAX);
	portmap_add_getport(&call, xids[0], ADDR_V4, prog, vers, PORTMAP_UDP);
	if (ask_local(PORTMAP_PORT, &call, deadline_ms, bytes, &reply))
		port = portmap_parse_getport(ADDR_V4, reply.results,
					     reply.results_len);
	if (port > 0) {
		buf_clear(&call);
		rpcmsg_add_call(&call, xids[1], prog, vers, 0);
		is_served = ask_local((uint16_t)port, &call, deadline_ms, bytes,
				      &reply);
	}
	buf_fini(&call);
	return is_served;
}
