/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store's other directory, sm/.reclaim: files that outlive the process and
 * cost no flush, in the same queue as the records.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/log.h"
#include "lib/record.h"
#include "os/loop.h"
#include "statd/store.h"

#define DIR_NAME "sm/.reclaim/"

struct fixture {
	char dir[64];
	struct loop *loop;
	struct store *store;
	char results[256]; /* "M7 0;" for a memo, "R7 0;" for a file of sm/ */
	unsigned int count;
	unsigned int wanted;
	const char *next; /* written once the first is; or NULL */
};

static unsigned int flushes;

int fsync(int fd)
{
	__atomic_add_fetch(&flushes, 1, __ATOMIC_SEQ_CST);
	return (int)syscall(SYS_fsync, fd);
}

static char log_text[LOG_TEXT_MAX];

static void on_log(enum log_level level, const char *text)
{
	(void)level; /* only the words are looked at */
	snprintf(log_text, sizeof(log_text), "%s", text);
}

static void on_done(void *ctx, enum store_what what, uint64_t id, int error)
{
	struct fixture *f = ctx;
	size_t len = strlen(f->results);

	snprintf(f->results + len, sizeof(f->results) - len, "%c%d %d;",
		 what == STORE_MEMO ? 'M' : 'R', (int)id, error);
	if (f->next != NULL)
		store_memo(f->store, 99, 7, (const uint8_t *)f->next,
			   strlen(f->next));
	f->next = NULL;
	if (++f->count == f->wanted)
		loop_stop(f->loop);
}

static void open_store(struct fixture *f)
{
	int error;

	f->store = store_open(f->loop, ".", on_done, f, &error);
	assert_non_null(f->store);
	assert_int_equal(store_start(f->store), 0);
	flushes = 0;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -1;
	strcpy(f->dir, "/tmp/test_storememo-XXXXXX");
	if (mkdtemp(f->dir) == NULL || chdir(f->dir) != 0 ||
	    mkdir("sm", 0700) != 0)
		return -1;
	log_text[0] = '\0';
	log_set_sink(on_log);
	alarm(60);
	f->loop = loop_new();
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

static void memo(struct fixture *f, uint64_t id, uint64_t number,
		 const char *text)
{
	store_memo(f->store, id, number, (const uint8_t *)text, strlen(text));
}

static void wait_results(struct fixture *f, unsigned int wanted,
			 const char *results)
{
	f->wanted = wanted;
	if (f->count < wanted)
		assert_int_equal(loop_run(f->loop), 0);
	assert_string_equal(f->results, results);
}

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
	char got[64] = "";
	int fd = open(name, O_RDONLY);

	assert_int_equal(fd >= 0, text != NULL);
	if (text == NULL)
		return;
	assert_true(read(fd, got, sizeof(got) - 1) >= 0);
	close(fd);
	assert_string_equal(got, text);
}

