#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# K20: the programs on the server are exchanged, START for NEXT, within one boot,
# and back over a reboot: every record is understood by the other.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab.sh"

export STATD_server=${START:-ours} SM_NOTIFY_server=${START:-ours}
scene alice bob
on alice lock f
on server "end statd; STATD=${NEXT:-debian} SM_NOTIFY=${NEXT:-debian} \
	programs_choose; statd_up" >/dev/null
on bob lock g
is both-known "$(on server peers | paste -sd ' ')" "192.0.2.2 192.0.2.3"
reboot server
on server server_up >/dev/null
comes reclaimed-by-start 18 server '[ $(locks) = 2 ]'
comes all-told 30 server '[ -z "$(peers sm.bak)" ]'
export STATD_server=${NEXT:-debian} SM_NOTIFY_server=${NEXT:-debian}
reboot server
on server server_up >/dev/null
comes reclaimed-by-next 18 server '[ $(locks) = 2 ]'
holds nothing-lost alice '! is_lock_lost'
