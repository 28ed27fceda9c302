/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Links between hosts, what rpcbind answers, and calls over TCP.
 * Part of sim.h.
 */
#ifndef NFS_RECLAIM_TESTS_SIM_NET_H
#define NFS_RECLAIM_TESTS_SIM_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/buf.h"
#include "sm-notify/notify.h"
#include "tests/sim/disk.h"

#define SIM_HOSTS_MAX	5

#define STATD_SEND_PORT 900 /* all reserved, as the programs bind them */
#define STATD_ASK_PORT	903
#define NOTIFY_PORT	901
#define LOCKD_CALL_PORT 902
#define STATD_PORT_LOW	20000
#define STATD_PORT_HIGH 29999
#define FORGED_PORT	6666 /* no honest rpcbind ever names it */

struct sim;
struct statd_call;

/* Which notice a call carried: what its answer tells the sender. */
struct notice_mark {
	bool is_notice;
	char name[SIM_NAME_SIZE];
	uint32_t number;
};

struct packet {
	struct addr from;
	struct addr to;
	uint8_t *bytes;
	size_t len;
	struct host *sender;	 /* NULL: the attacker's */
	struct notice_mark acks; /* a genuine answer to this notice */
};

struct net {
	unsigned int loss_percent;
	unsigned int dup_percent;
	unsigned int late_percent;
	unsigned int forge_percent;
	uint64_t late_ms_max;
	uint64_t delay_ms_max;
	struct addr source; /* of the next datagram, or ADDR_NONE: the usual */
	uint64_t dead_until_ms[SIM_HOSTS_MAX][SIM_HOSTS_MAX];
};

/* A datagram that left; the attacker saw it and may answer. */
struct sighting {
	uint16_t port;
	struct addr peer;
	uint32_t xid;
};

/* Whether anything gets from @from to @to now, TCP included. */
bool net_has_way(const struct host *from, const struct host *to);
/* Adds what rpcbind answers to @p, if it is a question. */
void net_add_port(struct host *h, const struct packet *p, struct buf *reply);
/* Sends a datagram from @port of @h; @acks may be NULL. */
void net_send(struct host *h, uint16_t port, const struct addr *to,
	      const uint8_t *bytes, size_t len, const struct notice_mark *acks);
/* Reads the SM_NOTIFY in a message; *out is untouched where it is none. */
void net_read_notice(const uint8_t *bytes, size_t len, struct notice_mark *out);
/* Has @bytes arrive at the port @at of @to in a moment, with nobody's name. */
struct packet *net_deliver(struct host *to, const struct addr *from,
			   const struct addr *at, const uint8_t *bytes,
			   size_t len);

/* --- stream.c ---------------------------------------------------------- */

void stream_call(struct host *h, const struct notify_out *out);
/* A call of another system; what comes back is for tidings_answer(). */
void stream_tell(struct host *h, const struct addr *to, uint16_t port,
		 const struct buf *message);
void stream_hang_up(struct host *h, uint64_t id);
/* The statd of @h answers what came over a stream. */
void stream_answer(struct host *h, const struct statd_call *call,
		   const uint8_t *bytes, size_t len);
/* The notifier of @h is gone. */
void stream_end_all(struct host *h);

#endif
