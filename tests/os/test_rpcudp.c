/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os/rpcudp over loopback: which address was asked and answers, both families
 * on one client socket, reserved ports, datagrams too long or refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <sys/socket.h>

#include "lib/rpcmsg.h"
#include "os/loop.h"
#include "os/rpcudp.h"

#define WAIT_MS_MAX 10000

struct fixture {
	struct loop *loop;
	struct loop_timer *guard;
	struct rpcudp *server;
	struct rpcudp *client;
	unsigned int asked; /* datagrams that the server got */
	unsigned int answered;
	struct addr asked_at;
	struct addr asked_by;
	struct addr answered_by;
	size_t len;
};

static void on_guard(void *ctx)
{
	(void)ctx;
	fail_msg("nothing happened for %d ms", WAIT_MS_MAX);
}

static int setup(void **state)
{
	static struct fixture fixture;

	fixture = (struct fixture){.loop = loop_new()};
	fixture.guard = loop_timer_new(fixture.loop, on_guard, NULL);
	loop_timer_set(fixture.guard, loop_now_ms() + WAIT_MS_MAX);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	rpcudp_free(f->server);
	rpcudp_free(f->client);
	loop_timer_free(f->guard);
	loop_free(f->loop);
	return 0;
}

static struct addr addr_of(const char *text, uint16_t port)
{
	struct addr addr;

	assert_true(addr_parse(text, &addr));
	addr.port = port;
	return addr;
}

static void echo(void *ctx, struct rpcudp *udp, const struct addr *from,
		 const struct addr *to, const uint8_t *bytes, size_t len)
{
	struct fixture *f = ctx;

	f->asked++;
	f->asked_at = *to;
	f->asked_by = *from;
	assert_int_equal(rpcudp_send(udp, from, to, bytes, len), 0);
}

static void answer(void *ctx, struct rpcudp *udp, const struct addr *from,
		   const struct addr *to, const uint8_t *bytes, size_t len)
{
	struct fixture *f = ctx;

	(void)udp;
	(void)to;
	(void)bytes;
	f->answered++;
	f->answered_by = *from;
	f->len = len;
	loop_stop(f->loop);
}

static struct rpcudp *listen_on(struct fixture *f, enum addr_family family)
{
	int error = 0;
	struct rpcudp *udp = rpcudp_listen(f->loop, family, 0, echo, f, &error);

	if (udp == NULL && error == -EAFNOSUPPORT)
		skip();
	assert_non_null(udp);
	assert_int_not_equal(rpcudp_port(udp), 0);
	return udp;
}

/* A client socket on an unreserved port, which needs no privilege. */
static struct rpcudp *open_on(struct fixture *f, enum addr_family family)
{
	struct addr local = {.family = family};
	int error = 0;
	struct rpcudp *udp = NULL;

	for (uint16_t port = 20000; udp == NULL && port < 20100; port++) {
		local.port = (uint16_t)(port + getpid() % 20000);
		udp = rpcudp_open(f->loop, &local, answer, f, &error);
	}
	assert_non_null(udp);
	assert_int_equal(rpcudp_port(udp), local.port);
	return udp;
}

static void ask(struct fixture *f, const char *where)
{
	struct addr to = addr_of(where, rpcudp_port(f->server));

	assert_int_equal(rpcudp_send(f->client, &to, NULL,
				     (const uint8_t *)"hello", 5),
			 0);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->len, 5);
	assert_true(addr_is_equal(&f->answered_by, &to));
	assert_true(addr_is_same_host(&f->asked_at, &to));
	assert_int_equal(f->asked_by.port, rpcudp_port(f->client));
}

static void the_asked_address_answers(void **state)
{
	struct fixture *f = *state;

	f->server = listen_on(f, ADDR_V4);
	f->client = open_on(f, ADDR_V4);
	ask(f, "127.0.0.1");
	ask(f, "127.0.0.77");
}

static void one_client_speaks_both(void **state)
{
	struct fixture *f = *state;

	f->client = open_on(f, ADDR_NONE);
	f->server = listen_on(f, ADDR_V4);
	ask(f, "127.0.0.5");
	assert_int_equal(f->asked_by.family, ADDR_V4);
	rpcudp_free(f->server);
	f->server = NULL;
	f->server = listen_on(f, ADDR_V6);
	ask(f, "::1");
	assert_int_equal(f->asked_by.family, ADDR_V6);
}

static void a_source_can_be_named(void **state)
{
	static const enum addr_family families[] = {ADDR_V4, ADDR_NONE};
	struct fixture *f = *state;
	struct addr from = addr_of("127.0.0.9", 0);
	struct addr v6 = addr_of("::1", 0);

	f->server = listen_on(f, ADDR_V4);
	for (size_t i = 0; i < 2; i++) {
		struct addr to = addr_of("127.0.0.1", rpcudp_port(f->server));

		f->client = open_on(f, families[i]);
		assert_int_equal(rpcudp_send(f->client, &to, &from,
					     (const uint8_t *)"x", 1),
				 0);
		assert_int_equal(loop_run(f->loop), 0);
		assert_true(addr_is_same_host(&f->asked_by, &from));
		assert_true(rpcudp_send(f->client, &to, &v6,
					(const uint8_t *)"x", 1) < 0);
		rpcudp_free(f->client);
		f->client = NULL;
	}
}

