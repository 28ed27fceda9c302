/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the command line and nfs.conf say to nfsdcltrack.
 */
#ifndef NFS_RECLAIM_CLTRACK_TRACKSETTINGS_H
#define NFS_RECLAIM_CLTRACK_TRACKSETTINGS_H

#include <stdbool.h>

#include "lib/nfsconf.h"

#define TRACKSETTINGS_PROGRAM "nfsdcltrack"

struct tracksettings {
	bool is_debugging;  /* -d */
	bool is_foreground; /* -f */
	unsigned int classes;
	const char *storage_dir;
	const char *command;  /* NULL: none */
	const char *argument; /* NULL: none */
};

/*
 * Reads nfs.conf and the command line; leaves the process where they are wrong
 * or ask for help.  The log must have a sink.
 * Return: the configuration, whose strings @settings borrows.
 * Owns:   nfsconf_free() ends it.
 * Source: contract.md 6.2.
 */
struct nfsconf *tracksettings_read(struct tracksettings *settings, int argc,
				   char **argv);

#endif
