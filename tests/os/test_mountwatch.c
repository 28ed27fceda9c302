/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mounts of this process: read once, and again after they have changed.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "os/mounts.h"

static struct mounts mounts;

static void mounts_are_read_once(void **state)
{
	struct mountwatch *watch = mountwatch_new();

	(void)state;
	mounts.count = 99;
	assert_true(mountwatch_read(watch, 1, &mounts));
	assert_in_range(mounts.count, 0, MOUNTS_SERVERS_MAX);
	mounts.count = 99;
	assert_false(mountwatch_read(watch, 1 + MOUNTS_READ_MS, &mounts));
	assert_int_equal(mounts.count, 99);
	mountwatch_free(watch);
}

/* The table that the kernel shows from now on, as far as we can see. */
static void put_table(const char *text)
{
	char path[] = "/tmp/test_mountwatch-XXXXXX";
	int fd = mkstemp(path);
	char own[64];

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	snprintf(own, sizeof(own), "/proc/%d/mountinfo", (int)getpid());
	assert_int_equal(mount(path, own, NULL, MS_BIND, NULL), 0);
	unlink(path);
}

static void change_is_seen_but_not_at_once(void **state)
{
	struct mountwatch *watch;

	(void)state;
	if (unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
		print_message("no right to make a mount namespace\n");
		skip();
	}
	watch = mountwatch_new();
	assert_true(mountwatch_read(watch, 1, &mounts));
	put_table("40 1 0:45 / /mnt rw - nfs s:/e vers=3,addr=192.0.2.1\n");
	assert_false(mountwatch_read(watch, MOUNTS_READ_MS, &mounts));
	/* The mark of then is not forgotten. */
	assert_true(mountwatch_read(watch, MOUNTS_READ_MS + 1, &mounts));
	assert_int_equal(mounts.count, 1);
	assert_false(mountwatch_read(watch, 9 * MOUNTS_READ_MS, &mounts));
	mountwatch_free(watch);
	mountwatch_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mounts_are_read_once),
		cmocka_unit_test(change_is_seen_but_not_at_once),
	};

	return cmocka_run_group_tests_name("mountwatch", tests, NULL, NULL);
}
