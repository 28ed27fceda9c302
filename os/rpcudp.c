/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns datagram sockets: a service socket per family, which learns and keeps
 * the address that was asked (IP_PKTINFO; IPV6_RECVPKTINFO, RFC 3542 section
 * 6), and client sockets with a reserved port.  Knows nothing of what is in a
 * datagram, never waits, and never tries again: UDP may lose.
 *
 * Other rooms see one form of address; that an IPv6 socket wants IPv4 as
 * ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2) stays in this file.
 */
#define _GNU_SOURCE /* struct in6_pktinfo */
#include "os/rpcudp.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>

#include "lib/rpcmsg.h"
#include "lib/xalloc.h"
#include "os/sockbind.h"

#define DATAGRAMS_PER_TURN 64

struct rpcudp {
	int fd;
	int family; /* AF_INET or AF_INET6 */
	struct loop_watch *watch;
	rpcudp_receive *receive;
	void *ctx;
	bool is_receiving; /* rpcudp_free() leaves the memory to the reader */
	bool is_freed;
};

/* Room for the one control message that either family may carry. */
union control {
	char v4[CMSG_SPACE(sizeof(struct in_pktinfo))];
	char v6[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	struct cmsghdr align;
};

static struct addr destination_v4(const struct in_pktinfo *info)
{
	/* Not ipi_addr: that may be a broadcast address, from which no reply
	 * can be sent. */
	const struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_addr = info->ipi_spec_dst,
	};

	return addr_from_sockaddr((const struct sockaddr *)&to);
}

static struct addr destination_v6(const struct in6_pktinfo *info)
{
	const struct sockaddr_in6 to = {
		.sin6_family = AF_INET6,
		.sin6_addr = info->ipi6_addr,
		.sin6_scope_id = IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr)
					 ? info->ipi6_ifindex
					 : 0,
	};

	if (IN6_IS_ADDR_MULTICAST(&info->ipi6_addr))
		return (struct addr){.family = ADDR_NONE};
	return addr_from_sockaddr((const struct sockaddr *)&to);
}

static struct addr destination_of(struct msghdr *msg)
{
	struct in_pktinfo v4;
	struct in6_pktinfo v6;
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&v4, CMSG_DATA(c), sizeof(v4));
			return destination_v4(&v4);
		}
		if (c->cmsg_level == IPPROTO_IPV6 &&
		    c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&v6, CMSG_DATA(c), sizeof(v6));
			return destination_v6(&v6);
		}
	}
	return (struct addr){.family = ADDR_NONE};
}

