/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's lock manager as files: this file knows their names, their words
 * and what an absent one means.  It decides nothing: whether the grace period
 * may be lifted is sm-notify's question.  The files of /proc/fs answer for the
 * network namespace of whoever opens them.
 *
 * Nothing here is kept open, since a module may be unloaded under us.
 */
#include "os/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/process.h"

#define NSM_LOCAL_STATE	 "/proc/sys/fs/nfs/nsm_local_state"
#define NLM_TCP_PORT	 "/proc/sys/fs/nfs/nlm_tcpport"
#define NLM_UDP_PORT	 "/proc/sys/fs/nfs/nlm_udpport"
#define LOCKD_END_GRACE	 "/proc/fs/lockd/nlm_end_grace"
#define NFSD_END_GRACE	 "/proc/fs/nfsd/v4_end_grace"
#define NFSD_STATISTICS	 "/proc/net/rpc/nfsd"
#define MAX_RESVPORT	 "/proc/sys/sunrpc/max_resvport"
#define IPPORT_ROOT_LAST 1023u
#define TEXT_MAX	 1024

static int text_write(const char *path, const char *text)
{
	size_t len = strlen(text);
	ssize_t put;
	int error = 0;
	int fd;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	put = write(fd, text, len);
	if (put < 0)
		error = -errno;
	else if ((size_t)put != len)
		error = -EIO;
	close(fd);
	return error;
}

/* Reads what one read(2) gives; these files come whole or not at all. */
static int text_read(const char *path, char text[static TEXT_MAX])
{
	ssize_t got;
	int error;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	got = read(fd, text, TEXT_MAX - 1);
	error = got < 0 ? -errno : 0;
	close(fd);
	text[got < 0 ? 0 : got] = '\0';
	return error;
}

static int number_write(const char *path, uint32_t number)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%u", number); /* always fits */
	return text_write(path, text);
}

static enum kernel_grace grace_read(const char *path)
{
	char text[TEXT_MAX] = "";
	int error = text_read(path, text);

	if (error == -ENOENT)
		return KERNEL_GRACE_NO_LOCKD;
	if (error)
		return KERNEL_GRACE_UNKNOWN;
	if (text[0] == 'Y')
		return KERNEL_GRACE_OVER;
	return text[0] == 'N' ? KERNEL_GRACE_RUNNING : KERNEL_GRACE_UNKNOWN;
}

static int nlm_ports_write(uint16_t tcp, uint16_t udp)
{
	int error = 0;

	if (tcp)
		error = number_write(NLM_TCP_PORT, tcp);
	if (udp && !error)
		error = number_write(NLM_UDP_PORT, udp);
	return error;
}

int kernel_set_nsm_local_state(uint32_t number)
{
	return number_write(NSM_LOCAL_STATE, number);
}

int kernel_set_nlm_ports(uint16_t tcp, uint16_t udp)
{
	static const char *const modprobe[] = {"/sbin/modprobe", "lockd", NULL};
	int error = nlm_ports_write(tcp, udp);
	int pid;

	if (error != -ENOENT)
		return error;
	pid = process_spawn(modprobe);
	if (pid < 0)
		return pid;
	error = process_wait(pid);
	if (error < 0)
		return error;
	/* Whatever modprobe said, the files are there now or they are not. */
	return nlm_ports_write(tcp, udp);
}

enum kernel_grace kernel_lockd_grace(void)
{
	return grace_read(LOCKD_END_GRACE);
}

/*
 * Counts the threads of every namespace.  /proc/fs/nfsd/threads would count
 * ours alone, but reading it waits for as long as nfsd takes to stop.
 */
bool kernel_has_nfsd(void)
{
	char text[TEXT_MAX];
	const char *line;

	if (text_read(NFSD_STATISTICS, text))
		return false;
	line = strstr(text, "\nth ");
	return line && strtoul(line + strlen("\nth "), NULL, 10) > 0;
}

enum kernel_grace kernel_nfsd_grace(void)
{
	enum kernel_grace grace = grace_read(NFSD_END_GRACE);

	/* The file says N, too, before the first nfsd of this boot. */
	if (grace == KERNEL_GRACE_RUNNING && !kernel_has_nfsd())
		return KERNEL_GRACE_OVER;
	return grace == KERNEL_GRACE_NO_LOCKD ? KERNEL_GRACE_OVER : grace;
}

bool kernel_has_grace(void)
{
	return kernel_lockd_grace() == KERNEL_GRACE_RUNNING ||
	       kernel_nfsd_grace() == KERNEL_GRACE_RUNNING;
}

int kernel_lift_grace(void)
{
	return text_write(LOCKD_END_GRACE, "Y");
}

int kernel_lift_nfsd_grace(void)
{
	int error = text_write(NFSD_END_GRACE, "Y");

	return error == -EBUSY ? 0 : error;
}

uint16_t kernel_reserved_port_max(void)
{
	char text[TEXT_MAX];
	unsigned long port;

	if (text_read(MAX_RESVPORT, text))
		return IPPORT_ROOT_LAST;
	port = strtoul(text, NULL, 10);
	if (port <= IPPORT_ROOT_LAST || port > UINT16_MAX)
		return IPPORT_ROOT_LAST;
	return (uint16_t)port;
}
