/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * statd/store in a directory of its own: what is on the disk when a result is
 * handed out, results in order, failures, files of others (how it starts is in
 * test_storestart).  The fsync() below
 * stands before the C library's, so that a test can hold the worker in a flush,
 * let a flush fail, and count them.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/prng.h"
#include "lib/record.h"
#include "os/loop.h"
#include "statd/store.h"

#define WAIT_S_MAX    60 /* for a whole test, then SIGALRM ends it */
#define RESULTS_MAX   4096
#define STRESS_STEPS  3000
#define STRESS_NAMES  12
#define STRESS_LENGTH 300

struct fixture {
	char dir[64];
	struct loop *loop;
	struct store *store;
	uint64_t ids[RESULTS_MAX];
	int errors[RESULTS_MAX];
	unsigned int count;
	unsigned int wanted;
	bool wants_more; /* the first result queues another job */
};

struct flush {
	bool is_held;
	bool is_waiting; /* because it is held */
	bool fails;	 /* the next one, once */
	unsigned int count;
};

/* The disk, to be told what to do. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct flush file;
	struct flush directory;
	bool is_skipped; /* nothing reaches the kernel */
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER,
	  .changed = PTHREAD_COND_INITIALIZER};

int fsync(int fd)
{
	struct stat st;
	struct flush *flush = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)
				      ? &disk.directory
				      : &disk.file;
	int status = 0;

	pthread_mutex_lock(&disk.lock);
	flush->is_waiting = true;
	pthread_cond_broadcast(&disk.changed);
	while (flush->is_held)
		pthread_cond_wait(&disk.changed, &disk.lock);
	flush->is_waiting = false;
	flush->count++;
	if (flush->fails) {
		errno = EIO;
		status = -1;
	} else if (!disk.is_skipped) {
		status = (int)syscall(SYS_fsync, fd);
	}
	flush->fails = false;
	pthread_mutex_unlock(&disk.lock);
	return status;
}

static void disk_set(bool *flag, bool value)
{
	pthread_mutex_lock(&disk.lock);
	*flag = value;
	pthread_cond_broadcast(&disk.changed);
	pthread_mutex_unlock(&disk.lock);
}

/* Waits until a @flush is held. */
static void disk_wait(const struct flush *flush)
{
	pthread_mutex_lock(&disk.lock);
	while (!flush->is_waiting)
		pthread_cond_wait(&disk.changed, &disk.lock);
	pthread_mutex_unlock(&disk.lock);
}

static char log_text[LOG_TEXT_MAX];

static void on_log(enum log_level level, const char *text)
{
	(void)level; /* only the words are looked at */
	assert_null(strchr(text, '\n'));
	snprintf(log_text, sizeof(log_text), "%s", text);
}

static void on_done(void *ctx, enum store_what what, uint64_t id, int error)
{
	struct fixture *f = ctx;

	assert_true(what == STORE_RECORDS && f->count < RESULTS_MAX);
	f->ids[f->count] = id;
	f->errors[f->count++] = error;
	if (f->wants_more)
		store_put(f->store, 99, "late", true, (const uint8_t *)"x", 1);
	f->wants_more = false;
	if (f->count == f->wanted)
		loop_stop(f->loop);
}

static void open_store(struct fixture *f)
{
	int error;

	f->store = store_open(f->loop, ".", on_done, f, &error);
	assert_non_null(f->store);
	assert_int_equal(error, 0);
	assert_int_equal(store_start(f->store), 0);
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
	strcpy(f->dir, "/tmp/test_store-XXXXXX");
	if (mkdtemp(f->dir) == NULL || chdir(f->dir) != 0 ||
	    mkdir("sm", 0700) != 0)
		return -1;
	disk.file = disk.directory = (struct flush){0};
	disk.is_skipped = false;
	log_text[0] = '\0';
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

	disk_set(&disk.file.is_held, false);
	disk_set(&disk.directory.is_held, false);
	store_free(f->store);
	loop_free(f->loop);
	alarm(0);
	snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
	free(f);
	return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static void put(struct fixture *f, uint64_t id, const char *file, bool is_new,
		const char *text)
{
	store_put(f->store, id, file, is_new, (const uint8_t *)text,
		  strlen(text));
}

static void wait_results(struct fixture *f, unsigned int wanted)
{
	f->wanted = wanted;
	if (f->count < wanted)
		assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->count, wanted);
}

static void stop(void *ctx)
{
	loop_stop(ctx);
}

/* Hands out what is ready, and no more. */
static void turn_loop(struct fixture *f)
{
	struct loop_timer *now = loop_timer_new(f->loop, stop, f->loop);

	loop_timer_set(now, loop_now_ms());
	assert_int_equal(loop_run(f->loop), 0);
	loop_timer_free(now);
}

static void assert_result(const struct fixture *f, unsigned int at, uint64_t id,
			  int error)
{
	assert_true(at < f->count);
	assert_int_equal(f->ids[at], id);
	assert_int_equal(f->errors[at], error);
}

