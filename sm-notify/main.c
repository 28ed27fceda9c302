/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sm-notify: makes sure that the turn of this boot is done, that nobody else
 * is at work on the same records, and then has every peer told.  Everything
 * before the first packet is a straight line, and its order matters.
 *
 * It decides nothing about peers (notify.c), moves no record and raises no
 * number (os/bootturn.c).
 * Source: contract.md 4; design decisions 7, 12 and section 4.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log.h"
#include "os/kernel.h"
#include "os/logsink.h"
#include "os/process.h"
#include "os/rundir.h"
#include "os/sandbox.h"
#include "sm-notify/ages.h"
#include "sm-notify/driver.h"
#include "sm-notify/dryrun.h"
#include "sm-notify/grace.h"
#include "sm-notify/lastnotify.h"
#include "sm-notify/monitored.h"
#include "sm-notify/notify.h"
#include "sm-notify/prepare.h"
#include "sm-notify/records.h"
#include "sm-notify/run.h"
#include "sm-notify/settings.h"
#include "sm-notify/watch.h"

/* Tells lockd the number, so that its LOCK calls carry it. */
static void set_local_state(const struct run *run)
{
	int error;

	/* The number of another directory is not this host's. */
	if (run->mode == RUN_PRIVATE)
		return;
	error = kernel_set_nsm_local_state(run->turn.number);
	if (error == -ENOENT)
		log_debug(LOG_CLASS_GENERAL, "lockd is not loaded");
	else if (error)
		log_line(LOG_WARN, "cannot tell lockd the state number: %s",
			 strerror(-error));
}

/* Into the background, with the lock and the control socket. */
static int go_background(struct run *run, int *ready_fd)
{
	const int keep[] = {run->bak_lock, run->lock.fd, run->control_fd};
	int error = 0;

	*ready_fd = process_background(keep, sizeof(keep) / sizeof(keep[0]));
	if (*ready_fd < 0) {
		log_line(LOG_ERROR, "cannot go to the background: %s",
			 strerror(-*ready_fd));
		return *ready_fd;
	}
	logsink_syslog(SETTINGS_PROGRAM);
	if (run->bak_lock < 0)
		error = notify_lock_set_pid(&run->place, &run->lock);
	if (error)
		log_line(LOG_WARN, "%s: %s", RUN_PID_FILE, strerror(-error));
	return 0;
}

/*
 * Becomes the owner of sm.bak/, which is all that is written from here on.
 * Whoever told a peer and cannot remove its record would tell it again after
 * each boot, so it is not the owner of sm/, should that be another.
 */
