/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns a listening stream socket and its connections: bytes in, records out
 * (RFC 5531 section 11), replies queued until the peer takes them.  Never
 * waits for a peer: one that reads nothing, or sends what is no record, loses
 * its connection.  Knows nothing of what a record says.
 *
 * A peer that half-closes is gone for us: no NSM client asks and then stops
 * sending before it has the answer.
 */
#define _GNU_SOURCE /* accept4() */
#include "os/rpctcp.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "lib/rpcmsg.h"
#include "lib/rpcrec.h"
#include "lib/xalloc.h"

#define ACCEPTS_PER_TURN 64
#define ACCEPT_PAUSE_MS	 1000
/* SAFETY: what one connection may ask in a turn: some 90 smallest calls. */
#define READ_PER_TURN 4096

struct connection {
	struct rpctcp *tcp;
	uint64_t id;
	int fd;
	struct loop_watch *watch;
	struct addr from;
	struct rpcrec rec;
	struct buf out;	 /* bytes that the peer has not taken yet */
	bool is_reading; /* connection_close() leaves the memory to the reader
			  */
};

struct rpctcp {
	struct loop *loop;
	int fd;
	struct loop_watch *watch;
	struct loop_timer *resume;
	rpctcp_receive *receive;
	void *ctx;
	uint64_t next_id;
	unsigned int count;
	/* The connection of an id is at id % RPCTCP_CONNECTIONS_MAX. */
	struct connection *connections[RPCTCP_CONNECTIONS_MAX];
};

static struct connection **slot_of(struct rpctcp *tcp, uint64_t id)
{
	return &tcp->connections[id % RPCTCP_CONNECTIONS_MAX];
}

static struct connection *connection_get(struct rpctcp *tcp, uint64_t id)
{
	struct connection *c = *slot_of(tcp, id);

	return c != NULL && c->id == id ? c : NULL;
}

static void connection_free(struct connection *c)
{
	rpcrec_fini(&c->rec);
	buf_fini(&c->out);
	free(c);
}

static void connection_close(struct connection *c)
{
	loop_unwatch(c->watch);
	close(c->fd);
	*slot_of(c->tcp, c->id) = NULL;
	c->tcp->count--;
	if (!c->is_reading)
		connection_free(c);
}

/* Sends what the peer takes now, and waits for it to take the rest. */
static void connection_flush(struct connection *c)
{
	ssize_t sent = send(c->fd, c->out.bytes, c->out.len, MSG_NOSIGNAL);
	size_t rest;

	if (sent < 0 && errno != EAGAIN) {
		connection_close(c);
		return;
	}
	rest = c->out.len - (sent < 0 ? 0 : (size_t)sent);
	if (rest == 0) {
		buf_fini(&c->out);
	} else {
		memmove(c->out.bytes, c->out.bytes + c->out.len - rest,
			rest + 1); /* and the NUL */
		c->out.len = rest;
	}
	loop_watch_set(c->watch,
		       rest == 0 ? LOOP_READ : LOOP_READ | LOOP_WRITE);
}

/* Hands out the records in @bytes; false where the connection must end. */
static bool connection_feed(struct connection *c, const uint8_t *bytes,
			    size_t len)
{
	struct rpctcp *tcp = c->tcp;
	uint64_t id = c->id;
	enum rpcrec_status status;

	for (;;) {
		status = rpcrec_feed(&c->rec, &bytes, &len);
		if (status != RPCREC_RECORD)
			return status == RPCREC_MORE;
		tcp->receive(tcp->ctx, tcp, id, &c->from, c->rec.record.bytes,
			     c->rec.record.len);
		if (connection_get(tcp, id) != c)
			return true;
	}
}

static void connection_read(struct connection *c)
{
	uint8_t bytes[READ_PER_TURN];
	struct rpctcp *tcp = c->tcp;
	uint64_t id = c->id;
	ssize_t len = recv(c->fd, bytes, sizeof(bytes), 0);
	bool is_fine;

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	c->is_reading = true;
	is_fine = len > 0 && connection_feed(c, bytes, (size_t)len);
	c->is_reading = false;
	if (connection_get(tcp, id) != c)
		connection_free(c);
	else if (!is_fine)
		connection_close(c);
}

static void on_ready(void *ctx, int fd, unsigned int events)
{
	struct connection *c = ctx;
	struct rpctcp *tcp = c->tcp;
	uint64_t id = c->id;

	(void)fd;
	if (events & LOOP_WRITE)
		connection_flush(c);
	if ((events & LOOP_READ) && connection_get(tcp, id) == c)
		connection_read(c);
}

/*
 * Keep-alive ends connections of peers that vanished without a word; no delay
 * because replies to calls that came together must not wait for each other's
 * acknowledgement (lockd waits for us, and all its clients for lockd).
 */
