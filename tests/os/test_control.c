/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os/control and sm-notify/desk: real sockets, a real core behind them.  Who is
 * let in, what ends a connection, and that each request has its own answer.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "os/control.h"
#include "os/loop.h"
#include "sm-notify/desk.h"
#include "sm-notify/notify.h"

#define WAIT_S_MAX 60 /* for a whole test, then SIGALRM ends it */
#define NAME	   "test.sock"
#define PRIV	   "00000000000000000000000000000000"
#define LINE(mon)  "0100007f 000186b5 00000003 00000010 " PRIV " " mon " srv\n"

struct world {
	char dir[64];
	char path[80];
	struct control_access access;
	struct loop *loop;
	struct desk *desk;
	struct notify *notify;
};

/* Feeds @in and sends the answers; packets go nowhere. */
static void feed(void *ctx, const struct notify_in *in)
{
	struct world *w = ctx;
	struct notify_out out;

	notify_input(w->notify, loop_now_ms(), in);
	while (notify_output(w->notify, &out)) {
		if (out.kind == NOTIFY_OUT_ANSWER)
			desk_answer(w->desk, out.answer.id, out.answer.word);
	}
}

static void feed_file(struct world *w, const char *name, const char *text)
{
	struct notify_in in = {.kind = NOTIFY_IN_FILE,
			       .bytes = (const uint8_t *)text,
			       .len = strlen(text),
			       .file.name = name};

	feed(w, &in);
}

static int setup(void **state)
{
	struct notify_config config = {.number = 7,
				       .give_up_ms = UINT64_MAX,
				       .packets_per_second = 10000};
	struct notify_in start = {.kind = NOTIFY_IN_START};
	static struct world world;
	struct world *w = &world;
	int fd;

	*w = (struct world){.dir = "/tmp/test_control-XXXXXX",
			    .access = {.uid = geteuid(), .gid = getegid()}};
	if (!mkdtemp(w->dir))
		return -1;
	strcat(w->dir, "/run");
	snprintf(w->path, sizeof(w->path), "%s/%s", w->dir, NAME);
	alarm(WAIT_S_MAX);
	w->loop = loop_new();
	w->notify = notify_new(&config);
	fd = control_bind(w->dir, NAME, &w->access);
	if (fd < 0)
		return -1;
	w->desk = desk_new(w->loop, fd, &w->access, feed, w);
	feed_file(w, "192.0.2.1", LINE("192.0.2.1"));
	feed_file(w, "192.0.2.2", LINE("192.0.2.2"));
	feed(w, &start);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	desk_free(w->desk);
	notify_free(w->notify);
	loop_free(w->loop);
	unlink(w->path);
	rmdir(w->dir);
	*strrchr(w->dir, '/') = '\0';
	rmdir(w->dir);
	alarm(0);
	return 0;
}

static void stop(void *ctx)
{
	loop_stop(ctx);
}

/* Lets the loop do what there is to do. */
static void run(struct world *w)
{
	struct loop_timer *timer = loop_timer_new(w->loop, stop, w->loop);

	loop_timer_set(timer, loop_now_ms() + 30);
	assert_int_equal(loop_run(w->loop), 0);
	loop_timer_free(timer);
}

static int connect_to(const struct world *w)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	assert_true(fd >= 0);
	strcpy(addr.sun_path, w->path);
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr))) {
		close(fd);
		return -errno;
	}
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL),
			 strlen(text));
}

/* What comes next on @fd; "" where there is nothing, "end" at the end. */
static const char *hear(int fd)
{
	static char text[4096];
	ssize_t got = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	if (got < 0)
		return errno == EAGAIN ? "" : "end";
	text[got] = '\0';
	return got == 0 ? "end" : text;
}

static void test_answers(void **state)
{
	struct world *w = *state;
	int a = connect_to(w);
	int b = connect_to(w);

	say(a, "ask 1 192.0.2.1");
	say(a, "ask 2 192.0.2.9");
	say(b, "tell 1 192.0.2.1");
	run(w);
	assert_string_equal(hear(a), "1 untold");
	assert_string_equal(hear(a), "2 none");
	assert_string_equal(hear(a), "");
	assert_string_equal(hear(b), "");
	say(a, "park 3 192.0.2.1 192.0.2.1");
	run(w);
	assert_string_equal(hear(a), "3 parked");
	assert_string_equal(hear(b), "1 parked");
	close(a);
	close(b);
}

