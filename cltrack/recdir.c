/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looks at names and removes empty directories.
 *
 * SAFETY: the path comes from the kernel, which has it from an administrator.
 * Whatever it is, only what looks like a client is touched; nfs-utils removes
 * every empty directory.
 */
#include "cltrack/recdir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log.h"
#include "os/durable.h"

struct visit {
	int dir;
	int (*visit)(void *arg, const char *name);
	void *arg;
};

static int visit_client(void *arg, const char *name)
{
	const struct visit *visit = arg;
	struct stat st;

	if (strlen(name) != RECDIR_NAME_LEN ||
	    strspn(name, "0123456789abcdef") != RECDIR_NAME_LEN ||
	    fstatat(visit->dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISDIR(st.st_mode))
		return 0;
	return visit->visit(visit->arg, name);
}

static int open_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int recdir_each(const char *path, int (*visit)(void *arg, const char *name),
		void *arg)
{
	struct visit all = {.visit = visit, .arg = arg};
	int error;

	all.dir = open_dir(path);
	if (all.dir < 0)
		return all.dir;
	error = durable_each_odd(all.dir, visit_client, &all);
	close(all.dir);
	return error;
}

bool recdir_has(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int remove_client(void *arg, const char *name)
{
	const int *dir = arg;

	if (unlinkat(*dir, name, AT_REMOVEDIR) != 0)
		log_line(LOG_WARN, "%s, of the recovery directory: %s", name,
			 strerror(errno));
	return 0;
}

int recdir_clean(const char *path)
{
	int dir = open_dir(path);
	int error;

	if (dir < 0)
		return dir;
	error = recdir_each(path, remove_client, &dir);
	if (!error)
		error = durable_sync(dir);
	close(dir);
	return error;
}
