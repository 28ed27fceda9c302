/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns what one run of sm-notify holds, and nothing else.
 */
#include "sm-notify/run.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "sm-notify/desk.h"

void run_init(struct run *run)
{
	*run = (struct run){
		.lock.fd = -1, .bak_lock = -1, .bak_fd = -1, .control_fd = -1};
	buf_init(&run->names, LOG_TEXT_MAX / 2);
}

void run_fini(struct run *run)
{
	notify_free(run->notify);
	notify_lock_release(&run->lock);
	if (run->bak_lock >= 0)
		close(run->bak_lock);
	if (run->bak_fd >= 0)
		close(run->bak_fd);
	if (run->control_fd >= 0) {
		/* Only root can; a name that is left refuses connections. */
		unlink(DESK_DIR "/" DESK_SOCKET);
		close(run->control_fd);
	}
	buf_fini(&run->names);
}

int run_failed(const char *what, int error)
{
	log_line(LOG_ERROR, "%s: %s", what, strerror(-error));
	return EXIT_FAILURE;
}