static int give_up_root(struct run *run)
{
	struct stat bak, sm;
	char path[RUN_BAK_LEN_MAX];
	int error;

	run->bak_fd = open(run->bak_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (run->bak_fd < 0 || fstat(run->bak_fd, &bak))
		return run_failed(run->bak_dir, -errno);
	snprintf(path, sizeof(path), "%s/sm", run->state_dir);
	if (stat(path, &sm) == 0 && sm.st_uid != bak.st_uid)
		log_line(LOG_WARN,
			 "%s belongs to uid %u, but sm to uid %u; notifying as "
			 "uid %u",
			 run->bak_dir, bak.st_uid, sm.st_uid, bak.st_uid);
	error = sandbox_enter(bak.st_uid, bak.st_gid);
	return error ? run_failed("cannot give up root", error) : RUN_GO_ON;
}

static const char *mode_word(enum run_mode mode)
{
	switch (mode) {
	case RUN_BOOT:
		return "boot";
	case RUN_FORCE:
		return "force";
	case RUN_COPY:
		return "copy";
	case RUN_PRIVATE:
		break;
	}
	return "private";
}

/*
 * Has what becomes of the peers written to /run, where this is the run of the
 * host's own directory.
 * ORDER: as root, but by the owner of sm.bak/ from then on.
 */
static struct lastnotify *open_last(const struct run *run)
{
	struct lastnotify_config config = {
		.notify = run->notify,
		.mode = mode_word(run->mode),
		.directory = run->state_dir,
		.source = run->settings.source,
		.number = run->turn.number,
	};
	struct stat bak;

	if (run->mode == RUN_PRIVATE || stat(run->bak_dir, &bak))
		return NULL;
	config.dir = rundir_open(RUNDIR_PATH, LASTNOTIFY_DIR, LASTNOTIFY_FILE,
				 bak.st_uid, bak.st_gid);
	if (config.dir >= 0)
		return lastnotify_new(&config);
	log_line(LOG_WARN, "%s: %s", RUNDIR_PATH, strerror(-config.dir));
	return NULL;
}

/* What --wait prints, and last of all its progress line. */
static void on_told(void *ctx, size_t at)
{
	watch_told(ctx, at);
}

/* Runs to the end; the status says whether all are told. */
static int drive(struct run *run, struct driver_config *config)
{
	struct watch watch;
	bool is_all_told;
	int error;

	if (run->settings.is_waiting) {
		watch_begin(&watch, run->notify);
		config->told = on_told;
		config->ctx = &watch;
	}
	error = driver_run(config);
	if (run->settings.is_waiting)
		watch_end(&watch);
	is_all_told = error == 0 && notify_unread_count(run->notify) == 0 &&
		      !notify_is_puzzled(run->notify);
	if (run->settings.is_waiting && error >= 0 && !is_all_told)
		return RUN_EXIT_UNTOLD;
	return is_all_told ? EXIT_SUCCESS : EXIT_FAILURE;
}

/*
 * ORDER: the number is durable by now, which is all that the boot waits for;
 * so the parent leaves as soon as there is a socket.  Root is given up before
 * any look-up and any packet, and after the last use of the pid file.
 */
static int notify_peers(struct run *run)
{
	struct driver_config config = {
		.notify = run->notify,
		.bak_dir = run->bak_dir,
		.age_fd = -1,
		.source = run->settings.source,
		.port = (uint16_t)run->settings.port,
		.ready_fd = -1,
		.turn_file = run->mode == RUN_COPY ? run->turn_file : NULL,
		.turn_time = run->turned.st_mtim,
		.control_fd = run->control_fd,
		.access = run->access,
	};
	int status;

	if (!run->settings.is_foreground && !run->settings.is_waiting &&
	    go_background(run, &config.ready_fd) != 0)
		return EXIT_FAILURE;
	config.last = open_last(run);
	if (give_up_root(run) != RUN_GO_ON) {
		lastnotify_free(config.last);
		return EXIT_FAILURE;
	}
	config.bak_fd = run->bak_fd;
	run->control_fd = -1; /* the driver's from here on */
	if (records_have_ages(run))
		config.age_fd = ages_count(run->bak_fd, run->place.key);
	config.sm_fd = monitored_open(run);
	status = drive(run, &config);
	lastnotify_free(config.last);
	if (config.sm_fd >= 0)
		close(config.sm_fd);
	if (config.age_fd >= 0)
		close(config.age_fd);
	return status;
}

/* There is nothing to do, or somebody else does it. */
static int idle_status(const struct run *run)
{
	return run->settings.is_waiting ? RUN_EXIT_NOTHING : EXIT_SUCCESS;
}

static int run_all(struct run *run)
{
	int status = prepare_place(run);

	if (status == RUN_GO_ON && run->settings.is_dry)
		return dryrun(run);
	if (status == RUN_GO_ON)
		status = prepare_run(run);
	if (status == EXIT_SUCCESS)
		return idle_status(run);
	if (status != RUN_GO_ON)
		return status;
	set_local_state(run);
	status = records_read(run);
	if (status != RUN_GO_ON)
		return status;
	if (grace_is_nobody(run)) {
		grace_nobody(run);
		return idle_status(run);
	}
	grace_log_begin(run);
	return notify_peers(run);
}

int main(int argc, char **argv)
{
	struct nfsconf *conf;
	struct run run;
	int status;

	logsink_stderr(SETTINGS_PROGRAM);
	run_init(&run);
	conf = settings_read(&run.settings, argc, argv);
	log_set_classes(run.settings.is_foreground ? LOG_CLASS_ALL
						   : run.settings.classes);
	umask(077);
	/* COMPAT: they switch debug messages with nfs-utils, and end nothing.
	 */
	(void)signal(SIGUSR1, SIG_IGN);
	(void)signal(SIGUSR2, SIG_IGN);
	status = run_all(&run);
	run_fini(&run);
	nfsconf_free(conf);
	return status;
}
