/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What comes before anybody is told: the directories, the turn of this boot,
 * and that nobody else is at work on the same records.  A straight line for
 * each of the four runs, whose order matters.
 *
 * It moves no record and raises no number (os/bootturn.c).
 * Source: contract.md 4.2, B-12, B-13; design decision 7 and section 4.
 */
#include "sm-notify/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/statenum.h"
#include "os/loop.h"
#include "sm-notify/desk.h"

#define STATD_PID_FILE "/run/rpc.statd.pid"
#define STOP_WAIT_MS   10000u /* for a running one, with -f */
#define STOP_POLL_MS   50

/* --- where and what ------------------------------------------------------ */

/* Makes @out the directory that @path names, wherever we are later. */
static bool set_dir(const char *path, char out[static PATH_MAX])
{
	if (realpath(path, out))
		return true;
	log_line(LOG_ERROR, "state directory %s: %s", path, strerror(errno));
	return false;
}

static enum run_mode choose_mode(const struct run *run)
{
	if (bootturn_is_private(&run->place))
		return RUN_PRIVATE;
	if (!run->settings.is_number_raised)
		return RUN_COPY;
	return run->settings.is_forced ? RUN_FORCE : RUN_BOOT;
}

/* Finds the group that may use the control socket, where one is named. */
static int find_group(struct run *run)
{
	const char *name = run->settings.control_group;
	const struct group *group = name ? getgrnam(name) : NULL;

	if (name && !group) {
		log_line(LOG_ERROR, "control-group: there is no group \"%s\"",
			 name);
		return EXIT_FAILURE;
	}
	if (group)
		run->access.gid = group->gr_gid;
	return RUN_GO_ON;
}

int prepare_place(struct run *run)
{
	const struct settings *settings = &run->settings;
	int error;

	if (!set_dir(settings->state_dir, run->state_dir))
		return EXIT_FAILURE;
	/* With -P, the default directory need not even exist. */
	if (!realpath(settings->default_dir, run->default_dir))
		snprintf(run->default_dir, sizeof(run->default_dir), "%s",
			 settings->default_dir);
	snprintf(run->bak_dir, sizeof(run->bak_dir), "%s/sm.bak",
		 run->state_dir);
	snprintf(run->turn_file, sizeof(run->turn_file), "%s/state.boot",
		 run->state_dir);
	run->place = (struct bootturn_place){
		.state_dir = run->state_dir,
		.default_dir = run->default_dir,
		.notify_pid = RUN_PID_FILE,
		.statd_pid = STATD_PID_FILE,
	};
	error = bootturn_key(run->place.key);
	if (error) {
		log_line(LOG_ERROR, "cannot tell this boot from others: %s",
			 strerror(-error));
		return EXIT_FAILURE;
	}
	run->mode = choose_mode(run);
	return find_group(run);
}

/* --- alone, and after the turn ------------------------------------------- */

static int turn_failed(const struct run *run, int error)
{
	log_line(LOG_ERROR, "%s: %s%s; nobody is notified", run->state_dir,
		 strerror(-error),
		 error == -EBUSY ? " (rpc.statd of another network namespace?)"
				 : "");
	return EXIT_FAILURE;
}

static int already_notifying(int32_t pid)
{
	if (pid > 0)
		log_line(LOG_NOTE, "process %d is already notifying", pid);
	else
		log_line(LOG_NOTE, "already notifying");
	return EXIT_SUCCESS;
}

/*
 * Takes the pid file; with -f, from a running one, which is told to stop.
 * What that one leaves untold is still in sm.bak/.
 */
static int take_pid_file(struct run *run)
{
	const uint64_t until_ms = loop_now_ms() + STOP_WAIT_MS;
	enum notify_lock_status status;
	int32_t stopped = 0;
	int32_t pid = 0;
	int error;

	do {
		error = notify_lock_take(&run->place, &run->lock, &status,
					 &pid);
		if (error)
			return run_failed(RUN_PID_FILE, error);
		if (status == NOTIFY_LOCK_HELD)
			return RUN_GO_ON;
		if (run->mode != RUN_FORCE)
			return already_notifying(pid);
		/* It has a new pid once it has gone to the background. */
		if (pid > 0 && pid != stopped)
			kill(pid, SIGTERM);
		stopped = pid;
		poll(NULL, 0, STOP_POLL_MS);
	} while (loop_now_ms() < until_ms);
	log_line(LOG_ERROR, "process %d notifies and does not stop", pid);
	return EXIT_FAILURE;
}

