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

/* How much a notice has to prove; the words of [statd] notify-check. */
enum verify_check {
	VERIFY_CHECK_ASK,     /* "verify": where in doubt, ask the peer */
	VERIFY_CHECK_ADDRESS, /* "address": nobody is asked, no name counts */
	VERIFY_CHECK_LEGACY,  /* "legacy": as nfs-utils, a name is enough */
};

/* What is known when a notice meets a record. */
struct verify_facts {
	enum verify_check check;
	uint32_t number;	 /* the state number in the notice */
	bool is_from_address;	 /* it came from an address of the record */
	bool is_reserved_port;	 /* ... and from a port that proves root */
	bool has_delivered;	 /* lockd heard a number under this name */
	uint32_t delivered;	 /* which one */
	bool was_delivered_last; /* lockd heard this number last, by any name */
	bool has_baseline;	 /* the peer's statd answered SM_STAT before */
	uint32_t baseline;	 /* its number then */
	bool is_prompt;		 /* ... and it cannot have rebooted before */
	bool is_young;		 /* see verify_notice(), late copies */
	bool is_server_of_mount; /* the peer serves an NFS mount of ours */
};

/*
 * Tells whether lockd has heard this very number as the last one under this
 * name: a notice that is asked about all the same is a duplicate, unless the
 * peer has rebooted, and its sender can wait for the answer.
 */
bool verify_is_equal(const struct verify_facts *facts);

/* What the peer's own statd said when it was asked about the notice. */
struct verify_answer {
	uint32_t number;
	bool is_port_changed; /* since the baseline: another life of it */
};

enum verify_verdict {
	VERIFY_DELIVER,	  /* call lockd back */
	VERIFY_DUPLICATE, /* lockd knows; only acknowledge */
	VERIFY_LATE,	  /* of before our SM_MON; only acknowledge */
	VERIFY_ASK,	  /* ask the peer's own statd first */
	VERIFY_REFUSE,	  /* do nothing, and give no answer */
};

/*
 * Decides what a notice that matches a record is worth.  "Young" means: lockd
 * asked for the record within 15 minutes, and was not called back for it since.
 * "Prompt" means: the baseline was answered so soon after SM_MON that the peer
 * cannot have rebooted in between, or its number was known before.  Only a
 * young record may meet a notice of before the SM_MON that was under way for
 * long: one with a number older than the baseline, or with a prompt baseline's
 * own.
 * Return: anything but VERIFY_LATE.
 * Source: design section 5; contract.md M-3, M-4, M-5.
 */
enum verify_verdict verify_notice(const struct verify_facts *facts);

/*
 * Decides the same for a notice that verify_notice() wants asked about, once
 * the peer has answered.
 * Return: anything but VERIFY_ASK.
 */
enum verify_verdict verify_answered(const struct verify_facts *facts,
				    const struct verify_answer *answer);

/*
 * Returns the number that lockd is to hear where verify_answered() says
 * VERIFY_DELIVER: @newest, which the sender of the notice has announced since
 * (or that of the notice), where the peer itself may have it; else that of the
 * notice where its sender must be the peer's root, or where the peer itself may
 * have that number; else what the peer says.
 */
uint32_t verify_number(const struct verify_facts *facts, uint32_t newest,
		       const struct verify_answer *answer);

/*
 * Decides once more where @number, from verify_number(), is what lockd heard
 * last of the peer under whichever name: the answer proves a reboot, but who
 * only names the peer, or has no port that proves root, has no news of it.
 * Return: VERIFY_DELIVER, VERIFY_DUPLICATE or VERIFY_REFUSE.
 */
enum verify_verdict verify_heard_last(const struct verify_facts *facts,
				      uint32_t number);

/*
 * Decides the same where no answer can be had or compared.  A notice from an
 * address of the record is delivered (an honest peer must not be locked out),
 * one by name only is not (anybody can write a name), nor is one that lockd
 * has heard.
 * Return: VERIFY_DELIVER or VERIFY_REFUSE.
 */
enum verify_verdict verify_silent(const struct verify_facts *facts);

#endif
