/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file of a record has the peer's mon_name, so whether an address is
 * monitored is one fstatat(2).  Whoever is monitored by name is found by that
 * name, without a look-up (targetset.c).
 */
#include "sm-notify/monitored.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lib/xalloc.h"
#include "os/kernel.h"
#include "os/mounts.h"

int monitored_open(const struct run *run)
{
	char path[RUN_BAK_LEN_MAX];

	if (run->mode != RUN_BOOT || run->turn.has_left)
		return -1;
	snprintf(path, sizeof(path), "%s/sm", run->state_dir);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool is_monitored(int sm_fd, const struct addr *addr)
{
	char name[ADDR_TEXT_SIZE];
	struct stat st;

	return addr->family != ADDR_NONE &&
	       fstatat(sm_fd, addr_format(addr, name), &st,
		       AT_SYMLINK_NOFOLLOW) == 0;
}

static bool is_server_of_mount(const struct addr *addr)
{
	struct mounts *mounts = xzalloc(sizeof(*mounts));
	bool is_found = false;

	mounts_read(mounts);
	for (size_t i = 0; i < mounts->count && !is_found; i++)
		is_found = addr_is_same_host(&mounts->servers[i], addr);
	free(mounts);
	return is_found;
}

bool monitored_is_late(int sm_fd, const struct addr *addrs, size_t count)
{
	for (size_t i = 0; sm_fd >= 0 && i < count; i++)
		if (is_monitored(sm_fd, &addrs[i]) &&
		    (!kernel_has_grace() || is_server_of_mount(&addrs[i])))
			return true;
	return false;
}
