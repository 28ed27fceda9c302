/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pid file of sm-notify: one holder at a time, who knows whether it is the
 * first of this boot, since only that one may lift grace.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "os/notifylock.h"
#include "tests/os/tracer.h"
#include "tests/os/turn_rig.h"

#define PID_FILE "run/sm-notify.pid"
#define AT_ONCE	 8

/* Takes the lock, which must be free. */
static struct notify_lock take(const struct rig *rig)
{
	enum notify_lock_status status = NOTIFY_LOCK_RUNNING;
	struct notify_lock lock;
	int32_t pid;

	assert_int_equal(notify_lock_take(&rig->place, &lock, &status, &pid),
			 0);
	assert_int_equal(status, NOTIFY_LOCK_HELD);
	assert_true(lock.fd >= 0);
	return lock;
}

/* Takes it and lets go; tells whether this was the first run of the boot. */
static bool run_is_first(const struct rig *rig)
{
	struct notify_lock lock = take(rig);

	notify_lock_release(&lock);
	return lock.is_made;
}

static void read_file(const struct rig *rig, struct pidrec *rec)
{
	char *text = rig_get(rig, PID_FILE);

	pidrec_parse(text, strlen(text), rec);
	free(text);
}

static void file_says_who_where_and_when(void **state)
{
	struct rig *rig = *state;
	struct notify_lock lock = take(rig);
	char path[RIG_PATH_SIZE];
	struct pidrec rec;
	struct stat st;

	read_file(rig, &rec);
	assert_int_equal(rec.pid, getpid());
	assert_true(rec.has_key);
	assert_string_equal(rec.key, rig->place.key);
	assert_int_equal(stat(rig->state_dir, &st), 0);
	assert_int_equal(rec.device, st.st_dev);
	assert_int_equal(rec.inode, st.st_ino);
	rig_path(rig, PID_FILE, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	notify_lock_release(&lock);
	assert_int_equal(lock.fd, -1);
	assert_true(rig_exists(rig, PID_FILE));
}

static void first_run_of_the_boot_knows_it(void **state)
{
	struct rig *rig = *state;

	assert_true(run_is_first(rig));
	assert_false(run_is_first(rig));
	rig_boot(rig, 2);
	assert_true(run_is_first(rig));
	assert_false(run_is_first(rig));
}

static void file_of_another_boot_counts_as_none(void **state)
{
	struct rig *rig = *state;
	char *text;

	assert_true(run_is_first(rig));
	text = rig_get(rig, PID_FILE);
	rig_boot(rig, 2);
	rig_put(rig, PID_FILE, text); /* a /run that outlives the boot */
	free(text);
	assert_true(run_is_first(rig));
	assert_false(run_is_first(rig));
}

static void file_of_another_directory_counts_as_none(void **state)
{
	struct rig *rig = *state;

	assert_true(run_is_first(rig));
	rig->place.state_dir = rig->other_dir;
	assert_true(run_is_first(rig));
}

static void file_of_nfs_utils_counts(void **state)
{
	struct rig *rig = *state;

	rig_put(rig, PID_FILE, "4711\n");
	assert_false(run_is_first(rig));
}

static void empty_file_counts_as_none(void **state)
{
	struct rig *rig = *state;

	rig_put(rig, PID_FILE, "");
	assert_true(run_is_first(rig));
}

static void longer_content_leaves_no_rest(void **state)
{
	struct rig *rig = *state;
	struct pidrec rec;

	rig_put_junk(rig, PID_FILE, 1000);
	assert_true(run_is_first(rig));
	read_file(rig, &rec);
	assert_int_equal(rec.pid, getpid());
	assert_true(rec.has_key);
}

static void holder_is_named_to_the_next(void **state)
{
	struct rig *rig = *state;
	struct notify_lock lock = take(rig), other;
	enum notify_lock_status status = NOTIFY_LOCK_HELD;
	int32_t pid = 0;

	assert_int_equal(notify_lock_take(&rig->place, &other, &status, &pid),
			 0);
	assert_int_equal(status, NOTIFY_LOCK_RUNNING);
	assert_int_equal(pid, getpid());
	assert_int_equal(other.fd, -1);
	notify_lock_release(&lock);
	assert_false(run_is_first(rig));
}

/* As a daemon does: the parent leaves, the child notifies. */
static void lock_and_name_pass_to_a_child(void **state)
{
	struct rig *rig = *state;
	struct notify_lock lock = take(rig), other;
	enum notify_lock_status status = NOTIFY_LOCK_HELD;
	int ready[2], end[2], child_status;
	int32_t pid = 0;
	char c = 0;
	pid_t child;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(end), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(end[1]);
		c = notify_lock_set_pid(&rig->place, &lock) == 0 ? 'y' : 'n';
		if (write(ready[1], &c, 1) != 1)
			_exit(1);
		_exit(read(end[0], &c, 1) == 0 ? 0 : 1);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(c, 'y');
	notify_lock_release(&lock);
	assert_int_equal(notify_lock_take(&rig->place, &other, &status, &pid),
			 0);
	assert_int_equal(status, NOTIFY_LOCK_RUNNING);
	assert_int_equal(pid, child);
	close(end[1]);
	assert_int_equal(waitpid(child, &child_status, 0), child);
	assert_int_equal(child_status, 0);
	assert_false(run_is_first(rig));
	close(end[0]);
	close(ready[0]);
	close(ready[1]);
}

/*
 * One of many that start at once.  Says what it got, and lets go only after
 * all have asked.
 */
static void be_one_of_many(const struct rig *rig, int answers, int all_asked)
{
	enum notify_lock_status status = NOTIFY_LOCK_RUNNING;
	struct notify_lock lock;
	int32_t pid;
	char c = 'e';

	if (notify_lock_take(&rig->place, &lock, &status, &pid) == 0)
		c = status != NOTIFY_LOCK_HELD ? 'r' : lock.is_made ? 'm' : 'h';
	if (write(answers, &c, 1) != 1)
		_exit(1);
	_exit(read(all_asked, &c, 1) == 0 ? 0 : 1);
}

static void one_of_many_gets_it(void **state)
{
	struct rig *rig = *state;
	int answers[2], all_asked[2];
	unsigned int made = 0, running = 0, i;
	char c;

	assert_int_equal(pipe(answers), 0);
	assert_int_equal(pipe(all_asked), 0);
	for (i = 0; i < AT_ONCE; i++) {
		pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0) {
			close(all_asked[1]);
			be_one_of_many(rig, answers[1], all_asked[0]);
		}
	}
	for (i = 0; i < AT_ONCE; i++) {
		assert_int_equal(read(answers[0], &c, 1), 1);
		made += c == 'm';
		running += c == 'r';
	}
	close(all_asked[1]);
	for (i = 0; i < AT_ONCE; i++)
		assert_true(wait(NULL) > 0);
	assert_int_equal(made, 1);
	assert_int_equal(running, AT_ONCE - 1);
	close(all_asked[0]);
	close(answers[0]);
	close(answers[1]);
}

