/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The option table of nfsdcltrack: every option and key of nfs-utils, under the
 * same letters and names (contract.md 6.2), and --version.
 */
#include "cltrack/tracksettings.h"

#include <stddef.h>

#include "config.h"
#include "lib/optab.h"
#include "os/options.h"

#define PROGRAM	      TRACKSETTINGS_PROGRAM
#define STORAGE	      NFSDIR "/nfsdcltrack"

#define FIELD(member) .offset = offsetof(struct tracksettings, member)

static const struct optab track_options[] = {
	{.short_name = 'd',
	 .long_name = "debug",
	 .kind = OPTAB_FLAG,
	 .help = "log everything",
	 FIELD(is_debugging)},
	{.short_name = 'f',
	 .long_name = "foreground",
	 .kind = OPTAB_FLAG,
	 .help = "log to stderr instead of syslog",
	 FIELD(is_foreground)},
	{.short_name = 's',
	 .long_name = "storagedir",
	 .arg = "DIR",
	 .section = "nfsdcltrack",
	 .key = "storagedir",
	 .kind = OPTAB_TEXT,
	 .help = "the database is in DIR (else " STORAGE ")",
	 FIELD(storage_dir)},
	{.section = "nfsdcltrack",
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

struct nfsconf *tracksettings_read(struct tracksettings *settings, int argc,
				   char **argv)
{
	int first = argc;
	const struct options_program program = {
		.name = PROGRAM,
		.usage = PROGRAM " [-df] [-s DIR] init | create ID | remove ID "
				 "| check ID | gracedone SECONDS",
		.version = PROGRAM " (nfs-reclaim) " PACKAGE_VERSION,
		.table = track_options,
		.section = "nfsdcltrack",
		.operands = &first,
	};
	struct nfsconf *conf = options_load_conf();

	*settings = (struct tracksettings){.storage_dir = STORAGE};
	options_apply(&program, conf, argc, argv, settings);
	/* COMPAT: what comes after the argument means nothing. */
	if (first < argc)
		settings->command = argv[first];
	if (first + 1 < argc)
		settings->argument = argv[first + 1];
	return conf;
}
