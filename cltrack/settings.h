/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the command line and nfs.conf say to nfsdcld.
 */
#ifndef NFS_RECLAIM_CLTRACK_SETTINGS_H
#define NFS_RECLAIM_CLTRACK_SETTINGS_H

#include <stdbool.h>

#include "lib/nfsconf.h"

struct settings {
	bool is_foreground;
	bool is_debug;
	unsigned int journal;	/* enum cldb_journal */
	unsigned int downgrade; /* to this schema, and end; 0: no */
	unsigned int classes;
	const char *pipefs_dir;
	const char *storage_dir;
	const char *trackdb_dir; /* of nfsdcltrack */
};

/*
 * Reads nfs.conf and the command line; leaves the process where they are wrong
 * or ask for help.
 * Return: the configuration, whose strings @settings borrows.
 * Owns:   nfsconf_free() ends it.
 * Source: contract.md 6.3.
 */
struct nfsconf *settings_read(struct settings *settings, int argc, char **argv);

#endif
