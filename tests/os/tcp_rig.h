/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stream service in a loop of its own, and clients that misbehave.  Whoever
 * connects from 127.0.0.1 counts as of this host, from other loopback
 * addresses as a stranger.
 */
#ifndef NFS_RECLAIM_TESTS_OS_TCP_RIG_H
#define NFS_RECLAIM_TESTS_OS_TCP_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include "lib/addr.h"
#include "lib/rpcmsg.h"
#include "os/loop.h"
#include "os/rpctcp.h"

#define TCP_TURN_MS	    30	/* for the loop to do what it can do now */
#define TCP_CONNECTIONS_MAX 500 /* of which strangers have 250 */
#define TCP_ADDRESS_MAX	    40

struct tcp_rig {
	struct loop *loop;
	struct rpctcp_limit *limit;
	struct loop_timer *guard;
	struct loop_timer *turn;
	struct rpctcp *tcp;
	int client[2];
	unsigned int records;
	unsigned int wanted; /* records after which the loop stops */
	uint64_t id;	     /* of the connection that spoke last */
	struct addr from;
	uint8_t last[RPCMSG_SIZE_MAX];
	size_t last_len;
};

/*
 * Makes a loop and a limit, but no listener; cmocka's setup and teardown.
 */
int tcp_setup(void **state);

/*
 * Closes and frees all of it.
 */
int tcp_teardown(void **state);

/*
 * Keeps the last record, and stops the loop after f->wanted of them.
 */
void tcp_keep(void *ctx, struct rpctcp *tcp, uint64_t connection,
	      const struct addr *from, const uint8_t *bytes, size_t len);

/*
 * Opens the listener; skips the test where the host has no @family.
 */
void tcp_listen(struct tcp_rig *f, enum addr_family family,
		rpctcp_receive *receive);

/*
 * Replaces the limit, before tcp_listen(): strangers idle for @idle_ms go.
 */
void tcp_limit(struct tcp_rig *f, uint32_t idle_ms);

/*
 * Connects from 127.0.0.@from.
 */
int tcp_connect_from(struct tcp_rig *f, uint8_t from);

/*
 * Connects from 127.0.0.1.
 */
int tcp_connect(struct tcp_rig *f);

/*
 * Sends @len bytes as they are.
 */
void tcp_send(int fd, const void *bytes, size_t len);

/*
 * Sends @len bytes as one record.
 */
void tcp_send_record(int fd, const void *bytes, size_t len);

/*
 * Runs the loop until @count records arrived since the last time.
 */
void tcp_run_for(struct tcp_rig *f, unsigned int count);

/*
 * Runs the loop for TCP_TURN_MS.
 */
void tcp_run_turn(struct tcp_rig *f);

/*
 * Waits for the record @text.
 */
void tcp_expect_record(int fd, const char *text);

/*
 * Tells how many bytes came before the connection was ended by the service.
 */
size_t tcp_drain(int fd);

/*
 * Has the service send @text on the connection @id.
 */
void tcp_reply(struct tcp_rig *f, uint64_t id, const char *text);

/*
 * Allows @count descriptors where the hard limit does.
 */
bool tcp_can_have_descriptors(rlim_t count);

#endif