static void set_options(int fd)
{
	static const int on = 1;

	/* Either only makes things better; a connection works without. */
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void connection_add(struct rpctcp *tcp, int fd, const struct addr *from)
{
	struct connection *c;

	if (tcp->count == RPCTCP_CONNECTIONS_MAX) {
		close(fd);
		return;
	}
	while (*slot_of(tcp, tcp->next_id) != NULL)
		tcp->next_id++;
	set_options(fd);
	c = xzalloc(sizeof(*c));
	c->tcp = tcp;
	c->id = tcp->next_id++;
	c->fd = fd;
	c->from = *from;
	rpcrec_init(&c->rec, RPCMSG_SIZE_MAX);
	buf_init(&c->out, RPCTCP_OUT_MAX);
	c->watch = loop_watch(tcp->loop, fd, LOOP_READ, on_ready, c);
	*slot_of(tcp, c->id) = c;
	tcp->count++;
}

/*
 * Out of descriptors or memory: what waits to be accepted keeps the listener
 * readable, so the loop would spin until somebody else closes something.
 */
static void pause_accepting(struct rpctcp *tcp)
{
	loop_watch_set(tcp->watch, 0);
	loop_timer_set(tcp->resume, loop_now_ms() + ACCEPT_PAUSE_MS);
}

static void on_resume(void *ctx)
{
	struct rpctcp *tcp = ctx;

	loop_watch_set(tcp->watch, LOOP_READ);
}

/* Returns whether the next one may be tried at once. */
static bool accept_one(struct rpctcp *tcp)
{
	union addr_sockaddr sa = {0};
	socklen_t len = sizeof(sa);
	int fd = accept4(tcp->fd, &sa.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct addr from;

	if (fd >= 0) {
		from = addr_from_sockaddr(&sa.any);
		connection_add(tcp, fd, &from);
		return true;
	}
	switch (errno) {
	case EAGAIN:
		return false;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		pause_accepting(tcp);
		return false;
	default: /* that connection failed before we took it */
		return true;
	}
}

static void on_connect(void *ctx, int fd, unsigned int events)
{
	struct rpctcp *tcp = ctx;

	(void)fd;
	(void)events;
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		if (!accept_one(tcp))
			return;
	}
}

static int set_option(int fd, int level, int option)
{
	static const int on = 1;

	return setsockopt(fd, level, option, &on, sizeof(on)) < 0 ? -errno : 0;
}

static int listen_on(int fd, enum addr_family family, uint16_t port)
{
	const struct addr any = {.family = family, .port = port};
	union addr_sockaddr sa = {0};
	socklen_t len = addr_to_sockaddr(&any, &sa);
	int error = 0;

	if (family == ADDR_V6)
		error = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY);
	/* Connections of our last run may linger in TIME_WAIT on that port. */
	if (error == 0 && port != 0)
		error = set_option(fd, SOL_SOCKET, SO_REUSEADDR);
	if (error != 0)
		return error;
	if (bind(fd, &sa.any, len) < 0 || listen(fd, SOMAXCONN) < 0)
		return -errno;
	return 0;
}

struct rpctcp *rpctcp_listen(struct loop *loop, enum addr_family family,
			     uint16_t port, rpctcp_receive *receive, void *ctx,
			     int *error)
{
	struct rpctcp *tcp;
	int fd;

	assert(family != ADDR_NONE && receive != NULL);
	fd = socket(family == ADDR_V4 ? AF_INET : AF_INET6,
		    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		*error = -errno;
		return NULL;
	}
	*error = listen_on(fd, family, port);
	if (*error != 0) {
		close(fd);
		return NULL;
	}
	tcp = xzalloc(sizeof(*tcp));
	tcp->loop = loop;
	tcp->fd = fd;
	tcp->receive = receive;
	tcp->ctx = ctx;
	tcp->resume = loop_timer_new(loop, on_resume, tcp);
	tcp->watch = loop_watch(loop, fd, LOOP_READ, on_connect, tcp);
	return tcp;
}

uint16_t rpctcp_port(const struct rpctcp *tcp)
{
	union addr_sockaddr sa = {0};
	socklen_t len = sizeof(sa);

	if (getsockname(tcp->fd, &sa.any, &len) < 0)
		return 0;
	return addr_from_sockaddr(&sa.any).port;
}

void rpctcp_send(struct rpctcp *tcp, uint64_t connection, const uint8_t *bytes,
		 size_t len)
{
	struct connection *c = connection_get(tcp, connection);
	bool is_waiting;

	if (c == NULL)
		return;
	is_waiting = c->out.len > 0;
	rpcrec_add(&c->out, bytes, len);
	if (c->out.is_overflowed)
		connection_close(c);
	else if (!is_waiting)
		connection_flush(c);
}

void rpctcp_free(struct rpctcp *tcp)
{
	if (tcp == NULL)
		return;
	for (size_t i = 0; i < RPCTCP_CONNECTIONS_MAX; i++) {
		if (tcp->connections[i] != NULL)
			connection_close(tcp->connections[i]);
	}
	loop_unwatch(tcp->watch);
	loop_timer_free(tcp->resume);
	close(tcp->fd);
	free(tcp);
}
