/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sm-notify/monitored: whom a notice would hit after its locks were granted.
 * The kernel and the table of mounts are stand-ins here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/kernel.h"
#include "os/mounts.h"
#include "sm-notify/monitored.h"

static bool is_grace;
static const char *server;

bool kernel_has_grace(void)
{
	return is_grace;
}

void mounts_read(struct mounts *out)
{
	out->count = 0;
	if (server != NULL)
		assert_true(addr_parse(server, &out->servers[out->count++]));
}

/* A state directory where 192.0.2.1 and 2001:db8::1 are monitored. */
struct fixture {
	struct run run;
	int fd;
};

static void touch(const char *dir, const char *name)
{
	char path[2 * PATH_MAX];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/sm/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static int setup(void **state)
{
	static struct fixture f;
	char path[PATH_MAX + 4];

	memset(&f, 0, sizeof(f));
	is_grace = false;
	server = NULL;
	strcpy(f.run.state_dir, "/tmp/monitored.XXXXXX");
	assert_non_null(mkdtemp(f.run.state_dir));
	(void)snprintf(path, sizeof(path), "%s/sm", f.run.state_dir);
	assert_int_equal(mkdir(path, 0700), 0);
	touch(f.run.state_dir, "192.0.2.1");
	touch(f.run.state_dir, "2001:db8::1");
	f.run.mode = RUN_BOOT;
	f.fd = monitored_open(&f.run);
	assert_true(f.fd >= 0);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX + 4];

	assert_int_equal(unlinkat(f->fd, "192.0.2.1", 0), 0);
	assert_int_equal(unlinkat(f->fd, "2001:db8::1", 0), 0);
	close(f->fd);
	(void)snprintf(path, sizeof(path), "%s/sm", f->run.state_dir);
	assert_int_equal(rmdir(path), 0);
	return rmdir(f->run.state_dir);
}

static bool is_late(const struct fixture *f, const char *first,
		    const char *second)
{
	struct addr addrs[2];

	assert_true(addr_parse(first, &addrs[0]));
	assert_true(addr_parse(second, &addrs[1]));
	return monitored_is_late(f->fd, addrs, 2);
}

static void one_address_is_enough(void **state)
{
	assert_true(is_late(*state, "192.0.2.1", "192.0.2.7"));
	assert_true(is_late(*state, "192.0.2.7", "192.0.2.1"));
	assert_true(is_late(*state, "192.0.2.7", "2001:DB8:0::1"));
	assert_false(is_late(*state, "192.0.2.7", "192.0.2.11"));
}

static void in_grace_it_is_in_time(void **state)
{
	is_grace = true;
	assert_false(is_late(*state, "192.0.2.1", "192.0.2.7"));
}

/* Whose grace period that is matters: it is over, or there was none. */
static void a_server_has_granted_locks_already(void **state)
{
	is_grace = true;
	server = "192.0.2.1";
	assert_true(is_late(*state, "192.0.2.7", "192.0.2.1"));
	assert_false(is_late(*state, "192.0.2.7", "2001:db8::1"));
	server = "192.0.2.7";
	assert_false(is_late(*state, "192.0.2.7", "2001:db8::1"));
}

static void no_directory_says_nothing(void **state)
{
	struct addr addr;

	(void)state;
	assert_true(addr_parse("192.0.2.1", &addr));
	assert_false(monitored_is_late(-1, &addr, 1));
}

static void other_runs_do_not_ask(void **state)
{
	struct fixture *f = *state;
	struct run run = f->run;

	run.mode = RUN_FORCE;
	assert_int_equal(monitored_open(&run), -1);
	run.mode = RUN_COPY;
	assert_int_equal(monitored_open(&run), -1);
	run.mode = RUN_PRIVATE;
	assert_int_equal(monitored_open(&run), -1);
}

/* A record that the turn could not retire is nobody's who is monitored. */
static void what_was_left_says_nothing(void **state)
{
	struct fixture *f = *state;
	struct run run = f->run;

	run.turn.has_left = true;
	assert_int_equal(monitored_open(&run), -1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(one_address_is_enough),
		TEST(in_grace_it_is_in_time),
		TEST(a_server_has_granted_locks_already),
		TEST(no_directory_says_nothing),
		TEST(other_runs_do_not_ask),
		TEST(what_was_left_says_nothing),
	};

	return cmocka_run_group_tests_name("monitored", tests, NULL, NULL);
}
