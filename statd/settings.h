/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an administrator may set for rpc.statd: one table for the command line,
 * nfs.conf and --help, and what must hold before the daemon starts.
 */
#ifndef NFS_RECLAIM_STATD_SETTINGS_H
#define NFS_RECLAIM_STATD_SETTINGS_H

#include <stdbool.h>

#include "lib/nfsconf.h"

struct settings {
	bool is_foreground;
	bool is_debug;
	bool is_notify_mode;
	bool has_no_notify;
	unsigned int port; /* 0: not set; the others alike */
	unsigned int outgoing_port;
	unsigned int nlm_port;
	unsigned int nlm_udp_port;
	unsigned int classes;
	const char *name;
	const char *state_dir;
	const char *default_dir; /* without -P */
	const char *ha_callout;
};

/*
 * Reads nfs.conf, the command line and RPC_STATD_NO_NOTIFY into *settings.
 * Errors: as options_read(): says what is wrong, and exits.
 * Owns:   the strings of @settings borrow from the result and from @argv;
 *         nfsconf_free() ends it.
 * Source: contract.md 2.1.
 */
struct nfsconf *settings_read(struct settings *settings, int argc, char **argv);

/*
 * Checks what must hold before anything is changed: the two ports differ, the
 * state directory is one, and no other statd serves this host.
 * Return: 0, or the exit status after the reason was logged.
 */
int settings_check(const struct settings *settings);

#endif
