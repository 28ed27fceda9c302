/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two processes and a SOCK_SEQPACKET pair: requests one way, reports the other,
 * one message each.  A request names the program; that gives statd nothing, as
 * both have the same user.  What it is run with, and that it ends, is decided
 * here and in statd/runner.
 */
#define _GNU_SOURCE /* ppoll() */
#include "statd/launcher.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/log.h"
#include "lib/xalloc.h"
#include "os/process.h"
#include "os/sandbox.h"
#include "statd/runner.h"

#define REQUEST_MAX    (PATH_MAX + 4096)
#define TIMEOUT_MS_MAX (LAUNCHER_TIMEOUT_S_MAX * 1000)

/* Begins a request; path and words follow, each ended by NUL. */
struct request {
	uint64_t id;
	uint32_t timeout_ms;
	uint32_t count; /* of path and words */
};

struct report {
	uint64_t id;
	int32_t how;
	int32_t code;
};

/* --- in the launcher process --------------------------------------------- */

/* A run under way; pid 0: none.  Shared with the runner. */
struct slot {
	uint64_t id;
	pid_t pid;
	struct runner_report report;
};

static void on_child_signal(int signal)
{
	(void)signal; /* only to interrupt ppoll() */
}

/* The end of a run is waited for where the next request is. */
static void child_watch_runs(void)
{
	struct sigaction action = {.sa_handler = on_child_signal};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (sigaction(SIGCHLD, &action, NULL) < 0 ||
	    sigprocmask(SIG_SETMASK, &set, NULL) < 0)
		_exit(EXIT_FAILURE);
}

/* COMPAT: nfs-utils runs callouts in the state directory. */
static void child_become(const struct launcher_place *place)
{
	int error = 0;

	if (chdir(place->dir) < 0 && chdir("/") < 0)
		error = -errno;
	if (error == 0)
		error = sandbox_enter_launcher(place->uid, place->gid);
	if (error == 0)
		return;
	log_line(LOG_ERROR, "cannot give up root for ha-callout: %s",
		 strerror(-error));
	_exit(EXIT_FAILURE);
}

static void tell(uint64_t id, const struct runner_report *end)
{
	struct report report = {.id = id,
				.how = (int32_t)end->how,
				.code = end->code};

	/* statd reads each before it asks for more; it may be gone. */
	(void)send(PROCESS_CHILD_FD, &report, sizeof(report), MSG_NOSIGNAL);
}

/*
 * Takes the words of @request apart.
 * Return: false where it is not whole: nobody but statd can send one.
 */
static bool split(const struct request *request, char *text, size_t len,
		  char *argv[static NSM_WORDS_MAX + 2])
{
	uint32_t i;

	if (request->count < 2 || request->count > NSM_WORDS_MAX + 1 ||
	    request->timeout_ms == 0 || request->timeout_ms > TIMEOUT_MS_MAX)
		return false;
	for (i = 0; i < request->count; i++) {
		char *end = len > 0 ? memchr(text, '\0', len) : NULL;

		if (end == NULL)
			return false;
		argv[i] = text;
		len -= (size_t)(end + 1 - text);
		text = end + 1;
	}
	argv[i] = NULL;
	return len == 0;
}

/* Runs @argv in a free slot. */
static int start(struct slot *slots, const struct request *request, char **argv)
{
	size_t i = 0;
	int pid;

	if (argv[0][0] != '/')
		return -ENOENT; /* no PATH, and no directory, is searched */
	while (i < LAUNCHER_RUNS_MAX && slots[i].pid != 0)
		i++;
	if (i == LAUNCHER_RUNS_MAX)
		return -EBUSY;
	pid = runner_start(argv, request->timeout_ms, &slots[i].report);
	if (pid < 0)
		return pid;
	slots[i].id = request->id;
	slots[i].pid = pid;
	return 0;
}

/* Takes one request; false at the end of statd. */
static bool serve_one(struct slot *slots)
{
	static char message[sizeof(struct request) + REQUEST_MAX];
	char *argv[NSM_WORDS_MAX + 2];
	struct runner_report end = {.how = NSM_CALL_NOT_STARTED};
	struct request request;
	ssize_t got =
		recv(PROCESS_CHILD_FD, message, sizeof(message), MSG_TRUNC);

	if (got < 0)
		return errno == EINTR;
	if (got < (ssize_t)sizeof(request) || got > (ssize_t)sizeof(message))
		return false;
	memcpy(&request, message, sizeof(request));
	if (!split(&request, message + sizeof(request),
		   (size_t)got - sizeof(request), argv))
		return false;
	end.code = start(slots, &request, argv);
	if (end.code != 0)
		tell(request.id, &end);
	return true;
}

