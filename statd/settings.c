/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The option table of rpc.statd: every option and key of nfs-utils, under the
 * same letters and names (contract.md 2.1).
 */
#include "statd/settings.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config.h"
#include "lib/log.h"
#include "lib/optab.h"
#include "os/options.h"
#include "os/rpcbind.h"
#include "proto/sm_inter.h"

#define EXIT_PORTS_CLASH 255 /* COMPAT: contract.md 2.1 */

#define FIELD(member)	 .offset = offsetof(struct settings, member)

static const struct optab statd_options[] = {
	{.short_name = 'F',
	 .long_name = "foreground",
	 .kind = OPTAB_FLAG,
	 .help = "stay in the foreground",
	 FIELD(is_foreground)},
	{.short_name = 'd',
	 .long_name = "no-syslog",
	 .kind = OPTAB_FLAG,
	 .help = "with -F: log everything, debug lines too, to stderr",
	 FIELD(is_debug)},
	{.short_name = 'p',
	 .long_name = "port",
	 .arg = "PORT",
	 .section = "statd",
	 .key = "port",
	 .kind = OPTAB_UINT,
	 .max = 65535,
	 .help = "serve on this port (0: any)",
	 FIELD(port)},
	{.short_name = 'o',
	 .long_name = "outgoing-port",
	 .arg = "PORT",
	 .section = "statd",
	 .key = "outgoing-port",
	 .kind = OPTAB_UINT,
	 .max = 65535,
	 .help = "sm-notify sends from this port (0: any)",
	 FIELD(outgoing_port)},
	{.short_name = 'n',
	 .long_name = "name",
	 .arg = "NAME",
	 .section = "statd",
	 .key = "name",
	 .kind = OPTAB_TEXT,
	 .help = "sm-notify announces this name or address of ours",
	 FIELD(name)},
	{.short_name = 'P',
	 .long_name = "state-directory-path",
	 .arg = "DIR",
	 .section = "statd",
	 .key = "state-directory-path",
	 .kind = OPTAB_TEXT,
	 .help = "keep state in DIR (else " STATEDIR ")",
	 FIELD(state_dir)},
	{.short_name = 'H',
	 .long_name = "ha-callout",
	 .arg = "PROGRAM",
	 .section = "statd",
	 .key = "ha-callout",
	 .kind = OPTAB_TEXT,
	 .help = "run PROGRAM when peers come and go (not yet: see NEWS)",
	 FIELD(ha_callout)},
	{.short_name = 'L',
	 .long_name = "no-notify",
	 .section = "statd",
	 .key = "no-notify",
	 .kind = OPTAB_FLAG,
	 .help = "do not run sm-notify",
	 FIELD(has_no_notify)},
	{.short_name = 'N',
	 .long_name = "notify-mode",
	 .kind = OPTAB_FLAG,
	 FIELD(is_notify_mode)}, /* COMPAT: deprecated, not shown */
	{.short_name = 'T',
	 .long_name = "nlm-port",
	 .arg = "PORT",
	 .section = "lockd",
	 .key = "port",
	 .kind = OPTAB_UINT,
	 .max = 65535,
	 .help = "lockd listens on this TCP port (0: any)",
	 FIELD(nlm_port)},
	{.short_name = 'U',
	 .long_name = "nlm-udp-port",
	 .arg = "PORT",
	 .section = "lockd",
	 .key = "udp-port",
	 .kind = OPTAB_UINT,
	 .max = 65535,
	 .help = "lockd listens on this UDP port (0: as TCP)",
	 FIELD(nlm_udp_port)},
	{.section = "statd",
	 .key = "debug",
	 .arg = "CLASSES",
	 .kind = OPTAB_CLASSES,
	 .help = "log debug lines of general, call, auth, parse or all",
	 FIELD(classes)},
	{.short_name = 'h',
	 .short_alias = '?',
	 .long_name = "help",
	 .kind = OPTAB_HELP,
	 .help = "show this text"},
	{.short_name = 'v',
	 .short_alias = 'V',
	 .long_name = "version",
	 .kind = OPTAB_VERSION,
	 .help = "show the version"},
	{0},
};

static const struct options_program statd_program = {
	.name = "rpc.statd",
	.usage = "rpc.statd [options]",
	.version = "rpc.statd (nfs-reclaim) " PACKAGE_VERSION,
	.table = statd_options,
	.section = "statd",
};

static void read_environment(struct settings *settings)
{
	const char *text = getenv("RPC_STATD_NO_NOTIFY");

	if (text != NULL && strtol(text, NULL, 10) > 0)
		settings->has_no_notify = true;
	if (settings->nlm_udp_port == 0)
		settings->nlm_udp_port = settings->nlm_port;
}

struct nfsconf *settings_read(struct settings *settings, int argc, char **argv)
{
	struct nfsconf_value value;
	struct nfsconf *conf;

	*settings = (struct settings){.state_dir = STATEDIR,
				      .default_dir = STATEDIR};
	conf = options_read(&statd_program, argc, argv, settings);
	/* The key makes another directory the default one; -P does not. */
	if (nfsconf_get(conf, "statd", NULL, "state-directory-path", &value))
		settings->default_dir = value.text;
	read_environment(settings);
	return conf;
}

int settings_check(const struct settings *settings)
{
	struct stat st;

	if (settings->port != 0 && settings->port == settings->outgoing_port) {
		log_line(LOG_ERROR,
			 "port and outgoing-port are both %u: they must differ",
			 settings->port);
		return EXIT_PORTS_CLASH;
	}
	if (stat(settings->state_dir, &st) != 0) {
		log_line(LOG_ERROR, "state directory %s: %s",
			 settings->state_dir, strerror(errno));
		return EXIT_FAILURE;
	}
	if (!S_ISDIR(st.st_mode)) {
		log_line(LOG_ERROR, "state directory %s: not a directory",
			 settings->state_dir);
		return EXIT_FAILURE;
	}
	if (rpcbind_is_served(SM_PROGRAM, SM_VERSION)) {
		log_line(LOG_ERROR, "a statd is already running on this host");
		return EXIT_FAILURE;
	}
	return 0;
}
