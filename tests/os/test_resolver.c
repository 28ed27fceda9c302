/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os/resolver with names that need no network: every question is answered
 * once and from the loop, whatever happens to the helpers, and no helper
 * outlives its daemon or holds anything of it.
 */
#define _GNU_SOURCE /* unshare() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/loop.h"
#include "os/resolver.h"

#define WAIT_MS_MAX   20000
#define QUESTIONS_MAX (RESOLVER_QUEUE_MAX + 100)
/* Fails in any name service without a packet: an empty label. */
#define BAD_NAME "no..such.invalid"

struct fixture {
	struct loop *loop;
	struct loop_timer *guard;
	struct resolver *resolver;
	unsigned int answers[QUESTIONS_MAX]; /* by id */
	unsigned int answered;
	unsigned int empty; /* answers without an address */
	unsigned int wanted;
	bool is_loopback; /* of the last answer, every address */
	bool is_inside_ask;
};

static void on_guard(void *ctx)
{
	struct fixture *f = ctx;

	fail_msg("%u of %u answers in %d ms", f->answered, f->wanted,
		 WAIT_MS_MAX);
}

static void on_answer(void *ctx, uint64_t id, const struct addr *addrs,
		      size_t count)
{
	struct fixture *f = ctx;

	assert_false(f->is_inside_ask);
	assert_true(id < QUESTIONS_MAX);
	f->answers[id]++;
	f->is_loopback = count > 0;
	for (size_t i = 0; i < count; i++) {
		if (!addr_is_loopback(&addrs[i]) || addrs[i].port != 0)
			f->is_loopback = false;
		for (size_t j = 0; j < i; j++)
			assert_false(addr_is_same_host(&addrs[i], &addrs[j]));
	}
	if (count == 0)
		f->empty++;
	if (++f->answered == f->wanted)
		loop_stop(f->loop);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -1;
	f->loop = loop_new();
	f->guard = loop_timer_new(f->loop, on_guard, f);
	loop_timer_set(f->guard, loop_now_ms() + WAIT_MS_MAX);
	f->resolver = resolver_new(f->loop, on_answer, f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	resolver_free(f->resolver);
	loop_timer_free(f->guard);
	loop_free(f->loop);
	free(f);
	return 0;
}

static void ask(struct fixture *f, uint64_t id, const char *name)
{
	f->is_inside_ask = true;
	resolver_ask(f->resolver, id, name);
	f->is_inside_ask = false;
	f->wanted++;
}

static void run(struct fixture *f)
{
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->answered, f->wanted);
}

static void on_stop(void *ctx)
{
	struct fixture *f = ctx;

	loop_stop(f->loop);
}

static void run_for_ms(struct fixture *f, uint64_t ms)
{
	struct loop_timer *timer = loop_timer_new(f->loop, on_stop, f);

	loop_timer_set(timer, loop_now_ms() + ms);
	assert_int_equal(loop_run(f->loop), 0);
	loop_timer_free(timer);
}

/* Writes the children of this process to @pids; skips where Linux won't say. */
static size_t children(pid_t pids[static RESOLVER_HELPERS])
{
	char path[64];
	FILE *file;
	size_t count = 0;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	file = fopen(path, "re");
	if (file == NULL)
		skip();
	while (count < RESOLVER_HELPERS &&
	       fscanf(file, "%d", &pids[count]) == 1)
		count++;
	fclose(file);
	return count;
}

/* Makes all helpers run and wait. */
static void start_helpers(struct fixture *f)
{
	for (uint64_t id = 0; id < RESOLVER_HELPERS; id++)
		ask(f, id, "localhost");
	run(f);
}

static void signal_helpers(int signal)
{
	pid_t pids[RESOLVER_HELPERS];

	assert_int_equal(children(pids), RESOLVER_HELPERS);
	for (size_t i = 0; i < RESOLVER_HELPERS; i++)
		assert_int_equal(kill(pids[i], signal), 0);
}

static void localhost_resolves(void **state)
{
	struct fixture *f = *state;

	ask(f, 7, "localhost");
	run(f);
	assert_int_equal(f->answers[7], 1);
	assert_true(f->is_loopback);
}

