/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * statd/launcher and statd/runner with real programs: what they are run with,
 * what is told of their end, and that nothing of them is left.
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
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log.h"
#include "statd/launcher.h"

#define USER	    65533u
#define GROUP	    65532u
#define WAIT_MS_MAX 60000
#define LONG_MS	    (WAIT_MS_MAX * 2u)
#define MANY	    1000u
#define TEXT_MAX    8192
#define PIDS_MAX    8

struct fixture {
	struct loop *loop;
	struct loop_timer *guard;
	struct launcher *launcher;
	char dir[64];
	unsigned int ended, wanted;
	bool is_lost;
	uint64_t id; /* of the last that ended */
	enum nsm_call_end how;
	int code;
};

static void on_guard(void *ctx)
{
	const struct fixture *f = ctx;

	fail_msg("%u of %u ends in %d ms", f->ended, f->wanted, WAIT_MS_MAX);
}

static void on_called(void *ctx, uint64_t id, enum nsm_call_end how, int code)
{
	struct fixture *f = ctx;

	f->is_lost |= how == NSM_CALL_LOST;
	f->id = id;
	f->how = how;
	f->code = code;
	if (++f->ended == f->wanted)
		loop_stop(f->loop);
}

static void on_log(enum log_level level, const char *text)
{
	fprintf(stderr, "log %d: %s\n", (int)level, text);
}

static int setup(void **state)
{
	static struct fixture f;
	struct launcher_place place = {.uid = USER, .gid = GROUP};
	int error;

	memset(&f, 0, sizeof(f));
	strcpy(f.dir, "/tmp/test_launcher.XXXXXX");
	if (mkdtemp(f.dir) == NULL || chmod(f.dir, 0777) < 0)
		return -1;
	log_set_sink(on_log);
	f.loop = loop_new();
	f.guard = loop_timer_new(f.loop, on_guard, &f);
	place.dir = f.dir;
	f.launcher = launcher_new(f.loop, &place, on_called, &f, &error);
	*state = &f;
	return f.launcher == NULL ? -1 : 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	launcher_free(f->launcher);
	loop_timer_free(f->guard);
	loop_free(f->loop);
	snprintf(command, sizeof(command), "rm -rf %s", f->dir);
	return system(command) == 0 ? 0 : -1;
}

/* Waits until @count more have ended. */
static void wait_ends(struct fixture *f, unsigned int count)
{
	f->ended = 0;
	f->wanted = count;
	loop_timer_set(f->guard, loop_now_ms() + WAIT_MS_MAX);
	assert_int_equal(loop_run(f->loop), 0);
	loop_timer_set(f->guard, UINT64_MAX);
}

static void start(struct fixture *f, uint64_t id, uint32_t timeout_ms,
		  const char *path, const char *script)
{
	const char *const words[] = {"-c", script, "three", "four"};
	const struct launcher_job job = {.id = id,
					 .timeout_ms = timeout_ms,
					 .path = path,
					 .words = words,
					 .count = 4};

	assert_int_equal(launcher_run(f->launcher, &job), 0);
}

/* Runs a shell script to its end. */
static void run(struct fixture *f, const char *script)
{
	start(f, 1, LONG_MS, "/bin/sh", script);
	wait_ends(f, 1);
}

static void ended(const struct fixture *f, uint64_t id, enum nsm_call_end how,
		  int code)
{
	assert_int_equal(f->id, id);
	assert_int_equal(f->how, how);
	assert_int_equal(f->code, code);
}

/* What a program left in the file @name of the scratch directory. */
static const char *said(const struct fixture *f, const char *name)
{
	static char text[TEXT_MAX];
	char path[128];
	FILE *file;
	size_t len = 0;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	file = fopen(path, "r");
	if (file != NULL) {
		len = fread(text, 1, sizeof(text) - 1, file);
		fclose(file);
	}
	text[len] = '\0';
	return text;
}

static bool is_gone(int pid)
{
	return kill(pid, 0) < 0 && errno == ESRCH;
}

static void wait_gone(int pid)
{
	int i;

	for (i = 0; i < WAIT_MS_MAX / 10 && !is_gone(pid); i++)
		usleep(10000);
	assert_true(is_gone(pid));
}

