#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# K9: restarts of the daemons are no reboot: nobody is told, nothing is lost, and
# the peer is told when the server really reboots.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab.sh"

scene alice
on alice lock f
on server 'end statd KILL; statd_up' >/dev/null
is record-after-kill "$(on server peers)" 192.0.2.2
on server 'end statd; end mountd; rm /run/mountd.pid' >/dev/null
on server 'statd_up; nfsd_up; notify_up' >/dev/null
is record-after-restart "$(on server peers)" 192.0.2.2
# shellcheck disable=SC2119 # from anybody to anybody
is nobody-told "$(notices)" 0
is lock-kept "$(on server locks)" 1
reboot server
on server server_up >/dev/null
comes reclaimed 18 server '[ $(locks) = 1 ]'
