/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os/process: the background, the pid file, readiness, children.  What a child
 * finds it reports itself, forked or run again with REPORT as its first word.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log.h"
#include "os/process.h"

#define WAIT_S_MAX 60 /* for a whole test, then SIGALRM ends it */
#define FDS_MAX	   1024
#define KEPT_HIGH  900
#define KEPT	   2
#define REPORT	   "report"

/* What a process finds itself to be. */
struct report {
	bool fds[FDS_MAX]; /* which are open */
	bool is_null[3];   /* is /dev/null, by standard descriptor */
	bool is_leader;	   /* of a session */
	bool is_blocked;   /* some signal is */
	bool ignores_pipe;
	bool ignores_usr1;
	int argc;
	char args[256]; /* each ended by '|' */
	char cwd[256];
	int ready_fd;
};

static char dir[] = "/tmp/test_process-XXXXXX";
static unsigned int log_lines;

static void on_log(enum log_level level, const char *text)
{
	(void)level; /* only counted */
	(void)text;
	log_lines++;
}

static int setup(void **state)
{
	(void)state; /* the directory is it */
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	if (mkdtemp(dir) == NULL || chdir(dir) != 0)
		return -1;
	unsetenv("NOTIFY_SOCKET");
	log_set_sink(on_log);
	log_lines = 0;
	alarm(WAIT_S_MAX);
	return 0;
}

static int teardown(void **state)
{
	char command[64];

	(void)state; /* the directory is it */
	alarm(0);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static bool is_dev_null(int fd)
{
	struct stat null, st;

	return stat("/dev/null", &null) == 0 && fstat(fd, &st) == 0 &&
	       S_ISCHR(st.st_mode) && st.st_rdev == null.st_rdev;
}

static bool is_ignored(int number)
{
	struct sigaction action;

	return sigaction(number, NULL, &action) == 0 &&
	       action.sa_handler == SIG_IGN;
}

static void look(struct report *r)
{
	sigset_t blocked;
	int i;

	memset(r, 0, sizeof(*r));
	for (i = 0; i < FDS_MAX; i++)
		r->fds[i] = fcntl(i, F_GETFD) >= 0;
	for (i = 0; i < 3; i++)
		r->is_null[i] = is_dev_null(i);
	r->is_leader = getsid(0) == getpid();
	sigprocmask(SIG_SETMASK, NULL, &blocked);
	for (i = 1; i < SIGRTMIN; i++)
		r->is_blocked |= sigismember(&blocked, i) == 1;
	r->ignores_pipe = is_ignored(SIGPIPE);
	r->ignores_usr1 = is_ignored(SIGUSR1);
	if (getcwd(r->cwd, sizeof(r->cwd)) == NULL)
		abort();
}

static void report_write(const struct report *r, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, r, sizeof(*r)) != sizeof(*r))
		abort();
	close(fd);
}

static void report_read(struct report *r, const char *path)
{
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, r, sizeof(*r)), sizeof(*r));
	close(fd);
}

static unsigned int fds_count(const struct report *r)
{
	unsigned int count = 0, i;

	for (i = 0; i < FDS_MAX; i++)
		count += r->fds[i];
	return count;
}

/* main() of this program when a test has run it: REPORT PATH ... */
static int report_main(int argc, char **argv)
{
	struct report r;
	size_t len = 0;
	int i;

	look(&r);
	r.argc = argc;
	for (i = 1; i < argc; i++)
		len += (size_t)snprintf(r.args + len, sizeof(r.args) - len,
					"%s|", argv[i]);
	report_write(&r, argv[2]);
	return 0;
}

/* --- the background ------------------------------------------------------- */

