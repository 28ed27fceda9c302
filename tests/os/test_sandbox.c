/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os/sandbox: what a process is afterwards, as /proc tells it, and what it can
 * still do.  Each case runs in a child, since nothing can be undone.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log.h"
#include "os/durable.h"
#include "os/sandbox.h"

#define USER		65533u
#define GROUP		65532u
#define PORTS		64 /* tried, others may have some */
#define NO_CAPABILITY	"0000000000000000"
#define PORT_CAPABILITY "0000000000000400" /* CAP_NET_BIND_SERVICE is 10 */

#define KILL_CAPABILITY "0000000000000020" /* CAP_KILL is 5 */
#define READ_CAPABILITY "0000000000000004" /* CAP_DAC_READ_SEARCH is 2 */

static char scratch[] = "/tmp/test_sandbox.XXXXXX";
static char secret[] = "/tmp/test_sandbox-XXXXXX";
static unsigned int warnings;

static void on_log(enum log_level level, const char *text)
{
	(void)text; /* only counted */
	if (level == LOG_WARN)
		warnings++;
}

static int setup(void **state)
{
	int fd = mkstemp(secret); /* 0600 */

	(void)state;
	log_set_sink(on_log);
	if (fd < 0)
		return -1;
	close(fd);
	return mkdtemp(scratch) == NULL ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	return unlink(secret) == 0 && rmdir(scratch) == 0 ? 0 : -1;
}

