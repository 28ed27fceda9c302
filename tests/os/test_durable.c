/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os/durable on a real directory: what is there after success, what is there
 * after failure, and what planted files cannot do.  In which order things
 * reach the disk is seen in test_bootorder.
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

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "os/durable.h"

#define CAP 64

struct fixture {
	char path[64];
	int dir;
};

static int setup(void **state)
{
	static struct fixture f;

	snprintf(f.path, sizeof(f.path), "/tmp/test_durable.XXXXXX");
	if (mkdtemp(f.path) == NULL)
		return -1;
	f.dir = open(f.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = &f;
	return f.dir < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	const struct fixture *f = *state;
	DIR *stream = opendir(f->path);
	struct dirent *entry;

	while (stream != NULL && (entry = readdir(stream)) != NULL)
		if (unlinkat(f->dir, entry->d_name, 0) != 0)
			unlinkat(f->dir, entry->d_name, AT_REMOVEDIR);
	closedir(stream);
	close(f->dir);
	return rmdir(f->path);
}

/* How many names there are, hidden ones included. */
static unsigned int count_names(const struct fixture *f)
{
	DIR *stream = opendir(f->path);
	struct dirent *entry;
	unsigned int count = 0;

	assert_non_null(stream);
	while ((entry = readdir(stream)) != NULL)
		count += strcmp(entry->d_name, ".") != 0 &&
			 strcmp(entry->d_name, "..") != 0;
	closedir(stream);
	return count;
}

static void assert_content(const struct fixture *f, const char *name,
			   const char *expected)
{
	struct buf out;

	buf_init(&out, CAP);
	assert_int_equal(durable_read(f->dir, name, &out), 0);
	assert_string_equal(buf_text(&out), expected);
	buf_fini(&out);
}

static int read_error(const struct fixture *f, const char *name)
{
	struct buf out;
	int error;

	buf_init(&out, CAP);
	error = durable_read(f->dir, name, &out);
	buf_fini(&out);
	return error;
}

static mode_t mode_of(const struct fixture *f, const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(f->dir, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_mode & 07777;
}

static void created_file_has_bytes_and_mode(void **state)
{
	const struct fixture *f = *state;
	mode_t mask = umask(077);

	assert_int_equal(durable_create(f->dir, "a", "hello", 5, 0640), 0);
	umask(mask);
	assert_content(f, "a", "hello");
	assert_int_equal(mode_of(f, "a"), 0640);
	assert_int_equal(durable_create(f->dir, "empty", NULL, 0, 0600), 0);
	assert_content(f, "empty", "");
	assert_int_equal(count_names(f), 2);
}

static void taken_name_is_not_created(void **state)
{
	const struct fixture *f = *state;

	assert_int_equal(durable_create(f->dir, "a", "old", 3, 0600), 0);
	assert_int_equal(durable_create(f->dir, "a", "new", 3, 0600), -EEXIST);
	assert_content(f, "a", "old");
	assert_int_equal(symlinkat("elsewhere", f->dir, "link"), 0);
	assert_int_equal(durable_create(f->dir, "link", "x", 1, 0600), -EEXIST);
	assert_int_equal(faccessat(f->dir, "elsewhere", F_OK, 0), -1);
	assert_int_equal(count_names(f), 2);
}

static void replaced_file_is_another_one(void **state)
{
	const struct fixture *f = *state;

	assert_int_equal(durable_replace(f->dir, "a", "one", 3, 0600), 0);
	assert_content(f, "a", "one");
	/* Who has a second name for the old file keeps the old bytes. */
	assert_int_equal(linkat(f->dir, "a", f->dir, "b", 0), 0);
	assert_int_equal(durable_replace(f->dir, "a", "two", 3, 0644), 0);
	assert_content(f, "a", "two");
	assert_content(f, "b", "one");
	assert_int_equal(mode_of(f, "a"), 0644);
	assert_int_equal(count_names(f), 2);
}

/* Whole at every moment, though not on the disk. */
static void swapped_file_is_another_one(void **state)
{
	const struct fixture *f = *state;

	assert_int_equal(durable_swap(f->dir, "a", "one", 3, 0600), 0);
	assert_content(f, "a", "one");
	assert_int_equal(linkat(f->dir, "a", f->dir, "old", 0), 0);
	assert_int_equal(durable_swap(f->dir, "a", "two", 3, 0600), 0);
	assert_content(f, "a", "two");
	assert_content(f, "old", "one");
	assert_int_equal(count_names(f), 2);
	assert_int_equal(mkdirat(f->dir, "dir", 0700), 0);
	assert_int_equal(durable_swap(f->dir, "dir", "x", 1, 0600), -EISDIR);
	assert_int_equal(count_names(f), 3);
}

static void replacing_a_link_does_not_follow_it(void **state)
{
	const struct fixture *f = *state;

	assert_int_equal(durable_create(f->dir, "target", "t", 1, 0600), 0);
	assert_int_equal(symlinkat("target", f->dir, "link"), 0);
	assert_int_equal(durable_replace(f->dir, "link", "x", 1, 0600), 0);
	assert_content(f, "target", "t");
	assert_content(f, "link", "x");
}

static void only_regular_files_are_read(void **state)
{
	const struct fixture *f = *state;

	assert_int_equal(durable_create(f->dir, "a", "a", 1, 0600), 0);
	assert_int_equal(symlinkat("a", f->dir, "link"), 0);
	assert_int_equal(mkfifoat(f->dir, "fifo", 0600), 0);
	assert_int_equal(mkdirat(f->dir, "dir", 0700), 0);
	alarm(10); /* a FIFO without a writer would hold us for ever */
	assert_int_equal(read_error(f, "link"), -ELOOP);
	assert_int_equal(read_error(f, "fifo"), -EINVAL);
	assert_int_equal(read_error(f, "dir"), -EINVAL);
	assert_int_equal(read_error(f, "none"), -ENOENT);
	alarm(0);
}

static void too_big_a_file_is_an_error(void **state)
{
	const struct fixture *f = *state;
	char bytes[CAP + 1];

	memset(bytes, 'x', sizeof(bytes));
	assert_int_equal(durable_create(f->dir, "fits", bytes, CAP, 0600), 0);
	assert_int_equal(read_error(f, "fits"), 0);
	assert_int_equal(durable_create(f->dir, "big", bytes, CAP + 1, 0600),
			 0);
	assert_int_equal(read_error(f, "big"), -EFBIG);
}

/* In a child, since a limit on files would hold for the test's output, too. */
static int put_beyond_limit(const struct fixture *f, enum durable_how how)
{
	const struct rlimit limit = {.rlim_cur = 100, .rlim_max = 100};
	pid_t pid = fork();
	char bytes[4096];
	int status = -1;

	assert_true(pid >= 0);
	if (pid == 0) {
		memset(bytes, 'x', sizeof(bytes));
		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &limit);
		_exit(how == DURABLE_NEW
			      ? -durable_create(f->dir, "new", bytes,
						sizeof(bytes), 0600)
			      : -durable_replace(f->dir, "old", bytes,
						 sizeof(bytes), 0600));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

static void failed_write_leaves_nothing_behind(void **state)
{
	const struct fixture *f = *state;

	assert_int_equal(durable_create(f->dir, "old", "old", 3, 0600), 0);
	assert_int_equal(put_beyond_limit(f, DURABLE_NEW), -EFBIG);
	assert_int_equal(put_beyond_limit(f, DURABLE_REPLACE), -EFBIG);
	assert_content(f, "old", "old");
	assert_int_equal(count_names(f), 1);
}

static void failed_rename_leaves_nothing_behind(void **state)
{
	const struct fixture *f = *state;

	assert_int_equal(mkdirat(f->dir, "dir", 0700), 0);
	assert_int_equal(durable_replace(f->dir, "dir", "x", 1, 0600), -EISDIR);
	assert_int_equal(count_names(f), 1);
}

static void longest_names_work(void **state)
{
	const struct fixture *f = *state;
	char name[DURABLE_NAME_SIZE + 1];

	memset(name, 'n', sizeof(name));
	name[255] = '\0';
	assert_int_equal(durable_create(f->dir, name, "1", 1, 0600), 0);
	assert_int_equal(durable_replace(f->dir, name, "2", 1, 0600), 0);
	assert_content(f, name, "2");
	assert_int_equal(unlinkat(f->dir, name, 0), 0);
	/* Never cut: that would be somebody else's file. */
	name[255] = 'n';
	name[256] = '\0';
	assert_int_equal(durable_create(f->dir, name, "3", 1, 0600),
			 -ENAMETOOLONG);
	assert_int_equal(durable_replace(f->dir, name, "3", 1, 0600),
			 -ENAMETOOLONG);
	assert_int_equal(count_names(f), 0);
}

static void root_keeps_the_owner(void **state)
{
	const struct fixture *f = *state;
	struct stat st;

	if (geteuid() != 0) {
		print_message("not root: nobody to give a file to\n");
		skip();
	}
	assert_int_equal(fchown(f->dir, 4242, 4343), 0);
	assert_int_equal(durable_create(f->dir, "new", "x", 1, 0600), 0);
	assert_int_equal(fstatat(f->dir, "new", &st, 0), 0);
	assert_true(st.st_uid == 4242 && st.st_gid == 4343);
	assert_int_equal(fchownat(f->dir, "new", 1717, 1818, 0), 0);
	assert_int_equal(durable_replace(f->dir, "new", "y", 1, 0600), 0);
	assert_int_equal(fstatat(f->dir, "new", &st, 0), 0);
	assert_true(st.st_uid == 1717 && st.st_gid == 1818);
	assert_int_equal(durable_replace(f->dir, "other", "y", 1, 0600), 0);
	assert_int_equal(fstatat(f->dir, "other", &st, 0), 0);
	assert_true(st.st_uid == 4242 && st.st_gid == 4343);
}

static void batch_shows_nothing_before_its_end(void **state)
{
	const struct fixture *f = *state;
	struct durable_file file = {.dir = f->dir,
				    .name = "a",
				    .how = DURABLE_REPLACE,
				    .mode = 0600};

	assert_int_equal(durable_create(f->dir, "a", "old", 3, 0600), 0);
	assert_int_equal(durable_begin(&file, "new", 3), 0);
	assert_content(f, "a", "old");
	assert_true(durable_is_temporary(file.made));
	assert_int_equal(durable_finish(&file), 0);
	assert_content(f, "a", "new");
	assert_int_equal(count_names(f), 1);
	assert_int_equal(durable_sync(f->dir), 0);
	assert_int_equal(durable_sync(-1), -EBADF);
}

static void temporary_names_are_told_exactly(void **state)
{
	(void)state;
	assert_true(durable_is_temporary(".reclaim-0123456789abcdef.new"));
	assert_false(durable_is_temporary(".reclaim-0123456789abcde.new"));
	assert_false(durable_is_temporary(".reclaim-0123456789abcdef0.new"));
	assert_false(durable_is_temporary(".reclaim-0123456789ABCDEF.new"));
	assert_false(durable_is_temporary(".reclaim-0123456789abcdef.new2"));
	assert_false(durable_is_temporary(".reclaim-0123456789abcdef"));
	assert_false(durable_is_temporary("reclaim-0123456789abcdef.new"));
	assert_false(durable_is_temporary(".reclaim-"));
	assert_false(durable_is_temporary(".reclaim"));
	assert_false(durable_is_temporary(".host.new")); /* nfs-utils' */
	assert_false(durable_is_temporary(""));
}

struct visits {
	unsigned int count;
	char names[8][16];
	int error; /* what the second visit returns */
};

static int visit(void *ctx, const char *name)
{
	struct visits *v = ctx;

	assert_true(v->count < 8);
	snprintf(v->names[v->count], sizeof(v->names[0]), "%s", name);
	return ++v->count == 2 ? v->error : 0;
}

static void start_of_a_file_is_read(void **state)
{
	const struct fixture *f = *state;
	char got[4] = "";

	assert_int_equal(durable_create(f->dir, "a", "12345", 5, 0600), 0);
	assert_int_equal(durable_read_start(f->dir, "a", got, 4), 4);
	assert_memory_equal(got, "1234", 4);
	assert_int_equal(durable_create(f->dir, "b", "x", 1, 0600), 0);
	assert_int_equal(durable_read_start(f->dir, "b", got, 4), 1);
	assert_memory_equal(got, "x234", 4);
	assert_int_equal(durable_read_start(f->dir, "c", got, 4), -ENOENT);
	assert_int_equal(mkfifoat(f->dir, "fifo", 0600), 0);
	assert_int_equal(durable_read_start(f->dir, "fifo", got, 4), -EINVAL);
	assert_string_equal(durable_read_error(-EINVAL),
			    "it is no regular file");
	assert_string_equal(durable_read_error(-ELOOP),
			    "it is no regular file");
	assert_string_equal(durable_read_error(-EACCES), strerror(EACCES));
}

static void each_visits_visible_regular_files(void **state)
{
	const struct fixture *f = *state;
	struct visits v = {0};

	assert_int_equal(durable_create(f->dir, "a", "", 0, 0600), 0);
	assert_int_equal(durable_create(f->dir, ".hidden", "", 0, 0600), 0);
	assert_int_equal(mkdirat(f->dir, "dir", 0700), 0);
	assert_int_equal(mkfifoat(f->dir, "fifo", 0600), 0);
	assert_int_equal(symlinkat("a", f->dir, "link"), 0);
	assert_int_equal(durable_each(f->dir, visit, &v), 0);
	assert_int_equal(v.count, 1);
	assert_string_equal(v.names[0], "a");
	/* And the rest, so that it can be reported. */
	v.count = 0;
	assert_int_equal(mkdirat(f->dir, ".dir", 0700), 0);
	assert_int_equal(mkdirat(f->dir, "lost+found", 0700), 0);
	assert_int_equal(durable_each_odd(f->dir, visit, &v), 0);
	assert_int_equal(v.count, 3);
	assert_int_equal(durable_each_odd(-1, visit, &v), -EBADF);
}

static void each_stops_at_an_error(void **state)
{
	const struct fixture *f = *state;
	struct visits v = {.error = -EIO};

	assert_int_equal(durable_create(f->dir, "a", "", 0, 0600), 0);
	assert_int_equal(durable_create(f->dir, "b", "", 0, 0600), 0);
	assert_int_equal(durable_create(f->dir, "c", "", 0, 0600), 0);
	assert_int_equal(durable_each(f->dir, visit, &v), -EIO);
	assert_int_equal(v.count, 2);
	/* An error is never an empty directory. */
	v.count = 0;
	assert_int_equal(durable_each(-1, visit, &v), -EBADF);
	assert_int_equal(v.count, 0);
}

static void clean_removes_what_a_crash_left(void **state)
{
	const struct fixture *f = *state;
	struct durable_file file = {.dir = f->dir,
				    .name = "a",
				    .how = DURABLE_REPLACE,
				    .mode = 0600};

	assert_int_equal(durable_begin(&file, "torn", 4), 0);
	close(file.fd); /* the crash */
	assert_int_equal(durable_create(f->dir, "a", "a", 1, 0600), 0);
	assert_int_equal(durable_create(f->dir, ".a.new", "a", 1, 0600), 0);
	assert_int_equal(count_names(f), 3);
	assert_int_equal(durable_clean(f->dir), 0);
	assert_int_equal(count_names(f), 2);
	assert_content(f, "a", "a");
	assert_int_equal(durable_clean(-1), -EBADF);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(created_file_has_bytes_and_mode),
		TEST(taken_name_is_not_created),
		TEST(replaced_file_is_another_one),
		TEST(swapped_file_is_another_one),
		TEST(replacing_a_link_does_not_follow_it),
		TEST(only_regular_files_are_read),
		TEST(too_big_a_file_is_an_error),
		TEST(failed_write_leaves_nothing_behind),
		TEST(failed_rename_leaves_nothing_behind),
		TEST(longest_names_work),
		TEST(root_keeps_the_owner),
		TEST(batch_shows_nothing_before_its_end),
		TEST(temporary_names_are_told_exactly),
		TEST(start_of_a_file_is_read),
		TEST(each_visits_visible_regular_files),
		TEST(each_stops_at_an_error),
		TEST(clean_removes_what_a_crash_left),
	};

	return cmocka_run_group_tests_name("durable", tests, NULL, NULL);
}
