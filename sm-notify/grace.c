/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a run means for lockd's grace period: ended early where this boot has
 * nobody to tell, and who is to blame where it is not.
 * Source: contract.md 4.6, D-13; design decision 12.
 */
#include "sm-notify/grace.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "lib/log.h"
#include "os/kernel.h"

/* Tells whether this is the one run that may end lockd's grace period. */
static bool may_lift(const struct run *run)
{
	return run->settings.is_grace_lifted && run->mode == RUN_BOOT &&
	       run->lock.is_made && !strcmp(run->state_dir, run->default_dir);
}

/*
 * Written once and never waited for: an nfsd that starts later may belong to a
 * failover, whose grace period is somebody else's.
 */
static void lift_grace(void)
{
	enum kernel_grace before = kernel_lockd_grace();
	int error = kernel_lift_grace();

	if (error == -ENOENT)
		log_line(LOG_NOTE, "nobody to notify; lockd is not loaded");
	else if (error)
		log_line(LOG_WARN,
			 "nobody to notify, but lockd's grace "
			 "period could not be ended: %s",
			 strerror(-error));
	else if (before == KERNEL_GRACE_RUNNING)
		log_line(LOG_NOTE,
			 "nobody to notify; lockd's grace period is ended");
	else
		log_line(LOG_NOTE, "nobody to notify; lockd does not run, or "
				   "its grace period was over");
	if (kernel_nfsd_grace() == KERNEL_GRACE_RUNNING)
		log_line(LOG_NOTE, "nfsd's own grace period still keeps new "
				   "locks waiting");
}

bool grace_is_nobody(const struct run *run)
{
	return run->unread == 0 && !run->turn.has_left &&
	       notify_has_nobody(run->notify);
}

/* Those who are set aside neither block nor trigger anything. */
static void log_aside(const struct run *run)
{
	size_t aside = notify_aside_count(run->notify);

	if (aside > 0)
		log_line(LOG_NOTE, "peers set aside (skip, max-age): %zu",
			 aside);
}

void grace_nobody(const struct run *run)
{
	log_aside(run);
	if (may_lift(run))
		lift_grace();
	else
		log_line(LOG_NOTE, "nobody to notify");
}

void grace_log_begin(const struct run *run)
{
	log_line(LOG_NOTE, "state number %u; peers to notify: %zu",
		 run->turn.number, notify_untold_count(run->notify));
	log_aside(run);
	if (may_lift(run) && run->turn.outcome == BOOTTURN_TURNED &&
	    run->turn.retired == 0)
		log_line(LOG_NOTE,
			 "lockd's grace period runs its course only for peers "
			 "that could not be notified in earlier boots:%s%s",
			 buf_text(&run->names),
			 run->files > RUN_NAMES_MAX ? " and others" : "");
}
