/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns a listening stream socket and its connections: bytes in, records out
 * (RFC 5531 section 11), replies queued until the peer takes them.  Never
 * waits for a peer: one that reads nothing, sends what is no record, or calls
 * nothing for too long, loses its connection; lib/connlimit says who is first.
 * Knows nothing of what a record says.
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

#include "lib/connlimit.h"
#include "lib/log.h"
#include "lib/rpcmsg.h"
#include "lib/rpcrec.h"
#include "lib/xalloc.h"
#include "os/process.h"

#define ACCEPTS_PER_TURN 64
#define ACCEPT_PAUSE_MS	 1000
/* SAFETY: what one connection may ask in a turn: some 90 smallest calls. */
#define READ_PER_TURN	  4096
#define LOGGED_PER_MINUTE 10

struct rpctcp_limit {
	struct loop *loop;
	struct loop_timer *timer; /* set while there are strangers */
	struct connlimit seats;
	bool (*is_local)(const struct addr *from);
	struct rpctcp_counts counts;
	struct log_limit log;
};

struct connection {
	struct connlimit_seat seat; /* rpctcp_limit::seats */
	struct rpctcp *tcp;
	uint64_t id;
	int fd;
	struct loop_watch *watch;
	struct addr from;
	struct rpcrec rec;
	struct buf out; /* bytes that the peer has not taken yet */
	/* connection_close() leaves the memory to the reader. */
	bool is_reading;
};

struct rpctcp {
	struct rpctcp_limit *limit;
	int fd;
	struct loop_watch *watch;
	struct loop_timer *resume;
	rpctcp_receive *receive;
	void *ctx;
	uint64_t next_id;
	/*
	 * The connection of an id is at id % slot_count.  Half of them at least
	 * are free, so the search for one costs the same on average, whatever
	 * is held for how long.
	 */
	size_t slot_count;
	struct connection **slots;
};

static struct connection **slot_of(struct rpctcp *tcp, uint64_t id)
{
	return &tcp->slots[id % tcp->slot_count];
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
	connlimit_leave(&c->tcp->limit->seats, &c->seat);
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
	/* SAFETY: who does not take answers cannot ask for more to keep. */
	loop_watch_set(c->watch, rest == 0 ? LOOP_READ : LOOP_WRITE);
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
		if (status == RPCREC_OVERSIZE)
			tcp->limit->counts.malformed++;
		if (status != RPCREC_RECORD)
			return status == RPCREC_MORE;
		/* SAFETY: a whole record counts, or one byte a minute would. */
		connlimit_touch(&tcp->limit->seats, &c->seat, loop_now_ms());
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

static void log_limited(struct rpctcp_limit *limit, const struct addr *from,
			const char *what)
{
	char addr[ADDR_TEXT_SIZE];
	unsigned int held_back;

	if (!log_limit_pass(&limit->log, loop_now_ms(), LOGGED_PER_MINUTE,
			    &held_back))
		return;
	log_line(LOG_WARN, "connection from %s %s", addr_format(from, addr),
		 what);
	if (held_back > 0)
		log_line(LOG_WARN, "%u more connections were not logged",
			 held_back);
}

/* Makes room for a connection from @from; false where it is refused. */
static bool make_room(struct rpctcp_limit *limit, const struct addr *from,
		      enum connlimit_kind kind)
{
	struct connlimit_seat *seat;
	struct connection *victim;

