#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# K23: a peer is reached only after the grace period: its client is told by its
# kernel that the lock is lost; nobody else's lock is touched.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab.sh"

scene alice bob
on alice lock f
on bob lock g
on alice ip link set eth0 down
reboot server
on server server_up >/dev/null
comes reclaimed 18 server '[ $(locks) = 1 ]'
comes grace-ends 60 server '! is_in_grace'
on alice ip link set eth0 up
comes loss-is-told 80 alice is_lock_lost
is the-others-lock "$(on server locks)" 1
is free-for-others "$(try bob f)" granted
