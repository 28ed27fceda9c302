/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes: into the background, the pid file, the word "ready", children
 * with clean hands, and what the kernel hands a process (descriptors, random
 * bytes).  It does not drop privileges and installs no signal handlers.
 *
 * The parent that waits learns of its child's fate through a socket: a number
 * is the exit status to leave with, the end of the file means that the child
 * died before it could say one.
 */
#define _GNU_SOURCE
#include "os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log.h"
#include "os/logsink.h"

#define PIDFILE_TRIES	100
#define EXIT_NO_PROGRAM 127 /* as shells say it */
#define SIGNAL_BASE	128

/*
 * Opens /dev/null above the standard descriptors, opening those on the way: a
 * program that we run must not get a file of its own as its standard output.
 */
static int null_open(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	return fd < 0 ? -errno : fd;
}

/* The lowest of @fds that is not below @from, or ~0u. */
static unsigned int lowest(const int *fds, size_t count, unsigned int from)
{
	unsigned int found = ~0u;
	size_t i;

	for (i = 0; i < count; i++)
		if (fds[i] >= (int)from && (unsigned int)fds[i] < found)
			found = (unsigned int)fds[i];
	return found;
}

/* Closes all above the standard descriptors but @ready and @keep. */
static void close_others(const int *keep, size_t count, int ready)
{
	unsigned int from = STDERR_FILENO + 1;
	unsigned int kept, other;

	do {
		kept = lowest(keep, count, from);
		other = lowest(&ready, 1, from);
		if (other < kept)
			kept = other;
		if (kept > from)
			close_range(from, kept == ~0u ? kept : kept - 1, 0);
		from = kept + 1;
	} while (kept != ~0u);
}

static _Noreturn void parent_wait(int ready_fd)
{
	int status;
	ssize_t got;

	do
		got = read(ready_fd, &status, sizeof(status));
	while (got < 0 && errno == EINTR);
	_exit(got == sizeof(status) ? status : EXIT_FAILURE);
}

int process_background(const int *keep, size_t count)
{
	int ready[2];
	int null;
	int error;
	pid_t pid;

	null = null_open();
	if (null < 0)
		return null;
	/* No pipe: when the parent was killed, SIGPIPE would end us, too. */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ready)) {
		error = -errno;
		close(null);
		return error;
	}
	pid = fork();
	if (pid < 0) {
		error = -errno;
		close(null);
		close(ready[0]);
		close(ready[1]);
		return error;
	}
	if (pid > 0) {
		close(ready[1]);
		parent_wait(ready[0]);
	}
	setsid();
	if (chdir("/"))
		_exit(EXIT_FAILURE);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	close_others(keep, count, ready[1]);
	return ready[1];
}

/* The whole protocol of sd_notify(3): one datagram. */
static int notify_send(const char *path)
{
	static const char word[] = "READY=1";
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	socklen_t to_len;
	int error = 0;
	int fd;

	if ((path[0] != '/' && path[0] != '@') || len >= sizeof(to.sun_path))
		return -EINVAL;
	memcpy(to.sun_path, path, len);
	to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (sendto(fd, word, strlen(word), MSG_NOSIGNAL,
		   (const struct sockaddr *)&to, to_len) < 0)
		error = -errno;
	close(fd);
	return error;
}

void process_ready(int ready_fd)
{
	const char *path = getenv("NOTIFY_SOCKET");
	int status = EXIT_SUCCESS;
	int error;

	if (ready_fd >= 0) {
		if (send(ready_fd, &status, sizeof(status), MSG_NOSIGNAL) < 0)
			log_line(LOG_WARN, "nobody waits for us to be ready");
		close(ready_fd);
	}
	if (!path || !*path)
		return;
	error = notify_send(path);
	if (error)
		log_line(LOG_WARN,
			 "cannot tell the service manager that we are ready: "
			 "%s",
			 strerror(-error));
}