/* Writes a file as somebody else would. */
static void write_file(const char *name, const void *bytes, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

/* Compares the file @name with @text; NULL: there is none. */
static void assert_file(const char *name, const char *text)
{
	static char got[RECORD_FILE_MAX + 1];
	int fd = open(name, O_RDONLY);
	ssize_t len;

	assert_int_equal(fd >= 0, text != NULL);
	if (text == NULL)
		return;
	len = read(fd, got, sizeof(got) - 1);
	close(fd);
	assert_true(len >= 0);
	got[len] = '\0';
	assert_string_equal(got, text);
}

/* Counts the names in sm/, those with a dot included. */
static unsigned int count_names(void)
{
	DIR *stream = opendir("sm");
	unsigned int count = 0;

	assert_non_null(stream);
	while (readdir(stream) != NULL)
		count++;
	closedir(stream);
	return count - 3; /* ., .. and .reclaim */
}

/* ORDER: the promise that SM_MON rests on. */
static void test_no_result_before_flush(void **state)
{
	struct fixture *f = *state;
	mode_t mask = umask(0);
	struct stat st;

	disk_set(&disk.file.is_held, true);
	disk_set(&disk.directory.is_held, true);
	put(f, 1, "a", true, "one\n");
	disk_wait(&disk.file);
	turn_loop(f);
	assert_int_equal(f->count, 0);
	disk_set(&disk.file.is_held, false);
	disk_wait(&disk.directory);
	turn_loop(f);
	assert_int_equal(f->count, 0);
	disk_set(&disk.directory.is_held, false);
	wait_results(f, 1);
	assert_result(f, 0, 1, 0);
	assert_int_equal(stat("sm/a", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	umask(mask);
	/* ORDER: a replacement is flushed before it takes the name. */
	disk_set(&disk.file.is_held, true);
	put(f, 2, "a", false, "two\n");
	disk_wait(&disk.file);
	assert_file("sm/a", "one\n");
	disk_set(&disk.file.is_held, false);
	wait_results(f, 2);
	assert_file("sm/a", "two\n");
}

/* What is queued while the worker flushes shares its next flush of sm/. */
static void test_batches(void **state)
{
	struct fixture *f = *state;
	const unsigned int count = 1 + 2 * STORE_BATCH_MAX + 7;
	char name[24];
	unsigned int i;

	disk_set(&disk.file.is_held, true);
	for (i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "sm/n%u", i);
		put(f, i, name + 3, true, name);
		if (i == 0)
			disk_wait(&disk.file);
	}
	turn_loop(f);
	assert_int_equal(f->count, 0);
	disk_set(&disk.file.is_held, false);
	wait_results(f, count);
	for (i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "sm/n%u", i);
		assert_result(f, i, i, 0);
		assert_file(name, name);
	}
	assert_int_equal(disk.file.count, count);
	assert_int_equal(disk.directory.count, 1 + 2 + 1);
}

static void test_same_file(void **state)
{
	struct fixture *f = *state;

	disk_set(&disk.file.is_held, true);
	put(f, 0, "first", true, "x");
	disk_wait(&disk.file);
	put(f, 1, "a", true, "1");
	put(f, 2, "b", true, "2");
	put(f, 3, "a", false, "3");
	put(f, 4, "a", false, "4");
	store_remove(f->store, "a");
	put(f, 5, "a", true, "5");
	store_remove(f->store, "b");
	store_remove(f->store, "nobody");
	put(f, 6, "c", true, "6");
	disk_set(&disk.file.is_held, false);
	wait_results(f, 7);
	assert_result(f, 3, 3, 0);
	assert_result(f, 4, 4, 0);
	assert_result(f, 5, 5, 0);
	assert_result(f, 6, 6, 0);
	assert_file("sm/a", "5");
	assert_file("sm/b", NULL);
}

static void test_freed_while_busy(void **state)
{
	struct fixture *f = *state;
	char name[24];
	unsigned int i;

	f->wants_more = true;
	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "sm/n%u", i);
		put(f, i, name + 3, true, name);
	}
	store_remove(f->store, "n0");
	close_store(f);
	assert_int_equal(f->count, 301);
	assert_result(f, 299, 299, 0);
	assert_result(f, 300, 99, 0);
	assert_file("sm/late", "x");
	assert_file("sm/n299", "sm/n299");
	assert_file("sm/n0", NULL);
}

/* The disk takes the first bytes of a file and then no more. */
static void test_no_room(void **state)
{
	struct fixture *f = *state;
	struct rlimit before, limit;
	char text[4001] = "";

	memset(text, 'x', sizeof(text) - 1);
	put(f, 1, "a", true, "old\n");
	wait_results(f, 1);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 1000;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	put(f, 2, "a", false, text);
	put(f, 3, "b", true, text);
	put(f, 4, "c", true, "small\n");
	close_store(f); /* waits, and says nothing while it is limited */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_result(f, 1, 2, -EFBIG);
	assert_result(f, 2, 3, -EFBIG);
	assert_result(f, 3, 4, 0);
	assert_file("sm/a", "old\n");
	assert_file("sm/c", "small\n");
	assert_int_equal(count_names(), 2);
}

