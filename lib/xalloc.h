/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that is always there.  Out of memory aborts: what matters is on disk,
 * and the service manager starts us again, so no caller carries a cleanup path
 * that no test would ever reach.
 */
#ifndef NFS_RECLAIM_LIB_XALLOC_H
#define NFS_RECLAIM_LIB_XALLOC_H

#include <stddef.h>

/*
 * Returns @size bytes of zeroed memory.
 * Range:  size any; 0 gives a pointer that may be freed.
 * Errors: aborts when memory is out.
 * Owns:   the caller frees the result with free().
 */
void *xzalloc(size_t size);

/*
 * Returns zeroed memory for @count elements of @size bytes.
 * Errors: aborts when memory is out or count * size overflows.
 * Owns:   the caller frees the result with free().
 */
void *xcalloc(size_t count, size_t size);

/*
 * Makes @old (may be NULL) hold @count elements of @size bytes.
 * Errors: aborts when memory is out or count * size overflows.
 * Owns:   takes @old; the caller frees the result with free().
 */
void *xreallocarray(void *old, size_t count, size_t size);

/*
 * Returns a copy of the @len bytes at @bytes, followed by one NUL.
 * Errors: aborts when memory is out.
 * Owns:   the caller frees the result with free().
 */
void *xmemdup(const void *bytes, size_t len);

/*
 * Returns a copy of the string @text.
 * Errors: aborts when memory is out.
 * Owns:   the caller frees the result with free().
 */
char *xstrdup(const char *text);

#endif
