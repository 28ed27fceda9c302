/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See tcp_rig.h.  The clients block, the service runs in between.  A test that
 * waits for a minute has failed; on a busy machine, and with the pauses of TCP
 * before it tries a closed window again, ten seconds can go by.
 */
#include "tests/os/tcp_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/rpcrec.h"

#define WAIT_MS_MAX   60000

#define IDLE_MS_NEVER (3600 * 1000)

static void on_guard(void *ctx)
{
	(void)ctx;
	fail_msg("not done after %d ms", WAIT_MS_MAX);
}

static void on_turn(void *ctx)
{
	struct tcp_rig *f = ctx;

	loop_stop(f->loop);
}

void tcp_keep(void *ctx, struct rpctcp *tcp, uint64_t connection,
	      const struct addr *from, const uint8_t *bytes, size_t len)
{
	struct tcp_rig *f = ctx;

	assert_ptr_equal(tcp, f->tcp);
	f->id = connection;
	f->from = *from;
	assert_true(len <= sizeof(f->last));
	if (len > 0)
		memcpy(f->last, bytes, len);
	f->last_len = len;
	if (++f->records == f->wanted)
		loop_stop(f->loop);
}

void tcp_listen(struct tcp_rig *f, enum addr_family family,
		rpctcp_receive *receive)
{
	int error = 0;

	f->tcp = rpctcp_listen(f->limit, family, 0, receive, f, &error);
	if (f->tcp == NULL && error == -EAFNOSUPPORT)
		skip();
	assert_non_null(f->tcp);
}

/* Whoever connects from 127.0.0.1 is of this host, 127.0.0.2 is not. */
static bool is_first_loopback(const struct addr *from)
{
	return from->bytes[3] == 1;
}

void tcp_limit(struct tcp_rig *f, uint32_t idle_ms)
{
	const struct rpctcp_limits limits = {
		.connections_max = TCP_CONNECTIONS_MAX,
		.per_address_max = TCP_ADDRESS_MAX,
		.idle_ms = idle_ms,
		.is_local = is_first_loopback,
	};

	rpctcp_limit_free(f->limit);
	f->limit = rpctcp_limit_new(f->loop, &limits);
}

int tcp_setup(void **state)
{
	static struct tcp_rig fixture;

	fixture = (struct tcp_rig){.loop = loop_new(), .client = {-1, -1}};
	fixture.guard = loop_timer_new(fixture.loop, on_guard, NULL);
	fixture.turn = loop_timer_new(fixture.loop, on_turn, &fixture);
	loop_timer_set(fixture.guard, loop_now_ms() + WAIT_MS_MAX);
	tcp_limit(&fixture, IDLE_MS_NEVER);
	*state = &fixture;
	return 0;
}

int tcp_teardown(void **state)
{
	struct tcp_rig *f = *state;

	rpctcp_free(f->tcp);
	rpctcp_limit_free(f->limit);
	loop_timer_free(f->guard);
	loop_timer_free(f->turn);
	loop_free(f->loop);
	close(f->client[0]);
	close(f->client[1]);
	return 0;
}

int tcp_connect_from(struct tcp_rig *f, uint8_t from)
{
	struct addr local = addr_loopback(0);
	struct addr to = addr_loopback(rpctcp_port(f->tcp));
	static const struct timeval wait = {.tv_sec = WAIT_MS_MAX / 1000};
	static const int small = 4096;
	static const int segment = 536; /* the kernel buffers by it */
	union addr_sockaddr sa = {0};
	socklen_t len;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait,
				    sizeof(wait)),
			 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small,
				    sizeof(small)),
			 0);
	assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment,
				    sizeof(segment)),
			 0);
	local.bytes[3] = from;
	len = addr_to_sockaddr(&local, &sa);
	assert_int_equal(bind(fd, &sa.any, len), 0);
	len = addr_to_sockaddr(&to, &sa);
	assert_int_equal(connect(fd, &sa.any, len), 0);
	return fd;
}

int tcp_connect(struct tcp_rig *f)
{
	return tcp_connect_from(f, 1);
}

void tcp_send(int fd, const void *bytes, size_t len)
{
	assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

void tcp_send_record(int fd, const void *bytes, size_t len)
{
	struct buf record;

	buf_init(&record, len + 4);
	rpcrec_add(&record, bytes, len);
	tcp_send(fd, record.bytes, record.len);
	buf_fini(&record);
}

void tcp_run_for(struct tcp_rig *f, unsigned int count)
{
	f->records = 0;
	f->wanted = count;
	assert_int_equal(loop_run(f->loop), 0);
}

void tcp_run_turn(struct tcp_rig *f)
{
	loop_timer_set(f->turn, loop_now_ms() + TCP_TURN_MS);
	assert_int_equal(loop_run(f->loop), 0);
}

void tcp_expect_record(int fd, const char *text)
{
	uint8_t got[64];
	size_t len = strlen(text);

	assert_int_equal(recv(fd, got, 4 + len, MSG_WAITALL), 4 + len);
	assert_int_equal(got[0], 0x80);
	assert_int_equal(got[3], len);
	assert_memory_equal(got + 4, text, len);
}

size_t tcp_drain(int fd)
{
	static char bytes[65536];
	size_t sum = 0;
	ssize_t got;

	while ((got = recv(fd, bytes, sizeof(bytes), 0)) > 0)
		sum += (size_t)got;
	assert_true(got == 0 || errno == ECONNRESET);
	return sum;
}

void tcp_reply(struct tcp_rig *f, uint64_t id, const char *text)
{
	rpctcp_send(f->tcp, id, (const uint8_t *)text, strlen(text));
}

bool tcp_can_have_descriptors(rlim_t count)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max < count)
		return false;
	if (limit.rlim_cur < count)
		limit.rlim_cur = count;
	return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}