/* Locks sm.bak/, LOCK_EX or LOCK_SH; -1 where it is not there yet. */
static int lock_bak(const struct run *run, int how, int *fd)
{
	*fd = open(run->bak_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (flock(*fd, how | LOCK_NB) == 0)
		return 0;
	close(*fd);
	*fd = -1;
	return -EWOULDBLOCK;
}

/*
 * The other half of what prepare_copy() does: see that no such run is on.
 * Shared, so that two runs that look at once do not take each other for one.
 */
static int check_bak(const struct run *run)
{
	int fd;
	int error = lock_bak(run, LOCK_SH, &fd);

	if (fd >= 0)
		close(fd);
	if (error == -EWOULDBLOCK) {
		log_line(LOG_ERROR, "sm-notify -n is at work on %s",
			 run->bak_dir);
		return EXIT_FAILURE;
	}
	return error ? run_failed(run->bak_dir, error) : RUN_GO_ON;
}

/*
 * Opens the control socket for rpc.statd, which is the owner of sm/.
 * ORDER: alone by now, so nobody else listens there.  Before the file of parked
 * peers is read, or emptied: rpc.statd writes that first and then connects, so
 * that one of the two ways reaches this run.
 */
static void open_control(struct run *run)
{
	char path[RUN_BAK_LEN_MAX];
	struct stat sm;

	snprintf(path, sizeof(path), "%s/sm", run->state_dir);
	if (stat(path, &sm)) {
		log_line(LOG_WARN, "%s: %s; there is no control socket", path,
			 strerror(errno));
		return;
	}
	run->access.uid = sm.st_uid;
	if (!run->settings.control_group)
		run->access.gid = sm.st_gid;
	run->control_fd = control_bind(DESK_DIR, DESK_SOCKET, &run->access);
	if (run->control_fd < 0)
		log_line(LOG_WARN,
			 DESK_DIR "/" DESK_SOCKET
				  ": %s; rpc.statd cannot ask about peers",
			 strerror(-run->control_fd));
}

/*
 * The run of this boot, or -f.
 * ORDER: the turn, then the pid file: a pid file without a turn would tell
 * the next run that there was one.  Then -f, alone: a running one would write
 * files back without the lines that -f adds.
 */
static int prepare_boot(struct run *run)
{
	int status = check_bak(run);
	int error;

	if (status != RUN_GO_ON)
		return status;
	error = bootturn_run(&run->place, &run->turn);
	if (error)
		return turn_failed(run, error);
	if (run->mode == RUN_BOOT && run->turn.outcome == BOOTTURN_TAKEN_OVER)
		return EXIT_SUCCESS; /* nfs-utils has told them */
	status = take_pid_file(run);
	if (status == RUN_GO_ON)
		status = check_bak(run);
	if (status == RUN_GO_ON)
		open_control(run);
	if (status != RUN_GO_ON || run->mode == RUN_BOOT ||
	    run->turn.outcome == BOOTTURN_TURNED)
		return status;
	error = bootturn_force(&run->place, &run->turn);
	return error ? turn_failed(run, error) : RUN_GO_ON;
}

/* Tells whether a run that has the pid file is at work. */
static bool is_pid_file_locked(int32_t *pid)
{
	int fd = open(RUN_PID_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char text[BOOTREC_LEN_MAX];
	struct pidrec rec;
	bool is_locked;
	ssize_t got;

	*pid = 0;
	if (fd < 0)
		return false;
	is_locked = flock(fd, LOCK_EX | LOCK_NB) != 0;
	got = read(fd, text, sizeof(text));
	if (got > 0) {
		pidrec_parse(text, (size_t)got, &rec);
		*pid = rec.pid;
	}
	close(fd);
	return is_locked;
}

/*
 * -n leaves no mark of this boot, so no pid file; its lock is sm.bak/ itself.
 * ORDER: each kind takes its own lock, then looks at the other's, so of two
 * that start at once at least one sees the other.
 */
static int prepare_copy(struct run *run)
{
	int32_t pid;
	int error = lock_bak(run, LOCK_EX, &run->bak_lock);

	if (!error && is_pid_file_locked(&pid))
		return already_notifying(pid);
	if (!error) {
		/* ORDER: a turn from here on is one that we do not know. */
		if (stat(run->turn_file, &run->turned) && errno != ENOENT)
			return run_failed(run->turn_file, -errno);
		error = bootturn_copy(&run->place, &run->turn);
		if (error)
			return turn_failed(run, error);
	}
	/* Where there was no sm.bak/ before, there is one now. */
	if (!error && run->bak_lock < 0)
		error = lock_bak(run, LOCK_EX, &run->bak_lock);
	if (error == -EWOULDBLOCK)
		return already_notifying(0);
	if (error)
		return run_failed(run->bak_dir, error);
	open_control(run);
	return RUN_GO_ON;
}

/* -P: bootturn_private() locks sm.bak/. */
static int prepare_private(struct run *run)
{
	int error =
		bootturn_private(&run->place, run->settings.is_number_raised,
				 &run->turn);

	run->bak_lock = run->turn.hold_fd;
	if (error == -EWOULDBLOCK)
		return already_notifying(0);
	return error ? turn_failed(run, error) : RUN_GO_ON;
}

int prepare_run(struct run *run)
{
	switch (run->mode) {
	case RUN_COPY:
		return prepare_copy(run);
	case RUN_PRIVATE:
		return prepare_private(run);
	case RUN_BOOT:
	case RUN_FORCE:
		break;
	}
	return prepare_boot(run);
}