/* Ends with the status of the process that called process_background(). */
static int wait_status(pid_t pid)
{
	int status;

	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Goes to the background, with @keep, and says how it looks there. */
static pid_t report_from_background(const int *keep)
{
	struct report r;
	char path[64];
	pid_t pid = fork();
	int ready_fd;

	if (pid != 0)
		return pid;
	snprintf(path, sizeof(path), "%s/report", dir);
	ready_fd = process_background(keep, KEPT);
	if (ready_fd < 0)
		_exit(100);
	look(&r);
	r.ready_fd = ready_fd;
	report_write(&r, path);
	process_ready(ready_fd);
	_exit(7); /* too late to count */
}

static void assert_background(int first, int second)
{
	const int keep[KEPT] = {first, second};
	struct report r;
	int i;

	assert_int_equal(wait_status(report_from_background(keep)), 0);
	report_read(&r, "report");
	assert_true(r.is_leader);
	assert_string_equal(r.cwd, "/");
	for (i = 0; i < 3; i++)
		assert_true(r.is_null[i]);
	assert_true(r.ready_fd > 2);
	assert_true(r.fds[r.ready_fd]);
	assert_int_equal(fds_count(&r), 4 + (first >= 0) + (second >= 0));
	for (i = 0; i < KEPT; i++)
		assert_true(keep[i] < 0 || r.fds[keep[i]]);
}

static void test_background(void **state)
{
	int low = open("/dev/zero", O_RDONLY);
	int high = dup2(low, KEPT_HIGH);

	(void)state; /* the directory is it */
	assert_background(-1, low);
	assert_background(high, -1);
	assert_background(high, low);
	close(low);
	close(high);
}

/* Started with nothing open, as some init programs do. */
static void test_background_closed(void **state)
{
	pid_t pid = fork();
	struct report r;

	(void)state; /* the directory is it */
	if (pid == 0) {
		close(STDIN_FILENO);
		close(STDOUT_FILENO);
		close(STDERR_FILENO);
		pid = report_from_background((int[KEPT]){-1, -1});
		_exit(waitpid(pid, &pid, 0) > 0 ? WEXITSTATUS(pid) : 101);
	}
	assert_int_equal(wait_status(pid), 0);
	report_read(&r, "report");
	assert_true(r.is_null[0] && r.is_null[1] && r.is_null[2]);
	assert_int_equal(fds_count(&r), 4);
}

/* The parent stays until the word, and leaves with 1 when none comes. */
static void test_background_waits(void **state)
{
	int told[2];
	int status;
	char word;
	pid_t pid;

	(void)state; /* the directory is it */
	for (word = 'y'; word != 'z' + 1; word++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, told), 0);
		pid = fork();
		if (pid == 0) {
			int ready_fd = process_background(&told[1], 1);

			if (ready_fd < 0 || write(told[1], "b", 1) != 1 ||
			    read(told[1], &word, 1) != 1)
				_exit(100);
			if (word == 'y')
				process_ready(ready_fd);
			_exit(0);
		}
		close(told[1]);
		assert_int_equal(read(told[0], &status, 1), 1);
		assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
		assert_int_equal(write(told[0], &word, 1), 1);
		assert_int_equal(wait_status(pid), word == 'y' ? 0 : 1);
		close(told[0]);
	}
}

/* --- ready ---------------------------------------------------------------- */

/* Returns a socket that hears what is sent to @name ('@': abstract). */
static int listen_on(const char *name)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	size_t len = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	memcpy(at.sun_path, name, len);
	if (name[0] == '@')
		at.sun_path[0] = '\0';
	len += offsetof(struct sockaddr_un, sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, (socklen_t)len), 0);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static void assert_heard(int fd)
{
	char text[32] = "";

	assert_int_equal(recv(fd, text, sizeof(text) - 1, 0), 7);
	assert_string_equal(text, "READY=1");
	assert_int_equal(recv(fd, text, sizeof(text), 0), -1);
	assert_int_equal(log_lines, 0);
	close(fd);
}

static void test_ready(void **state)
{
	char name[108];
	int fd;

	(void)state; /* the directory is it */
	process_ready(-1);
	setenv("NOTIFY_SOCKET", "", 1);
	process_ready(-1);
	assert_int_equal(log_lines, 0);
	snprintf(name, sizeof(name), "%s/socket", dir);
	fd = listen_on(name);
	process_ready(-1);
	assert_heard(fd);
	name[0] = '@';
	fd = listen_on(name);
	process_ready(-1);
	assert_heard(fd);
	memset(name, 'x', sizeof(name) - 1); /* the longest one */
	name[0] = '@';
	name[sizeof(name) - 1] = '\0';
	fd = listen_on(name);
	process_ready(-1);
	assert_heard(fd);
}

