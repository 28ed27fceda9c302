#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The server loses power.  A client with opens and locks reclaims them; nobody
# else gets them before, within or after the grace period, which ends early
# when all are back (NFSv4.0 does not say that: its whole grace passes).
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab4.sh"

scene4 alice bob
on alice 'lock f && lock g'
is refused-before "$(try bob f)" EAGAIN
settle server
asleep alice
reboot4
holds in-grace server is_in_grace4
on bob 'lock_start f; sleep 3'
awake alice
comes reclaimed 30 server '[ $(locks) = 2 ]'
comes grace-ends 50 server '! is_in_grace4'
comes refused-in-grace 20 bob grep EAGAIN /run/lock.f
is refused-after "$(try bob g)" EAGAIN
holds nothing-lost alice '! is_lock4_lost'
is no-reclaim-refused "$(refusals)" 0
