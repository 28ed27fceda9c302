#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# K6n: the list of peers cannot be read: grace is not ended, for there may be
# somebody who must reclaim.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab.sh"

# So long that it does not end by itself before it is looked at.
export GRACE=240
boot server
for directory in sm sm.bak; do
	on server "cd /var/lib/nfs && mv $directory away && : >$directory; sync"
	reboot server
	run_on server 'rpcbind_up; WAIT=3 statd_up' >/dev/null || true
	on server nfsd_up >/dev/null
	run_on server notify_up >/dev/null || true
	holds "still-in-grace-$directory" server is_in_grace
	# It tries again and again, and makes the directory that is moved.
	on server 'is_gone statd || end statd KILL'
	on server "cd /var/lib/nfs && rm $directory && mv away $directory; sync"
done