static void test_flush_fails(void **state)
{
	struct fixture *f = *state;

	write_file("sm/a", "old\n", 4);
	assert_int_equal(mkdir("sm/dir", 0700), 0);
	disk_set(&disk.file.is_held, true);
	put(f, 1, "a", false, "1");
	disk_wait(&disk.file);
	put(f, 2, "b", true, "2"); /* these are one batch */
	disk_set(&disk.file.fails, true);
	disk_set(&disk.directory.is_held, true);
	disk_set(&disk.file.is_held, false);
	disk_wait(&disk.directory);
	assert_file("sm/a", "old\n");
	disk_set(&disk.directory.is_held, false);
	wait_results(f, 2);
	assert_result(f, 0, 1, -EIO);
	assert_result(f, 1, 2, 0);
	/* Nobody knows which names a failed flush of sm/ kept. */
	disk_set(&disk.directory.fails, true);
	put(f, 3, "b", false, "4");
	wait_results(f, 3);
	assert_result(f, 2, 3, -EIO);
	/* What is in the way stays there until the new one is on the disk. */
	disk_set(&disk.file.fails, true);
	put(f, 4, "dir", true, "5");
	store_remove(f->store, "dir");
	wait_results(f, 4);
	assert_result(f, 3, 4, -EIO);
	assert_string_equal(log_text, "");
	assert_int_equal(rmdir("sm/dir"), 0);
	assert_int_equal(count_names(), 2);
}

/* Files of others are reported by the loop; the worker logs nothing. */
static void test_claims(void **state)
{
	struct fixture *f = *state;
	char aside[64];

	write_file("sm/theirs", "t\n", 2);
	put(f, 1, "theirs", true, "1\n");
	wait_results(f, 1);
	assert_result(f, 0, 1, 0);
	assert_file("sm/theirs", "1\nt\n");
	assert_non_null(strstr(log_text, "sm/theirs was not made by"));
	assert_int_equal(mkdir("sm/d\nir", 0700), 0);
	put(f, 2, "d\nir", true, "2\n");
	wait_results(f, 2);
	assert_result(f, 1, 2, 0);
	assert_file("sm/d\nir", "2\n");
	assert_int_equal(
		sscanf(log_text,
		       "sm/d\\x0air: it is no regular file; it is kept as "
		       "%63[^,],",
		       aside),
		1);
	assert_int_equal(rmdir(aside), 0);
}

/* What each file holds; "": there is none. */
static char model[STRESS_NAMES][STRESS_LENGTH + 1];

/* One random job; returns whether it will have a result. */
static bool stress_step(struct fixture *f, struct prng *rng)
{
	unsigned int at = (unsigned int)prng_below(rng, STRESS_NAMES);
	const char file[] = {(char)('a' + at), '\0'};
	bool is_new = model[at][0] == '\0' && prng_below(rng, 2) == 0;
	char text[STRESS_LENGTH + 1] = "";

	if (prng_below(rng, 4) == 0) {
		store_remove(f->store, file);
		model[at][0] = '\0';
		return false;
	}
	memset(text, (int)('A' + prng_below(rng, 26)),
	       1 + prng_below(rng, STRESS_LENGTH));
	put(f, 0, file, is_new, text);
	memcpy(model[at], text, sizeof(text));
	return true;
}

static void test_stress(void **state)
{
	struct fixture *f = *state;
	const char *env = getenv("SEED");
	uint64_t seed = env != NULL ? strtoull(env, NULL, 0) : 20260101;
	uint8_t key[SIPHASH_KEY_SIZE] = {0};
	unsigned int count = 0, i;
	struct prng rng;

	print_message("SEED=%llu\n", (unsigned long long)seed);
	memcpy(key, &seed, sizeof(seed));
	prng_init(&rng, key);
	disk.is_skipped = true;
	for (i = 0; i < STRESS_STEPS; i++) {
		count += stress_step(f, &rng);
		if (prng_below(&rng, 20) == 0)
			turn_loop(f);
		if (prng_below(&rng, 100) == 0)
			wait_results(f, count);
	}
	close_store(f);
	assert_int_equal(f->count, count);
	for (i = 0; i < count; i++)
		assert_int_equal(f->errors[i], 0);
	for (i = 0; i < STRESS_NAMES; i++) {
		const char name[] = {'s', 'm', '/', (char)('a' + i), '\0'};

		assert_file(name, model[i][0] != '\0' ? model[i] : NULL);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(no_result_before_flush),
		T(batches),
		T(same_file),
		T(freed_while_busy),
		T(no_room),
		T(flush_fails),
		T(claims),
		T(stress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
