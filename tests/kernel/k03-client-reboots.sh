#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# K3: the client loses power and boots again.  The server drops its lock, and
# whoever waits for it gets it.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab.sh"

scene alice bob
on alice lock f
on bob 'lock_start f wait'
comes waits 20 server '[ $(grep -c " -> " /proc/locks) -ge 1 ]'
reboot alice
holds still-held bob '! is_locked f'
on alice client_up
comes waiter-has-it 30 bob is_locked f
is one-lock "$(on server locks)" 1