static void test_ready_unheard(void **state)
{
	char name[200];
	int told[2], fd;

	(void)state;		    /* the directory is it */
	fd = listen_on("relative"); /* whose that is depends on where we are */
	process_ready(-1);
	assert_int_equal(recv(fd, name, sizeof(name), 0), -1);
	assert_int_equal(log_lines, 1);
	close(fd);
	memset(name, 'x', sizeof(name) - 1);
	name[0] = '/';
	name[sizeof(name) - 1] = '\0';
	setenv("NOTIFY_SOCKET", name, 1);
	process_ready(-1);
	assert_int_equal(log_lines, 2);
	setenv("NOTIFY_SOCKET", "/nobody/there", 1);
	process_ready(-1);
	assert_int_equal(log_lines, 3);
	/* The waiting parent was killed: that ends nobody else. */
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, told), 0);
	close(told[0]);
	process_ready(told[1]);
	assert_int_equal(log_lines, 4);
	assert_int_equal(fcntl(told[1], F_GETFD), -1);
}

/* --- the pid file --------------------------------------------------------- */

static void assert_pidfile(pid_t pid)
{
	char expected[32] = "", text[64] = "";
	int fd = open("pid", O_RDONLY);

	assert_true(fd >= 0);
	assert_true(read(fd, text, sizeof(text) - 1) >= 0);
	close(fd);
	if (pid != 0)
		snprintf(expected, sizeof(expected), "%d\n", (int)pid);
	assert_string_equal(text, expected);
}

static void test_pidfile(void **state)
{
	int fd = open("pid", O_WRONLY | O_CREAT, 0644);
	pid_t pid;

	(void)state; /* the directory is it */
	assert_int_equal(write(fd, "4194304\nstale\n", 14), 14);
	close(fd);
	fd = process_pidfile("pid");
	assert_true(fd >= 0);
	assert_pidfile(getpid());
	pid = fork();
	if (pid == 0)
		_exit(process_pidfile("pid") == -EWOULDBLOCK ? 0 : 1);
	assert_int_equal(wait_status(pid), 0);
	assert_pidfile(getpid());
	process_pidfile_end(fd);
	assert_pidfile(0);
	/* A process that died with it. */
	pid = fork();
	if (pid == 0)
		_exit(process_pidfile("pid") >= 0 ? 0 : 1);
	assert_int_equal(wait_status(pid), 0);
	assert_pidfile(pid);
	fd = process_pidfile("pid");
	assert_true(fd >= 0);
	assert_pidfile(getpid());
	process_pidfile_end(fd);
}

static void test_pidfile_refused(void **state)
{
	struct stat st;

	(void)state; /* the directory is it */
	assert_int_equal(process_pidfile("no/pid"), -ENOENT);
	assert_int_equal(process_pidfile("."), -EISDIR);
	/* SAFETY: nothing is written through a link. */
	assert_int_equal(symlink("target", "pid"), 0);
	assert_int_equal(process_pidfile("pid"), -ELOOP);
	assert_int_equal(stat("target", &st), -1);
}

static void run_report(struct report *r, const char *word)
{
	char self[512] = "";
	const char *argv[] = {self, REPORT, "report", word, "", NULL};
	int pid;

	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	pid = process_spawn(argv);
	assert_true(pid > 0);
	assert_int_equal(process_wait(pid), 0);
	report_read(r, "report");
}