static void bad_name_does_not(void **state)
{
	struct fixture *f = *state;
	char longest[256];

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	ask(f, 1, BAD_NAME);
	ask(f, 2, longest);
	run(f);
	assert_int_equal(f->empty, 2);
}

/* What is sent to the unspecified address arrives at this host. */
static void unspecified_is_no_address(void **state)
{
	struct fixture *f = *state;

	ask(f, 1, "0.0.0.0");
	ask(f, 2, "::");
	run(f);
	assert_int_equal(f->empty, 2);
}

static void helpers_are_forked_on_demand(void **state)
{
	struct fixture *f = *state;
	pid_t pids[RESOLVER_HELPERS];

	assert_int_equal(children(pids), 0);
	ask(f, 0, "localhost");
	assert_int_equal(children(pids), 1);
	run(f);
}

/* What the queue cannot take is answered, too, but from the loop and empty. */
static void every_question_is_answered_once(void **state)
{
	struct fixture *f = *state;

	for (uint64_t id = 0; id < QUESTIONS_MAX; id++)
		ask(f, id, "localhost");
	assert_int_equal(f->answered, 0);
	run(f);
	for (uint64_t id = 0; id < QUESTIONS_MAX; id++)
		assert_int_equal(f->answers[id], 1);
	assert_int_equal(f->empty,
			 QUESTIONS_MAX - RESOLVER_QUEUE_MAX - RESOLVER_HELPERS);
}

static void an_idle_helper_is_replaced(void **state)
{
	struct fixture *f = *state;

	start_helpers(f);
	signal_helpers(SIGKILL);
	/* One that goes to a dying helper may come back empty. */
	for (uint64_t id = 10; id <= 10 + RESOLVER_HELPERS; id++) {
		ask(f, id, "localhost");
		run(f);
	}
	assert_true(f->is_loopback);
}

static void a_busy_helper_is_replaced(void **state)
{
	struct fixture *f = *state;

	start_helpers(f);
	signal_helpers(SIGSTOP);
	for (uint64_t id = 10; id < 15; id++)
		ask(f, id, "localhost");
	run_for_ms(f, 20);
	signal_helpers(SIGKILL);
	run(f);
	/* Four died with the helpers, the fifth waited for a new one. */
	assert_int_equal(f->empty, RESOLVER_HELPERS);
	assert_int_equal(f->answers[14], 1);
	assert_true(f->is_loopback);
}

static void a_name_that_hangs_is_given_up(void **state)
{
	struct fixture *f = *state;

	start_helpers(f);
	signal_helpers(SIGSTOP);
	resolver_set_timeout(f->resolver, 200);
	for (uint64_t id = 10; id < 14; id++)
		ask(f, id, "localhost");
	run(f);
	assert_int_equal(f->empty, RESOLVER_HELPERS);
	resolver_set_timeout(f->resolver, RESOLVER_TIMEOUT_MS);
	ask(f, 14, "localhost");
	run(f);
	assert_true(f->is_loopback);
}

static void helpers_hold_no_descriptors(void **state)
{
	struct fixture *f = *state;
	pid_t pids[RESOLVER_HELPERS];
	char path[64];
	struct dirent *entry;
	DIR *dir;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	start_helpers(f);
	assert_int_equal(children(pids), RESOLVER_HELPERS);
	snprintf(path, sizeof(path), "/proc/%d/fd", pids[3]);
	dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		assert_true(atoi(entry->d_name) <= 3);
	closedir(dir);
	close(fds[0]);
	close(fds[1]);
}

/* Who looks for the daemon by its name finds one process. */
static void helpers_have_a_name_of_their_own(void **state)
{
	pid_t pids[RESOLVER_HELPERS];
	char path[64], name[32] = "";
	FILE *file;

	start_helpers(*state);
	assert_int_equal(children(pids), RESOLVER_HELPERS);
	snprintf(path, sizeof(path), "/proc/%d/comm", pids[0]);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_non_null(fgets(name, sizeof(name), file));
	fclose(file);
	assert_string_equal(name, "nsm-lookup\n");
}

