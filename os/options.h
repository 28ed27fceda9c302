/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Settings of a program: the files of nfs.conf, then the command line over
 * them, both by one option table (lib/optab).
 */
#ifndef NFS_RECLAIM_OS_OPTIONS_H
#define NFS_RECLAIM_OS_OPTIONS_H

#include "lib/nfsconf.h"
#include "lib/optab.h"

struct options_program {
	const char *name;    /* "rpc.statd" */
	const char *usage;   /* "rpc.statd [options]" */
	const char *version; /* printed by --version on standard output */
	const struct optab *table;
	const char *section; /* whose unknown keys are warned about */
	const char *const
		*known_keys; /* keys of it that others read, NULL-ended */
	/* Where the place in argv of what follows the options goes; NULL:
	 * nothing may. */
	int *operands;
};

/*
 * Reads nfs.conf and the command line into @settings, which holds the defaults.
 * Complaints go to the log, which is sent to stderr under the program's name.
 * Prints help or the version on standard output and leaves with 0 where asked.
 * A bad value in nfs.conf or on the command line, an unknown option or a stray
 * argument is an error that names it, then exit 1.  Unknown keys warn.
 * Return: the configuration, whose strings @settings borrows.
 * Owns:   nfsconf_free() ends it.
 * Source: contract.md 2.1, 4.1, 5.1.
 */
struct nfsconf *options_read(const struct options_program *program, int argc,
			     char **argv, void *settings);

/*
 * Loads the files of nfs.conf in nfs-utils' order: /usr/etc/nfs.conf and its
 * drop-ins, masked by /etc/nfs.conf where that exists, and its drop-ins.
 * Never waits for a lock (contract.md F-7).
 * Owns:   nfsconf_free() ends it.
 */
struct nfsconf *options_load_conf(void);

/*
 * The same below the directory @root ("": the real one).
 * Owns:   nfsconf_free() ends it.
 */
struct nfsconf *options_load_conf_below(const char *root);

/*
 * What options_read() does with @conf: reads it and the command line over it
 * into @settings, and leaves the program in the same cases.  The log must have
 * a sink.
 */
void options_apply(const struct options_program *program,
		   const struct nfsconf *conf, int argc, char **argv,
		   void *settings);

/*
 * Reads the command line alone over @settings.  What was accepted once is so
 * again: a program that reads nfs.conf anew lets its command line win so.
 * Errors: as options_read().
 * Owns:   texts of @settings borrow from @argv, which may be reordered.
 */
void options_apply_args(const struct options_program *program, int argc,
			char **argv, void *settings);

#endif
