/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The child and its three words.  The end of the socket without the last word
 * means that the daemon is gone and did not want to be.
 */
#include "cltrack/holder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>

#include "lib/log.h"
#include "lib/xalloc.h"
#include "os/process.h"

#define NAME "nfsdcld-hold"

enum word { WORD_HOLD = 'h', WORD_RELEASE = 'r', WORD_END = 'e' };

struct holder {
	int fd;
	int pid;
};

static const struct flock whole_file = {.l_type = F_WRLCK,
					.l_whence = SEEK_SET};

/* --- the child ------------------------------------------------------------ */

static int reopen(int pipe, const char *path)
{
	if (pipe >= 0)
		close(pipe);
	return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
}

/* A file of rpc_pipefs that was removed is an error to poll(2). */
static int await_end_of_pipe(int pipe, int timeout_ms)
{
	struct pollfd watched = {.fd = pipe};

	return poll(&watched, 1, timeout_ms);
}

/* Alone: with nothing to hold there is nothing to wait for. */
static _Noreturn void linger(int pipe, const char *lock_path)
{
	int lock = open(lock_path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	(void)signal(SIGTERM, SIG_DFL); /* the next daemon's word */
	if (pipe < 0)
		_exit(EXIT_SUCCESS);
	if (lock < 0 || fcntl(lock, F_SETLK, &whole_file) != 0)
		_exit(EXIT_FAILURE);
	log_line(LOG_WARN,
		 "nfsdcld is gone; its pipe is held open for %d s, so that the "
		 "next one finds what nfsd asks meanwhile",
		 HOLDER_S);
	if (await_end_of_pipe(pipe, HOLDER_S * 1000) == 0)
		log_line(LOG_ERROR, "no nfsdcld has come back; the pipe is let "
				    "go, and nfsd gives up");
	_exit(EXIT_SUCCESS);
}

static _Noreturn void serve(const char *pipe_path, const char *lock_path)
{
	struct pollfd watched[2] = {{.fd = PROCESS_CHILD_FD, .events = POLLIN},
				    {.fd = -1}};
	char word;

	process_rename(NAME);
	for (;;) {
		if (poll(watched, 2, -1) < 0 && errno != EINTR)
			_exit(EXIT_FAILURE);
		if (watched[1].revents != 0) { /* the pipe went away */
			close(watched[1].fd);
			watched[1].fd = -1;
		}
		if (watched[0].revents == 0)
			continue;
		if (read(PROCESS_CHILD_FD, &word, 1) != 1)
			linger(watched[1].fd, lock_path);
		if (word == WORD_END)
			_exit(EXIT_SUCCESS);
		if (word == WORD_HOLD) {
			watched[1].fd = reopen(watched[1].fd, pipe_path);
		} else if (watched[1].fd >= 0) {
			close(watched[1].fd);
			watched[1].fd = -1;
		}
	}
}

/* --- the daemon ----------------------------------------------------------- */

struct holder *holder_start(const char *pipe_path, const char *lock_path)
{
	struct holder *holder;
	int fd = -1;
	int pid = process_fork_child(SOCK_STREAM, &fd);

	if (pid == 0)
		serve(pipe_path, lock_path);
	if (pid < 0) {
		log_line(LOG_ERROR, "nobody holds the pipe over a restart: %s",
			 strerror(-pid));
		return NULL;
	}
	holder = xzalloc(sizeof(*holder));
	holder->fd = fd;
	holder->pid = pid;
	return holder;
}

static void say(const struct holder *holder, enum word word)
{
	const char byte = (char)word;

	if (send(holder->fd, &byte, 1, MSG_NOSIGNAL) != 1)
		log_line(LOG_WARN, "nobody holds the pipe over a restart: %s",
			 strerror(errno));
}

/* The kernel knows whose the lock is; a pid in a file might be another's. */
static void end_other(const char *lock_path)
{
	struct flock lock = whole_file;
	int fd = open(lock_path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return;
	if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK &&
	    lock.l_pid > 0)
		(void)kill(lock.l_pid, SIGTERM);
	close(fd);
}

void holder_hold(struct holder *holder, const char *lock_path)
{
	if (holder != NULL)
		say(holder, WORD_HOLD);
	end_other(lock_path);
}

void holder_release(struct holder *holder)
{
	if (holder != NULL)
		say(holder, WORD_RELEASE);
}

void holder_end(struct holder *holder)
{
	if (holder == NULL)
		return;
	say(holder, WORD_END);
	close(holder->fd);
	(void)process_wait(holder->pid);
	free(holder);
}
