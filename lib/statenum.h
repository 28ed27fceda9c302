/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The NSM state number: odd while a host is up, and higher after each reboot.
 * This file knows its arithmetic, its four bytes on disk, and the two small
 * text files that remember in which boot it was raised (design section 4).
 */
#ifndef NFS_RECLAIM_LIB_STATENUM_H
#define NFS_RECLAIM_LIB_STATENUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATENUM_FIRST	   3u /* COMPAT: the first number nfs-utils announces */
#define STATENUM_FILE_SIZE 4
#define BOOTKEY_SIZE	   64 /* with its NUL */
#define BOOTREC_LEN_MAX	   256
#define BOOTREC_NO_KEY	   "none" /* of one that only keeps a floor */

/*
 * Tells whether @a is newer than @b in serial arithmetic: 1..2^31-1 ahead.
 * Source: RFC 1982 section 3.2; contract.md 1.1 (the number only goes up).
 */
bool statenum_is_newer(uint32_t a, uint32_t b);

/*
 * Reads the bytes of a `state` file.
 * Return: the number in force, made odd as nfs-utils does (even: + 1); 0 where
 *         there are fewer than four bytes or the number is not positive.
 * Source: contract.md 3.1, D-11.
 */
uint32_t statenum_decode(const void *bytes, size_t len);

/*
 * Writes @number as the four bytes of a `state` file (host order).
 */
void statenum_encode(uint32_t number, uint8_t out[static STATENUM_FILE_SIZE]);

/*
 * Returns the number to announce after a reboot: odd, above @announced,
 * @floor and @on_disk (0 = none known), and one step further where @on_disk
 * is not @announced, since nfs-utils may have announced a number that never
 * reached the disk.  Starts again at STATENUM_FIRST before it would leave
 * 1..2^31-1.
 * Source: design section 4 step 1; contract.md 3.1, D-2, D-11.
 */
uint32_t statenum_raise(uint32_t announced, uint32_t floor, uint32_t on_disk);

/* What `state.boot` says. */
struct bootrec {
	char key[BOOTKEY_SIZE]; /* BOOTKEY: printable, no blanks */
	uint32_t number;
	uint32_t floor; /* highest number announced from another directory */
	bool is_turned; /* false: the turn with @number was begun */
	bool has_left;	/* ... and records had to stay in sm/ */
};

/*
 * Reads one `state.boot` line.
 * Errors: false where it is not exactly such a line; *out is untouched then.
 * Source: design section 4.
 */
bool bootrec_parse(const void *bytes, size_t len, struct bootrec *out);

/*
 * Writes @rec as one line with LF.
 * Return: its length without NUL.
 */
size_t bootrec_format(const struct bootrec *rec,
		      char out[static BOOTREC_LEN_MAX]);

/* What /run/sm-notify.pid says. */
struct pidrec {
	int32_t pid;		/* 0 where line 1 is no number */
	bool has_key;		/* line 2 is there and well formed */
	char key[BOOTKEY_SIZE]; /* line 2: BOOTKEY ... */
	uint64_t device;	/* ... and which state directory */
	uint64_t inode;
};

/*
 * Reads the pid file of sm-notify, ours or nfs-utils' (which has no line 2).
 * A malformed line 2 counts as none, as does any below a line 1 that is no
 * number.
 */
void pidrec_parse(const void *bytes, size_t len, struct pidrec *out);

/*
 * Writes @rec as two lines.
 * Return: its length without NUL.
 */
size_t pidrec_format(const struct pidrec *rec,
		     char out[static BOOTREC_LEN_MAX]);

#endif
