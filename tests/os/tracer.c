/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ptrace(2), as little of it as a test of durability needs.  The kernel
 * decodes the calls (PTRACE_GET_SYSCALL_INFO), so nothing here depends on the
 * processor.
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

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "tests/os/tracer.h"

#define SYSCALL_STOP (SIGTRAP | 0x80) /* by PTRACE_O_TRACESYSGOOD */

static void be_traced(int (*work)(void *ctx), void *ctx)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(1);
	raise(SIGSTOP);
	_exit(work(ctx));
}

/* Starts the child and brings it to the brink of its work. */
static pid_t start(int (*work)(void *ctx), void *ctx)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		be_traced(work, ctx);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFSTOPPED(status))
		return -1;
	if (ptrace(PTRACE_SETOPTIONS, pid, NULL, options) == 0)
		return pid;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return -1;
}

/* Describes the stop; false where it is not one of a system call. */
static bool look(pid_t pid, struct tracer_stop *stop)
{
	struct __ptrace_syscall_info info;
	size_t i;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0)
		return false;
	stop->pid = pid;
	stop->is_done = info.op == PTRACE_SYSCALL_INFO_EXIT;
	if (stop->is_done) {
		stop->result = info.exit.rval;
		return true;
	}
	if (info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return false;
	stop->count++;
	stop->nr = info.entry.nr;
	for (i = 0; i < 6; i++)
		stop->args[i] = info.entry.args[i];
	return true;
}

enum tracer_end tracer_run(int (*work)(void *ctx), void *work_ctx,
			   tracer_watch *watch, void *watch_ctx, int *status)
{
	struct tracer_stop stop = {0};
	pid_t pid = start(work, work_ctx);
	uintptr_t signal_number = 0;
	bool is_wanted = true;
	int event;

	if (pid < 0)
		return TRACER_REFUSED;
	for (;;) {
		/* One that was killed is on its way out, or gone: ESRCH. */
		if ((is_wanted &&
		     ptrace(PTRACE_SYSCALL, pid, NULL, signal_number) != 0) ||
		    waitpid(pid, &event, 0) != pid)
			fail_msg("the traced child is lost");
		if (WIFSIGNALED(event) && !is_wanted)
			return TRACER_KILLED;
		if (WIFSIGNALED(event))
			fail_msg("signal %d", WTERMSIG(event));
		if (WIFEXITED(event)) {
			*status = WEXITSTATUS(event);
			return TRACER_EXITED;
		}
		signal_number = 0;
		if (WSTOPSIG(event) != SYSCALL_STOP)
			signal_number = (uintptr_t)WSTOPSIG(event);
		else if (look(pid, &stop))
			is_wanted = watch(watch_ctx, &stop);
		if (!is_wanted)
			kill(pid, SIGKILL);
	}
}

void tracer_fd_path(const struct tracer_stop *stop, uint64_t fd,
		    char out[static TRACER_PATH_SIZE])
{
	char link[64];
	ssize_t len;

	if ((int)fd == AT_FDCWD)
		snprintf(link, sizeof(link), "/proc/%d/cwd", stop->pid);
	else
		snprintf(link, sizeof(link), "/proc/%d/fd/%d", stop->pid,
			 (int)fd);
	len = readlink(link, out, TRACER_PATH_SIZE - 1);
	out[len < 0 ? 0 : len] = '\0';
}

void tracer_path(const struct tracer_stop *stop, uint64_t fd, uint64_t address,
		 char out[static TRACER_PATH_SIZE])
{
	char name[256] = "";
	const struct iovec local = {name, sizeof(name) - 1};
	const struct iovec remote = {(void *)(uintptr_t)address,
				     sizeof(name) - 1};
	size_t len;
	int added;

	/* It may end at the end of a page, and then less is read. */
	(void)process_vm_readv(stop->pid, &local, 1, &remote, 1, 0);
	tracer_fd_path(stop, fd, out);
	len = name[0] == '/' ? 0 : strlen(out);
	added = snprintf(out + len, TRACER_PATH_SIZE - len, "%s%s",
			 name[0] == '/' ? "" : "/", name);
	assert_true(added > 0 && len + (size_t)added < TRACER_PATH_SIZE);
}