/* Tells whether @path still names the file that @fd is open on. */
static bool is_same_file(int fd, const char *path)
{
	struct stat opened;
	struct stat named;

	return !fstat(fd, &opened) && !stat(path, &named) &&
	       opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

static int pidfile_fill(int fd)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	ssize_t put;

	if (ftruncate(fd, 0))
		return -errno;
	put = pwrite(fd, text, (size_t)len, 0);
	if (put < 0)
		return -errno;
	return put == len ? 0 : -EIO;
}

void process_rename(const char *name)
{
	(void)prctl(PR_SET_NAME, name); /* cannot fail */
}

int process_pidfile(const char *path)
{
	int error;
	int fd;
	int i;

	/*
	 * COMPAT: nfs-utils unlinks the file before it makes its own, so what
	 * we locked may have lost its name meanwhile: then look again.
	 */
	for (i = 0; i < PIDFILE_TRIES; i++) {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
			  0644);
		if (fd < 0)
			return -errno;
		error = flock(fd, LOCK_EX | LOCK_NB) ? -errno : 0;
		if (!error && is_same_file(fd, path))
			error = pidfile_fill(fd);
		else if (!error)
			error = -ESTALE;
		if (!error)
			return fd;
		close(fd);
		if (error != -ESTALE)
			return error;
	}
	return -ESTALE;
}

void process_pidfile_end(int fd)
{
	/* Whoever reads it finds no number; an error changes nothing for us. */
	(void)!ftruncate(fd, 0);
	close(fd);
}

/* In the child: nothing of ours but the standard descriptors, then @argv. */
static _Noreturn void spawn_child(const char *const *argv)
{
	static const int ours[] = {SIGHUP,  SIGINT,  SIGTERM, SIGCHLD,
				   SIGPIPE, SIGUSR1, SIGUSR2};
	sigset_t none;
	int null = null_open();

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		(void)signal(ours[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (null >= 0)
		dup2(null, STDIN_FILENO);
	close_others(NULL, 0, -1);
	unsetenv("NOTIFY_SOCKET"); /* to be ready is ours to say */
	execv(argv[0], (char *const *)argv);
	_exit(EXIT_NO_PROGRAM);
}

int process_spawn(const char *const *argv)
{
	sigset_t all, before;
	int result;

	/* A handler of ours in the child would speak to our own loop. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	result = fork();
	if (result == 0)
		spawn_child(argv);
	if (result < 0)
		result = -errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	return result;
}

/*
 * ORDER: no other descriptor stays open here: it would hold the ports and the
 * pid file of a daemon that is gone, and the next could not start.
 */
static void child_prepare(int fd)
{
	static const int ignored[] = {SIGHUP,  SIGINT,	SIGTERM,
				      SIGUSR1, SIGUSR2, SIGPIPE};
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL); /* some cannot be set */
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		_exit(EXIT_FAILURE);
	logsink_reopen();
	if (fd != PROCESS_CHILD_FD && dup2(fd, PROCESS_CHILD_FD) < 0)
		_exit(EXIT_FAILURE);
	if (close_range(PROCESS_CHILD_FD + 1, ~0u, 0) < 0)
		_exit(EXIT_FAILURE);
}

int process_fork_child(int type, int *fd)
{
	sigset_t all, before;
	int pair[2];
	int pid;

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	/* A handler of ours in the child would speak to our loop. */
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before); /* cannot fail */
	pid = fork();
	if (pid == 0) {
		child_prepare(pair[1]);
		return 0;
	}
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

int process_wait(int pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status)
				 : SIGNAL_BASE + WTERMSIG(status);
}

unsigned int process_allow_descriptors(unsigned int count)
{
	struct rlimit limit;
	rlim_t before;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= count)
		return count;
	before = limit.rlim_cur;
	limit.rlim_cur = limit.rlim_max < count ? limit.rlim_max : count;
	if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
		return (unsigned int)limit.rlim_cur;
	log_line(LOG_WARN, "the limit of descriptors stays: %s",
		 strerror(errno));
	return (unsigned int)before;
}

void process_random(void *bytes, uint32_t len)
{
	uint8_t *at = bytes;

	while (len > 0) {
		ssize_t got = getrandom(at, len, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			abort(); /* guessable xids are worse than no daemon */
		at += got;
		len -= (uint32_t)got;
	}
}
