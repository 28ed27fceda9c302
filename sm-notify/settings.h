/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the command line and nfs.conf say to sm-notify.
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_SETTINGS_H
#define NFS_RECLAIM_SM_NOTIFY_SETTINGS_H

#include <stdbool.h>

#include "lib/nfsconf.h"

#define SETTINGS_PROGRAM "sm-notify"

struct settings {
	bool is_foreground; /* -d */
	bool is_dry;	    /* --dry-run */
	bool is_waiting;    /* --wait */
	bool is_forced;
	bool is_number_raised;
	bool is_grace_lifted;
	unsigned int retry_minutes; /* 0: for ever */
	unsigned int max_age;	    /* boots, 0: for ever */
	unsigned int port;	    /* 0: a reserved one */
	unsigned int packets_per_second;
	unsigned int classes;
	const char *source;	   /* -v; NULL: none */
	const char *skip;	   /* peers never told; NULL: none */
	const char *control_group; /* NULL: that of sm/ */
	const char *state_dir;	   /* where the records are */
	const char *default_dir;   /* where they would be without -P */
};

/*
 * Reads nfs.conf and the command line; leaves the process where they are wrong
 * or ask for help.
 * Return: the configuration, whose strings @settings borrows.
 * Owns:   nfsconf_free() ends it.
 * Source: contract.md 4.1.
 */
struct nfsconf *settings_read(struct settings *settings, int argc, char **argv);

#endif
