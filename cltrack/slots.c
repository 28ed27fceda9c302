/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A shared mapping, changed by nothing but the read of the pipe and plain
 * stores.  There is no flush: it must outlive the process, and no more, since
 * nfsd forgets its upcalls with the boot.
 */
#define _GNU_SOURCE
#include "cltrack/slots.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/xalloc.h"
#include "os/statedir.h"

#define MAGIC	  UINT64_C(0x3130746f6c736663)
#define FILE_MODE 0600

struct slot {
	uint64_t len; /* 0: not said */
	uint8_t bytes[SLOT_SIZE];
};

struct content {
	uint64_t magic;
	uint64_t device; /* of the pipe */
	uint64_t inode;
	struct slot slots[SLOTS_COUNT];
};

struct slots {
	struct content *content;
	int fd; /* or -1 */
};

static int map(struct slots *slots, int flags)
{
	void *at = mmap(NULL, sizeof(*slots->content), PROT_READ | PROT_WRITE,
			flags, slots->fd, 0);

	if (at == MAP_FAILED)
		return -errno;
	slots->content = at;
	/* A child with the mapping would hold the lock for longer than us. */
	return madvise(at, sizeof(*slots->content), MADV_DONTFORK) == 0
		       ? 0
		       : -errno;
}

/* ORDER: all its pages first; a full /run would end us with SIGBUS later. */
static int open_file(struct slots *slots, const char *path)
{
	struct stat info;
	int error;

	slots->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
			 FILE_MODE);
	if (slots->fd < 0)
		return -errno;
	error = statedir_wait_lock(slots->fd, LOCK_EX);
	if (error != 0)
		return error;
	error = -posix_fallocate(slots->fd, 0, sizeof(*slots->content));
	if (error == 0 && fstat(slots->fd, &info) != 0)
		error = -errno;
	if (error == 0 && info.st_size != sizeof(*slots->content) &&
	    ftruncate(slots->fd, sizeof(*slots->content)) != 0)
		error = -errno;
	return error != 0 ? error : map(slots, MAP_SHARED);
}

struct slots *slots_open(const char *path, int *error)
{
	struct slots *slots = xzalloc(sizeof(*slots));

	slots->fd = -1;
	*error = open_file(slots, path);
	if (*error != 0) {
		slots_free(slots);
		return NULL;
	}
	if (slots->content->magic != MAGIC) {
		memset(slots->content, 0, sizeof(*slots->content));
		slots->content->magic = MAGIC;
	}
	return slots;
}

struct slots *slots_new(void)
{
	struct slots *slots = xzalloc(sizeof(*slots));

	slots->fd = -1;
	if (map(slots, MAP_PRIVATE | MAP_ANONYMOUS) != 0)
		abort();
	return slots;
}

void slots_attach(struct slots *slots, dev_t device, ino_t inode)
{
	struct content *content = slots->content;

	if (content->device == device && content->inode == inode)
		return;
	for (unsigned int at = 0; at < SLOTS_COUNT; at++)
		slots_clear(slots, at);
	content->device = device;
	content->inode = inode;
}

uint8_t *slots_at(struct slots *slots, unsigned int at)
{
	return slots->content->slots[at].bytes;
}

size_t slots_len(const struct slots *slots, unsigned int at)
{
	uint64_t len = slots->content->slots[at].len;

	return len <= SLOT_SIZE ? (size_t)len : 0;
}

void slots_set_len(struct slots *slots, unsigned int at, size_t len)
{
	slots->content->slots[at].len = len;
}

/* The version of a message comes first, and is never 0. */
bool slots_is_used(const struct slots *slots, unsigned int at)
{
	const struct slot *slot = &slots->content->slots[at];

	return slot->len > 0 || slot->bytes[0] != 0;
}

void slots_clear(struct slots *slots, unsigned int at)
{
	memset(&slots->content->slots[at], 0, sizeof(struct slot));
}

void slots_free(struct slots *slots)
{
	if (slots == NULL)
		return;
	if (slots->content != NULL)
		(void)munmap(slots->content, sizeof(*slots->content));
	if (slots->fd >= 0)
		close(slots->fd);
	free(slots);
}