/* The pids in the file "pids"; they are written one per line. */
static size_t pids(const struct fixture *f, int out[static PIDS_MAX])
{
	const char *at = said(f, "pids");
	size_t count = 0;
	int len;

	while (count < PIDS_MAX &&
	       sscanf(at, "%d\n%n", &out[count], &len) == 1) {
		at += len;
		count++;
	}
	return count;
}

/* The process that launcher_new() forked: our only child. */
static int launcher_pid(void)
{
	FILE *file = fopen("/proc/thread-self/children", "r");
	int pid = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d", &pid), 1);
	fclose(file);
	return pid;
}

static void ends_are_told(void **state)
{
	struct fixture *f = *state;

	run(f, "exit 0");
	ended(f, 1, NSM_CALL_EXITED, 0);
	run(f, "exit 7");
	ended(f, 1, NSM_CALL_EXITED, 7);
	run(f, "kill -SEGV $$");
	ended(f, 1, NSM_CALL_KILLED, SIGSEGV);
	start(f, 2, LONG_MS, "/nonexistent", "");
	wait_ends(f, 1);
	ended(f, 2, NSM_CALL_NOT_STARTED, -ENOENT);
	start(f, 3, LONG_MS, "/etc/passwd", "");
	wait_ends(f, 1);
	ended(f, 3, NSM_CALL_NOT_STARTED, -EACCES);
	start(f, 4, LONG_MS, "sh", "");
	wait_ends(f, 1);
	ended(f, 4, NSM_CALL_NOT_STARTED, -ENOENT);
}

static void words_directory_environment_are_handed_on(void **state)
{
	static const char *const words[] = {"add-client", "-n a  b", "", "x"};
	struct fixture *f = *state;
	struct launcher_job job = {
		.id = 9, .timeout_ms = LONG_MS, .words = words, .count = 4};
	char path[128], want[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/program", f->dir);
	file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file, "#!/bin/sh\n"
		      "printf '%%s\\n' \"$0\" \"$#\" \"$@\" \"$PWD\" "
		      "\"$TEST_LAUNCHER\" >said\n");
	fclose(file);
	assert_int_equal(chmod(path, 0755), 0);
	job.path = path;
	assert_int_equal(launcher_run(f->launcher, &job), 0);
	wait_ends(f, 1);
	ended(f, 9, NSM_CALL_EXITED, 0);
	snprintf(want, sizeof(want),
		 "%s\n4\nadd-client\n-n a  b\n\nx\n%s\nyes\n", path, f->dir);
	assert_string_equal(said(f, "said"), want);
}

/* Signals 32 and 33 are the C library's own; nobody can reset them. */
static void descriptors_and_signals_are_clean(void **state)
{
	struct fixture *f = *state;

	run(f, "exec >said; readlink /proc/self/fd/0\n"
	       "for fd in /proc/$$/fd/*; do\n"
	       "	[ ! -e /proc/$$/fd/${fd##*/} ] || echo ${fd##*/}\n"
	       "done");
	assert_string_equal(said(f, "said"), "/dev/null\n0\n1\n2\n");
	run(f, "exec >said; grep -E '^Sig(Blk|Ign):' /proc/self/status |\n"
	       "	grep -vE '0{7}(0|18)0*$'; cut -d' ' -f5,6 "
	       "/proc/$$/stat | sed s/$$/pid/g");
	assert_string_equal(said(f, "said"), "pid pid\n");
}

static void identity_is_the_owner_of_the_records(void **state)
{
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip(); /* needs root, to give it up */
	run(f, "exec >said; grep -E '^(Uid|Gid|CapInh|CapPrm|CapEff|CapAmb|"
	       "NoNewPrivs):' /proc/self/status; id -G");
	assert_string_equal(said(f, "said"),
			    "Uid:\t65533\t65533\t65533\t65533\n"
			    "Gid:\t65532\t65532\t65532\t65532\n"
			    "CapInh:\t0000000000000000\n"
			    "CapPrm:\t0000000000000000\n"
			    "CapEff:\t0000000000000000\n"
			    "CapAmb:\t0000000000000000\n"
			    "NoNewPrivs:\t0\n65532\n");
}

