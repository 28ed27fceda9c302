/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tells one boot from another: lockd's locks end with the network
 * namespace, so a new one is a new boot, and a restart in an old one is none.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "os/bootturn.h"

#define UNABLE	    77
#define BOOT_ID_LEN 36

/* The child: says the key as it is after unshare(@flags). */
static _Noreturn void tell_key(int flags, int fd)
{
	char key[BOOTKEY_SIZE] = "";

	if (flags != 0 && unshare(flags) != 0)
		_exit(UNABLE);
	if (bootturn_key(key) != 0 ||
	    write(fd, key, sizeof(key)) != (ssize_t)sizeof(key))
		_exit(EXIT_FAILURE);
	_exit(EXIT_SUCCESS);
}

/* Fills @key with that of another process; false: it may not unshare. */
static bool key_of_child(int flags, char key[static BOOTKEY_SIZE])
{
	int ends[2], status;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		tell_key(flags, ends[1]);
	close(ends[1]);
	if (read(ends[0], key, BOOTKEY_SIZE) < 0)
		fail();
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == UNABLE)
		return false;
	assert_int_equal(WEXITSTATUS(status), EXIT_SUCCESS);
	return true;
}

static void another_process_has_the_same_key(void **state)
{
	char ours[BOOTKEY_SIZE] = "", other[BOOTKEY_SIZE] = "";

	(void)state;
	assert_int_equal(bootturn_key(ours), 0);
	assert_true(key_of_child(0, other));
	assert_string_equal(ours, other);
}

static void another_namespace_has_another_key(void **state)
{
	const int flags =
		geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET;
	char ours[BOOTKEY_SIZE] = "", other[BOOTKEY_SIZE] = "";

	(void)state;
	if (!key_of_child(flags, other))
		skip(); /* no namespaces for users here */
	assert_int_equal(bootturn_key(ours), 0);
	assert_string_not_equal(ours, other);
	/* Of the same boot of the kernel. */
	assert_memory_equal(ours, other, BOOT_ID_LEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_process_has_the_same_key),
		cmocka_unit_test(another_namespace_has_another_key),
	};

	return cmocka_run_group_tests_name("bootkey", tests, NULL, NULL);
}
