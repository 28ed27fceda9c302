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
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/log.h"
#include "lib/record.h"
#include "lib/statenum.h"
#include "os/bootturn.h"
#include "os/durable.h"
#include "os/kernel.h"
#include "os/logsink.h"
#include "os/loop.h"
#include "os/notifylock.h"
#include "os/process.h"
#include "os/sandbox.h"
#include "sm-notify/driver.h"
#include "sm-notify/notify.h"
#include "sm-notify/settings.h"

#define PID_FILE       "/run/sm-notify.pid"
#define STATD_PID_FILE "/run/rpc.statd.pid"
#define BAK_LEN_MAX    (PATH_MAX + 8)
#define TURN_FILE_MAX  (PATH_MAX + 12)
#define STOP_WAIT_MS   10000u /* for a running one, with -f */
#define STOP_POLL_MS   50
#define MS_PER_MINUTE  60000u
#define NAMES_MAX      20u  /* peers in one log line */
#define GO_ON	       (-1) /* no exit status yet */

/* Which of the runs of design section 4 this is. */
enum mode {
	MODE_BOOT,    /* the run of this boot, or one that resumes it */
	MODE_FORCE,   /* -f */
	MODE_COPY,    /* -n */
	MODE_PRIVATE, /* -P of a directory that no statd of ours lives on */
};

struct run {
	struct settings settings;
	struct bootturn_place place;
	enum mode mode;
	char default_dir[PATH_MAX];
	char state_dir[PATH_MAX];
	char bak_dir[BAK_LEN_MAX];
	char turn_file[TURN_FILE_MAX];
	struct stat turned; /* turn_file before sm/ was copied; or zero */
	struct bootturn_result turn;
	struct notify_lock lock; /* MODE_BOOT, MODE_FORCE */
	int bak_lock;		 /* MODE_COPY, MODE_PRIVATE; or -1 */
	int bak_fd;

	struct notify *notify;
	unsigned int files;
	unsigned int unread; /* names in sm.bak that could not be read */
	struct buf names;    /* of the files, the first few */
};

/* --- where and what ------------------------------------------------------ */

/* Makes @out the directory that @path names, wherever we are later. */
static bool set_dir(const char *path, char out[static PATH_MAX])
{
	if (realpath(path, out))
		return true;
	log_line(LOG_ERROR, "state directory %s: %s", path, strerror(errno));
	return false;
}

static enum mode choose_mode(const struct run *run)
{
	if (bootturn_is_private(&run->place))
		return MODE_PRIVATE;
	if (!run->settings.is_number_raised)
		return MODE_COPY;
	return run->settings.is_forced ? MODE_FORCE : MODE_BOOT;
}

/* Finds the directories and this boot's key. */
static int find_place(struct run *run)
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
		.notify_pid = PID_FILE,
		.statd_pid = STATD_PID_FILE,
	};
	error = bootturn_key(run->place.key);
	if (error) {
		log_line(LOG_ERROR, "cannot tell this boot from others: %s",
			 strerror(-error));
		return EXIT_FAILURE;
	}
	run->mode = choose_mode(run);
	return GO_ON;
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

