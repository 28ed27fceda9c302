#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# No room for a new client's record: it is said, and when there is room again
# the client is recorded after all, without a new word of it.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab4.sh"

boot server alice
first_up
on server 'fill() { dd if=/dev/zero bs=$1 >>/var/lib/nfs/full; sync; }; ' \
	'fill 65536; fill 1024; fill 1024; df /var/lib/nfs | grep "100%"' >/dev/null
tell alice "mount4 $VERS && lock f"
comes_here said 30 grep -aqiE 'nfsdcld.*(full|space|cannot|fail)' \
	server.console
on server 'rm /var/lib/nfs/full; sync'
comes granted 60 alice is_locked f
comes recorded 60 server '[ "$(records)" = alice ]'
settle server
reboot4
comes reclaimed 30 server '[ $(locks) = 1 ]'
