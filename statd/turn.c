/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Repeats a boot turn that failed, so that statd can serve meanwhile: without a
 * statd lockd grants locks that nobody remembers (contract.md 11).  A turn
 * needs root, which statd gives up (os/sandbox), hence a child that keeps it.
 *
 * All that the two say to each other is a byte, "it worked", and the end of the
 * socket, "I am gone".  Whether the store can be used now is statd's to say: as
 * long as it cannot, the child goes on.
 */
#define _GNU_SOURCE /* close_range() */
#include "statd/turn.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>

#include "lib/log.h"
#include "os/kernel.h"
#include "os/logsink.h"
#include "os/process.h"

#define WAIT_S_MAX 30
#define MS_PER_S   1000
#define CHILD_FD   3 /* the child's end; all above is closed */

int turn_run(const struct bootturn_place *place)
{
	struct bootturn_result result;
	int error = bootturn_run(place, &result);

	if (error != 0) {
		log_line(LOG_ERROR,
			 "the state in %s cannot be brought into this boot: %s",
			 place->state_dir, strerror(-error));
		return error;
	}
	error = kernel_set_nsm_local_state(result.number);
	if (error != 0)
		log_debug(LOG_CLASS_GENERAL,
			  "lockd was not told the state number: %s",
			  strerror(-error));
	return 0;
}

/*
 * ORDER: no descriptor of statd's stays open here: it would hold the ports and
 * the pid file of one that is gone, and the next could not start.
 */
static void child_prepare(int fd)
{
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL); /* some cannot be set */
	/* Sent to all of statd's processes, they are statd's; it ends us. */
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGUSR1, SIG_IGN);
	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		_exit(EXIT_FAILURE);
	logsink_reopen();
	if (fd != CHILD_FD && dup2(fd, CHILD_FD) < 0)
		_exit(EXIT_FAILURE);
	if (close_range(CHILD_FD + 1, ~0u, 0) < 0)
		_exit(EXIT_FAILURE);
}

/* Waits, but no longer than statd lives and wants us. */
static bool is_wanted_after(int wait_s)
{
	struct pollfd statd = {.fd = CHILD_FD, .events = POLLIN};

	return poll(&statd, 1, wait_s * MS_PER_S) <= 0; /* or EINTR */
}

static _Noreturn void child_main(const struct bootturn_place *place, int fd)
{
	int wait_s = 1;

	child_prepare(fd);
	process_rename("nsm-turn");
	while (is_wanted_after(wait_s)) {
		wait_s = wait_s * 2 < WAIT_S_MAX ? wait_s * 2 : WAIT_S_MAX;
		if (turn_run(place) == 0 &&
		    send(CHILD_FD, "", 1, MSG_NOSIGNAL) < 0)
			break;
	}
	_exit(EXIT_SUCCESS);
}

/*
 * SAFETY: the sign that statd is gone is the end of the socket.  The kernel's
 * parent-death signal is sent with the rights of the one who died, and statd
 * has none over a process of root.
 */
int turn_repeat(const struct bootturn_place *place, int *fd)
{
	sigset_t all, before;
	int pair[2];
	int pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	/* A handler of statd's in the child would speak to statd's loop. */
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before); /* cannot fail */
	pid = fork();
	if (pid == 0)
		child_main(place, pair[1]);
	if (pid < 0)
		pid = -errno;
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	close(pair[1]);
	if (pid < 0)
		close(pair[0]);
	else
		*fd = pair[0];
	return pid;
}
