/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where upcalls are read to, until they are answered: a small file in memory
 * that outlives the process.  An upcall that was read and never answered hangs
 * a thread of nfsd for ever (contract.md 11); the next nfsdcld finds it here.
 */
#ifndef NFS_RECLAIM_CLTRACK_SLOTS_H
#define NFS_RECLAIM_CLTRACK_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SLOTS_COUNT 128u  /* upcalls that are read and not answered */
#define SLOT_SIZE   1600u /* bytes; more than any message has */

struct slots;

/*
 * Opens the file @path, made where it is missing, and locks it for life.
 * Return: the slots, as a life before left them.
 * Errors: NULL, and *error = -EBUSY where another process holds it, or
 *         -errno.
 * Owns:   slots_free() ends it.
 */
struct slots *slots_open(const char *path, int *error);

/*
 * Returns slots that end with the process.
 * Errors: aborts where there is no memory.
 * Owns:   slots_free() ends it.
 */
struct slots *slots_new(void);

/*
 * Empties all slots unless they are of the pipe with this device and inode:
 * numbers of upcalls mean something in one pipe only.
 */
void slots_attach(struct slots *slots, dev_t device, ino_t inode);

/*
 * Returns SLOT_SIZE bytes to read into.
 * SAFETY: the kernel writes into the file itself, so that there is no moment at
 *         which an upcall was read and is not in it.
 */
uint8_t *slots_at(struct slots *slots, unsigned int at);

/*
 * Returns how many bytes the slot @at holds, as slots_set_len() said; 0 where
 * that was not said.
 */
size_t slots_len(const struct slots *slots, unsigned int at);

/*
 * Says that the slot @at holds @len bytes.
 */
void slots_set_len(struct slots *slots, unsigned int at, size_t len);

/*
 * Tells whether anything was read into the slot @at.
 */
bool slots_is_used(const struct slots *slots, unsigned int at);

/*
 * Empties the slot @at.
 */
void slots_clear(struct slots *slots, unsigned int at);

/*
 * Unmaps and unlocks @slots; the file stays.  NULL is fine.
 */
void slots_free(struct slots *slots);

#endif
