/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rpc_pipefs is no pipe: a read takes (the rest of) one message and returns 0
 * where there is none, poll(2) knows when there is one, and when the file went
 * away every call fails with EPIPE.  Nothing that happens to it ends the
 * daemon (contract.md C-10): it is closed, and opened again.
 */
#include "cltrack/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "cltrack/upcall.h"
#include "lib/log.h"
#include "lib/xalloc.h"

#define READS_PER_TURN	32u
#define EMPTY_READS_MAX 16u /* in a row, though it was readable */
#define RETRY_MS	1000u
#define SLOT_BITS	16
#define NO_SLOT		SLOTS_COUNT
#define EVENTS_SIZE	4096u
#define DIR_EVENTS	(IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF)

struct pipe {
	struct loop *loop;
	struct pipe_calls calls;
	struct slots *slots;
	char *dir;
	char *path;
	int fd; /* -1: not open */
	struct loop_watch *watch;
	int notify_fd; /* inotify, -1: not watched */
	struct loop_watch *notify_watch;
	struct loop_timer *retry;
	uint64_t generation; /* how often it was opened */
	bool is_busy[SLOTS_COUNT];
	unsigned int busy_count;
	unsigned int partial; /* the slot of a message that goes on */
	unsigned int empty_reads;
	int logged_error; /* the last that was, so that it is said once */
};

static void pipe_retry(struct pipe *pipe)
{
	loop_timer_set(pipe->retry, loop_now_ms() + RETRY_MS);
}

static void log_once(struct pipe *pipe, const char *path, int error)
{
	if (error == pipe->logged_error)
		return;
	pipe->logged_error = error;
	if (error != 0)
		log_line(LOG_ERROR, "%s: %s; it is tried again", path,
			 strerror(-error));
}

/* What was read stays in its slot: it can be answered when it is open again. */
static void close_pipe(struct pipe *pipe)
{
	if (pipe->fd < 0)
		return;
	loop_unwatch(pipe->watch);
	pipe->watch = NULL;
	close(pipe->fd);
	pipe->fd = -1;
	if (pipe->partial != NO_SLOT)
		slots_clear(pipe->slots, pipe->partial);
	pipe->partial = NO_SLOT;
	memset(pipe->is_busy, 0, sizeof(pipe->is_busy));
	pipe->busy_count = 0;
	pipe->calls.closed(pipe->calls.ctx);
}

/* --- upcalls -------------------------------------------------------------- */

static unsigned int find_slot(struct pipe *pipe)
{
	unsigned int at = 0;

	if (pipe->partial != NO_SLOT)
		return pipe->partial;
	while (at < SLOTS_COUNT && pipe->is_busy[at])
		at++;
	return at;
}

static void hand_out(struct pipe *pipe, unsigned int at, size_t len,
		     bool is_repeat)
{
	pipe->is_busy[at] = true;
	pipe->busy_count++;
	pipe->calls.upcall(pipe->calls.ctx, pipe->generation << SLOT_BITS | at,
			   slots_at(pipe->slots, at), len, is_repeat);
}

/*
 * One message, or a part of it.
 * Return: whether there may be more to read.
 */
static bool read_message(struct pipe *pipe, unsigned int at)
{
	uint8_t *bytes = slots_at(pipe->slots, at);
	size_t len = slots_len(pipe->slots, at);
	ssize_t got = read(pipe->fd, bytes + len, SLOT_SIZE - len);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (got < 0) {
		log_debug(LOG_CLASS_GENERAL, "%s: %s", pipe->path,
			  strerror(errno));
		close_pipe(pipe);
		pipe_retry(pipe);
		return false;
	}
	if (got == 0)
		return false;
	pipe->empty_reads = 0;
	len += (size_t)got;
	slots_set_len(pipe->slots, at, len);
	pipe->partial = len < upcall_size(bytes[0]) ? at : NO_SLOT;
	if (pipe->partial == NO_SLOT)
		hand_out(pipe, at, len, false);
	return true;
}

static void on_readable(void *ctx, int fd, unsigned int events)
{
	struct pipe *pipe = ctx;
	unsigned int reads;

	(void)fd;
	(void)events; /* only LOOP_READ is watched */
	if (++pipe->empty_reads > EMPTY_READS_MAX) {
		close_pipe(pipe);
		pipe_retry(pipe);
		return;
	}
	for (reads = 0; reads < READS_PER_TURN; reads++) {
		unsigned int at = find_slot(pipe);

		/* The rest waits in the kernel, until something is answered. */
		if (at == NO_SLOT) {
			loop_watch_set(pipe->watch, 0);
			return;
		}
		if (!read_message(pipe, at))
			return;
	}
}

/* --- the file ------------------------------------------------------------- */

/* Where only a part was read, the kernel sends it again. */
static void repeat_kept(struct pipe *pipe)
{
	for (unsigned int at = 0; at < SLOTS_COUNT; at++) {
		size_t len = slots_len(pipe->slots, at);
		size_t size;

		if (!slots_is_used(pipe->slots, at))
			continue;
		size = upcall_size(slots_at(pipe->slots, at)[0]);
		if (size == 0 || (len != 0 && len != size))
			slots_clear(pipe->slots, at);
		else
			hand_out(pipe, at, size, true);
	}
}

