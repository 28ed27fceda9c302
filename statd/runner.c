/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SAFETY: a callout is a shell that runs sudo that runs another shell, and any
 * of them may leave the process group.  Orphans of the tree become children of
 * this process (a "subreaper"), so whoever is killed, those below him are found
 * next, until there are none.  What became root is killed by the capability
 * that the launcher kept for this.
 */
#define _GNU_SOURCE /* close_range() */
#include "statd/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MS_PER_S     1000u
#define NS_PER_MS    1000000l
#define KILL_MS_MAX  5000u /* what does not end by then hangs in the kernel */
#define KILL_WAIT_MS 50u
#define EXIT_NO_RUN  2 /* COMPAT: contract.md 2.11 */

static uint64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
	return (uint64_t)now.tv_sec * MS_PER_S +
	       (uint64_t)(now.tv_nsec / NS_PER_MS);
}

static void reset_signals(void)
{
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL); /* some cannot be set */
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL); /* cannot fail */
}

/* What goes wrong before the program runs is told in *report. */
static _Noreturn void program_main(char *const *argv,
				   struct runner_report *report)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	reset_signals();
	(void)setsid(); /* cannot fail: nobody has our pid as his group */
	if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
	    close_range(STDERR_FILENO + 1, ~0u, 0) == 0)
		execv(argv[0], argv);
	report->how = NSM_CALL_NOT_STARTED;
	report->code = -errno;
	_exit(EXIT_NO_RUN);
}

/* Waits for a signal of @set until @end_ms; 0: it is over. */
static int wait_signal(const sigset_t *set, uint64_t end_ms)
{
	uint64_t now = now_ms();
	uint64_t left_ms = end_ms > now ? end_ms - now : 0;
	struct timespec wait = {
		.tv_sec = (time_t)(left_ms / MS_PER_S),
		.tv_nsec = (long)(left_ms % MS_PER_S) * NS_PER_MS,
	};
	int got = sigtimedwait(set, NULL, &wait);

	return got < 0 && errno == EAGAIN ? 0 : got;
}

/* Kills all that are our children now. */
static void kill_children(void)
{
	FILE *file = fopen("/proc/thread-self/children", "re");
	int pid;

	if (file == NULL)
		return;
	while (fscanf(file, "%d", &pid) == 1)
		(void)kill(pid, SIGKILL); /* gone already is fine */
	(void)fclose(file);		  /* was only read */
}

static bool has_children(void)
{
	pid_t pid;

	do
		pid = waitpid(-1, NULL, WNOHANG);
	while (pid > 0 || (pid < 0 && errno == EINTR));
	return pid == 0;
}

/* Kills the group of @pid and everybody below us. */
static void kill_tree(pid_t pid, const sigset_t *set)
{
	uint64_t end_ms = now_ms() + KILL_MS_MAX;

	(void)kill(-pid, SIGKILL); /* a group may be empty */
	while (has_children() && now_ms() < end_ms) {
		kill_children();
		(void)wait_signal(set, now_ms() + KILL_WAIT_MS);
	}
}

/* Reaps whoever has ended; whether @pid was one of them. */
static bool has_ended(pid_t pid, int *status)
{
	bool is_over = false;
	pid_t got;
	int its;

	while ((got = waitpid(-1, &its, WNOHANG)) > 0) {
		if (got != pid)
			continue;
		is_over = true;
		*status = its;
	}
	return is_over;
}

static void report_end(struct runner_report *report, int status)
{
	if (report->how == NSM_CALL_NOT_STARTED)
		return;
	if (WIFEXITED(status)) {
		report->how = NSM_CALL_EXITED;
		report->code = WEXITSTATUS(status);
	} else {
		report->how = NSM_CALL_KILLED;
		report->code = WTERMSIG(status);
	}
}

/* Sees @pid through to its end. */
static void watch(pid_t pid, uint64_t end_ms, const sigset_t *set,
		  struct runner_report *report)
{
	int status;
	int got;

	while (!has_ended(pid, &status)) {
		got = wait_signal(set, end_ms);
		if (got == SIGCHLD || got < 0)
			continue;
		report->how = got == 0 ? NSM_CALL_TIMED_OUT : NSM_CALL_KILLED;
		report->code = got;
		kill_tree(pid, set);
		return;
	}
	report_end(report, status);
}

static _Noreturn void runner_main(char *const *argv, uint64_t end_ms,
				  pid_t parent, struct runner_report *report)
{
	sigset_t set;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	(void)signal(SIGCHLD, SIG_DFL);
	(void)signal(SIGTERM, SIG_DFL);
	(void)sigprocmask(SIG_BLOCK, &set, NULL); /* cannot fail */
	report->how = NSM_CALL_NOT_STARTED;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent ||
	    close_range(STDERR_FILENO + 1, ~0u, 0) < 0) {
		report->code = -errno;
		_exit(EXIT_FAILURE);
	}
	report->how = NSM_CALL_EXITED;
	pid = fork();
	if (pid == 0)
		program_main(argv, report);
	if (pid < 0) {
		report->how = NSM_CALL_NOT_STARTED;
		report->code = -errno;
		_exit(EXIT_FAILURE);
	}
	watch(pid, end_ms, &set, report);
	_exit(EXIT_SUCCESS);
}

int runner_start(char *const *argv, uint32_t timeout_ms,
		 struct runner_report *report)
{
	uint64_t end_ms = now_ms() + timeout_ms;
	pid_t parent = getpid();
	pid_t pid;

	/* What stands here if the process is killed before it says more. */
	report->how = NSM_CALL_KILLED;
	report->code = SIGKILL;
	pid = fork();
	if (pid == 0)
		runner_main(argv, end_ms, parent, report);
	return pid < 0 ? -errno : pid;
}