static void test_spawn(void **state)
{
	int low = open("/dev/zero", O_RDONLY);
	int high = dup2(low, KEPT_HIGH);
	struct report r;
	sigset_t all;

	(void)state; /* the directory is it */
	dup2(low, STDIN_FILENO);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	run_report(&r, "a b*");
	signal(SIGPIPE, SIG_DFL);
	signal(SIGUSR1, SIG_DFL);
	signal(SIGUSR2, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	assert_int_equal(r.argc, 5);
	assert_string_equal(r.args, REPORT "|report|a b*||");
	assert_true(r.is_null[0]);
	assert_true(r.fds[0] && r.fds[1] && r.fds[2]);
	assert_int_equal(fds_count(&r), 3);
	assert_false(r.is_blocked);
	assert_false(r.ignores_pipe);
	assert_false(r.ignores_usr1);
	assert_string_equal(r.cwd, dir);
	close(low);
	close(high);
}

/* What a program opens first must not become its standard output. */
static void test_spawn_closed(void **state)
{
	struct report r;
	pid_t pid = fork();

	(void)state; /* the directory is it */
	if (pid == 0) {
		close(STDIN_FILENO);
		close(STDOUT_FILENO);
		close(STDERR_FILENO);
		run_report(&r, "x");
		_exit(fds_count(&r) == 3 && r.is_null[1] && r.is_null[2] ? 0
									 : 1);
	}
	assert_int_equal(wait_status(pid), 0);
}

static void test_spawn_missing(void **state)
{
	static const char *const missing[] = {"/no/such/program", NULL};
	static const char *const no_program[] = {"./text", NULL};
	int fd = open("text", O_WRONLY | O_CREAT, 0644);

	(void)state; /* the directory is it */
	close(fd);
	assert_int_equal(process_wait(process_spawn(missing)), 127);
	assert_int_equal(process_wait(process_spawn(no_program)), 127);
}

static int told_fd;

static void on_alarm(int number)
{
	(void)number; /* the only one */
	(void)!write(told_fd, "x", 1);
}

static void test_wait(void **state)
{
	struct sigaction action = {.sa_handler = on_alarm}, before;
	int told[2];
	char byte;
	pid_t pid;

	(void)state; /* the directory is it */
	pid = fork();
	if (pid == 0)
		_exit(255);
	assert_int_equal(process_wait(pid), 255);
	assert_int_equal(process_wait(pid), -ECHILD);
	pid = fork();
	if (pid == 0) {
		raise(SIGKILL);
		_exit(0);
	}
	assert_int_equal(process_wait(pid), 128 + SIGKILL);
	/* A signal comes while we wait. */
	assert_int_equal(pipe(told), 0);
	told_fd = told[1];
	sigaction(SIGALRM, &action, &before);
	pid = fork();
	if (pid == 0)
		_exit(read(told[0], &byte, 1) == 1 ? 3 : 4);
	ualarm(50000, 0);
	assert_int_equal(process_wait(pid), 3);
	sigaction(SIGALRM, &before, NULL);
	close(told[0]);
	close(told[1]);
}

static unsigned int limit_after(rlim_t soft, rlim_t hard, unsigned int count)
{
	struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};
	pid_t pid = fork();

	if (pid == 0) {
		if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
			_exit(0);
		count = process_allow_descriptors(count);
		getrlimit(RLIMIT_NOFILE, &limit);
		_exit(count > limit.rlim_cur ? 0 : (int)limit.rlim_cur);
	}
	return (unsigned int)wait_status(pid);
}

static void test_descriptors(void **state)
{
	(void)state; /* the directory is it */
	assert_int_equal(limit_after(50, 200, 100), 100);
	assert_int_equal(limit_after(50, 80, 100), 80);
	assert_int_equal(limit_after(150, 200, 100), 150);
}

static void test_random(void **state)
{
	uint8_t a[600], b[600];
	size_t i, changed = 0;

	(void)state; /* the directory is it */
	memset(a, 0, sizeof(a));
	process_random(a, sizeof(a) - 1);
	memcpy(b, a, sizeof(a));
	process_random(a, sizeof(a) - 1);
	for (i = 0; i < sizeof(a); i++)
		changed += a[i] != b[i];
	assert_in_range(changed, 500, 599); /* of 599, one in 256 may be same */
	assert_int_equal(a[599], 0);
}

#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(background),
		T(background_closed),
		T(background_waits),
		T(ready),
		T(ready_unheard),
		T(pidfile),
		T(pidfile_refused),
		T(spawn),
		T(spawn_closed),
		T(spawn_missing),
		T(wait),
		T(descriptors),
		T(random),
	};

	if (argc > 2 && strcmp(argv[1], REPORT) == 0)
		return report_main(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
