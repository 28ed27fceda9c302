/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rpc.statd: starts in an order that matters, and obeys signals.  What happens
 * in between is statd/world.c.
 *
 * Source: contract.md 2.1 - 2.5; design section 4.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config.h"
#include "lib/log.h"
#include "os/bootturn.h"
#include "os/logsink.h"
#include "os/loop.h"
#include "os/process.h"
#include "os/rpcbind.h"
#include "os/sandbox.h"
#include "os/statedir.h"
#include "proto/sm_inter.h"
#include "statd/service.h"
#include "statd/settings.h"
#include "statd/tell.h"
#include "statd/turn.h"
#include "statd/world.h"

#define PID_FILE	"/run/rpc.statd.pid"
#define NOTIFY_PID_FILE "/run/sm-notify.pid"
#define SIGNALS		5    /* that the loop watches */
#define REGISTER_MS_MAX 1000 /* so long readiness waits for rpcbind */

struct statd {
	struct settings settings;
	char state_dir[PATH_MAX];
	char default_dir[PATH_MAX];
	struct bootturn_place place;
	struct world *world;
	struct loop *loop; /* its */
	struct rpcbind *rpcbind;
	struct loop_timer *unready; /* NULL: the parent knows */
	struct loop_watch *signals[SIGNALS];
	int pid_fd;
	int ready_fd;
	int notify_pid; /* the sm-notify that we started, or 0 */
	int turn_pid;	/* the child that repeats a failed turn, or 0 */
	int turns_fd;	/* where it tells ... */
	struct loop_watch *turns; /* ... or NULL */
};

static void say_ready(void *ctx)
{
	struct statd *s = ctx;

	if (s->unready == NULL)
		return;
	loop_timer_free(s->unready);
	s->unready = NULL;
	process_ready(s->ready_fd);
}

static void on_registered(void *ctx, bool is_registered)
{
	log_line(LOG_NOTE,
		 is_registered ? "registered with rpcbind"
			       : "rpcbind does not have our entries; they are "
				 "registered again as soon as it answers");
	say_ready(ctx);
}

static void end_turns(struct statd *s)
{
	loop_unwatch(s->turns);
	s->turns = NULL;
	close(s->turns_fd);
}

/* The child has done the turn; it goes on until we have our store. */
static void on_turn(void *ctx, int fd, unsigned int events)
{
	struct statd *s = ctx;
	char byte;
	ssize_t got = recv(fd, &byte, 1, MSG_DONTWAIT);

	(void)events; /* only LOOP_READ is watched */
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0)
		log_line(LOG_ERROR, "nobody is left to repeat the turn; SM_MON "
				    "fails until rpc.statd is restarted");
	else if (!world_open_store(s->world, s->place.state_dir) ||
		 !world_start(s->world))
		return;
	end_turns(s);
}

static void repeat_turn(struct statd *s)
{
	s->turn_pid = turn_repeat(&s->place, &s->turns_fd);
	if (s->turn_pid > 0)
		s->turns =
			loop_watch(s->loop, s->turns_fd, LOOP_READ, on_turn, s);
	else
		log_line(LOG_ERROR, "cannot repeat that: %s",
			 strerror(-s->turn_pid));
}

static void on_child(void *ctx)
{
	struct statd *s = ctx;
	int status = 0;

	/* Only these two: the resolver waits for its helpers itself. */
	if (s->notify_pid > 0 &&
	    waitpid(s->notify_pid, &status, WNOHANG) == s->notify_pid)
		s->notify_pid = 0;
	if (s->turn_pid > 0 &&
	    waitpid(s->turn_pid, &status, WNOHANG) == s->turn_pid)
		s->turn_pid = 0;
}

/* What changes while we run; the log itself stays where it is. */
static void on_reload(void *ctx)
{
	struct statd *s = ctx;

	if (!settings_renew(&s->settings)) {
		log_line(LOG_ERROR, "nfs.conf is bad: nothing was changed");
		return;
	}
	settings_log_classes(&s->settings);
	settings_check_callout(&s->settings);
	world_renew(s->world, &s->settings);
	log_line(LOG_NOTE, "nfs.conf was read again");
}

static void on_status(void *ctx)
{
	const struct statd *s = ctx;

	world_log_status(s->world);
}

static void on_terminate(void *ctx)
{
	struct statd *s = ctx;

	loop_stop(s->loop);
}

/* In the background, "." is another directory.  What is not there stays. */
static void resolve_dir(const char *dir, char out[static PATH_MAX])
{
	if (realpath(dir, out) == NULL)
		(void)snprintf(out, PATH_MAX, "%s", dir);
}

static int init_place(struct statd *s)
{
	int error = bootturn_key(s->place.key);

	resolve_dir(s->settings.state_dir, s->state_dir);
	resolve_dir(s->settings.default_dir, s->default_dir);
	s->place.state_dir = s->state_dir;
	s->place.default_dir = s->default_dir;
	s->place.notify_pid = NOTIFY_PID_FILE;
	s->place.statd_pid = PID_FILE;
	if (error != 0)
		log_line(LOG_ERROR, "the kernel does not name this boot: %s",
			 strerror(-error));
	return error;
}

static void register_service(struct statd *s, const struct service *service)
{
	const char *netid;
	uint16_t port;
	size_t i;

	for (i = 0; (netid = service_socket(service, i, &port)) != NULL; i++) {
		rpcbind_add(s->rpcbind, netid, port);
		log_debug(LOG_CLASS_GENERAL, "serving on %s port %u", netid,
			  port);
	}
	rpcbind_start(s->rpcbind);
}

