/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opens, locks, reads, writes.  What the number should be, and in which order
 * things change, is os/bootturn's business.
 */
#define _GNU_SOURCE
#include "os/statedir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "lib/log.h"
#include "os/durable.h"

#define LOCK_STEP_MS 50u
#define STATE_MODE   0644

int statedir_wait_lock(int fd, int operation)
{
	const struct timespec step = {.tv_nsec = LOCK_STEP_MS * 1000000L};
	unsigned int waited_ms;

	for (waited_ms = 0; waited_ms < STATEDIR_LOCK_WAIT_MS;
	     waited_ms += LOCK_STEP_MS) {
		if (flock(fd, operation | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK)
			return -errno;
		nanosleep(&step, NULL);
	}
	return -EBUSY;
}

static int find_owner(int dir, struct stat *owner)
{
	if (fstatat(dir, "sm", owner, 0) == 0 && S_ISDIR(owner->st_mode))
		return 0;
	if (fstatat(dir, "sm.bak", owner, 0) == 0 && S_ISDIR(owner->st_mode))
		return 0;
	return fstat(dir, owner) == 0 ? 0 : -errno;
}

/* Opens the directory @name of STATE, made where it is missing. */
static int open_sub(int dir, const char *name, int *fd)
{
	struct stat owner;
	int error;

	*fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd >= 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	error = find_owner(dir, &owner);
	if (mkdirat(dir, name, 0700) != 0)
		return -errno;
	*fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0)
		return -errno;
	if (geteuid() == 0 && error == 0 &&
	    fchown(*fd, owner.st_uid, owner.st_gid) != 0)
		return -errno;
	return durable_sync(dir);
}

int statedir_open(struct statedir *dir, const char *path)
{
	*dir = (struct statedir){.dir = -1, .sm = -1, .bak = -1, .lock = -1};
	dir->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir->dir < 0 ? -errno : 0;
}

int statedir_owner(const char *path, struct stat *owner)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error;

	if (dir < 0)
		return -errno;
	error = find_owner(dir, owner);
	close(dir);
	return error;
}

int statedir_open_records(struct statedir *dir)
{
	int error = open_sub(dir->dir, "sm", &dir->sm);

	return error == 0 ? open_sub(dir->dir, "sm.bak", &dir->bak) : error;
}

int statedir_lock(struct statedir *dir)
{
	dir->lock = openat(dir->dir, ".lock",
			   O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	return dir->lock < 0 ? -errno : statedir_wait_lock(dir->lock, LOCK_EX);
}

void statedir_close(struct statedir *dir)
{
	const int fds[] = {dir->bak, dir->sm, dir->lock, dir->dir};
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

int statedir_number_at(int dir, uint32_t *number)
{
	/* COMPAT: nfs-utils looks at no byte behind these. */
	uint8_t bytes[STATENUM_FILE_SIZE];
	ssize_t len = durable_read_start(dir, "state", bytes, sizeof(bytes));

	*number = 0;
	if (len < 0)
		return (int)len;
	*number = statenum_decode(bytes, (size_t)len);
	if (*number != 0)
		return 0;
	/* COMPAT: Debian installs an empty one. */
	return len == 0 ? -ENOENT : -EBADMSG;
}

const char *statedir_number_error(int error)
{
	if (error == -EBADMSG)
		return "it holds no state number";
	if (error == -ENOENT)
		return "it is missing or empty";
	return durable_read_error(error);
}

int statedir_read_number(const struct statedir *dir, uint32_t *number)
{
	int error = statedir_number_at(dir->dir, number);

	if (error == 0 || error == -ENOENT)
		return 0;
	if (error == -EBADMSG) {
		log_line(LOG_WARN, "state: %s, and counts as missing",
			 statedir_number_error(error));
		return 0;
	}
	log_line(LOG_ERROR, "state: %s", statedir_number_error(error));
	return error;
}

void statedir_read_bootrec(const struct statedir *dir, struct bootrec *rec)
{
	struct buf bytes;
	int error;

	*rec = (struct bootrec){0};
	buf_init(&bytes, STATEDIR_SMALL_MAX);
	error = durable_read(dir->dir, "state.boot", &bytes);
	if (error == 0 && !bootrec_parse(bytes.bytes, bytes.len, rec))
		log_line(LOG_WARN, "state.boot is damaged; it is made anew");
	else if (error != 0 && error != -ENOENT)
		log_line(LOG_WARN, "state.boot: %s; it is made anew",
			 strerror(-error));
	buf_fini(&bytes);
}

int statedir_write_bootrec(const struct statedir *dir,
			   const struct bootrec *rec)
{
	char text[BOOTREC_LEN_MAX];
	size_t len = bootrec_format(rec, text);
	int error =
		durable_replace(dir->dir, "state.boot", text, len, STATE_MODE);

	return error == 0 ? durable_sync(dir->dir) : error;
}

int statedir_write_number(const struct statedir *dir, uint32_t number)
{
	uint8_t bytes[STATENUM_FILE_SIZE];
	mode_t mode = STATE_MODE;
	struct stat st;
	int error;

	if (fstatat(dir->dir, "state", &st, AT_SYMLINK_NOFOLLOW) == 0)
		mode = st.st_mode & 0777;
	statenum_encode(number, bytes);
	error = durable_replace(dir->dir, "state", bytes, sizeof(bytes), mode);
	return error == 0 ? durable_sync(dir->dir) : error;
}
