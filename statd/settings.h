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
	unsigned int connections_max;
	unsigned int per_address_max;
	unsigned int idle_s;
	unsigned int resolver_s;
	bool is_port_required;	   /* a reserved one, of the lock manager */
	unsigned int notify_check; /* enum verify_check */
	const char *name;
	const char *state_dir;
	const char *default_dir; /* without -P */
	const char *ha_callout;	 /* NULL: none */
	unsigned int ha_callout_s;
	struct nfsconf *at_start; /* what the texts borrow from ... */
	struct nfsconf *renewed;  /* ... or NULL */
	char **argv;		  /* borrowed; texts borrow from it, too */
	int argc;
};

/*
 * Reads nfs.conf, the command line and RPC_STATD_NO_NOTIFY into *settings.
 * Errors: as options_read(): says what is wrong, and exits.
 * Owns:   settings_fini() ends it; @argv is borrowed for as long.
 * Source: contract.md 2.1.
 */
void settings_read(struct settings *settings, int argc, char **argv);

/*
 * Frees what @settings holds.
 */
void settings_fini(struct settings *settings);

/*
 * Reads nfs.conf again and takes over what may change while statd runs; the
 * command line still wins.  What else changed since the start is named in the
 * log; where anything is bad, the log names the line, and nothing changes.
 * Return: whether @settings was renewed.
 */
bool settings_renew(struct settings *settings);

/*
 * Warns where ha-callout is set to what cannot be run, and says where that was
 * set.  It stops nothing: locks can be recovered without.
 */
void settings_check_callout(const struct settings *settings);

/*
 * Checks what must hold before anything is changed: the two ports differ, the
 * state directory is one, and no other statd serves this host.
 * Return: 0, or the exit status after the reason was logged.
 */
int settings_check(const struct settings *settings);

/*
 * Lets the debug lines through that @settings ask for.
 */
void settings_log_classes(const struct settings *settings);

/*
 * Sends the log to syslog, or to stderr with -F and -d; its debug classes, too.
 */
void settings_choose_log(const struct settings *settings);

/*
 * Has lockd open the ports of @settings at its next start, where there are any.
 * A failure is logged and stops nothing.
 */
void settings_nlm_ports(const struct settings *settings);

#endif
