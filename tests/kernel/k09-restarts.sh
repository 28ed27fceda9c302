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
# As "systemctl restart rpcbind nfs-utils" does it; rpcbind keeps what is
# registered (-w).
daemons='end statd && end rpcbind && rpcbind_up && statd_up && notify_up'
on server 'end mountd && end nfsdcld' >/dev/null
on server "$daemons && nfsdcld_start && spawn mountd rpc.mountd -F" >/dev/null
on alice "$daemons" >/dev/null
is record-after-restart "$(on server peers)" 192.0.2.2
is client-record-after-restart "$(on alice peers)" 192.0.2.1
on alice lock g
# shellcheck disable=SC2119 # from anybody to anybody
is nobody-told "$(notices)" 0
is locks-kept "$(on server locks)" 2
reboot server
on server server_up >/dev/null
comes reclaimed 18 server '[ $(locks) = 2 ]'
holds nothing-lost alice '! is_lock_lost'
