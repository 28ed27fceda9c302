/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a daemon gives up once it has what only root can get: what is left is
 * the owner of its files, who may also bind a reserved port.
 */
#ifndef NFS_RECLAIM_OS_SANDBOX_H
#define NFS_RECLAIM_OS_SANDBOX_H

#include <sys/types.h>

/*
 * Becomes @uid and @gid for good: no other groups, no capability in any set but
 * CAP_NET_BIND_SERVICE (permitted and effective), and no program run from here
 * gets more.  With @uid 0 the same, and a warning is logged: files of root
 * remain in reach then.  A process that is not root keeps its ids.
 * ORDER:  before the first thread: capabilities are each thread's own.
 * Errors: -errno; the process is in no state to go on then.
 * Source: design decision 17; contract.md 2.4.
 */
int sandbox_enter(uid_t uid, gid_t gid);

/*
 * Becomes @uid and @gid for good, without other groups, for a process that runs
 * programs which may become another user (sudo): the bounding set stays and
 * there is no no_new_privs.  Of the capabilities CAP_KILL remains, permitted
 * and effective, to end what has become root.  A process that is not root keeps
 * its ids.
 * Errors: -errno; the process is in no state to go on then.
 * Source: design decision 17; contract.md 2.4, 2.11.
 */
int sandbox_enter_launcher(uid_t uid, gid_t gid);

/*
 * Gives up every capability in every set, and no program run from here gets
 * any; the ids stay.  Root is then the owner of its files and nothing more.
 * ORDER:  as sandbox_enter().
 * Errors: -errno; the process is in no state to go on then.
 * Source: contract.md 6.2, 6.3.
 */
int sandbox_drop_rights(void);

/*
 * The same, but for the right to read what the modes of files forbid, where it
 * was there (CAP_DAC_READ_SEARCH): directories of nfsd that belong to root have
 * mode 0600, and root may not go into them without it.
 * ORDER:  as sandbox_enter().
 * Errors: -errno; the process is in no state to go on then.
 * Source: tests/kernel/v4-05-two-crashes.sh.
 */
int sandbox_keep_reading(void);

#endif