static void link_is_not_followed(void **state)
{
	struct rig *rig = *state;
	enum notify_lock_status status;
	struct notify_lock lock;
	char path[RIG_PATH_SIZE];
	int32_t pid;

	rig_put(rig, "run/precious", "4711\n");
	rig_path(rig, PID_FILE, path);
	assert_int_equal(symlink("precious", path), 0);
	assert_int_equal(notify_lock_take(&rig->place, &lock, &status, &pid),
			 -ELOOP);
	assert_int_equal(lock.fd, -1);
	rig_assert_content(rig, "run/precious", "4711\n");
}

static void missing_directory_is_an_error(void **state)
{
	struct rig *rig = *state;
	enum notify_lock_status status;
	struct notify_lock lock;
	int32_t pid;

	rig->place.notify_pid = "/nonexistent/sm-notify.pid";
	assert_int_equal(notify_lock_take(&rig->place, &lock, &status, &pid),
			 -ENOENT);
	assert_int_equal(lock.fd, -1);
}

/* --- with the eyes on each system call ----------------------------------- */

struct watch {
	struct rig *rig;
	unsigned int at; /* the call that is not done any more */
	bool is_replaced;
};

static int take_in_child(void *ctx)
{
	const struct watch *watch = ctx;
	enum notify_lock_status status = NOTIFY_LOCK_RUNNING;
	struct notify_lock lock;
	char path[RIG_PATH_SIZE];
	struct stat held, named;
	int32_t pid;

	if (notify_lock_take(&watch->rig->place, &lock, &status, &pid) != 0 ||
	    status != NOTIFY_LOCK_HELD)
		return 1;
	rig_path(watch->rig, PID_FILE, path);
	if (fstat(lock.fd, &held) != 0 || stat(path, &named) != 0)
		return 2;
	return held.st_ino == named.st_ino ? 0 : 3;
}

static void skip_unless_traced(enum tracer_end end)
{
	if (end == TRACER_REFUSED) {
		print_message("ptrace is not permitted\n");
		skip();
	}
}

static bool kill_there(void *ctx, const struct tracer_stop *stop)
{
	const struct watch *watch = ctx;

	return stop->is_done || stop->count < watch->at;
}

/* Who ran in this boot stays readable, whenever the next one is killed. */
static void mark_survives_a_kill(void **state)
{
	struct watch watch = {.rig = *state};
	enum tracer_end end;
	struct pidrec rec;
	int status = 0;

	do {
		watch.at++;
		rig_reset(watch.rig);
		rig_put(watch.rig, PID_FILE, "4711\n");
		end = tracer_run(take_in_child, &watch, kill_there, &watch,
				 &status);
		skip_unless_traced(end);
		assert_int_equal(status, 0);
		read_file(watch.rig, &rec);
		assert_true(rec.pid > 0);
		assert_false(run_is_first(watch.rig));
	} while (end == TRACER_KILLED);
	assert_true(watch.at > 5);
}

/* Between opening and locking somebody puts another file there. */
static bool replace_before_lock(void *ctx, const struct tracer_stop *stop)
{
	struct watch *watch = ctx;

	if (stop->is_done || stop->nr != SYS_flock || watch->is_replaced)
		return true;
	rig_remove(watch->rig, PID_FILE);
	rig_put(watch->rig, PID_FILE, "4711\n");
	watch->is_replaced = true;
	return true;
}

/* A lock on a file that nobody can open any more would hold nobody off. */
static void replaced_file_is_not_held(void **state)
{
	struct watch watch = {.rig = *state};
	int status = 0;

	skip_unless_traced(tracer_run(take_in_child, &watch,
				      replace_before_lock, &watch, &status));
	assert_true(watch.is_replaced);
	assert_int_equal(status, 0);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(file_says_who_where_and_when),
		TEST(first_run_of_the_boot_knows_it),
		TEST(file_of_another_boot_counts_as_none),
		TEST(file_of_another_directory_counts_as_none),
		TEST(file_of_nfs_utils_counts),
		TEST(empty_file_counts_as_none),
		TEST(longer_content_leaves_no_rest),
		TEST(holder_is_named_to_the_next),
		TEST(lock_and_name_pass_to_a_child),
		TEST(one_of_many_gets_it),
		TEST(link_is_not_followed),
		TEST(missing_directory_is_an_error),
		TEST(mark_survives_a_kill),
		TEST(replaced_file_is_not_held),
	};

	return cmocka_run_group_tests_name("notifylock", tests, NULL, NULL);
}
