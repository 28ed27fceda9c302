#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# K10: a peer that is monitored while sm-notify runs is told after the next
# reboot.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab.sh"

scene alice bob
on bob lock g
on bob ip link set eth0 down
reboot server
on server server_up >/dev/null
holds still-running server 'ps | grep -q "[s]m-notify"'
comes grace-ends 60 server '! is_in_grace'
on alice lock f
reboot server
on server server_up >/dev/null
comes reclaimed 18 server '[ $(locks) = 1 ]'
comes still-to-be-told 20 server '[ "$(peers sm.bak)" = 192.0.2.3 ]'
