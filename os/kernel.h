/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The knobs of the kernel's lock manager under /proc (contract.md 7.3, 7.4).
 * On a host where lockd is not loaded the files are absent: -ENOENT, which is
 * no fault.
 */
#ifndef NFS_RECLAIM_OS_KERNEL_H
#define NFS_RECLAIM_OS_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Tells lockd the local state number.
 * Errors: -errno.
 */
int kernel_set_nsm_local_state(uint32_t number);

/*
 * Sets the ports that lockd opens at its next start; 0 leaves one alone.
 * Loads the lockd module where the files are absent (modprobe, by exec).
 * Errors: -errno.
 */
int kernel_set_nlm_ports(uint16_t tcp, uint16_t udp);

enum kernel_grace {
	KERNEL_GRACE_NO_LOCKD, /* the file is absent: lockd is not loaded */
	KERNEL_GRACE_OVER,     /* lockd is not in grace, or not running */
	KERNEL_GRACE_RUNNING,
	KERNEL_GRACE_UNKNOWN,
};

/*
 * Returns whether lockd is in its grace period.
 */
enum kernel_grace kernel_lockd_grace(void);

/*
 * Returns whether nfsd is in its (NFSv4) grace period, which holds NLM locks
 * back, too.
 */
enum kernel_grace kernel_nfsd_grace(void);

/*
 * Tells whether a grace period of lockd or of nfsd holds new NLM locks back.
 */
bool kernel_has_grace(void);

/*
 * Tells whether an NFS server runs, be it in another network namespace.
 */
bool kernel_has_nfsd(void);

/*
 * Ends lockd's grace period.
 * Errors: -errno, -ENOENT where lockd is not loaded.
 */
int kernel_lift_grace(void);

/*
 * Ends the grace period of nfsd, of version 4.
 * Errors: -errno, -ENOENT where nfsd is not loaded; that it was over already is
 *         none (contract.md 7.4).
 */
int kernel_lift_nfsd_grace(void);

/*
 * Returns the highest port that only root may bind for RPC: the larger of 1023
 * and sunrpc.max_resvport.
 */
uint16_t kernel_reserved_port_max(void);

#endif
