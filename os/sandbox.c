/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gives up root.  Whose the files are, and when it is time, the programs know;
 * nothing here can be undone, and nothing is tried a second time.
 *
 * SAFETY: three locks on one door.  The ids are those of a user who owns some
 * records; no capability is left that changes them back; and should there be a
 * hole in either, execve() adds nothing (empty bounding set, no_new_privs).
 */
#include "os/sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <stdbool.h>
#include <unistd.h>
#include <sys/prctl.h>

#include "lib/log.h"

/* libcap-ng says that it failed, and errno only mostly says why. */
static int last_error(void)
{
	return errno != 0 ? -errno : -EPERM;
}

static void keep_right(unsigned int capability)
{
	capng_clear(CAPNG_SELECT_ALL);
	(void)capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
			   capability); /* fails for no known one */
}

/* A service manager may have dropped root before us, and left us the port. */
static int drop_capabilities(unsigned int kept)
{
	if (capng_get_caps_process() != 0)
		return last_error();
	if (capng_have_capability(CAPNG_PERMITTED, kept))
		keep_right(kept);
	else
		capng_clear(CAPNG_SELECT_ALL);
	return capng_apply(CAPNG_SELECT_CAPS) == 0 ? 0 : last_error();
}

static int change_owner(uid_t uid, gid_t gid)
{
	const capng_flags_t flags = CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING |
				    CAPNG_CLEAR_AMBIENT;

	keep_right(CAP_NET_BIND_SERVICE);
	return capng_change_id((int)uid, (int)gid, flags) == 0 ? 0
							       : last_error();
}

int sandbox_enter(uid_t uid, gid_t gid)
{
	int error;

	errno = 0;
	if (geteuid() != 0) {
		error = drop_capabilities(CAP_NET_BIND_SERVICE);
	} else {
		if (uid == 0)
			log_line(LOG_WARN,
				 "the records belong to root, so we stay root, "
				 "without capabilities; give sm and sm.bak to "
				 "a user of their own");
		error = change_owner(uid, gid);
	}
	if (error == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		error = -errno;
	return error;
}

/* What is kept is what the caller has put into libcap-ng's sets. */
static int apply_rights(bool may_bound)
{
	if (capng_apply(may_bound ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS) != 0)
		return last_error();
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : -errno;
}

static int leave_rights(bool keeps_reading)
{
	bool may_bound, may_read;

	errno = 0;
	if (capng_get_caps_process() != 0)
		return last_error();
	/* Whoever may not change the bounding set has no_new_privs left. */
	may_bound = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	may_read = keeps_reading &&
		   capng_have_capability(CAPNG_PERMITTED, CAP_DAC_READ_SEARCH);
	capng_clear(may_bound ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS);
	if (may_read)
		(void)capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
				   CAP_DAC_READ_SEARCH);
	return apply_rights(may_bound);
}

int sandbox_drop_rights(void)
{
	return leave_rights(false);
}

int sandbox_keep_reading(void)
{
	return leave_rights(true);
}

/*
 * SAFETY: whoever may speak for statd runs any program as its user, and sudo
 * then decides; that is what callouts are for.  CAP_KILL is not handed on to
 * them: without inheritable and ambient sets it ends with execve().
 */
int sandbox_enter_launcher(uid_t uid, gid_t gid)
{
	errno = 0;
	if (geteuid() != 0)
		return drop_capabilities(CAP_KILL);
	keep_right(CAP_KILL);
	return capng_change_id((int)uid, (int)gid,
			       CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_AMBIENT) == 0
		       ? 0
		       : last_error();
}