/* Reports the runs that are over; whether some are not. */
static bool reap(struct slot *slots)
{
	bool has_some = false;
	size_t i;

	for (i = 0; i < LAUNCHER_RUNS_MAX; i++) {
		if (slots[i].pid == 0)
			continue;
		if (waitpid(slots[i].pid, NULL, WNOHANG) == 0) {
			has_some = true;
			continue;
		}
		slots[i].pid = 0;
		tell(slots[i].id, &slots[i].report);
	}
	return has_some;
}

static void serve(struct slot *slots)
{
	struct pollfd statd = {.fd = PROCESS_CHILD_FD, .events = POLLIN};
	sigset_t none;

	sigemptyset(&none);
	for (;;) {
		(void)reap(slots);
		if (ppoll(&statd, 1, NULL, &none) > 0 && !serve_one(slots))
			return;
	}
}

/* Ends the runs that are under way. */
static void end_all(struct slot *slots)
{
	sigset_t set;
	size_t i;

	for (i = 0; i < LAUNCHER_RUNS_MAX; i++)
		if (slots[i].pid != 0)
			(void)kill(slots[i].pid, SIGTERM); /* our child */
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	while (reap(slots))
		(void)sigwaitinfo(&set, NULL); /* blocked; or EINTR */
}

static _Noreturn void child_main(const struct launcher_place *place)
{
	struct slot *slots =
		mmap(NULL, LAUNCHER_RUNS_MAX * sizeof(*slots),
		     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	child_watch_runs();
	process_rename("nsm-callouts");
	child_become(place);
	if (slots == MAP_FAILED)
		_exit(EXIT_FAILURE);
	serve(slots);
	end_all(slots);
	_exit(EXIT_SUCCESS);
}

/* --- in statd ------------------------------------------------------------ */

struct launcher {
	pid_t pid;
	int fd;
	struct loop_watch *watch; /* NULL: the process has ended */
	launcher_called *called;
	void *ctx;
};

static bool is_report(const struct report *report, ssize_t len)
{
	return len == sizeof(*report) && report->how >= NSM_CALL_EXITED &&
	       report->how < NSM_CALL_LOST;
}

static void on_report(void *ctx, int fd, unsigned int events)
{
	struct launcher *launcher = ctx;
	struct report report;
	ssize_t got = recv(fd, &report, sizeof(report), MSG_DONTWAIT);

	(void)events; /* only LOOP_READ is watched */
	if (got < 0 && errno == EAGAIN)
		return;
	if (is_report(&report, got)) {
		launcher->called(launcher->ctx, report.id,
				 (enum nsm_call_end)report.how, report.code);
		return;
	}
	loop_unwatch(launcher->watch);
	launcher->watch = NULL;
	launcher->called(launcher->ctx, 0, NSM_CALL_LOST, 0);
}

struct launcher *launcher_new(struct loop *loop,
			      const struct launcher_place *place,
			      launcher_called *called, void *ctx, int *error)
{
	struct launcher *launcher;
	int fd;
	int pid = process_fork_child(SOCK_SEQPACKET, &fd);

	if (pid == 0)
		child_main(place);
	if (pid < 0) {
		*error = pid;
		return NULL;
	}
	launcher = xzalloc(sizeof(*launcher));
	*launcher = (struct launcher){
		.pid = pid, .fd = fd, .called = called, .ctx = ctx};
	launcher->watch =
		loop_watch(loop, launcher->fd, LOOP_READ, on_report, launcher);
	return launcher;
}

int launcher_run(struct launcher *launcher, const struct launcher_job *job)
{
	struct request request = {.id = job->id,
				  .timeout_ms = job->timeout_ms,
				  .count = (uint32_t)job->count + 1};
	struct buf message;
	int error = 0;
	size_t i;

	assert(job->count >= 1 && job->count <= NSM_WORDS_MAX);
	buf_init(&message, sizeof(request) + REQUEST_MAX);
	buf_add(&message, &request, sizeof(request));
	buf_add(&message, job->path, strlen(job->path) + 1);
	for (i = 0; i < job->count; i++)
		buf_add(&message, job->words[i], strlen(job->words[i]) + 1);
	if (message.is_overflowed)
		error = -E2BIG;
	else if (send(launcher->fd, message.bytes, message.len,
		      MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		error = -errno;
	buf_fini(&message);
	return error;
}

void launcher_free(struct launcher *launcher)
{
	if (launcher == NULL)
		return;
	loop_unwatch(launcher->watch);
	close(launcher->fd);
	/* It ends by the end of the socket, after what it runs. */
	while (waitpid(launcher->pid, NULL, 0) < 0 && errno == EINTR)
		;
	free(launcher);
}