static void directory_is_made_for_its_owner(void **state)
{
	struct fixture *f = *state;
	mode_t mask = umask(0);
	struct stat st;

	if (geteuid() == 0)
		assert_int_equal(chown("sm", 1234, 4321), 0);
	open_store(f);
	umask(mask);
	assert_int_equal(stat(DIR_NAME, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	if (geteuid() == 0) {
		assert_int_equal(st.st_uid, 1234);
		assert_int_equal(st.st_gid, 4321);
	}
}

static void memos_cost_no_flush(void **state)
{
	struct fixture *f = *state;

	open_store(f);
	memo(f, 1, 7, "one");
	memo(f, 2, 8, "two");
	memo(f, 3, 7, "again");
	wait_results(f, 3, "M1 0;M2 0;M3 0;");
	assert_file(DIR_NAME "7", "again");
	assert_file(DIR_NAME "8", "two");
	assert_int_equal(flushes, 0);
}

/* A memo and a record may have the same name; removals report nothing. */
static void they_share_the_queue_of_the_records(void **state)
{
	struct fixture *f = *state;

	open_store(f);
	memo(f, 1, 7, "memo");
	store_put(f->store, 1, "7", true, (const uint8_t *)"x", 1);
	memo(f, 2, 8, "gone");
	store_memo(f->store, 0, 8, NULL, 0);
	store_memo(f->store, 0, 9, NULL, 0);
	memo(f, 3, 10, "last");
	wait_results(f, 4, "M1 0;R1 0;M2 0;M3 0;");
	assert_file(DIR_NAME "7", "memo");
	assert_file("sm/7", "x");
	assert_file(DIR_NAME "8", NULL);
	assert_int_equal(flushes, 2);
}

/* SIGTERM: what is queued is finished. */
static void end_finishes_them(void **state)
{
	struct fixture *f = *state;

	open_store(f);
	memo(f, 1, 7, "one");
	store_free(f->store);
	f->store = NULL;
	assert_file(DIR_NAME "7", "one");
}

/* One write of a file at a time: what changed meanwhile is queued by its end.
 */
static void end_writes_what_changed_meanwhile(void **state)
{
	struct fixture *f = *state;

	open_store(f);
	memo(f, 1, 7, "event");
	f->next = "delivered";
	store_free(f->store);
	f->store = NULL;
	assert_file(DIR_NAME "7", "delivered");
}

static char found[128];

static void on_memo(void *ctx, uint64_t number, const uint8_t *bytes,
		    size_t len)
{
	size_t used = strlen(found);

	(void)ctx; /* none was given */
	snprintf(found + used, sizeof(found) - used, "%llu=%.*s;",
		 (unsigned long long)number, (int)len, (const char *)bytes);
}

static void numbers_are_loaded_others_are_left(void **state)
{
	struct fixture *f = *state;
	static const char big[RECORD_FILE_MAX + 1];

	assert_int_equal(mkdir("sm/.reclaim", 0700), 0);
	write_file(DIR_NAME "999999999999999999", "a", 1);
	write_file(DIR_NAME "9999999999999999999", "too long", 8);
	write_file(DIR_NAME "07", "not as we write it", 18);
	write_file(DIR_NAME "0", "none", 4);
	write_file(DIR_NAME "parked", "another's", 9);
	write_file(DIR_NAME ".reclaim-0123456789abcdef.new", "torn", 4);
	open_store(f);
	found[0] = '\0';
	store_load_memos(f->store, on_memo, NULL);
	assert_string_equal(found, "999999999999999999=a;");
	assert_file(DIR_NAME "parked", "another's");
	assert_file(DIR_NAME ".reclaim-0123456789abcdef.new", NULL);
	/* One that cannot be read is of no use, but its number is taken. */
	assert_int_equal(unlink(DIR_NAME "999999999999999999"), 0);
	write_file(DIR_NAME "5", big, sizeof(big));
	found[0] = '\0';
	store_load_memos(f->store, on_memo, NULL);
	assert_string_equal(found, "5=;");
}

static void without_a_directory_each_write_fails(void **state)
{
	struct fixture *f = *state;

	write_file("sm/.reclaim", "a file", 6);
	open_store(f);
	assert_non_null(strstr(log_text, "Not a directory"));
	store_load_memos(f->store, on_memo, NULL);
	memo(f, 1, 7, "one");
	store_memo(f->store, 0, 7, NULL, 0);
	store_put(f->store, 2, "a", true, (const uint8_t *)"x", 1);
	wait_results(f, 2, "M1 -2;R2 0;");
	assert_file("sm/.reclaim", "a file");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(directory_is_made_for_its_owner),
		TEST(memos_cost_no_flush),
		TEST(they_share_the_queue_of_the_records),
		TEST(end_finishes_them),
		TEST(end_writes_what_changed_meanwhile),
		TEST(numbers_are_loaded_others_are_left),
		TEST(without_a_directory_each_write_fails),
	};

	return cmocka_run_group_tests_name("storememo", tests, NULL, NULL);
}
