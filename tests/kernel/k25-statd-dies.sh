#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# K25: the server's statd dies in the grace period, before a client reclaims.
# rpc-statd.service takes its entries out of rpcbind: lockd waits for the next
# one, and nothing is lost.  POST=none: they stay, and lockd refuses.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab.sh"

# post: what the unit does when statd has died, as systemd would say it.
post() {
	[ "${POST:-}" != none ] || return 0
	sed -n 's/^ExecStopPost=-/EXIT_CODE=killed /p' \
		"$BUILD/systemd/rpc-statd.service" | sed 's/\$\$/$/g'
}

scene alice
on alice lock f
reboot server
on server 'rpcbind_up && statd_up && nfsd_up' >/dev/null
on server "end statd KILL; $(post)" >/dev/null
on server notify_up >/dev/null
comes told 20 server '[ -z "$(peers sm.bak)" ]'
on server statd_up >/dev/null
comes reclaimed 18 server '[ $(locks) = 1 ]'
holds nothing-lost alice '! is_lock_lost'
