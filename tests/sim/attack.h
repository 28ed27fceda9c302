/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An attacker on the network.  Part of sim.h.
 */
#ifndef NFS_RECLAIM_TESTS_SIM_ATTACK_H
#define NFS_RECLAIM_TESTS_SIM_ATTACK_H

struct host;
struct sim;

/* A forged answer to a call that left @h lately. */
void attack_answer(struct host *h);
/* A notice from a stranger, to a random statd. */
void attack_stranger(struct sim *s);
/* A notice in the name of a peer, from that peer's address or another. */
void attack_notice(struct sim *s);

#endif
