#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# K14: the administrator has all clients reclaim, without a reboot: a client keeps
# its lock and stays monitored.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab.sh"

scene alice
on alice lock f
on server 'rpc.nfsd 0; sm-notify -f; rpc.nfsd 4' >/dev/null
comes reclaimed 18 server '[ $(locks) = 1 ]'
comes monitored 10 server 'peers | grep -qx 192.0.2.2'
holds nothing-lost alice '! is_lock_lost'
reboot server
on server server_up >/dev/null
comes reclaimed-after-reboot 18 server '[ $(locks) = 1 ]'