static int failed(const char *path, int error)
{
	log_line(LOG_ERROR, "%s: %s", path, strerror(-error));
	return EXIT_FAILURE;
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
			return failed(PID_FILE, error);
		if (status == NOTIFY_LOCK_HELD)
			return GO_ON;
		if (run->mode != MODE_FORCE)
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

/* Locks sm.bak/; -1 where it is not there yet. */
static int lock_bak(const struct run *run, int *fd)
{
	*fd = open(run->bak_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	close(*fd);
	*fd = -1;
	return -EWOULDBLOCK;
}

/* The other half of what prepare_copy() does: see that no such run is on. */
static int check_bak(const struct run *run)
{
	int fd;
	int error = lock_bak(run, &fd);

	if (fd >= 0)
		close(fd);
	if (error == -EWOULDBLOCK) {
		log_line(LOG_ERROR, "sm-notify -n is at work on %s",
			 run->bak_dir);
		return EXIT_FAILURE;
	}
	return error ? failed(run->bak_dir, error) : GO_ON;
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

	if (status != GO_ON)
		return status;
	error = bootturn_run(&run->place, &run->turn);
	if (error)
		return turn_failed(run, error);
	if (run->mode == MODE_BOOT && run->turn.outcome == BOOTTURN_TAKEN_OVER)
		return EXIT_SUCCESS; /* nfs-utils has told them */
	status = take_pid_file(run);
	if (status == GO_ON)
		status = check_bak(run);
	if (status != GO_ON || run->mode == MODE_BOOT ||
	    run->turn.outcome == BOOTTURN_TURNED)
		return status;
	error = bootturn_force(&run->place, &run->turn);
	return error ? turn_failed(run, error) : GO_ON;
}

/* Tells whether a run that has the pid file is at work. */
static bool is_pid_file_locked(int32_t *pid)
{
	int fd = open(PID_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
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
	int error = lock_bak(run, &run->bak_lock);

	if (!error && is_pid_file_locked(&pid))
		return already_notifying(pid);
	if (!error) {
		/* ORDER: a turn from here on is one that we do not know. */
		if (stat(run->turn_file, &run->turned) && errno != ENOENT)
			return failed(run->turn_file, -errno);
		error = bootturn_copy(&run->place, &run->turn);
		if (error)
			return turn_failed(run, error);
	}
	/* Where there was no sm.bak/ before, there is one now. */
	if (!error && run->bak_lock < 0)
		error = lock_bak(run, &run->bak_lock);
	if (error == -EWOULDBLOCK)
		return already_notifying(0);
	return error ? failed(run->bak_dir, error) : GO_ON;
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
	return error ? turn_failed(run, error) : GO_ON;
}

static int prepare(struct run *run)
{
	switch (run->mode) {
	case MODE_COPY:
		return prepare_copy(run);
	case MODE_PRIVATE:
		return prepare_private(run);
	case MODE_BOOT:
	case MODE_FORCE:
		break;
	}
	return prepare_boot(run);
}

/* --- whom to tell -------------------------------------------------------- */

/* One that cannot be read is no reason not to tell the others. */
static void note_unread(struct run *run, const char *name, const char *why)
{
	struct buf text;

	if (run->unread++ >= NAMES_MAX)
		return;
	buf_init(&text, LOG_TEXT_MAX / 2);
	buf_add_escaped(&text, name, strlen(name));
	log_line(LOG_ERROR, "%s: %s cannot be read: %s", run->bak_dir,
		 buf_text(&text), why);
	buf_fini(&text);
}

static int feed_file(void *ctx, const char *name)
{
	struct notify_in in = {.kind = NOTIFY_IN_FILE, .file.name = name};
	struct run *run = ctx;
	struct buf text;
	int error;

	buf_init(&text, RECORD_FILE_MAX);
	error = durable_read(run->bak_fd, name, &text);
	if (error == 0) {
		in.bytes = (const uint8_t *)buf_text(&text);
		in.len = text.len;
		notify_input(run->notify, 0, &in);
		if (run->files++ < NAMES_MAX) {
			buf_add_text(&run->names, " ");
			buf_add_escaped(&run->names, name, strlen(name));
		}
	} else if (error != -ENOENT) {
		note_unread(run, name, strerror(-error));
	}
	buf_fini(&text);
	return 0;
}

static int feed_odd(void *ctx, const char *name)
{
	note_unread(ctx, name, "it is no regular file");
	return 0;
}

/* Hands every record of sm.bak/ to a new notifier. */
static int read_records(struct run *run)
{
	const struct settings *settings = &run->settings;
	struct notify_config config = {
		.number = run->turn.number,
		.name = settings->source,
		.give_up_ms = UINT64_MAX,
		.packets_per_second = settings->packets_per_second,
	};
	int error;

	if (settings->retry_minutes > 0)
		config.give_up_ms =
			loop_now_ms() +
			(uint64_t)settings->retry_minutes * MS_PER_MINUTE;
	process_random(config.seed, sizeof(config.seed));
	run->notify = notify_new(&config);
	run->bak_fd = open(run->bak_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (run->bak_fd < 0)
		return failed(run->bak_dir, -errno);
	error = durable_each(run->bak_fd, feed_file, run);
	if (!error)
		error = durable_each_odd(run->bak_fd, feed_odd, run);
	if (run->unread > NAMES_MAX)
		log_line(LOG_ERROR, "%s: %u more cannot be read", run->bak_dir,
			 run->unread - NAMES_MAX);
	close(run->bak_fd); /* the background would close it anyhow */
	run->bak_fd = -1;
	if (error)
		return failed(run->bak_dir, error);
	if (run->files == 0 && run->unread > 0)
		return EXIT_FAILURE;
	return GO_ON;
}

/* Tells whether this is the one run that may end lockd's grace period. */
static bool may_lift_grace(const struct run *run)
{
	return run->settings.is_grace_lifted && run->mode == MODE_BOOT &&
	       run->lock.is_made && !strcmp(run->state_dir, run->default_dir);
}

/*
 * Written once and never waited for: an nfsd that starts later may belong to a
 * failover, whose grace period is somebody else's.
 */
static void lift_grace(void)
{
	enum kernel_grace before = kernel_lockd_grace();
	int error = kernel_lift_grace();

	if (error == -ENOENT)
		log_line(LOG_NOTE, "nobody to notify; lockd is not loaded");
	else if (error)
		log_line(LOG_WARN,
			 "nobody to notify, but lockd's grace "
			 "period could not be ended: %s",
			 strerror(-error));
	else if (before == KERNEL_GRACE_RUNNING)
		log_line(LOG_NOTE,
			 "nobody to notify; lockd's grace period is ended");
	else
		log_line(LOG_NOTE, "nobody to notify; lockd does not run, or "
				   "its grace period was over");
	if (kernel_nfsd_grace() == KERNEL_GRACE_RUNNING)
		log_line(LOG_NOTE, "nfsd's own grace period still keeps new "
				   "locks waiting");
}

static int nobody(const struct run *run)
{
	if (may_lift_grace(run))
		lift_grace();
	else
		log_line(LOG_NOTE, "nobody to notify");
	return EXIT_SUCCESS;
}

/* Says whom we begin with, and what that means for the grace period. */
static void log_begin(const struct run *run)
{
	log_line(LOG_NOTE, "state number %u; peers to notify: %zu",
		 run->turn.number, notify_untold_count(run->notify));
	if (may_lift_grace(run) && run->turn.outcome == BOOTTURN_TURNED &&
	    run->turn.retired == 0)
		log_line(LOG_NOTE,
			 "lockd's grace period runs its course only for peers "
			 "that could not be notified in earlier boots:%s%s",
			 buf_text(&run->names),
			 run->files > NAMES_MAX ? " and others" : "");
}

/* --- telling them -------------------------------------------------------- */

/* Tells lockd the number, so that its LOCK calls carry it. */
static void set_local_state(const struct run *run)
{
	int error;

	/* The number of another directory is not this host's. */
	if (run->mode == MODE_PRIVATE)
		return;
	error = kernel_set_nsm_local_state(run->turn.number);
	if (error == -ENOENT)
		log_debug(LOG_CLASS_GENERAL, "lockd is not loaded");
	else if (error)
		log_line(LOG_WARN, "cannot tell lockd the state number: %s",
			 strerror(-error));
}

/* Into the background, with the lock and nothing else. */
static int go_background(struct run *run, int *ready_fd)
{
	int error = 0;

	*ready_fd = process_background(run->bak_lock >= 0 ? run->bak_lock
							  : run->lock.fd);
	if (*ready_fd < 0) {
		log_line(LOG_ERROR, "cannot go to the background: %s",
			 strerror(-*ready_fd));
		return *ready_fd;
	}
	logsink_syslog(SETTINGS_PROGRAM);
	if (run->bak_lock < 0)
		error = notify_lock_set_pid(&run->place, &run->lock);
	if (error)
		log_line(LOG_WARN, "%s: %s", PID_FILE, strerror(-error));
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
	char path[BAK_LEN_MAX];
	int error;

	run->bak_fd = open(run->bak_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (run->bak_fd < 0 || fstat(run->bak_fd, &bak))
		return failed(run->bak_dir, -errno);
	snprintf(path, sizeof(path), "%s/sm", run->state_dir);
	if (stat(path, &sm) == 0 && sm.st_uid != bak.st_uid)
		log_line(LOG_WARN,
			 "%s belongs to uid %u, but sm to uid %u; notifying as "
			 "uid %u",
			 run->bak_dir, bak.st_uid, sm.st_uid, bak.st_uid);
	error = sandbox_enter(bak.st_uid, bak.st_gid);
	return error ? failed("cannot give up root", error) : GO_ON;
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
		.source = run->settings.source,
		.port = (uint16_t)run->settings.port,
		.ready_fd = -1,
		.turn_file = run->mode == MODE_COPY ? run->turn_file : NULL,
		.turn_time = run->turned.st_mtim,
	};

	if (!run->settings.is_foreground &&
	    go_background(run, &config.ready_fd) != 0)
		return EXIT_FAILURE;
	if (give_up_root(run) != GO_ON)
		return EXIT_FAILURE;
	config.bak_fd = run->bak_fd;
	return driver_run(&config) == 0 && run->unread == 0 ? EXIT_SUCCESS
							    : EXIT_FAILURE;
}

static int run_all(struct run *run)
{
	int status = find_place(run);

	if (status == GO_ON)
		status = prepare(run);
	if (status != GO_ON)
		return status;
	set_local_state(run);
	status = read_records(run);
	if (status != GO_ON)
		return status;
	if (run->files == 0)
		return nobody(run);
	log_begin(run);
	return notify_peers(run);
}

int main(int argc, char **argv)
{
	struct run run = {.lock.fd = -1, .bak_lock = -1, .bak_fd = -1};
	struct nfsconf *conf;
	int status;

	logsink_stderr(SETTINGS_PROGRAM);
	conf = settings_read(&run.settings, argc, argv);
	log_set_classes(run.settings.is_foreground ? LOG_CLASS_ALL
						   : run.settings.classes);
	umask(077);
	buf_init(&run.names, LOG_TEXT_MAX / 2);
	status = run_all(&run);
	notify_free(run.notify);
	notify_lock_release(&run.lock);
	if (run.bak_lock >= 0)
		close(run.bak_lock);
	if (run.bak_fd >= 0)
		close(run.bak_fd);
	buf_fini(&run.names);
	nfsconf_free(conf);
	return status;
}