static void free_leaves_no_process(void **state)
{
	struct fixture *f = *state;

	start_helpers(f);
	signal_helpers(SIGSTOP);
	for (uint64_t id = 10; id < 30; id++)
		ask(f, id, "localhost");
	resolver_free(f->resolver);
	f->resolver = NULL;
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* Reaps the child @pid; kills it, and says false, where it goes on living. */
static bool has_ended(pid_t pid)
{
	for (int i = 0; i < 1000; i++) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return true;
		usleep(10 * 1000);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return false;
}

/* A daemon that is killed: its helpers become our children, and end. */
static void helpers_die_with_the_daemon(void **state)
{
	struct fixture *f = *state;
	pid_t pids[RESOLVER_HELPERS];
	unsigned int alive = 0;
	int status;
	pid_t pid;

	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		start_helpers(f);
		signal_helpers(SIGSTOP); /* the end of the socket won't do */
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(children(pids), RESOLVER_HELPERS);
	for (size_t i = 0; i < RESOLVER_HELPERS; i++)
		alive += !has_ended(pids[i]);
	assert_int_equal(alive, 0);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
}

/* Puts @path in the place of /etc/hosts, for this process and its children. */
static bool bind_hosts(const char *path)
{
	return unshare(CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount(path, "/etc/hosts", NULL, MS_BIND, NULL) == 0;
}

static void on_count(void *ctx, uint64_t id, const struct addr *addrs,
		     size_t count)
{
	struct fixture *f = ctx;

	(void)id;
	(void)addrs;
	f->answered = (unsigned int)count;
	loop_stop(f->loop);
}

/* Returns how many addresses @name has, with @path as the hosts file. */
static unsigned int count_addresses(const char *path, const char *name)
{
	struct fixture f = {.loop = loop_new()};

	if (!bind_hosts(path))
		return 77;
	f.resolver = resolver_new(f.loop, on_count, &f);
	resolver_ask(f.resolver, 0, name);
	if (loop_run(f.loop) != 0)
		return 78;
	resolver_free(f.resolver);
	loop_free(f.loop);
	return f.answered;
}

static unsigned int count_in_child(const char *path, const char *name)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit((int)count_addresses(path, name));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return (unsigned int)WEXITSTATUS(status);
}

static void each_address_once_up_to_the_cap(void **state)
{
	char path[] = "/tmp/test_resolver.XXXXXX";
	int fd = mkstemp(path);
	unsigned int once;
	unsigned int capped;

	(void)state;
	assert_true(fd >= 0);
	for (int i = 0; i < 3; i++)
		dprintf(fd, "192.0.2.%d once\n", i % 2);
	for (int i = 0; i < 2 * RESOLVER_ADDRS_MAX; i++)
		dprintf(fd, "192.0.2.%d capped\n", i);
	close(fd);
	once = count_in_child(path, "once");
	capped = count_in_child(path, "capped");
	assert_int_equal(unlink(path), 0);
	if (once == 77)
		skip(); /* needs root, for a hosts file of its own */
	assert_int_equal(once, 2);
	assert_int_equal(capped, RESOLVER_ADDRS_MAX);
}

static void null_is_fine(void **state)
{
	(void)state;
	resolver_free(NULL);
}

#define WITH_RESOLVER(test) \
	cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_RESOLVER(localhost_resolves),
		WITH_RESOLVER(bad_name_does_not),
		WITH_RESOLVER(unspecified_is_no_address),
		cmocka_unit_test(each_address_once_up_to_the_cap),
		WITH_RESOLVER(helpers_are_forked_on_demand),
		WITH_RESOLVER(every_question_is_answered_once),
		WITH_RESOLVER(an_idle_helper_is_replaced),
		WITH_RESOLVER(a_busy_helper_is_replaced),
		WITH_RESOLVER(a_name_that_hangs_is_given_up),
		WITH_RESOLVER(helpers_hold_no_descriptors),
		WITH_RESOLVER(helpers_have_a_name_of_their_own),
		WITH_RESOLVER(free_leaves_no_process),
		WITH_RESOLVER(helpers_die_with_the_daemon),
		cmocka_unit_test(null_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
