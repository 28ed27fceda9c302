/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of lockd's grace period by a run of sm-notify that has nobody to tell
 * (design decision 12): the program's own sm-notify/grace, with stand-ins for
 * the knobs of the kernel.
 */
#include "tests/sim/sim.h"

#include <errno.h>
#include <string.h>

#include "os/kernel.h"
#include "sm-notify/grace.h"

static struct host *writer; /* whose sm-notify it is */

enum kernel_grace kernel_lockd_grace(void)
{
	if (!writer->lockd.is_started)
		return KERNEL_GRACE_NO_LOCKD;
	return writer->sim->now_ms < writer->parking.grace_until_ms
		       ? KERNEL_GRACE_RUNNING
		       : KERNEL_GRACE_OVER;
}

enum kernel_grace kernel_nfsd_grace(void)
{
	return KERNEL_GRACE_OVER;
}

int kernel_lift_grace(void)
{
	/* A lockd that starts later begins its own. */
	if (!writer->lockd.is_started)
		return -ENOENT;
	trace(writer->sim, writer, "notify: ends the grace period");
	lockrule_lifted(writer);
	lockserver_lift(writer);
	return 0;
}

static enum run_mode mode_of(const struct host *h)
{
	if (h->op.kind == OPERATOR_COPY)
		return RUN_COPY;
	return h->locks.forced_boot == h->boot ? RUN_FORCE : RUN_BOOT;
}

bool lift_is_over(struct host *h)
{
	struct run run = {
		.settings.is_grace_lifted = true,
		.mode = mode_of(h),
		.lock.is_made = !h->notifier.has_run,
		.notify = h->notifier.core,
		.unread = h->notifier.unread,
		.turn.has_left = turn_has_left(h),
		.state_dir = "/state",
		.default_dir = "/state",
	};

	h->notifier.has_run = true;
	if (!grace_is_nobody(&run))
		return false;
	writer = h;
	grace_nobody(&run);
	return true;
}
