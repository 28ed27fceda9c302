/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel marks an open mountinfo with POLLERR and POLLPRI once the mounts
 * of its namespace have changed (proc(5)).  To ask for that is one system call
 * per call of ours; a table of many thousand lines is read only then.
 */
#define _GNU_SOURCE
#include "os/mounts.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/log.h"
#include "lib/xalloc.h"
#include "os/durable.h"

#define MOUNTINFO "/proc/self/mountinfo"
#define TABLE_MAX (4 * 1024 * 1024) /* bytes that are looked at */

struct mountwatch {
	int fd; /* only asked whether they have changed */
	bool is_changed;
	bool was_read;
	uint64_t read_ms;
};

struct mountwatch *mountwatch_new(void)
{
	struct mountwatch *watch = xzalloc(sizeof(*watch));

	watch->fd = open(MOUNTINFO, O_RDONLY | O_CLOEXEC);
	watch->is_changed = true;
	if (watch->fd < 0)
		log_debug(LOG_CLASS_GENERAL, MOUNTINFO " cannot be read");
	return watch;
}

static bool is_marked(const struct mountwatch *watch)
{
	struct pollfd mark = {.fd = watch->fd, .events = POLLPRI};

	return poll(&mark, 1, 0) > 0 && (mark.revents & (POLLPRI | POLLERR));
}

void mounts_read(struct mounts *out)
{
	struct buf table;

	buf_init(&table, TABLE_MAX);
	/* One that is too long is cut: what fits counts. */
	(void)durable_read(AT_FDCWD, MOUNTINFO, &table);
	mounts_parse(table.bytes, table.len, out);
	buf_fini(&table);
}

bool mountwatch_read(struct mountwatch *watch, uint64_t now_ms,
		     struct mounts *out)
{
	if (watch->fd < 0)
		return false;
	/* ORDER: the mark is taken before the table is read. */
	watch->is_changed = watch->is_changed || is_marked(watch);
	if (!watch->is_changed ||
	    (watch->was_read && now_ms - watch->read_ms < MOUNTS_READ_MS))
		return false;
	mounts_read(out);
	watch->is_changed = false;
	watch->was_read = true;
	watch->read_ms = now_ms;
	return true;
}

void mountwatch_free(struct mountwatch *watch)
{
	if (watch == NULL)
		return;
	if (watch->fd >= 0)
		close(watch->fd);
	free(watch);
}
