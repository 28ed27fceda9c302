/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nfsdcltrack: the kernel of an NFSv4 server calls it, as root, with an
 * environment of its own variables and no open file, each time that a client
 * is to be remembered, forgotten or looked up.
 *
 * The exit status is the lower byte of -errno, as that of nfs-utils.
 * Source: contract.md 6.2.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cltrack/command.h"
#include "cltrack/tracksettings.h"
#include "lib/log.h"
#include "os/logsink.h"
#include "os/sandbox.h"

/*
 * SAFETY: a database under the number of stderr would get what is written
 * there.
 * Return: whether there is a stderr.
 */
static bool fill_standard_files(void)
{
	bool has_stderr = fcntl(STDERR_FILENO, F_GETFD) >= 0;
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
	return has_stderr;
}

static int run(const struct tracksettings *settings)
{
	int error = sandbox_drop_rights();

	if (error) {
		log_line(LOG_ERROR, "cannot give up rights: %s",
			 strerror(-error));
		return error;
	}
	if (!settings->command) {
		log_line(LOG_ERROR, "which command? Try --help");
		return -EINVAL;
	}
	return command_run(settings->storage_dir, settings->command,
			   settings->argument);
}

int main(int argc, char **argv)
{
	struct tracksettings settings;
	struct nfsconf *conf;
	int status;

	/* What is wrong with nfs.conf is to be seen by somebody. */
	if (fill_standard_files())
		logsink_stderr(TRACKSETTINGS_PROGRAM);
	else
		logsink_syslog(TRACKSETTINGS_PROGRAM);
	conf = tracksettings_read(&settings, argc, argv);
	if (!settings.is_foreground)
		logsink_syslog(TRACKSETTINGS_PROGRAM);
	log_set_classes(settings.is_debugging ? LOG_CLASS_ALL
					      : settings.classes);
	umask(077);
	status = run(&settings);
	nfsconf_free(conf);
	return status;
}
