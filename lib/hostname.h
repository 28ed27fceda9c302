/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules for names that peers and lockd hand us.  A mon_name becomes a file
 * name, a my_name goes into a line of text and back onto the wire; this is the
 * one place that says which bytes may (design decision 6).
 */
#ifndef NFS_RECLAIM_LIB_HOSTNAME_H
#define NFS_RECLAIM_LIB_HOSTNAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOSTNAME_LEN_MAX 255 /* bytes; NAME_MAX, since it names a file */

enum hostname_error {
	HOSTNAME_OK,
	HOSTNAME_EMPTY,
	HOSTNAME_LONG,	  /* more than HOSTNAME_LEN_MAX bytes */
	HOSTNAME_SLASH,	  /* contains '/' */
	HOSTNAME_DOT,	  /* begins with '.' */
	HOSTNAME_CONTROL, /* contains a byte <= 0x20 or 0x7f (NUL included) */
};

/*
 * Tells why the @len bytes at @name must not become a mon_name.
 * Return: HOSTNAME_OK, or the first rule broken in the order of the enum.
 * Source: design decision 6; SAFETY: CERT CA-1996-09, CVE-2000-0666.
 */
enum hostname_error hostname_check(const void *name, size_t len);

/*
 * Returns a phrase for @error that completes "mon_name ...".
 * Owns:   static.
 */
const char *hostname_error_text(enum hostname_error error);

/*
 * Replaces blank, tab, CR and LF in @name by '_', in place.
 * COMPAT: nfs-utils cleans my_name so (contract.md 2.6 step 4).
 */
void hostname_clean(char *name);

/*
 * Returns how many bytes of @name its short form has: up to the first dot, or
 * all of them where there is no dot, a dot comes first, or @name is a numeric
 * address.
 * Source: contract.md 4.4 step 5, defect N-2.
 */
size_t hostname_short_len(const char *name);

/*
 * Tells whether @a and @b are equal ignoring ASCII case (RFC 4343).
 */
bool hostname_is_equal(const char *a, const char *b);

/*
 * Writes @name with ASCII letters in lower case.
 * Range:  @out has strlen(name) + 1 bytes.
 */
void hostname_fold(const char *name, char *out);

#endif
