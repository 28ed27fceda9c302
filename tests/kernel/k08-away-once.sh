#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# K8: the server reboots twice, and the client is away during the first time: it
# is still told, and reclaims.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab.sh"

scene alice
on alice lock f
on alice ip link set eth0 down
reboot server
on server server_up >/dev/null
is still-to-be-told "$(on server peers sm.bak)" 192.0.2.2
reboot server
on alice ip link set eth0 up
on server server_up >/dev/null
comes reclaimed 18 server '[ $(locks) = 1 ]'
holds nothing-lost alice '! is_lock_lost'
comes all-told 30 server '[ -z "$(peers sm.bak)" ]'
