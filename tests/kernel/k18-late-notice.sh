#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# K18: a notice that comes when its sender has new locks with that peer already:
# the fresh lock stays.  SIDE=client: a client that rebooted mounts and locks
# before it runs sm-notify.  SIDE=server: a server serves without sm-notify, and
# the client takes another lock when grace is over.  SIDE=grace: the same, while
# there is time to reclaim the old one.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab.sh"

late_client() {
	scene alice bob
	on alice lock f
	reboot alice
	on alice 'rpcbind_up && statd_up && mount_up && lock g' >/dev/null
	is old-is-released "$(try bob f)" granted
	on alice notify_up
	comes told 40 alice '[ -z "$(peers sm.bak)" ]'
	is fresh-stays "$(try bob g)" EAGAIN
	holds monitored server 'peers | grep -qx 192.0.2.2'
	reboot server
	on server server_up >/dev/null
	comes fresh-is-reclaimed 15 server '[ $(locks) = 1 ]'
}

late_server() {
	scene alice
	on alice lock f
	reboot server
	on server 'rpcbind_up && statd_up && nfsd_up' >/dev/null
	comes grace-ends 60 server '! is_in_grace'
	on alice lock g
	# A notice now makes the client reclaim outside of grace, and lose both.
	on server 'notify_up; sleep 5' >/dev/null
	is fresh-stays "$(on server locks)" 1
	holds nothing-lost alice '! is_lock_lost'
	comes_here parked-is-said 10 grep -aq \
		'192.0.2.2.*parked until the next boot' server.console
	is monitored "$(on server peers)" 192.0.2.2
	reboot server
	on server server_up >/dev/null
	comes both-are-reclaimed 15 server '[ $(locks) = 2 ]'
}

late_grace() {
	scene alice
	on alice lock f
	reboot server
	on server 'rpcbind_up && statd_up && nfsd_up' >/dev/null
	on alice 'lock_start g'
	# Grace may have ended since: both then, as the check below has it.
	comes old-is-reclaimed 15 server '[ $(locks) -ge 1 ]'
	comes fresh-comes 60 alice is_locked g
	on server 'notify_up; sleep 5' >/dev/null
	is both-stay "$(on server locks)" 2
	holds nothing-lost alice '! is_lock_lost'
}

"late_${SIDE:-client}"
