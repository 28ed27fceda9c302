#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# K2: the server loses power.  The client reclaims its lock; nobody else gets
# it, before, during or after the grace period.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab.sh"

scene alice bob
on alice lock f
is refused-before "$(try bob f)" EAGAIN
number=$(on server state_number)
reboot server
on server server_up
comes reclaimed 15 server '[ $(locks) = 1 ]'
on bob 'lock_start f'
comes grace-ends 60 server '! is_in_grace'
comes refused-in-grace 20 bob grep EAGAIN /run/lock.f
is refused-after "$(try bob f)" EAGAIN
holds nothing-lost alice '! is_lock_lost'
holds number-is-newer server "[ \$(state_number) -gt $number ]"
holds monitored-again server 'peers | grep -qx 192.0.2.2'
