/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lock of the namespace is that on the slots, below /run; where /run cannot
 * be written the daemon does without.
 */
#include "cltrack/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "lib/buf.h"
#include "lib/log.h"
#include "os/rundir.h"
#include "os/statedir.h"

#define LOCK_FILE    ".lock"
#define LOCK_MODE    0600
#define STORAGE_MODE 0700
#define RUNDIR_MODE  0755
#define OWNER_SIZE   128 /* "PID NAMESPACE" */
#define NAMESPACE    "/proc/self/ns/net"

/* "net:[4026531840]", as the kernel and ip-netns(8) know it. */
static void name_namespace(char out[static OWNER_SIZE])
{
	ssize_t len = readlink(NAMESPACE, out, OWNER_SIZE - 1);

	out[len < 0 ? 0 : len] = '\0';
}

static void log_owner(const char *path, int fd)
{
	char text[OWNER_SIZE];
	struct buf owner;
	ssize_t got = pread(fd, text, sizeof(text), 0);

	while (got > 0 && text[got - 1] == '\n')
		got--;
	buf_init(&owner, LOG_TEXT_MAX / 2);
	buf_add_escaped(&owner, text, got > 0 ? (size_t)got : 0);
	log_line(LOG_ERROR, "%s: another nfsdcld holds it: %s", path,
		 buf_text(&owner));
	buf_fini(&owner);
}

/* Best effort: it is for the reader of a message. */
static void write_owner(int fd)
{
	char namespace[OWNER_SIZE];
	char text[OWNER_SIZE * 2];
	int len;

	name_namespace(namespace);
	len = snprintf(text, sizeof(text), "pid %d in %s\n", (int)getpid(),
		       namespace);
	if (ftruncate(fd, 0) == 0)
		(void)!pwrite(fd, text, (size_t)len, 0);
}

static int lock_storage(struct place *place)
{
	const char *path = place->lock_path;
	int error;

	place->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
			      LOCK_MODE);
	if (place->lock_fd < 0) {
		log_line(LOG_ERROR, "%s: %s", path, strerror(errno));
		return -errno;
	}
	/* A child of one that was killed may have it for a moment more. */
	error = statedir_wait_lock(place->lock_fd, LOCK_EX);
	if (error != 0) {
		log_owner(path, place->lock_fd);
		return error;
	}
	write_owner(place->lock_fd);
	return 0;
}

static int lock_namespace(struct place *place)
{
	char path[PATH_MAX];
	struct stat namespace;
	int error = 0;

	if (mkdir(RUNDIR_PATH, RUNDIR_MODE) != 0 && errno != EEXIST)
		error = -errno;
	if (error == 0 && stat(NAMESPACE, &namespace) != 0)
		error = -errno;
	if (error == 0) {
		(void)snprintf(path, sizeof(path), RUNDIR_PATH "/nfsdcld-%llu",
			       (unsigned long long)namespace.st_ino);
		place->slots = slots_open(path, &error);
	}
	if (error == -EBUSY) {
		log_line(LOG_ERROR,
			 "%s: another nfsdcld serves this network "
			 "namespace",
			 path);
		return error;
	}
	if (error != 0) {
		log_line(LOG_WARN,
			 RUNDIR_PATH ": %s; what nfsd asks is not kept over a "
				     "crash",
			 strerror(-error));
		place->slots = slots_new();
	}
	return 0;
}

int place_open(struct place *place, const char *storage_dir)
{
	int error;

	*place = (struct place){.lock_fd = -1};
	if (mkdir(storage_dir, STORAGE_MODE) != 0 && errno != EEXIST) {
		log_line(LOG_ERROR, "%s: %s", storage_dir, strerror(errno));
		return -errno;
	}
	/* In the background, "." is another directory. */
	if (realpath(storage_dir, place->storage_dir) == NULL) {
		log_line(LOG_ERROR, "%s: %s", storage_dir, strerror(errno));
		return -errno;
	}
	if (strlen(place->storage_dir) + sizeof("/" LOCK_FILE) > PATH_MAX)
		return -ENAMETOOLONG;
	(void)stpcpy(stpcpy(place->lock_path, place->storage_dir),
		     "/" LOCK_FILE);
	error = lock_storage(place);
	return error != 0 ? error : lock_namespace(place);
}

void place_close(struct place *place)
{
	slots_free(place->slots);
	place->slots = NULL;
	if (place->lock_fd >= 0)
		close(place->lock_fd);
	place->lock_fd = -1;
}
