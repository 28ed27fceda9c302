/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A lock on an open file says "I live"; the file itself says "somebody ran in
 * this boot".  The file is never removed: /run ends with the boot.
 */
#define _GNU_SOURCE
#include "os/notifylock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "lib/buf.h"
#include "lib/statenum.h"

/* Against somebody who replaces the file all the time. */
#define OPEN_TRIES 10

static int read_fd(int fd, struct pidrec *rec)
{
	char text[BOOTREC_LEN_MAX];
	ssize_t got = pread(fd, text, sizeof(text), 0);

	if (got < 0)
		return -errno;
	pidrec_parse(text, (size_t)got, rec);
	return 0;
}

/* Whether @path still names the file that @fd has open. */
static bool is_still_there(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && lstat(path, &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Whether @rec is the mark of a run of ours in this boot, or of nfs-utils'. */
static bool is_mark(const struct bootturn_place *place,
		    const struct pidrec *rec)
{
	struct stat st;

	if (!rec->has_key)
		return rec->pid != 0;
	return stat(place->state_dir, &st) == 0 &&
	       strcmp(rec->key, place->key) == 0 && rec->device == st.st_dev &&
	       rec->inode == st.st_ino;
}

int notify_lock_set_pid(const struct bootturn_place *place,
			struct notify_lock *lock)
{
	struct pidrec rec = {.pid = getpid(), .has_key = true};
	char text[BOOTREC_LEN_MAX];
	struct stat st;
	size_t len;

	if (stat(place->state_dir, &st) != 0)
		return -errno;
	memcpy(rec.key, place->key, sizeof(rec.key));
	rec.device = st.st_dev;
	rec.inode = st.st_ino;
	len = pidrec_format(&rec, text);
	/* ORDER: write, then cut.  An empty file would say that nobody ran. */
	if (pwrite(lock->fd, text, len, 0) != (ssize_t)len)
		return -EIO;
	return ftruncate(lock->fd, (off_t)len) == 0 ? 0 : -errno;
}

/* One try; -EAGAIN where the file was replaced under us. */
static int try_take(const struct bootturn_place *place,
		    struct notify_lock *lock, enum notify_lock_status *status,
		    int32_t *pid)
{
	struct pidrec rec = {0};
	int error;

	lock->fd = open(place->notify_pid,
			O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (lock->fd < 0)
		return -errno;
	if (flock(lock->fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK)
			return -errno;
		error = read_fd(lock->fd, &rec);
		*status = NOTIFY_LOCK_RUNNING;
		*pid = rec.pid;
		notify_lock_release(lock);
		return error;
	}
	if (!is_still_there(lock->fd, place->notify_pid))
		return -EAGAIN;
	error = read_fd(lock->fd, &rec);
	if (error != 0)
		return error;
	*status = NOTIFY_LOCK_HELD;
	lock->is_made = !is_mark(place, &rec);
	return notify_lock_set_pid(place, lock);
}

int notify_lock_take(const struct bootturn_place *place,
		     struct notify_lock *lock, enum notify_lock_status *status,
		     int32_t *pid)
{
	unsigned int tries;
	int error = -EAGAIN;

	*lock = (struct notify_lock){.fd = -1};
	*pid = 0;
	for (tries = 0; tries < OPEN_TRIES && error == -EAGAIN; tries++) {
		error = try_take(place, lock, status, pid);
		if (error != 0)
			notify_lock_release(lock);
	}
	return error;
}

void notify_lock_release(struct notify_lock *lock)
{
	if (lock->fd >= 0)
		close(lock->fd);
	lock->fd = -1;
}
