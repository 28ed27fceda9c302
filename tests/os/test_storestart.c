/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * statd/store without its worker: the lock on sm/, what it finds there at the
 * start, and the state number, whatever the file `state` holds.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "lib/log.h"
#include "lib/record.h"
#include "os/loop.h"
#include "statd/store.h"

#define WAIT_S_MAX 60 /* for a whole test, then SIGALRM ends it */
#define LOG_MAX	   16384

struct fixture {
	char dir[64];
	struct loop *loop;
	struct store *store;
};

static char logged[LOG_MAX]; /* line after line */

static void on_log(enum log_level level, const char *text)
{
	size_t len = strlen(logged);

	(void)level; /* only the words are looked at */
	assert_null(strchr(text, '\n'));
	snprintf(logged + len, sizeof(logged) - len, "%s\n", text);
}

static void on_done(void *ctx, enum store_what what, uint64_t id, int error)
{
	(void)what;
	(void)ctx;
	(void)id;
	(void)error;
	fail(); /* nothing is stored here */
}

static void open_store(struct fixture *f)
{
	int error;

	f->store = store_open(f->loop, ".", on_done, f, &error);
	assert_non_null(f->store);
	assert_int_equal(error, 0);
}

static void close_store(struct fixture *f)
{
	store_free(f->store);
	f->store = NULL;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -1;
	strcpy(f->dir, "/tmp/test_storestart-XXXXXX");
	if (mkdtemp(f->dir) == NULL || chdir(f->dir) != 0 ||
	    mkdir("sm", 0700) != 0)
		return -1;
	logged[0] = '\0';
	log_set_sink(on_log);
	alarm(WAIT_S_MAX);
	f->loop = loop_new();
	open_store(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[96];

	store_free(f->store);
	loop_free(f->loop);
	alarm(0);
	snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
	free(f);
	return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static void write_file(const char *name, const void *bytes, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

/* As the turn does it: another inode, so it shows within one tick, too. */
static void replace_file(const char *name, const void *bytes, size_t len)
{
	write_file("new", bytes, len);
	assert_int_equal(rename("new", name), 0);
}

static bool exists(const char *name)
{
	struct stat st;

	return lstat(name, &st) == 0;
}

/* --- the number ---------------------------------------------------------- */

static void number_follows_the_file(void **state)
{
	struct fixture *f = *state;
	struct rlimit all, none = {0};
	uint32_t number = 41;

	assert_int_equal(store_number(f->store), 0); /* missing */
	write_file("state", &number, sizeof(number));
	assert_int_equal(store_number(f->store), 41);
	assert_int_equal(store_number(f->store), 41);
	number = 44; /* as the turn and nfs-utils do it */
	replace_file("state", &number, sizeof(number));
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
	none.rlim_max = all.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	number = store_number(f->store);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
	assert_int_equal(number, 0); /* no descriptor was free: that passes */
	assert_int_equal(store_number(f->store), 45);
	assert_int_equal(unlink("state"), 0);
	assert_int_equal(store_number(f->store), 0);
}

static const char long_state[70000] = {5};

/* While it says nothing usable, nothing is promised under an old number. */
static void damaged_number_is_none(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		uint32_t number;
	} cases[] = {
		{"", 0, 0},
		{"\x05", 1, 0},
		{"\x05\0\0", 3, 0},
		{"\x05\0\0\0", 4, 5},
		{"\x05\0\0\0\x07", 5, 5},
		{"\x06\0\0\0", 4, 7},
		{"\0\0\0\0", 4, 0},
		{"\xff\xff\xff\x7f", 4, 0x7fffffff},
		{"\xfe\xff\xff\x7f", 4, 0x7fffffff},
		{"\0\0\0\x80", 4, 0},
		{"\xff\xff\xff\xff", 4, 0},
		{long_state, sizeof(long_state), 5},
	};
	const uint32_t one = 1;
	struct fixture *f = *state;
	size_t i;

	if (*(const uint8_t *)&one != 1)
		skip(); /* written for a little-endian host */
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		replace_file("state", cases[i].bytes, cases[i].len);
		assert_int_equal(store_number(f->store), cases[i].number);
		assert_int_equal(store_number(f->store), cases[i].number);
	}
	assert_int_equal(unlink("state"), 0);
	assert_int_equal(mkdir("state", 0700), 0);
	assert_int_equal(store_number(f->store), 0);
	assert_int_equal(rmdir("state"), 0);
	assert_int_equal(symlink("other", "state"), 0);
	write_file("other", cases[3].bytes, cases[3].len);
	assert_int_equal(store_number(f->store), 0);
	assert_int_equal(rename("other", "state"), 0);
	assert_int_equal(store_number(f->store), 5);
}

/* Said when it begins and when it ends, not for each call. */
static void damaged_number_is_reported_once(void **state)
{
	const uint32_t number = 7;
	struct fixture *f = *state;

	replace_file("state", &number, sizeof(number));
	assert_int_equal(store_number(f->store), 7);
	assert_string_equal(logged, "");
	replace_file("state", &number, 3);
	assert_int_equal(store_number(f->store), 0);
	assert_int_equal(store_number(f->store), 0);
	assert_int_equal(unlink("state"), 0);
	assert_int_equal(store_number(f->store), 0);
	assert_string_equal(logged,
			    "state: it holds no state number; every SM_MON "
			    "fails until it is mended\n");
	replace_file("state", &number, sizeof(number));
	assert_int_equal(store_number(f->store), 7);
	assert_non_null(strstr(logged, "\nstate can be used again: it is 7\n"));
	logged[0] = '\0';
	assert_int_equal(unlink("state"), 0);
	assert_int_equal(store_number(f->store), 0);
	assert_string_equal(logged,
			    "state: it is missing or empty; every SM_MON fails "
			    "until it is mended\n");
}

/* --- the lock, and what lies in sm/ -------------------------------------- */

static void *unlock_soon(void *fd)
{
	usleep(100000);
	return flock(*(const int *)fd, LOCK_UN) == 0 ? fd : NULL;
}

static void lock_is_waited_for_and_held(void **state)
{
	struct fixture *f = *state;
	int fd = open("sm", O_RDONLY | O_DIRECTORY);
	pthread_t other;
	void *unlocked;

	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	close_store(f);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	/* A turn is at it for a moment: the store waits. */
	assert_int_equal(pthread_create(&other, NULL, unlock_soon, &fd), 0);
	open_store(f);
	assert_int_equal(pthread_join(other, &unlocked), 0);
	assert_non_null(unlocked);
	close(fd);
}

static void temporary_files_go_and_others_stay(void **state)
{
	struct fixture *f = *state;

	close_store(f);
	write_file("sm/.reclaim-0123456789abcdef.new", "x", 1);
	write_file("sm/.reclaim-0123456789abcdef.newer", "x", 1);
	write_file("sm/.reclaim-1.new", "x", 1);
	write_file("sm/.client.new", "x", 1); /* of nfs-utils */
	write_file("sm/.unreadable-0123456789abcdef", "x", 1);
	open_store(f);
	assert_false(exists("sm/.reclaim-0123456789abcdef.new"));
	assert_true(exists("sm/.reclaim-0123456789abcdef.newer"));
	assert_true(exists("sm/.reclaim-1.new"));
	assert_true(exists("sm/.client.new"));
	assert_true(exists("sm/.unreadable-0123456789abcdef"));
}

static char found[64]; /* by on_found() */

static void on_found(void *ctx, const char *name, const uint8_t *bytes,
		     size_t len)
{
	(void)ctx; /* none was given */
	assert_string_equal(found, "");
	snprintf(found, sizeof(found), "%s=%.*s", name, (int)len,
		 (const char *)bytes);
}

static void load(struct fixture *f)
{
	found[0] = '\0';
	assert_int_equal(store_load(f->store, on_found, NULL), 0);
}

static void assert_logged(const char *text)
{
	assert_non_null(strstr(logged, text));
}

static void unreadable_files_are_reported_and_stop_no_other(void **state)
{
	static const char big[RECORD_FILE_MAX + 1];
	struct fixture *f = *state;

	write_file("sm/b\nig", big, sizeof(big));
	write_file("sm/client", "line\n", 5);
	write_file("sm/.client.new", "torn", 4);
	assert_int_equal(mkdir("sm/dir", 0700), 0);
	assert_int_equal(mkdir("sm/.unreadable-0123456789abcdef", 0700), 0);
	assert_int_equal(mkfifo("sm/fifo", 0600), 0);
	assert_int_equal(symlink("client", "sm/link"), 0);
	load(f);
	assert_string_equal(found, "client=line\n");
	assert_logged("sm/b\\x0aig: File too large; it is left alone");
	assert_logged("sm/dir: it is no regular file; it is left alone");
	assert_logged("sm/fifo: it is no regular file; it is left alone");
	assert_logged("sm/link: it is no regular file; it is left alone");
	assert_null(strstr(logged, "sm/."));
}

static void many_unreadable_files_do_not_fill_the_log(void **state)
{
	struct fixture *f = *state;
	unsigned int lines = 0, i;
	char name[24];
	const char *at;

	for (i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "sm/n%u", i);
		assert_int_equal(mkdir(name, 0700), 0);
	}
	load(f);
	assert_string_equal(found, "");
	for (at = logged; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	assert_int_equal(lines, 21);
	assert_logged("sm: 980 more cannot be read");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(number_follows_the_file),
		TEST(damaged_number_is_none),
		TEST(damaged_number_is_reported_once),
		TEST(lock_is_waited_for_and_held),
		TEST(temporary_files_go_and_others_stay),
		TEST(unreadable_files_are_reported_and_stop_no_other),
		TEST(many_unreadable_files_do_not_fill_the_log),
	};

	return cmocka_run_group_tests_name("storestart", tests, NULL, NULL);
}
