/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A control socket: a local socket in a directory of root, on which programs of
 * root, of one user or of one group send short messages and get answers.  What
 * a message says is for others to know (lib/ctl.h).
 */
#ifndef NFS_RECLAIM_OS_CONTROL_H
#define NFS_RECLAIM_OS_CONTROL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "os/loop.h"

#define CONTROL_CONNECTIONS_MAX 64u

struct control;

/* Who may connect, beside root. */
struct control_access {
	uid_t uid;
	gid_t gid; /* of those who connect, or one of their other groups */
};

/* One message came on the connection @conn, which is never used again. */
typedef void control_message(void *ctx, uint64_t conn, const uint8_t *bytes,
			     size_t len);

/* The connection @conn is gone. */
typedef void control_gone(void *ctx, uint64_t conn);

/*
 * Makes the directory @dir (0755) where it is missing, and the socket @name in
 * it (0660, of @access), in place of one that is there: the caller has seen to
 * it that nobody listens on that.
 * ORDER:  as root.  Connections wait from here on.
 * Return: a descriptor.
 * Errors: -errno.
 */
int control_bind(const char *dir, const char *name,
		 const struct control_access *access);

/*
 * Serves the socket @fd to those of @access.  Messages longer than @len_max end
 * their connection.  Beyond CONTROL_CONNECTIONS_MAX a connection is refused,
 * but root and the user take the place of another's.
 * Owns:   takes @fd; control_free() ends it.
 */
struct control *control_new(struct loop *loop, int fd,
			    const struct control_access *access, size_t len_max,
			    control_message *message, control_gone *gone,
			    void *ctx);

/*
 * Sends @len bytes on the connection @id, which ends where they do not fit;
 * harmless where it has ended.  Neither call is made from here.
 */
void control_send(struct control *c, uint64_t id, const void *bytes,
		  size_t len);

/*
 * Ends the connection @id soon; harmless where it has ended.
 */
void control_end(struct control *c, uint64_t id);

/*
 * Closes all connections, nobody is called; NULL is fine.  The socket's name
 * stays: who may remove it is gone with root, and it refuses connections.
 */
void control_free(struct control *control);

#endif