/* Takes one datagram; false where none is left for now. */
static bool receive_one(struct rpcudp *udp)
{
	uint8_t bytes[RPCMSG_SIZE_MAX];
	union addr_sockaddr source = {0};
	union control control;
	struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
	struct msghdr msg = {
		.msg_name = &source,
		.msg_namelen = sizeof(source),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t len = recvmsg(udp->fd, &msg, 0);
	struct addr from;
	struct addr to;

	/* Other errors are the network's answer to something that was sent
	 * before (port unreachable); the next datagram may be behind it. */
	if (len < 0)
		return errno != EAGAIN;
	from = addr_from_sockaddr(&source.any);
	if ((msg.msg_flags & MSG_TRUNC) || from.family == ADDR_NONE)
		return true;
	to = destination_of(&msg);
	udp->receive(udp->ctx, udp, &from, &to, bytes, (size_t)len);
	return true;
}

/* SAFETY: a flood on one socket gets a share of each turn, not all of it. */
static void on_readable(void *ctx, int fd, unsigned int events)
{
	struct rpcudp *udp = ctx;

	(void)fd;
	(void)events;
	udp->is_receiving = true;
	for (int i = 0; i < DATAGRAMS_PER_TURN && !udp->is_freed; i++) {
		if (!receive_one(udp))
			break;
	}
	udp->is_receiving = false;
	if (udp->is_freed)
		free(udp);
}

static int set_option(int fd, int level, int option, int value)
{
	if (setsockopt(fd, level, option, &value, sizeof(value)) < 0)
		return -errno;
	return 0;
}

/* Asks for the destination of each datagram; @is_v6_only false: dual stack. */
static int set_options(const struct rpcudp *udp, bool is_v6_only)
{
	int error;

	if (udp->family == AF_INET)
		return set_option(udp->fd, IPPROTO_IP, IP_PKTINFO, 1);
	error = set_option(udp->fd, IPPROTO_IPV6, IPV6_V6ONLY, is_v6_only);
	if (error != 0)
		return error;
	return set_option(udp->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
}

static struct rpcudp *udp_new(int family, rpcudp_receive *receive, void *ctx,
			      int *error)
{
	struct rpcudp *udp;
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert(receive != NULL);
	if (fd < 0) {
		*error = -errno;
		return NULL;
	}
	udp = xzalloc(sizeof(*udp));
	udp->fd = fd;
	udp->family = family;
	udp->receive = receive;
	udp->ctx = ctx;
	return udp;
}

/* Starts to receive, or gives @udp up where setting it up gave @failed. */
static struct rpcudp *udp_start(struct rpcudp *udp, struct loop *loop,
				int failed, int *error)
{
	if (failed != 0) {
		*error = failed;
		rpcudp_free(udp);
		return NULL;
	}
	udp->watch = loop_watch(loop, udp->fd, LOOP_READ, on_readable, udp);
	return udp;
}

/*
 * No SO_REUSEADDR: on a datagram socket it does not shorten a restart, it lets
 * a second server take the port, and the datagrams, of a living one.
 */
struct rpcudp *rpcudp_listen(struct loop *loop, enum addr_family family,
			     uint16_t port, rpcudp_receive *receive, void *ctx,
			     int *error)
{
	const struct addr any = {.family = ADDR_NONE};
	int failed;
	struct rpcudp *udp;

	assert(family != ADDR_NONE);
	udp = udp_new(family == ADDR_V4 ? AF_INET : AF_INET6, receive, ctx,
		      error);
	if (udp == NULL)
		return NULL;
	failed = set_options(udp, true);
	if (failed == 0)
		failed = sockbind(udp->fd, udp->family, &any, port);
	return udp_start(udp, loop, failed, error);
}

struct rpcudp *rpcudp_open(struct loop *loop, const struct addr *local,
			   rpcudp_receive *receive, void *ctx, int *error)
{
	int failed;
	struct rpcudp *udp;

	udp = udp_new(local->family == ADDR_V4 ? AF_INET : AF_INET6, receive,
		      ctx, error);
	if (udp == NULL && local->family == ADDR_NONE)
		udp = udp_new(AF_INET, receive, ctx, error);
	if (udp == NULL)
		return NULL;
	failed = set_options(udp, local->family == ADDR_V6);
	if (failed == 0)
		failed = sockbind_client(udp->fd, udp->family, local, "udp");
	return udp_start(udp, loop, failed, error);
}

uint16_t rpcudp_port(const struct rpcudp *udp)
{
	union addr_sockaddr sa = {0};
	socklen_t len = sizeof(sa);

	if (getsockname(udp->fd, &sa.any, &len) < 0)
		return 0;
	return addr_from_sockaddr(&sa.any).port;
}

/* Makes @msg leave from @from; its interface counts for link-local ones. */
static void set_source(const struct rpcudp *udp, struct msghdr *msg,
		       union control *control, const struct addr *from)
{
	struct in_pktinfo v4 = {0};
	struct in6_pktinfo v6 = {0};
	struct cmsghdr *c;

	memset(control, 0, sizeof(*control));
	msg->msg_control = control;
	msg->msg_controllen = udp->family == AF_INET ? sizeof(control->v4)
						     : sizeof(control->v6);
	c = CMSG_FIRSTHDR(msg);
	if (udp->family == AF_INET) {
		memcpy(&v4.ipi_spec_dst, from->bytes, sizeof(v4.ipi_spec_dst));
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(v4));
		memcpy(CMSG_DATA(c), &v4, sizeof(v4));
	} else {
		v6.ipi6_addr = sockbind_v6(from);
		v6.ipi6_ifindex = from->scope;
		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(v6));
		memcpy(CMSG_DATA(c), &v6, sizeof(v6));
	}
}

int rpcudp_send(struct rpcudp *udp, const struct addr *to,
		const struct addr *from, const uint8_t *bytes, size_t len)
{
	union addr_sockaddr sa = {0};
	union control control;
	/* sendmsg() does not write there. */
	struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes,
			    .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	msg.msg_name = &sa;
	msg.msg_namelen = sockbind_address(udp->family, to, &sa);
	if (msg.msg_namelen == 0)
		return -EAFNOSUPPORT;
	if (from != NULL && from->family != ADDR_NONE) {
		if (udp->family == AF_INET && from->family != ADDR_V4)
			return -EAFNOSUPPORT;
		set_source(udp, &msg, &control, from);
	}
	return sendmsg(udp->fd, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

void rpcudp_free(struct rpcudp *udp)
{
	if (udp == NULL || udp->is_freed)
		return;
	loop_unwatch(udp->watch);
	close(udp->fd);
	udp->is_freed = true;
	if (!udp->is_receiving)
		free(udp);
}