/* In a child a failure is an exit status, and its place is on stderr. */
#define WANT(fact)                                                    \
	do {                                                          \
		if (!(fact)) {                                        \
			fprintf(stderr, "%d: %s\n", __LINE__, #fact); \
			_exit(1);                                     \
		}                                                     \
	} while (0)

static void run_child(void (*body)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(60);
		body();
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Tells whether the line @key of @path (a status file) reads @value. */
static bool status_is(const char *path, const char *key, const char *value)
{
	char line[256];
	char want[128];
	bool is_equal = false;
	FILE *file = fopen(path, "r");

	if (file == NULL)
		return false;
	snprintf(want, sizeof(want), "%s:\t%s", key, value);
	while (fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		while (line[0] != '\0' && line[strlen(line) - 1] == ' ')
			line[strlen(line) - 1] = '\0';
		if (strncmp(line, key, strlen(key)) == 0 &&
		    line[strlen(key)] == ':') {
			is_equal = strcmp(line, want) == 0;
			if (!is_equal)
				fprintf(stderr, "want %s, have %s\n", want,
					line);
		}
	}
	fclose(file);
	return is_equal;
}

static void want_rights(const char *path, unsigned int uid, unsigned int gid)
{
	char ids[64];

	snprintf(ids, sizeof(ids), "%u\t%u\t%u\t%u", uid, uid, uid, uid);
	WANT(status_is(path, "Uid", ids));
	snprintf(ids, sizeof(ids), "%u\t%u\t%u\t%u", gid, gid, gid, gid);
	WANT(status_is(path, "Gid", ids));
	WANT(status_is(path, "Groups", "") || status_is(path, "Groups", " "));
	WANT(status_is(path, "CapInh", NO_CAPABILITY));
	WANT(status_is(path, "CapPrm", PORT_CAPABILITY));
	WANT(status_is(path, "CapEff", PORT_CAPABILITY));
	WANT(status_is(path, "CapBnd", NO_CAPABILITY));
	WANT(status_is(path, "CapAmb", NO_CAPABILITY));
	WANT(status_is(path, "NoNewPrivs", "1"));
}

static bool can_bind_reserved(void)
{
	struct sockaddr_in sa = {.sin_family = AF_INET};
	bool is_bound = false;
	int fd;

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (uint16_t i = 0; i < PORTS && !is_bound; i++) {
		fd = socket(AF_INET, SOCK_DGRAM, 0);
		sa.sin_port = htons((uint16_t)(700 + i));
		is_bound = bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0;
		if (!is_bound)
			WANT(errno == EADDRINUSE);
		close(fd);
	}
	return is_bound;
}

static void *thread_body(void *arg)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", gettid());
	want_rights(path, USER, GROUP);
	return arg;
}

static void user_body(void)
{
	static const gid_t groups[] = {4, 20};
	pthread_t thread;
	void *result = NULL;

	WANT(setgroups(2, groups) == 0);
	WANT(sandbox_enter(USER, GROUP) == 0);
	WANT(warnings == 0);
	want_rights("/proc/self/status", USER, GROUP);
	WANT(can_bind_reserved());
	WANT(open(secret, O_RDONLY) < 0 && errno == EACCES);
	WANT(setuid(0) < 0 && errno == EPERM);
	WANT(setgid(0) < 0 && errno == EPERM);
	WANT(setgroups(2, groups) < 0 && errno == EPERM);
	WANT(chown("/", USER, GROUP) < 0 && errno == EPERM);
	WANT(kill(getppid(), 0) < 0 && errno == EPERM);
	WANT(pthread_create(&thread, NULL, thread_body, &warnings) == 0);
	WANT(pthread_join(thread, &result) == 0 && result == &warnings);
}

static void user_is_all_that_is_left(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip(); /* needs root, to give it up */
	run_child(user_body);
}

/* What it makes beside the files of another stays its own. */
static void want_durable(void)
{
	int dir = open(scratch, O_RDONLY | O_DIRECTORY);

	WANT(dir >= 0);
	WANT(durable_create(dir, "record", "x", 1, 0600) == 0);
	WANT(durable_replace(dir, "record", "y", 1, 0600) == 0);
	WANT(unlinkat(dir, "record", 0) == 0);
}

static void root_body(void)
{
	WANT(chown(scratch, USER, GROUP) == 0 && chmod(scratch, 0777) == 0);
	WANT(sandbox_enter(0, 0) == 0);
	WANT(warnings == 1);
	want_rights("/proc/self/status", 0, 0);
	WANT(can_bind_reserved());
	WANT(setuid(USER) < 0 && errno == EPERM);
	WANT(chown(secret, USER, GROUP) < 0 && errno == EPERM);
	want_durable();
	/* What root runs would have everything, but for the bounding set. */
	execl("/bin/sh", "sh", "-c",
	      "grep -q '^CapEff:.0000000000000000$' /proc/self/status", NULL);
	_exit(127);
}

static void root_stays_without_capabilities(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip(); /* needs root, to give up its capabilities */
	run_child(root_body);
}

/* As where a service manager has dropped root before us. */
static void other_body(void)
{
	if (geteuid() == 0)
		WANT(setuid(USER) == 0);
	WANT(sandbox_enter(GROUP, GROUP) == 0);
	WANT(warnings == 0);
	WANT(geteuid() != 0 && geteuid() != GROUP);
	WANT(status_is("/proc/self/status", "CapEff", NO_CAPABILITY));
	WANT(status_is("/proc/self/status", "CapPrm", NO_CAPABILITY));
	WANT(status_is("/proc/self/status", "NoNewPrivs", "1"));
}

static void other_user_stays(void **state)
{
	(void)state;
	run_child(other_body);
}

/* Who starts programs that may become root: kill() and nothing else. */
static void launcher_body(void)
{
	WANT(sandbox_enter_launcher(USER, GROUP) == 0);
	WANT(geteuid() == USER && getegid() == GROUP);
	WANT(getgroups(0, NULL) == 0);
	WANT(status_is("/proc/self/status", "CapEff", KILL_CAPABILITY));
	WANT(status_is("/proc/self/status", "CapPrm", KILL_CAPABILITY));
	WANT(status_is("/proc/self/status", "CapInh", NO_CAPABILITY));
	WANT(status_is("/proc/self/status", "CapAmb", NO_CAPABILITY));
	WANT(status_is("/proc/self/status", "NoNewPrivs", "0"));
	WANT(kill(getppid(), 0) == 0);
	WANT(setuid(0) < 0 && errno == EPERM);
	execl("/bin/sh", "sh", "-c",
	      "grep -q '^CapPrm:.0000000000000000$' /proc/self/status", NULL);
	_exit(127);
}

static void launcher_keeps_kill_alone(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip(); /* needs root, to give it up */
	run_child(launcher_body);
}

static void rightless_body(void)
{
	uid_t uid = geteuid();

	WANT(sandbox_drop_rights() == 0);
	WANT(warnings == 0);
	WANT(geteuid() == uid);
	WANT(status_is("/proc/self/status", "CapEff", NO_CAPABILITY));
	WANT(status_is("/proc/self/status", "CapPrm", NO_CAPABILITY));
	WANT(status_is("/proc/self/status", "CapInh", NO_CAPABILITY));
	WANT(status_is("/proc/self/status", "CapAmb", NO_CAPABILITY));
	WANT(status_is("/proc/self/status", "NoNewPrivs", "1"));
	WANT(uid != 0 ||
	     status_is("/proc/self/status", "CapBnd", NO_CAPABILITY));
	WANT(chown(secret, USER, GROUP) < 0 && errno == EPERM);
	/* What belongs to us can still be written. */
	WANT(close(open(secret, O_WRONLY | O_CLOEXEC)) == 0);
	execl("/bin/sh", "sh", "-c",
	      "grep -q '^CapEff:.0000000000000000$' /proc/self/status", NULL);
	_exit(127);
}

static void rights_are_dropped_alone(void **state)
{
	(void)state;
	run_child(rightless_body);
}

/* A directory without the right to search it, as nfsd has one per client. */
static void reading_body(void)
{
	char dir[64], file[80];
	int fd;

	snprintf(dir, sizeof(dir), "%s-closed", secret);
	snprintf(file, sizeof(file), "%s/info", dir);
	WANT(mkdir(dir, 0700) == 0);
	fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0400);
	WANT(fd >= 0 && close(fd) == 0 && chmod(dir, 0600) == 0);
	WANT(sandbox_keep_reading() == 0);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	WANT(fd >= 0 && close(fd) == 0);
	WANT(unlink(file) < 0 && errno == EACCES);
	WANT(open(file, O_WRONLY | O_CLOEXEC) < 0 && errno == EACCES);
	WANT(status_is("/proc/self/status", "CapEff", READ_CAPABILITY));
	WANT(status_is("/proc/self/status", "CapPrm", READ_CAPABILITY));
	WANT(status_is("/proc/self/status", "CapBnd", NO_CAPABILITY));
	WANT(status_is("/proc/self/status", "NoNewPrivs", "1"));
	WANT(chmod(dir, 0700) == 0 && unlink(file) == 0 && rmdir(dir) == 0);
}

static void reading_is_kept_alone(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip(); /* needs root, to keep something of it */
	run_child(reading_body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(user_is_all_that_is_left),
		cmocka_unit_test(root_stays_without_capabilities),
		cmocka_unit_test(other_user_stays),
		cmocka_unit_test(launcher_keeps_kill_alone),
		cmocka_unit_test(rights_are_dropped_alone),
		cmocka_unit_test(reading_is_kept_alone),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
