#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The server crashes, its grace period ends, it crashes again: a client that has
# done no more than reclaim may do so each time.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab4.sh"

scene4 alice
on alice lock f
settle server
reboot4
comes first-reclaimed 30 server '[ $(locks) = 1 ]'
comes first-grace-ends 60 server '! is_in_grace4'
settle server
reboot4
comes second-reclaimed 30 server '[ $(locks) = 1 ]'
holds nothing-lost alice '! is_lock4_lost'
