/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nfsdcld: starts in an order that matters, and obeys signals.  What happens in
 * between is cltrack/daemon.c.
 *
 * ORDER: ready is what has its database and listens to nfsd, and not before:
 * nfsd, which is started next, waits a second for us and then does without any
 * tracking until it is started again (contract.md C-1).
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cltrack/cldb.h"
#include "cltrack/daemon.h"
#include "cltrack/place.h"
#include "cltrack/settings.h"
#include "config.h"
#include "lib/log.h"
#include "os/logsink.h"
#include "os/loop.h"
#include "os/process.h"
#include "os/sandbox.h"

#define PROGRAM "nfsdcld"
#define SIGNALS 3 /* that the loop watches */

static void on_terminate(void *ctx)
{
	loop_stop(ctx);
}

static void on_status(void *ctx)
{
	daemon_log_status(ctx);
}

static int give_up_rights(void)
{
	/* To see nfsd's clients: ALIVE_DIR. */
	int error = sandbox_keep_reading();

	if (error != 0)
		log_line(LOG_ERROR, "cannot give up capabilities: %s",
			 strerror(-error));
	return error;
}

/* Serves until it is told to end. */
static int serve(const struct settings *settings, struct place *place,
		 int ready_fd)
{
	struct loop_watch *signals[SIGNALS];
	struct loop *loop = loop_new();
	struct daemon *daemon = daemon_new(loop, settings, place);
	int status = EXIT_FAILURE;

	if (daemon != NULL) {
		signals[0] = loop_signal(loop, SIGINT, on_terminate, loop);
		signals[1] = loop_signal(loop, SIGTERM, on_terminate, loop);
		signals[2] = loop_signal(loop, SIGUSR1, on_status, daemon);
		process_ready(ready_fd);
		status = loop_run(loop) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
		for (size_t i = 0; i < SIGNALS; i++)
			loop_unwatch(signals[i]);
	}
	daemon_free(daemon);
	loop_free(loop);
	return status;
}

static int downgrade(const struct place *place)
{
	return cldb_downgrade(place->storage_dir) == 0 ? EXIT_SUCCESS
						       : EXIT_FAILURE;
}

static int work(const struct settings *settings, int ready_fd)
{
	struct place place;
	int status = EXIT_FAILURE;

	if (place_open(&place, settings->storage_dir) == 0 &&
	    give_up_rights() == 0)
		status = settings->downgrade != 0
				 ? downgrade(&place)
				 : serve(settings, &place, ready_fd);
	place_close(&place);
	return status;
}

static int run(const struct settings *settings)
{
	int ready_fd = -1;

	if (geteuid() != 0) {
		log_line(LOG_ERROR, "only root can speak with nfsd");
		return EXIT_FAILURE;
	}
	log_set_classes(settings->classes);
	if (settings->downgrade != 0)
		return work(settings, -1);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGUSR2, SIG_IGN);
	if (!settings->is_foreground) {
		ready_fd = process_background(NULL, 0);
		if (ready_fd < 0) {
			log_line(LOG_ERROR, "cannot go to the background: %s",
				 strerror(-ready_fd));
			return EXIT_FAILURE;
		}
		logsink_syslog(PROGRAM);
	}
	log_line(LOG_NOTE, "version " PACKAGE_VERSION " starting");
	return work(settings, ready_fd);
}

int main(int argc, char **argv)
{
	struct settings settings;
	struct nfsconf *conf;
	int status;

	logsink_stderr(PROGRAM);
	conf = settings_read(&settings, argc, argv);
	status = run(&settings);
	nfsconf_free(conf);
	return status;
}