/* A tree that nobody's process group or session holds together. */
static const char tree[] = "trap '' TERM HUP; echo $$ >>pids\n"
			   "sleep 1000 & echo $! >>pids\n"
			   "setsid sh -c 'echo $$ >>pids; sleep 1000' &\n"
			   "(setsid sh -c 'echo $$ >>pids\n"
			   "	(sleep 1000 & echo $! >>pids)\n"
			   "	echo done >done; exec sleep 1000' &)\n"
			   "sleep 1000";

static void all_are_gone(const struct fixture *f)
{
	int all[PIDS_MAX];
	size_t count = pids(f, all);

	assert_in_range(count, 4, PIDS_MAX);
	while (count-- > 0)
		wait_gone(all[count]);
}

/* However slow the machine is: the whole tree is there before the limit. */
static void the_limit_kills_the_whole_tree(void **state)
{
	struct fixture *f = *state;
	uint32_t timeout_ms;
	char path[128];

	snprintf(path, sizeof(path), "%s/pids", f->dir);
	for (timeout_ms = 500; timeout_ms < LONG_MS; timeout_ms *= 4) {
		(void)unlink(path); /* of the round before */
		start(f, 5, timeout_ms, "/bin/sh", tree);
		wait_ends(f, 1);
		ended(f, 5, NSM_CALL_TIMED_OUT, 0);
		if (strcmp(said(f, "done"), "done\n") == 0)
			break;
	}
	all_are_gone(f);
}

static void wait_tree(const struct fixture *f)
{
	int i;

	for (i = 0; i < WAIT_MS_MAX / 10 && said(f, "done")[0] == '\0'; i++)
		usleep(10000);
	assert_string_equal(said(f, "done"), "done\n");
}

static void what_became_root_is_killed_too(void **state)
{
	struct fixture *f = *state;
	uint32_t timeout_ms;
	char command[256];

	if (geteuid() != 0)
		skip(); /* needs root, to make a program that gives it */
	snprintf(command, sizeof(command),
		 "cp $(command -v setpriv) %s/become && chmod 4755 %s/become",
		 f->dir, f->dir);
	assert_int_equal(system(command), 0);
	for (timeout_ms = 500; timeout_ms < LONG_MS; timeout_ms *= 4) {
		start(f, 6, timeout_ms, "/bin/sh",
		      "exec ./become --reuid 0 --regid 0 --clear-groups sh -c "
		      "'\n	echo $$ >pids; id -u >done; exec sleep 1000'");
		wait_ends(f, 1);
		ended(f, 6, NSM_CALL_TIMED_OUT, 0);
		if (said(f, "done")[0] != '\0')
			break;
	}
	assert_string_equal(said(f, "done"), "0\n");
	wait_gone(atoi(said(f, "pids")));
}

static void what_is_left_behind_is_left_alone(void **state)
{
	struct fixture *f = *state;
	int pid;

	run(f, "sleep 1000 & echo $! >pids");
	ended(f, 1, NSM_CALL_EXITED, 0);
	pid = atoi(said(f, "pids"));
	assert_false(is_gone(pid));
	assert_int_equal(kill(pid, SIGKILL), 0);
}

static void the_end_of_statd_ends_all(void **state)
{
	struct fixture *f = *state;

	start(f, 1, LONG_MS, "/bin/sh", tree);
	wait_tree(f);
	launcher_free(f->launcher);
	f->launcher = NULL;
	all_are_gone(f);
}

