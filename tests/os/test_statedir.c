/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os/statedir: the locks, and what every kind of `state` file means.  The
 * nanosleep() below stands before the C library's, so that a wait takes no time
 * and a test can change the world between two looks.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "os/statedir.h"

struct fixture {
	char path[64];
	struct statedir dir;
};

/* What passes while somebody waits for a lock. */
static struct {
	unsigned int steps;
	unsigned int unlock_at; /* 0: never */
	int fd;
} waiting;

int nanosleep(const struct timespec *request, struct timespec *left)
{
	assert_true(request->tv_sec == 0 && request->tv_nsec > 0);
	(void)left; /* nobody interrupts it */
	if (++waiting.steps == waiting.unlock_at)
		assert_int_equal(flock(waiting.fd, LOCK_UN), 0);
	return 0;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -1;
	strcpy(f->path, "/tmp/test_statedir-XXXXXX");
	if (mkdtemp(f->path) == NULL || chdir(f->path) != 0 ||
	    statedir_open(&f->dir, f->path) != 0)
		return -1;
	waiting.steps = waiting.unlock_at = 0;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[96];

	statedir_close(&f->dir);
	snprintf(command, sizeof(command), "rm -rf '%s'", f->path);
	free(f);
	return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static int open_lock(int operation)
{
	int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(flock(fd, operation | LOCK_NB), 0);
	return fd;
}

static void free_lock_is_taken_at_once(void **state)
{
	int holder = open_lock(LOCK_SH);
	int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state; /* its directory is the working directory */
	assert_int_equal(statedir_wait_lock(fd, LOCK_SH), 0);
	assert_int_equal(waiting.steps, 0);
	close(holder);
	assert_int_equal(statedir_wait_lock(fd, LOCK_EX), 0);
	assert_int_equal(waiting.steps, 0);
	close(fd);
	assert_int_equal(statedir_wait_lock(-1, LOCK_EX), -EBADF);
}

static void lock_is_waited_for(void **state)
{
	int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state; /* its directory is the working directory */
	waiting.fd = open_lock(LOCK_EX);
	waiting.unlock_at = 7;
	assert_int_equal(statedir_wait_lock(fd, LOCK_SH), 0);
	assert_int_equal(waiting.steps, 7);
	/* And it is a shared one. */
	assert_int_equal(flock(waiting.fd, LOCK_SH | LOCK_NB), 0);
	assert_int_equal(flock(waiting.fd, LOCK_EX | LOCK_NB), -1);
	close(waiting.fd);
	close(fd);
}

static void lock_that_is_kept_is_given_up(void **state)
{
	struct fixture *f = *state;
	struct statedir other;
	int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	waiting.fd = open_lock(LOCK_SH);
	assert_int_equal(statedir_wait_lock(fd, LOCK_EX), -EBUSY);
	assert_true(waiting.steps > 1);
	close(waiting.fd);
	close(fd);
	assert_int_equal(statedir_lock(&f->dir), 0);
	assert_int_equal(statedir_open(&other, f->path), 0);
	assert_int_equal(statedir_lock(&other), -EBUSY);
	statedir_close(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(free_lock_is_taken_at_once),
		TEST(lock_is_waited_for),
		TEST(lock_that_is_kept_is_given_up),
	};

	return cmocka_run_group_tests_name("statedir", tests, NULL, NULL);
}