/* Return: 0, also where there is no file yet; or -errno. */
static int open_pipe(struct pipe *pipe)
{
	struct stat info;
	int fd = open(pipe->path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (stat(pipe->path, &info) != 0) {
		close(fd);
		return -EAGAIN;
	}
	pipe->fd = fd;
	pipe->generation++;
	pipe->empty_reads = 0;
	pipe->watch = loop_watch(pipe->loop, fd, LOOP_READ, on_readable, pipe);
	log_line(LOG_NOTE, "%s is open", pipe->path);
	pipe->calls.opened(pipe->calls.ctx);
	slots_attach(pipe->slots, info.st_dev, info.st_ino);
	repeat_kept(pipe);
	return 0;
}

/* --- the directory -------------------------------------------------------- */

static void unwatch_dir(struct pipe *pipe)
{
	loop_unwatch(pipe->notify_watch);
	pipe->notify_watch = NULL;
	if (pipe->notify_fd >= 0)
		close(pipe->notify_fd);
	pipe->notify_fd = -1;
}

/* Whether the pipe's file was made, and whether the directory is still ours. */
static void take_event(const struct inotify_event *event, bool *is_made,
		       bool *is_gone)
{
	if (event->mask & (IN_IGNORED | IN_UNMOUNT | IN_DELETE_SELF))
		*is_gone = true;
	if (event->mask & IN_Q_OVERFLOW)
		*is_made = true;
	if (event->len > 0 && strcmp(event->name, PIPE_FILE) == 0)
		*is_made = true;
}

static void on_dir(void *ctx, int fd, unsigned int events)
{
	_Alignas(struct inotify_event) char bytes[EVENTS_SIZE];
	struct pipe *pipe = ctx;
	bool is_made = false, is_gone = false;
	ssize_t got, at = 0;

	(void)events; /* only LOOP_READ is watched */
	got = read(fd, bytes, sizeof(bytes));
	while (at < got) {
		const struct inotify_event *event = (void *)(bytes + at);

		take_event(event, &is_made, &is_gone);
		at += (ssize_t)(sizeof(*event) + event->len);
	}
	if (is_gone) {
		log_line(LOG_WARN, "%s went away", pipe->dir);
		unwatch_dir(pipe);
	}
	if (is_made)
		close_pipe(pipe); /* that is another one */
	if (is_gone || is_made)
		loop_timer_set(pipe->retry, 0);
}

static int watch_dir(struct pipe *pipe)
{
	int error = 0;

	pipe->notify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (pipe->notify_fd < 0 ||
	    inotify_add_watch(pipe->notify_fd, pipe->dir, DIR_EVENTS) < 0)
		error = -errno;
	if (error != 0) {
		unwatch_dir(pipe);
		return error;
	}
	pipe->notify_watch = loop_watch(pipe->loop, pipe->notify_fd, LOOP_READ,
					on_dir, pipe);
	return 0;
}

/* ORDER: watch first, or a file that is made in between is never seen. */
static void on_retry(void *ctx)
{
	struct pipe *pipe = ctx;
	const char *path = pipe->dir;
	int error = 0;

	if (pipe->notify_fd < 0)
		error = watch_dir(pipe);
	if (error == 0 && pipe->fd < 0) {
		path = pipe->path;
		error = open_pipe(pipe);
	}
	log_once(pipe, path, error);
	if (error != 0)
		pipe_retry(pipe);
}

/* --- calls ---------------------------------------------------------------- */

struct pipe *pipe_new(struct loop *loop, const char *dir, struct slots *slots,
		      const struct pipe_calls *calls)
{
	struct pipe *pipe = xzalloc(sizeof(*pipe));
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/" PIPE_FILE, dir);
	pipe->loop = loop;
	pipe->calls = *calls;
	pipe->slots = slots;
	pipe->dir = xstrdup(dir);
	pipe->path = xstrdup(path);
	pipe->fd = pipe->notify_fd = -1;
	pipe->partial = NO_SLOT;
	pipe->retry = loop_timer_new(loop, on_retry, pipe);
	return pipe;
}

int pipe_start(struct pipe *pipe)
{
	int error = watch_dir(pipe);

	if (error != 0)
		return error;
	error = open_pipe(pipe);
	log_once(pipe, pipe->path, error);
	if (error != 0)
		pipe_retry(pipe);
	return 0;
}

int pipe_send(struct pipe *pipe, const uint8_t *bytes, size_t len)
{
	ssize_t put;

	if (pipe->fd < 0)
		return -EPIPE;
	do
		put = write(pipe->fd, bytes, len);
	while (put < 0 && errno == EINTR);
	if (put < 0)
		return -errno;
	return (size_t)put == len ? 0 : -EIO;
}

/* ORDER: the slot is emptied after the answer; a second one does no harm. */
int pipe_reply(struct pipe *pipe, uint64_t reply_to, const uint8_t *bytes,
	       size_t len)
{
	unsigned int at =
		(unsigned int)(reply_to & ((UINT64_C(1) << SLOT_BITS) - 1));
	int error = 0;

	if (pipe->fd < 0 || reply_to >> SLOT_BITS != pipe->generation ||
	    at >= SLOTS_COUNT || !pipe->is_busy[at])
		return 0;
	if (len > 0)
		error = pipe_send(pipe, bytes, len);
	slots_clear(pipe->slots, at);
	pipe->is_busy[at] = false;
	if (pipe->busy_count-- == SLOTS_COUNT)
		loop_watch_set(pipe->watch, LOOP_READ);
	return error;
}

bool pipe_is_open(const struct pipe *pipe)
{
	return pipe->fd >= 0;
}

void pipe_free(struct pipe *pipe)
{
	if (pipe == NULL)
		return;
	loop_unwatch(pipe->watch);
	if (pipe->fd >= 0)
		close(pipe->fd);
	unwatch_dir(pipe);
	loop_timer_free(pipe->retry);
	free(pipe->dir);
	free(pipe->path);
	free(pipe);
}
