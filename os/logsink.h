/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where log lines go: stderr in the foreground, syslog (daemon facility, with
 * pid) in the background.
 */
#ifndef NFS_RECLAIM_OS_LOGSINK_H
#define NFS_RECLAIM_OS_LOGSINK_H

/*
 * Sends log lines to stderr as "IDENT: text", each in one write.
 * Owns:   @ident must outlive the log.
 */
void logsink_stderr(const char *ident);

/*
 * Sends log lines to syslog under @ident.
 * Owns:   @ident must outlive the log.
 * Source: contract.md 2.3 (levels).
 */
void logsink_syslog(const char *ident);

/*
 * In a forked child, before it closes what it inherited: the log gets a
 * descriptor of its own, once there is something to say.
 */
void logsink_reopen(void);

#endif
