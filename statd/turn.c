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
#include "statd/turn.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>

#include "lib/log.h"
#include "os/kernel.h"
#include "os/process.h"

#define WAIT_S_MAX 30
#define MS_PER_S   1000

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

/* Waits, but no longer than statd lives and wants us. */
static bool is_wanted_after(int wait_s)
{
	struct pollfd statd = {.fd = PROCESS_CHILD_FD, .events = POLLIN};

	return poll(&statd, 1, wait_s * MS_PER_S) <= 0; /* or EINTR */
}

static _Noreturn void child_main(const struct bootturn_place *place)
{
	int wait_s = 1;

	process_rename("nsm-turn");
	while (is_wanted_after(wait_s)) {
		wait_s = wait_s * 2 < WAIT_S_MAX ? wait_s * 2 : WAIT_S_MAX;
		if (turn_run(place) == 0 &&
		    send(PROCESS_CHILD_FD, "", 1, MSG_NOSIGNAL) < 0)
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
	int pid = process_fork_child(SOCK_STREAM, fd);

	if (pid == 0)
		child_main(place);
	return pid;
}
