/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The option table of nfsdcld: every option and key of nfs-utils, under the
 * same letters and names (contract.md 6.3), and what is ours.
 */
#include "cltrack/settings.h"

#include <stddef.h>

#include "cltrack/cldb.h"
#include "config.h"
#include "lib/log.h"
#include "lib/optab.h"
#include "os/options.h"

#define PROGRAM	      "nfsdcld"

#define FIELD(member) .offset = offsetof(struct settings, member)

/* As enum cldb_journal counts them. */
static const char *const journals[] = {
	[CLDB_WAL] = "wal",
	[CLDB_DELETE] = "delete",
	NULL,
};

static const struct optab nfsdcld_options[] = {
	{.short_name = 'd',
	 .long_name = "debug",
	 .kind = OPTAB_FLAG,
	 .help = "log debug lines of all classes",
	 FIELD(is_debug)},
	{.long_name = "downgrade",
	 .arg = "SCHEMA",
	 .kind = OPTAB_UINT,
	 .min = 3,
	 .max = 3,
	 .help = "turn the database into one of schema 3, for an older "
		 "nfsdcld, and end",
	 FIELD(downgrade)},
	{.short_name = 'F',
	 .long_name = "foreground",
	 .kind = OPTAB_FLAG,
	 .help = "stay in the foreground and log to stderr",
	 FIELD(is_foreground)},
	{.short_name = 'p',
	 .long_name = "pipefsdir",
	 .arg = "DIR",
	 .section = "general",
	 .key = "pipefs-directory",
	 .kind = OPTAB_TEXT,
	 .help = "rpc_pipefs is mounted on DIR (else " NFSDIR "/rpc_pipefs)",
	 FIELD(pipefs_dir)},
	{.short_name = 's',
	 .long_name = "storagedir",
	 .arg = "DIR",
	 .section = "nfsdcld",
	 .key = "storagedir",
	 .kind = OPTAB_TEXT,
	 .help = "the database is in DIR (else " NFSDIR "/nfsdcld)",
	 FIELD(storage_dir)},
	{.section = "nfsdcld",
	 .key = "journal",
	 .arg = "KIND",
	 .kind = OPTAB_WORD,
	 .words = journals,
	 .help = "how the database keeps its promise over a power failure: "
		 "wal or delete (else wal)",
	 FIELD(journal)},
	{.section = "nfsdcld",
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

static const struct options_program nfsdcld_program = {
	.name = PROGRAM,
	.usage = PROGRAM " [-dF] [-p DIR] [-s DIR] [OPTION]...",
	.version = PROGRAM " (nfs-reclaim) " PACKAGE_VERSION,
	.table = nfsdcld_options,
	.section = "nfsdcld",
};

struct nfsconf *settings_read(struct settings *settings, int argc, char **argv)
{
	struct nfsconf_value value;
	struct nfsconf *conf;

	*settings = (struct settings){
		.pipefs_dir = NFSDIR "/rpc_pipefs",
		.storage_dir = NFSDIR "/nfsdcld",
		.trackdb_dir = NFSDIR "/nfsdcltrack",
	};
	conf = options_read(&nfsdcld_program, argc, argv, settings);
	if (nfsconf_get(conf, "nfsdcltrack", NULL, "storagedir", &value))
		settings->trackdb_dir = value.text;
	if (settings->is_debug)
		settings->classes = LOG_CLASS_ALL;
	return conf;
}