static void a_killed_statd_ends_all(void **state)
{
	struct fixture *f = *state;
	struct launcher_place place = {.dir = f->dir,
				       .uid = USER,
				       .gid = GROUP};
	int status, error;
	pid_t pid = fork();

	if (pid == 0) {
		struct fixture g = {.loop = loop_new()};

		g.launcher =
			launcher_new(g.loop, &place, on_called, &g, &error);
		start(&g, 1, LONG_MS, "/bin/sh", tree);
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	wait_tree(f);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	all_are_gone(f);
}

/* A service manager sends them to all processes of statd. */
static void what_is_sent_for_statd_ends_nothing(void **state)
{
	static const int signals[] = {SIGHUP,  SIGINT,	SIGTERM,
				      SIGUSR1, SIGUSR2, SIGPIPE};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		assert_int_equal(kill(launcher_pid(), signals[i]), 0);
	start(f, 1, LONG_MS, "/bin/true", "");
	wait_ends(f, 1);
	ended(f, 1, NSM_CALL_EXITED, 0);
	assert_false(f->is_lost);
}

static void a_killed_launcher_is_told(void **state)
{
	const char *const words[] = {"x"};
	const struct launcher_job job = {.id = 8,
					 .timeout_ms = LONG_MS,
					 .path = "/bin/true",
					 .words = words,
					 .count = 1};
	struct fixture *f = *state;

	start(f, 1, LONG_MS, "/bin/sh", tree);
	wait_tree(f);
	assert_int_equal(kill(launcher_pid(), SIGTERM), 0); /* statd's */
	assert_int_equal(kill(launcher_pid(), SIGKILL), 0);
	wait_ends(f, 1);
	assert_true(f->is_lost);
	all_are_gone(f);
	assert_int_equal(launcher_run(f->launcher, &job), -EPIPE);
}

static void five_are_too_many(void **state)
{
	struct fixture *f = *state;
	char path[128];
	uint64_t id;

	for (id = 1; id <= LAUNCHER_RUNS_MAX + 1; id++)
		start(f, id, LONG_MS, "/bin/sh",
		      "while [ ! -e go ]; do sleep 0.1; done");
	wait_ends(f, 1);
	ended(f, LAUNCHER_RUNS_MAX + 1, NSM_CALL_NOT_STARTED, -EBUSY);
	snprintf(path, sizeof(path), "%s/go", f->dir);
	assert_int_equal(mkdir(path, 0777), 0);
	wait_ends(f, LAUNCHER_RUNS_MAX);
	ended(f, f->id, NSM_CALL_EXITED, 0);
}

static void bad_requests_end_the_launcher(void **state)
{
	struct fixture *f = *state;

	start(f, 1, 0, "/bin/true", "");
	wait_ends(f, 1);
	assert_true(f->is_lost);
}

/* Not with a shell: popen() closes its end when that may be counting already.
 */
static unsigned int entries(int pid, const char *what)
{
	char path[64];
	unsigned int count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	dir = opendir(path);
	assert_non_null(dir);
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

static void a_thousand_leave_nothing(void **state)
{
	struct fixture *f = *state;
	int pid = launcher_pid();
	unsigned int i, before, ours;
	char path[64], text[16];
	FILE *file;

	run(f, "exit 0");
	before = entries(pid, "fd");
	ours = entries(getpid(), "fd");
	for (i = 0; i < MANY; i += LAUNCHER_RUNS_MAX) {
		uint64_t id;

		for (id = 1; id <= LAUNCHER_RUNS_MAX; id++)
			start(f, id, LONG_MS, "/bin/true", "");
		wait_ends(f, LAUNCHER_RUNS_MAX);
		ended(f, f->id, NSM_CALL_EXITED, 0);
	}
	assert_int_equal(entries(pid, "fd"), before);
	assert_int_equal(entries(getpid(), "fd"), ours);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_null(fgets(text, sizeof(text), file));
	fclose(file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ends_are_told),
		TEST(words_directory_environment_are_handed_on),
		TEST(descriptors_and_signals_are_clean),
		TEST(identity_is_the_owner_of_the_records),
		TEST(the_limit_kills_the_whole_tree),
		TEST(what_became_root_is_killed_too),
		TEST(what_is_left_behind_is_left_alone),
		TEST(the_end_of_statd_ends_all),
		TEST(a_killed_statd_ends_all),
		TEST(what_is_sent_for_statd_ends_nothing),
		TEST(a_killed_launcher_is_told),
		TEST(five_are_too_many),
		TEST(bad_requests_end_the_launcher),
		TEST(a_thousand_leave_nothing),
	};

	if (setenv("TEST_LAUNCHER", "yes", 1) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
