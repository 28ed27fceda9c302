/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The option table of sm-notify: every option and key of nfs-utils, under the
 * same letters and names (contract.md 4.1), and what is ours.
 */
#include "sm-notify/settings.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "lib/hostname.h"
#include "lib/log.h"
#include "lib/optab.h"
#include "os/options.h"

#define PROGRAM	      SETTINGS_PROGRAM
#define RETRY_MINUTES 15u
#define PACKETS	      10000u /* a second */

#define FIELD(member) .offset = offsetof(struct settings, member)

static const struct optab notify_options[] = {
	{.short_name = 'd',
	 .long_name = "debug",
	 .kind = OPTAB_FLAG,
	 .help = "stay in the foreground and log everything to stderr",
	 FIELD(is_foreground)},
	{.long_name = "dry-run",
	 .kind = OPTAB_FLAG,
	 .help = "say who would be told, and how; send and change nothing",
	 FIELD(is_dry)},
	{.short_name = 'f',
	 .long_name = "force",
	 .section = "sm-notify",
	 .key = "force",
	 .kind = OPTAB_FLAG,
	 .help = "the locks are lost though nobody rebooted: tell every peer",
	 FIELD(is_forced)},
	{.long_name = "max-age",
	 .arg = "BOOTS",
	 .section = "sm-notify",
	 .key = "max-age",
	 .kind = OPTAB_UINT,
	 .min = 0,
	 .max = 1000000,
	 .help = "leave a peer alone that stayed silent for so many boots, "
		 "0: never (else 0)",
	 FIELD(max_age)},
	{.short_name = 'm',
	 .long_name = "retry-time",
	 .arg = "MINUTES",
	 .section = "sm-notify",
	 .key = "retry-time",
	 .kind = OPTAB_UINT,
	 .min = 0,
	 .max = 10080,
	 .help = "give up after so many minutes, 0: never (else 15)",
	 FIELD(retry_minutes)},
	{.short_name = 'n',
	 .long_name = "no-update-state",
	 .section = "sm-notify",
	 .key = "update-state",
	 .kind = OPTAB_NOT_FLAG,
	 .help = "announce the NSM state number as it stands",
	 FIELD(is_number_raised)},
	{.short_name = 'p',
	 .long_name = "outgoing-port",
	 .arg = "PORT",
	 .section = "sm-notify",
	 .key = "outgoing-port",
	 .kind = OPTAB_UINT,
	 .min = 1,
	 .max = 65535,
	 .help = "send from this port (else a reserved one)",
	 FIELD(port)},
	{.short_name = 'P',
	 .long_name = "state-directory-path",
	 .arg = "DIR",
	 .section = "statd",
	 .key = "state-directory-path",
	 .kind = OPTAB_TEXT,
	 .help = "the records are in DIR (else " STATEDIR ")",
	 FIELD(state_dir)},
	{.long_name = "packets-per-second",
	 .arg = "COUNT",
	 .section = "sm-notify",
	 .key = "packets-per-second",
	 .kind = OPTAB_UINT,
	 .min = 1,
	 .max = 1000000,
	 .help = "send no more than this (else 10000)",
	 FIELD(packets_per_second)},
	{.long_name = "skip",
	 .arg = "LIST",
	 .section = "sm-notify",
	 .key = "skip",
	 .kind = OPTAB_TEXT,
	 .help = "never tell these peers, names or addresses divided by "
		 "commas",
	 FIELD(skip)},
	{.short_name = 'v',
	 .long_name = "outgoing-addr",
	 .arg = "NAME",
	 .section = "sm-notify",
	 .key = "outgoing-addr",
	 .kind = OPTAB_TEXT,
	 .help = "send from and announce this name or address of ours",
	 FIELD(source)},
	{.long_name = "wait",
	 .kind = OPTAB_FLAG,
	 .help = "stay in the foreground, and say who is told",
	 FIELD(is_waiting)},
	{.section = "sm-notify",
	 .key = "lift-grace",
	 .kind = OPTAB_FLAG,
	 .help = "end lockd's grace period where nobody is to be told "
		 "(else yes)",
	 FIELD(is_grace_lifted)},
	{.section = "sm-notify",
	 .key = "control-group",
	 .arg = "GROUP",
	 .kind = OPTAB_TEXT,
	 .help = "this group may use the control socket (else that of sm)",
	 FIELD(control_group)},
	{.section = "sm-notify",
	 .key = "debug",
	 .arg = "CLASSES",
	 .kind = OPTAB_CLASSES,
	 .help = "log debug lines of general, call, auth, parse or all",
	 FIELD(classes)},
	{.short_name = 'h',
	 .long_name = "help",
	 .kind = OPTAB_HELP,
	 .help = "show this text"},
	{.long_name = "version",
	 .kind = OPTAB_VERSION,
	 .help = "show the version"},
	{0},
};

static const struct options_program notify_program = {
	.name = PROGRAM,
	.usage = PROGRAM " [-dfn] [-m MINUTES] [-p PORT] [-P DIR] [-v NAME] "
			 "[OPTION]...",
	.version = PROGRAM " (nfs-reclaim) " PACKAGE_VERSION,
	.table = notify_options,
	.section = "sm-notify",
};

struct nfsconf *settings_read(struct settings *settings, int argc, char **argv)
{
	struct nfsconf_value value;
	struct nfsconf *conf;

	*settings = (struct settings){
		.is_number_raised = true,
		.is_grace_lifted = true,
		.retry_minutes = RETRY_MINUTES,
		.packets_per_second = PACKETS,
		.state_dir = STATEDIR,
		.default_dir = STATEDIR,
	};
	conf = options_read(&notify_program, argc, argv, settings);
	/* The key makes another directory the default one; -P does not. */
	if (nfsconf_get(conf, "statd", NULL, "state-directory-path", &value))
		settings->default_dir = value.text;
	if (settings->source && strlen(settings->source) > HOSTNAME_LEN_MAX) {
		log_line(LOG_ERROR, "-v: a name has at most %u bytes",
			 HOSTNAME_LEN_MAX);
		exit(EXIT_FAILURE);
	}
	return conf;
}