	switch (connlimit_ask(&limit->seats, from, kind, &seat)) {
	case CONNLIMIT_ENTER:
		break;
	case CONNLIMIT_REPLACE:
		victim = container_of(seat, struct connection, seat);
		limit->counts.replaced++;
		log_limited(limit, &victim->from,
			    "closed: there are too many, and it was idle for "
			    "longest (max-connections)");
		connection_close(victim);
		break;
	case CONNLIMIT_GREEDY:
		limit->counts.refused++;
		log_limited(limit, from,
			    "refused: its address has too many "
			    "(max-connections-per-address)");
		return false;
	case CONNLIMIT_FULL:
		limit->counts.refused++;
		log_limited(limit, from,
			    "refused: this host has them all "
			    "(max-connections)");
		return false;
	}
	return true;
}

static void on_idle(void *ctx)
{
	struct rpctcp_limit *limit = ctx;
	uint64_t now_ms = loop_now_ms();
	struct connlimit_seat *seat;

	while ((seat = connlimit_idle(&limit->seats, now_ms)) != NULL) {
		limit->counts.idle++;
		connection_close(container_of(seat, struct connection, seat));
	}
	loop_timer_set(limit->timer, connlimit_deadline_ms(&limit->seats));
}

/*
 * The timer is not moved when somebody is active: it finds nobody then, and
 * sets itself again.
 */
static void take_seat(struct rpctcp_limit *limit, struct connection *c,
		      enum connlimit_kind kind)
{
	bool is_first = limit->seats.count[CONNLIMIT_STRANGER] == 0;

	connlimit_enter(&limit->seats, &c->seat, loop_now_ms(), &c->from, kind);
	limit->counts.accepted++;
	if (kind == CONNLIMIT_STRANGER && is_first)
		loop_timer_set(limit->timer,
			       connlimit_deadline_ms(&limit->seats));
}

static void connection_add(struct rpctcp *tcp, int fd, const struct addr *from)
{
	enum connlimit_kind kind = tcp->limit->is_local(from)
					   ? CONNLIMIT_LOCAL
					   : CONNLIMIT_STRANGER;
	struct connection *c;

	if (!make_room(tcp->limit, from, kind)) {
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
	c->watch = loop_watch(tcp->limit->loop, fd, LOOP_READ, on_ready, c);
	*slot_of(tcp, c->id) = c;
	take_seat(tcp->limit, c, kind);
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

struct rpctcp_limit *rpctcp_limit_new(struct loop *loop,
				      const struct rpctcp_limits *limits)
{
	struct rpctcp_limit *limit = xzalloc(sizeof(*limit));
	uint8_t key[SIPHASH_KEY_SIZE];

	assert(limits->connections_max <= RPCTCP_CONNECTIONS_MAX);
	process_random(key, sizeof(key));
	connlimit_init(&limit->seats, limits->connections_max,
		       limits->per_address_max, limits->idle_ms, key);
	limit->is_local =
		limits->is_local != NULL ? limits->is_local : addr_is_loopback;
	limit->loop = loop;
	limit->timer = loop_timer_new(loop, on_idle, limit);
	return limit;
}

void rpctcp_limit_free(struct rpctcp_limit *limit)
{
	if (limit == NULL)
		return;
	loop_timer_free(limit->timer);
	connlimit_fini(&limit->seats);
	free(limit);
}

void rpctcp_limit_counts(const struct rpctcp_limit *limit,
			 struct rpctcp_counts *counts)
{
	*counts = limit->counts;
	counts->open_local = limit->seats.count[CONNLIMIT_LOCAL];
	counts->open_strangers = limit->seats.count[CONNLIMIT_STRANGER];
}

struct rpctcp *rpctcp_listen(struct rpctcp_limit *limit,
			     enum addr_family family, uint16_t port,
			     rpctcp_receive *receive, void *ctx, int *error)
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
	tcp->limit = limit;
	tcp->slot_count = 2 * (size_t)limit->seats.total_max;
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): a table of pointers */
	tcp->slots = xcalloc(tcp->slot_count, sizeof(*tcp->slots));
	tcp->fd = fd;
	tcp->receive = receive;
	tcp->ctx = ctx;
	tcp->resume = loop_timer_new(limit->loop, on_resume, tcp);
	tcp->watch = loop_watch(limit->loop, fd, LOOP_READ, on_connect, tcp);
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
	connlimit_touch(&tcp->limit->seats, &c->seat, loop_now_ms());
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
	for (size_t i = 0; i < tcp->slot_count; i++) {
		if (tcp->slots[i] != NULL)
			connection_close(tcp->slots[i]);
	}
	loop_unwatch(tcp->watch);
	loop_timer_free(tcp->resume);
	close(tcp->fd);
	free(tcp->slots);
	free(tcp);
}