static void families_do_not_mix(void **state)
{
	struct fixture *f = *state;
	struct addr v6 = addr_of("::1", 9);
	struct addr none = {.family = ADDR_NONE};

	f->client = open_on(f, ADDR_V4);
	assert_int_equal(rpcudp_send(f->client, &v6, NULL, (const uint8_t *)"x",
				     1),
			 -EAFNOSUPPORT);
	assert_int_equal(rpcudp_send(f->client, &none, NULL,
				     (const uint8_t *)"x", 1),
			 -EAFNOSUPPORT);
}

/* The longest datagram passes; one more byte is dropped, not cut. */
static void too_long_is_dropped(void **state)
{
	static const uint8_t bytes[RPCMSG_SIZE_MAX + 1];
	struct fixture *f = *state;
	struct addr to;

	f->server = listen_on(f, ADDR_V4);
	f->client = open_on(f, ADDR_V4);
	to = addr_of("127.0.0.1", rpcudp_port(f->server));
	assert_int_equal(rpcudp_send(f->client, &to, NULL, bytes,
				     RPCMSG_SIZE_MAX + 1),
			 0);
	assert_int_equal(
		rpcudp_send(f->client, &to, NULL, bytes, RPCMSG_SIZE_MAX), 0);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->len, RPCMSG_SIZE_MAX);
	assert_int_equal(f->asked, 1);
}

/* Nobody listens at the first: the socket lives on after the ICMP error. */
static void refused_is_not_fatal(void **state)
{
	struct fixture *f = *state;
	struct addr nowhere;

	f->server = listen_on(f, ADDR_V4);
	f->client = open_on(f, ADDR_V4);
	nowhere = addr_of("127.0.0.1", 1);
	assert_int_equal(rpcudp_send(f->client, &nowhere, NULL,
				     (const uint8_t *)"x", 1),
			 0);
	ask(f, "127.0.0.1");
}

static void free_inside(void *ctx, struct rpcudp *udp, const struct addr *from,
			const struct addr *to, const uint8_t *bytes, size_t len)
{
	struct fixture *f = ctx;

	(void)from;
	(void)to;
	rpcudp_free(udp);
	f->server = NULL;
	f->asked++;
	assert_int_equal(len, 1);
	assert_int_equal(bytes[0], 'x');
	loop_stop(f->loop);
}

static void freed_inside_its_call(void **state)
{
	struct fixture *f = *state;
	struct addr to;
	int error;

	f->server = rpcudp_listen(f->loop, ADDR_V4, 0, free_inside, f, &error);
	assert_non_null(f->server);
	f->client = open_on(f, ADDR_V4);
	to = addr_of("127.0.0.1", rpcudp_port(f->server));
	for (int i = 0; i < 3; i++)
		assert_int_equal(rpcudp_send(f->client, &to, NULL,
					     (const uint8_t *)"x", 1),
				 0);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->asked, 1);
}

/* Two servers on one port: the second is told, and takes nothing. */
static void a_taken_port_is_an_error(void **state)
{
	struct fixture *f = *state;
	int error = 0;

	f->server = listen_on(f, ADDR_V4);
	assert_null(rpcudp_listen(f->loop, ADDR_V4, rpcudp_port(f->server),
				  echo, f, &error));
	assert_int_equal(error, -EADDRINUSE);
}

static void v6_listens_beside_v4(void **state)
{
	struct fixture *f = *state;
	int error = 0;
	struct rpcudp *v6;

	f->server = listen_on(f, ADDR_V4);
	v6 = rpcudp_listen(f->loop, ADDR_V6, rpcudp_port(f->server), echo, f,
			   &error);
	if (v6 == NULL && error == -EAFNOSUPPORT)
		skip();
	assert_non_null(v6);
	rpcudp_free(v6);
}

static void reserved_ports(void **state)
{
	struct fixture *f = *state;
	struct addr local = {.family = ADDR_V4, .bytes = {127, 0, 0, 1}};
	int error = 0;

	if (geteuid() != 0)
		skip(); /* needs root, or CAP_NET_BIND_SERVICE */
	for (int i = 0; i < 20; i++) {
		struct rpcudp *udp =
			rpcudp_open(f->loop, &local, answer, f, &error);
		uint16_t port;

		assert_non_null(udp);
		port = rpcudp_port(udp);
		assert_in_range(port, 512, 1023);
		assert_null(getservbyport(htons(port), "udp"));
		rpcudp_free(udp);
	}
}

static void reserved_ports_need_privilege(void **state)
{
	struct fixture *f = *state;
	struct addr local = {.family = ADDR_NONE};
	uid_t uid = geteuid();
	int error = 0;

	if (uid == 0)
		assert_int_equal(seteuid(65534), 0);
	f->client = rpcudp_open(f->loop, &local, answer, f, &error);
	if (uid == 0)
		assert_int_equal(seteuid(0), 0);
	if (f->client != NULL)
		skip(); /* ip_unprivileged_port_start is low here */
	assert_int_equal(error, -EACCES);
}

#define WITH_LOOP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LOOP(the_asked_address_answers),
		WITH_LOOP(one_client_speaks_both),
		WITH_LOOP(a_source_can_be_named),
		WITH_LOOP(families_do_not_mix),
		WITH_LOOP(too_long_is_dropped),
		WITH_LOOP(refused_is_not_fatal),
		WITH_LOOP(freed_inside_its_call),
		WITH_LOOP(a_taken_port_is_an_error),
		WITH_LOOP(v6_listens_beside_v4),
		WITH_LOOP(reserved_ports),
		WITH_LOOP(reserved_ports_need_privilege),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
