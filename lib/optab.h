/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The option table: one row per setting says its short and long option, its
 * nfs.conf key, its range, its default and its help text.  The command line,
 * the configuration, `--help` and the tests of the manual all read this.
 */
#ifndef NFS_RECLAIM_LIB_OPTAB_H
#define NFS_RECLAIM_LIB_OPTAB_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "lib/nfsconf.h"

enum optab_kind {
	OPTAB_FLAG,	/* bool; an option without argument sets it */
	OPTAB_NOT_FLAG, /* bool; an option without argument clears it */
	OPTAB_UINT,	/* unsigned int, min..max */
	OPTAB_TEXT,	/* const char *, borrowed; not empty */
	OPTAB_CLASSES,	/* unsigned int, a set of log_class */
	OPTAB_WORD,	/* unsigned int, the place of the word in words */
	OPTAB_HELP,	/* print the help and leave */
	OPTAB_VERSION,	/* print the version and leave */
};

struct optab {
	char short_name;       /* 0: none */
	char short_alias;      /* a second letter for the same, 0: none */
	const char *long_name; /* NULL: none */
	const char *arg;       /* of UINT .. WORD, as --help calls it */
	const char *help;      /* NULL: not shown (deprecated) */
	const char *section;   /* nfs.conf, NULL: none */
	const char *key;
	enum optab_kind kind;
	unsigned int min; /* OPTAB_UINT */
	unsigned int max;
	const char *const *words; /* OPTAB_WORD: NULL-ended, any case */
	size_t offset;		  /* of the field in the settings struct */
	bool is_live;		  /* SIGHUP reads it again */
};

/*
 * Tells whether @opt is given with an argument on the command line.
 */
bool optab_takes_arg(const struct optab *opt);

/*
 * Sets the field of @opt in @settings from @text (NULL for flags given as
 * options).
 * Range:  any row but OPTAB_HELP and OPTAB_VERSION, which have no field.
 * Errors: false, and *reason says what is allowed ("a number from 1 to
 *         65535"), to be put after "not"; the field is untouched then.
 * Owns:   a text field borrows @text; *reason is added by the callee.
 * Source: contract.md 5.3 (words for true and false), F-8.
 */
bool optab_set(const struct optab *opt, void *settings, const char *text,
	       struct buf *reason);

/*
 * Sets from @conf every row of @table (ended by a row with kind OPTAB_FLAG and
 * no name and no key) that has a key.  Where two rows have one field, the
 * later row that is set wins.
 * Return: how many values were bad; each adds a line "file:line: ..." to
 *         @errors.
 */
unsigned int optab_read_conf(const struct optab *table, void *settings,
			     const struct nfsconf *conf, struct buf *errors);

/*
 * Takes over from @fresh what may change while the program runs: copies the
 * live fields to @settings.  Adds a line "[section] key" to @fixed for every
 * other key whose value in @fresh is not that in @before.  @before and @fresh
 * were read in the same way, from nfs.conf and, where that is to win, from the
 * command line.
 * Owns:   live texts of @settings borrow from what those of @fresh do.
 */
void optab_renew(const struct optab *table, void *settings, const void *before,
		 const void *fresh, struct buf *fixed);

/*
 * Adds a line "file:line: [section] key: unknown key" to @out for each key of
 * [@section] that neither @table nor the NULL-ended list @others (NULL: empty)
 * has.
 */
void optab_find_unknown(const struct optab *table, const char *section,
			const char *const *others, const struct nfsconf *conf,
			struct buf *out);

/*
 * Returns the row that the option letter @letter names, or NULL.
 */
const struct optab *optab_by_letter(const struct optab *table, int letter);

/*
 * Tells whether @opt is the row that ends a table.
 */
bool optab_is_end(const struct optab *opt);

/*
 * Adds the help text: @usage, one line per option with its nfs.conf key, then
 * the keys that have no option; wrapped at 80 columns.  Rows without a help
 * text are left out.
 */
void optab_add_help(const struct optab *table, const char *usage,
		    struct buf *out);

#endif
