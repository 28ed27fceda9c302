/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the listening socket and its connections.  Never waits for anybody:
 * who does not take an answer loses the connection.
 *
 * SAFETY: the file's mode lets in whom it should; the credentials of whoever
 * connected are looked at all the same, should the mode be changed by hand.
 */
#define _GNU_SOURCE
#include "os/control.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/list.h"
#include "lib/log.h"
#include "lib/xalloc.h"

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

#define DIR_MODE    0755
#define SOCKET_MODE 0660
#define GROUPS_MAX  256 /* of one process, that are looked at */
#define BATCH_MAX   16	/* messages of one connection in a row */

struct conn {
	struct link in_conns; /* control::conns */
	struct control *control;
	struct loop_watch *watch;
	uint64_t id;
	int fd;
	bool is_ours; /* root's or the user's */
};

struct control {
	struct loop *loop;
	struct loop_watch *watch;
	struct control_access access;
	control_message *message;
	control_gone *gone;
	void *ctx;
	struct link conns; /* of conn::in_conns */
	unsigned int count;
	uint64_t last_id;
	uint8_t *bytes; /* room for one message and one byte more */
	size_t len_max;
	int fd;
};

/* --- the name ------------------------------------------------------------ */

static int make_dir(const char *dir)
{
	if (mkdir(dir, DIR_MODE))
		return errno == EEXIST ? 0 : -errno;
	/* Whatever the umask is. */
	return chmod(dir, DIR_MODE) ? -errno : 0;
}

static int bind_path(int fd, const char *path,
		     const struct control_access *access)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	if (unlink(path) && errno != ENOENT)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) ||
	    lchown(path, access->uid, access->gid) ||
	    chmod(path, SOCKET_MODE) || listen(fd, CONTROL_CONNECTIONS_MAX))
		return -errno;
	return 0;
}

int control_bind(const char *dir, const char *name,
		 const struct control_access *access)
{
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];
	int error = make_dir(dir);
	int fd;

	if (error)
		return error;
	/* One that is cut here is too long for a socket. */
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	error = bind_path(fd, path, access);
	if (!error)
		return fd;
	close(fd);
	return error;
}

/* --- who may ------------------------------------------------------------- */

static bool is_in_group(int fd, const struct ucred *cred, gid_t gid)
{
	gid_t groups[GROUPS_MAX];
	socklen_t len = sizeof(groups);

	if (cred->gid == gid)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len))
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++) {
		if (groups[i] == gid)
			return true;
	}
	return false;
}

static bool is_allowed(const struct control *c, int fd, bool *is_ours)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return false;
	*is_ours = cred.uid == 0 || cred.uid == c->access.uid;
	return *is_ours || is_in_group(fd, &cred, c->access.gid);
}

/* --- connections --------------------------------------------------------- */

static void conn_free(struct conn *conn)
{
	list_remove(&conn->in_conns);
	conn->control->count--;
	loop_unwatch(conn->watch);
	close(conn->fd);
	free(conn);
}

/* Ends @conn and says so. */
static void conn_end(struct conn *conn)
{
	struct control *c = conn->control;
	uint64_t id = conn->id;

	conn_free(conn);
	c->gone(c->ctx, id);
}

static void on_message(void *ctx, int fd, unsigned int events)
{
	struct conn *conn = ctx;
	struct control *c = conn->control;
	ssize_t got;

	(void)events; /* only LOOP_READ is watched */
	for (int i = 0; i < BATCH_MAX; i++) {
		got = recv(fd, c->bytes, c->len_max + 1, MSG_DONTWAIT);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (got <= 0 || (size_t)got > c->len_max) {
			conn_end(conn);
			return;
		}
		c->message(c->ctx, conn->id, c->bytes, (size_t)got);
	}
}

/* Makes room for a connection of ours at the cost of a stranger's. */
static bool make_room(struct control *c, bool is_ours)
{
	struct link *at;

	if (c->count < CONTROL_CONNECTIONS_MAX)
		return true;
	if (!is_ours)
		return false;
	list_for_each (at, &c->conns) {
		struct conn *conn = container_of(at, struct conn, in_conns);

		if (!conn->is_ours) {
			conn_end(conn);
			return true;
		}
	}
	return false;
}

static void on_connection(void *ctx, int fd, unsigned int events)
{
	struct control *c = ctx;
	bool is_ours = false;
	struct conn *conn;
	int got = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (got < 0)
		return;
	if (!is_allowed(c, got, &is_ours) || !make_room(c, is_ours)) {
		log_debug(LOG_CLASS_AUTH, "control socket: refused");
		close(got);
		return;
	}
	conn = xzalloc(sizeof(*conn));
	conn->control = c;
	conn->fd = got;
	conn->is_ours = is_ours;
	conn->id = ++c->last_id;
	conn->watch = loop_watch(c->loop, got, LOOP_READ, on_message, conn);
	list_append(&c->conns, &conn->in_conns);
	c->count++;
}

struct control *control_new(struct loop *loop, int fd,
			    const struct control_access *access, size_t len_max,
			    control_message *message, control_gone *gone,
			    void *ctx)
{
	struct control *c = xzalloc(sizeof(*c));

	*c = (struct control){.loop = loop,
			      .access = *access,
			      .message = message,
			      .gone = gone,
			      .ctx = ctx,
			      .len_max = len_max,
			      .fd = fd};
	list_init(&c->conns);
	c->bytes = xcalloc(1, len_max + 1);
	c->watch = loop_watch(loop, fd, LOOP_READ, on_connection, c);
	return c;
}

static struct conn *find_conn(const struct control *c, uint64_t id)
{
	struct link *at;

	list_for_each (at, &c->conns) {
		struct conn *conn = container_of(at, struct conn, in_conns);

		if (conn->id == id)
			return conn;
	}
	return NULL;
}

/* The loop sees the end of it, so that nobody is called from inside a call. */
void control_end(struct control *c, uint64_t id)
{
	struct conn *conn = find_conn(c, id);

	if (conn)
		shutdown(conn->fd, SHUT_RDWR);
}

void control_send(struct control *c, uint64_t id, const void *bytes, size_t len)
{
	struct conn *conn = find_conn(c, id);

	if (conn && send(conn->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		shutdown(conn->fd, SHUT_RDWR);
}

void control_free(struct control *c)
{
	struct link *at, *after;

	if (!c)
		return;
	list_for_each_safe (at, after, &c->conns)
		conn_free(container_of(at, struct conn, in_conns));
	loop_unwatch(c->watch);
	close(c->fd);
	free(c->bytes);
	free(c);
}
