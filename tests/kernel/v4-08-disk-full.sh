#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# No room for a new client's record: it is said, and when there is room again
# the client is recorded after all, without a new word of it.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab4.sh"

boot server alice
on server server4_up
on server 'dd if=/dev/zero of=/var/lib/nfs/full bs=4k 2>/dev/null; sync
	dd if=/dev/zero of=/var/lib/nfs/full2 bs=512 2>/dev/null; sync'
tell alice "mount4 $VERS && lock f"
comes_here said 30 grep -aqiE 'nfsdcld.*(full|space|unable|cannot|fail)' server.console
on server 'rm /var/lib/nfs/full*; sync'
comes granted 60 alice is_locked f
comes recorded 60 server '[ "$(records)" = alice ]'
settle server
reboot4
comes reclaimed 30 server '[ $(locks) = 1 ]'