/* What is no request ends its connection, and no other. */
static void test_no_requests(void **state)
{
	struct world *w = *state;
	char *much = malloc(CTL_LEN_MAX + 2);
	int good = connect_to(w);
	int fds[3];

	memset(much, 'x', CTL_LEN_MAX + 1);
	much[CTL_LEN_MAX + 1] = '\0';
	for (int i = 0; i < 3; i++)
		fds[i] = connect_to(w);
	say(fds[0], "forget 1 192.0.2.1");
	say(fds[1], much);
	shutdown(fds[2], SHUT_WR);
	say(good, "ask 1 192.0.2.1");
	run(w);
	for (int i = 0; i < 3; i++) {
		assert_string_equal(hear(fds[i]), "end");
		close(fds[i]);
	}
	assert_string_equal(hear(good), "1 untold");
	close(good);
	free(much);
}

/* Who waits for too many ends; what it waited for is forgotten. */
static void test_requests_have_a_cap(void **state)
{
	struct world *w = *state;
	int fd = connect_to(w);

	for (unsigned int i = 0; i < DESK_REQUESTS_MAX; i++)
		say(fd, "tell 1 192.0.2.1");
	run(w);
	run(w);
	assert_string_equal(hear(fd), "");
	say(fd, "tell 1 192.0.2.1");
	run(w);
	assert_string_equal(hear(fd), "end");
	close(fd);
	fd = connect_to(w);
	say(fd, "park 1 192.0.2.1");
	run(w);
	assert_string_equal(hear(fd), "1 parked");
	assert_string_equal(hear(fd), "");
	close(fd);
}

static void test_connections_have_a_cap(void **state)
{
	struct world *w = *state;
	int fds[CONTROL_CONNECTIONS_MAX];
	int more;

	for (unsigned int i = 0; i < CONTROL_CONNECTIONS_MAX; i++) {
		fds[i] = connect_to(w);
		run(w);
	}
	more = connect_to(w);
	run(w);
	assert_string_equal(hear(more), "end");
	close(more);
	close(fds[0]);
	run(w);
	fds[0] = connect_to(w);
	say(fds[0], "ask 1 192.0.2.9");
	run(w);
	assert_string_equal(hear(fds[0]), "1 none");
	for (unsigned int i = 0; i < CONTROL_CONNECTIONS_MAX; i++)
		close(fds[i]);
}

/* As another user, with @group among its groups: what a question gets. */
static char ask_as(struct world *w, uid_t uid, gid_t gid, gid_t group)
{
	char heard = 0;
	int told[2];
	pid_t pid;

	assert_int_equal(pipe(told), 0);
	pid = fork();
	if (pid == 0) {
		int fd;

		if (setgroups(1, &group) || setgid(gid) || setuid(uid))
			_exit(1);
		fd = connect_to(w);
		heard = 'r'; /* refused */
		if (fd >= 0) {
			/* It may be closed by now. */
			heard = send(fd, "ask 1 x", 7, MSG_NOSIGNAL) == 7 &&
						recv(fd, &heard, 1, 0) == 1
					? 'a'
					: 'e';
		}
		_exit(write(told[1], &heard, 1) != 1);
	}
	while (waitpid(pid, NULL, WNOHANG) == 0)
		run(w);
	assert_int_equal(read(told[0], &heard, 1), 1);
	close(told[0]);
	close(told[1]);
	return heard;
}

/* The mode of the file decides, and where that was changed, we do. */
static void test_who_may(void **state)
{
	struct world *w = *state;
	struct stat st;

	assert_int_equal(stat(w->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(stat(w->dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	if (geteuid() != 0)
		skip();
	desk_free(w->desk);
	w->access = (struct control_access){.uid = 12345, .gid = 23456};
	w->desk = desk_new(w->loop, control_bind(w->dir, NAME, &w->access),
			   &w->access, feed, w);
	*strrchr(w->dir, '/') = '\0';
	chmod(w->dir, 0755);
	w->dir[strlen(w->dir)] = '/';
	assert_int_equal(ask_as(w, 0, 0, 0), 'a');
	assert_int_equal(ask_as(w, 12345, 1, 1), 'a');
	assert_int_equal(ask_as(w, 54321, 23456, 1), 'a');
	assert_int_equal(ask_as(w, 54321, 1, 23456), 'a');
	assert_int_equal(ask_as(w, 54321, 1, 1), 'r');
	assert_int_equal(chmod(w->path, 0666), 0);
	assert_int_equal(ask_as(w, 54321, 1, 1), 'e');
}

/* One that a killed run left is no obstacle, and refuses. */
static void test_stale_name(void **state)
{
	struct world *w = *state;
	int fd;

	desk_free(w->desk);
	assert_int_equal(connect_to(w), -ECONNREFUSED);
	fd = control_bind(w->dir, NAME, &w->access);
	assert_true(fd >= 0);
	w->desk = desk_new(w->loop, fd, &w->access, feed, w);
	fd = connect_to(w);
	say(fd, "ask 1 192.0.2.9");
	run(w);
	assert_string_equal(hear(fd), "1 none");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_requests, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_requests_have_a_cap, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_connections_have_a_cap,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_who_may, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stale_name, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
