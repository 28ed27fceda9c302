/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is believed: the table of design section 5 as one function.  A notice
 * makes a lock manager drop or reclaim locks, so each row below stands for a
 * way in which somebody's locks were lost.
 */
#ifndef NFS_RECLAIM_STATD_VERIFY_H
#define NFS_RECLAIM_STATD_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

/* What is known when a notice meets a record. */
struct verify_facts {
	uint32_t number;	 /* the state number in the notice */
	bool is_from_address;	 /* it came from an address of the record */
	bool is_reserved_port;	 /* ... and from a port that proves root */
	bool has_delivered;	 /* lockd heard a number under this name */
	uint32_t delivered;	 /* which one */
	bool was_delivered_so;	 /* this number was delivered under any name */
	bool has_baseline;	 /* the peer's statd answered SM_STAT before */
	uint32_t baseline;	 /* its number then */
	bool is_young;		 /* within 15 minutes of the SM_MON */
	bool is_server_of_mount; /* the peer serves an NFS mount of ours */
};

enum verify_verdict {
	VERIFY_DELIVER,	  /* call lockd back at once */
	VERIFY_DUPLICATE, /* lockd knows; only acknowledge */
	VERIFY_ASK,	  /* ask the peer's own statd first */
};

/*
 * Decides what a notice that matches a record is worth.
 * Source: design section 5; contract.md M-3, M-4, M-5.
 */
enum verify_verdict verify_notice(const struct verify_facts *facts);

/*
 * Tells whether a notice that had to be asked about is delivered although the
 * peer's statd is silent or its baseline unknown: one from an address of the
 * record is (an honest peer must not be locked out), one by name only is not
 * (anybody can write a name).
 * Source: design section 5, rows "lower" and "by name only".
 */
bool verify_is_silence_consent(const struct verify_facts *facts);

#endif
