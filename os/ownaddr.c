/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asks the kernel which of our addresses are meant for what.
 */
#include "os/ownaddr.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANY_PORT 9 /* nothing is sent there */

int ownaddr_toward(const struct addr *peer, struct addr *out)
{
	struct addr to = *peer;
	union addr_sockaddr name;
	socklen_t len;
	int fd, error;

	*out = (struct addr){.family = ADDR_NONE};
	to.port = ANY_PORT;
	len = addr_to_sockaddr(&to, &name);
	fd = socket(name.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	error = connect(fd, &name.any, len) ? -errno : 0;
	len = sizeof(name);
	if (!error && getsockname(fd, &name.any, &len))
		error = -errno;
	close(fd);
	if (!error)
		*out = addr_from_sockaddr(&name.any);
	out->port = 0;
	return error;
}
