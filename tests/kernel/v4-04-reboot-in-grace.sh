#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The server reboots again within its grace period.  A client that had reclaimed
# by then may do so again (E4), and one that was not back yet still may (E3).
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab4.sh"

scene4 alice bob
on alice lock f
on bob lock g
settle server
asleep bob
reboot4
comes alice-reclaimed 30 server '[ $(locks) = 1 ]'
settle server
reboot4
comes alice-again 30 server '[ $(locks) = 1 ]'
holds still-in-grace server is_in_grace4
awake bob
comes bob-reclaimed 30 server '[ $(locks) = 2 ]'
comes grace-ends 60 server '! is_in_grace4'
holds alice-lost-nothing alice '! is_lock4_lost'
holds bob-lost-nothing bob '! is_lock4_lost'
