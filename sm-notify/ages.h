/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files sm.bak/.reclaim/NAME, which count the boots that sm.bak/NAME has
 * stayed unanswered (age.h).  None of them is flushed: to lose one has a peer
 * told once more.
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_AGES_H
#define NFS_RECLAIM_SM_NOTIFY_AGES_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Opens the directory of ages in @bak_fd.
 * Return: a descriptor, or -1 where there is none.
 */
int ages_open(int bak_fd);

/*
 * Tells whether the record @name is older than @boots_max boots (0: never), the
 * boot @key included.  Writes nothing.
 * Range:  @fd may be -1.
 */
bool ages_is_over(int fd, const char *name, const char *key,
		  uint32_t boots_max);

/*
 * Counts the boot @key for every record in @bak_fd that has not counted it.
 * SAFETY: as the owner of sm.bak/, never as root: the files are his.
 * Return: a descriptor of the directory, made where it is missing; -1 with a
 *         line in the log where that cannot be.
 */
int ages_count(int bak_fd, const char *key);

/*
 * Forgets the age of the record @name.
 * Range:  @fd may be -1.
 */
void ages_forget(int fd, const char *name);

#endif
