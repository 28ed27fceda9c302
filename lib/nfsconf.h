/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The nfs.conf language: text in, values with their file and line out.  The
 * grammar is nfs-utils' (contract.md 5) without its four traps: a last line
 * without LF counts (F-2), "$name" chains and includes end (F-1, F-6), and
 * nothing waits for a lock (F-7, os/options).  Files are read by a function
 * that the caller hands in, so this room needs no machine.
 */
#ifndef NFS_RECLAIM_LIB_NFSCONF_H
#define NFS_RECLAIM_LIB_NFSCONF_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"

#define NFSCONF_INCLUDE_DEPTH_MAX 10
#define NFSCONF_DEREF_MAX	  10		/* "$name" steps */
#define NFSCONF_FILE_MAX	  (1024 * 1024) /* bytes of one file */
#define NFSCONF_FILES_MAX	  256		/* with all includes */
#define NFSCONF_VALUES_MAX	  65536		/* assignments */
#define NFSCONF_PATH_MAX	  4096		/* bytes, with its NUL */
#define NFSCONF_COMPLAINTS_MAX	  100		/* while parsing */

/* What the language needs from outside. */
struct nfsconf_world {
	void *ctx;
	/* Reads the file @path; 0 or -errno. */
	int (*read_file)(void *ctx, const char *path, struct buf *out);
	/* Like getenv(3); what it returns must outlive the values got. */
	const char *(*getenv)(void *ctx, const char *name);
	/* Takes one complaint, "file:line: what is wrong". */
	void (*complain)(void *ctx, const char *text);
};

struct nfsconf_value {
	const char *text;
	const char *file;
	unsigned int line;
};

struct nfsconf;

/*
 * Returns an empty configuration.
 * Owns:   nfsconf_free() ends it; @world is copied, its ctx borrowed.
 */
struct nfsconf *nfsconf_new(const struct nfsconf_world *world);

/*
 * Frees @conf and all values got from it; NULL is fine.
 */
void nfsconf_free(struct nfsconf *conf);

/*
 * Forgets every value (COMPAT F-5: a main file masks what came before it).
 */
void nfsconf_clear(struct nfsconf *conf);

/*
 * Takes the @len bytes at @bytes as the content of the file @path; relative
 * includes are relative to its directory.  Bad lines are complained about and
 * skipped, good ones kept.  A line is counted as an editor counts it; one that
 * is continued has the number of its first part.
 * Range:  past one of the caps above the rest is complained about and ignored.
 * Source: contract.md 5.2, 5.3.
 */
void nfsconf_parse(struct nfsconf *conf, const char *path, const void *bytes,
		   size_t len);

/*
 * Looks up @tag in [@section] (or [@section "@arg"] where @arg is not NULL),
 * ignoring case, and follows "$name".
 * Return: false where it is not set; else *out, whose file and line are those
 *         of the assignment itself also where "$name" was followed.
 * Owns:   *out borrows from @conf until nfsconf_clear() or nfsconf_free().
 */
bool nfsconf_get(const struct nfsconf *conf, const char *section,
		 const char *arg, const char *tag, struct nfsconf_value *out);

/*
 * Calls @visit for every assignment in [@section] without an argument, also
 * for those that a later one overrides, in the order of the files, "$name" not
 * followed.
 */
void nfsconf_each(const struct nfsconf *conf, const char *section,
		  void (*visit)(void *ctx, const char *tag,
				const struct nfsconf_value *value),
		  void *ctx);

#endif