static void watch_signals(struct statd *s)
{
	/* COMPAT: not as nfs-utils, which ends on SIGHUP (contract.md 2.3). */
	s->signals[0] = loop_signal(s->loop, SIGHUP, on_reload, s);
	s->signals[1] = loop_signal(s->loop, SIGINT, on_terminate, s);
	s->signals[2] = loop_signal(s->loop, SIGTERM, on_terminate, s);
	s->signals[3] = loop_signal(s->loop, SIGCHLD, on_child, s);
	s->signals[4] = loop_signal(s->loop, SIGUSR1, on_status, s);
	(void)signal(SIGPIPE, SIG_IGN); /* a closed connection is an EPIPE */
}

/* The pid file is root's, and emptied at the end: so it stays open. */
static bool hold_pid_file(struct statd *s)
{
	s->pid_fd = process_pidfile(PID_FILE);
	if (s->pid_fd == -EWOULDBLOCK)
		log_line(LOG_ERROR, "%s: another statd holds it", PID_FILE);
	else if (s->pid_fd < 0)
		log_line(LOG_WARN, "%s: %s", PID_FILE, strerror(-s->pid_fd));
	return s->pid_fd != -EWOULDBLOCK;
}

/* Where nobody is known to own the records, root without rights has to do. */
static int give_up_root(const struct statd *s)
{
	struct stat owner = {0};
	int error = statedir_owner(s->place.state_dir, &owner);

	if (error != 0)
		log_line(LOG_ERROR, "%s: %s", s->place.state_dir,
			 strerror(-error));
	error = sandbox_enter(owner.st_uid, owner.st_gid);
	if (error != 0)
		log_line(LOG_ERROR, "cannot give up root: %s",
			 strerror(-error));
	return error;
}

/*
 * What only root can do: the turn, the pid file, the children that stay root,
 * and removing the entries in rpcbind of a statd that was another user.
 * ORDER: the turn before the sockets, so that no number of the boot before is
 * ever answered; the store's lock on sm/ before the pid file, so that a turn
 * beside us never takes us for nfs-utils; the launcher before the store, which
 * may hold callouts that were left.
 */
static int start_as_root(struct statd *s)
{
	bool is_turned;

	settings_check_callout(&s->settings);
	world_open_launcher(s->world, &s->settings, s->place.state_dir);
	is_turned = turn_run(&s->place) == 0 &&
		    world_open_store(s->world, s->place.state_dir);
	if (!hold_pid_file(s))
		return EXIT_FAILURE;
	watch_signals(s);
	if (!is_turned)
		repeat_turn(s);
	if (!s->settings.has_no_notify)
		s->notify_pid = tell_spawn(&s->settings, &s->place);
	s->rpcbind =
		rpcbind_new(s->loop, SM_PROGRAM, SM_VERSION, on_registered, s);
	rpcbind_clear(s->rpcbind);
	return 0;
}

/*
 * ORDER: no thread, no look-up, nothing from outside and no entry in rpcbind
 * before root is given up: each would keep what we had then.  Readiness when
 * rpcbind has our entries: mount.nfs asks it for us as soon as start-statd has
 * ended, once, and fails.  But not for long where rpcbind is silent.
 */
static int start(struct statd *s)
{
	const struct service *service;
	int error = world_open(&s->settings, &s->world);

	s->loop = world_loop(s->world);
	if (error != 0 || start_as_root(s) != 0 || give_up_root(s) != 0 ||
	    !world_start(s->world))
		return EXIT_FAILURE;
	service = world_serve(s->world, &s->settings);
	if (service == NULL)
		return EXIT_FAILURE;
	s->unready = loop_timer_new(s->loop, say_ready, s);
	loop_timer_set(s->unready, loop_now_ms() + REGISTER_MS_MAX);
	register_service(s, service);
	return 0;
}

static void finish(struct statd *s)
{
	size_t i;

	loop_timer_free(s->unready);
	if (s->turns != NULL)
		end_turns(s);
	rpcbind_withdraw(s->rpcbind);
	for (i = 0; i < SIGNALS; i++)
		loop_unwatch(s->signals[i]);
	world_free(s->world);
	if (s->pid_fd >= 0)
		process_pidfile_end(s->pid_fd);
}

/* Serves until it is told to end. */
static int serve(struct statd *s)
{
	int status;

	(void)signal(SIGHUP, SIG_IGN); /* until watch_signals() */
	(void)signal(SIGUSR1, SIG_IGN);
	(void)signal(SIGUSR2, SIG_IGN); /* COMPAT: no end with nfs-utils */
	if (!s->settings.is_foreground) {
		s->ready_fd = process_background(NULL, 0);
		if (s->ready_fd < 0) {
			log_line(LOG_ERROR, "cannot go to the background: %s",
				 strerror(-s->ready_fd));
			return EXIT_FAILURE;
		}
	}
	settings_choose_log(&s->settings);
	log_line(LOG_NOTE, "version " PACKAGE_VERSION " starting");
	settings_nlm_ports(&s->settings);
	status = start(s);
	if (status == 0)
		status = loop_run(s->loop) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	finish(s);
	return status;
}

static int run(struct statd *s)
{
	int status;

	if (init_place(s) != 0)
		return EXIT_FAILURE;
	if (s->settings.is_notify_mode) {
		tell_exec(&s->settings, &s->place);
		return EXIT_FAILURE;
	}
	status = settings_check(&s->settings);
	return status != 0 ? status : serve(s);
}

int main(int argc, char **argv)
{
	struct statd s = {.pid_fd = -1, .ready_fd = -1};
	int status;

	logsink_stderr("rpc.statd");
	settings_read(&s.settings, argc, argv);
	status = run(&s);
	settings_fini(&s.settings);
	return status;
}
