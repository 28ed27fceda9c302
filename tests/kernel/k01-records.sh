#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# K1: mount.nfs asks for a statd; a lock makes both sides remember the other.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab.sh"

boot server alice
on server server_up
on alice rpcbind_up
status=0
run_on alice mount_up >/dev/null || status=$?
is mount-needs-statd $((status != 0)) 1
on alice 'statd_up && notify_up && mount_up'
is nothing-before "$(on server peers)$(on alice peers)" ""
on alice lock f
is server-has-record "$(on server peers)" 192.0.2.2
is client-has-record "$(on alice peers)" 192.0.2.1
is server-has-lock "$(on server locks)" 1
holds numbers-are-odd alice '[ $(($(state_number) % 2)) = 1 ]'
