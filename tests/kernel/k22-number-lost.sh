#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# K22: the client reboots, and its state file was set back to 1: it announces a
# lower number than before.  The server releases its lock all the same.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab.sh"

scene alice bob
for _ in 1 2; do
	on alice lock f
	reboot alice
	on alice 'client_up && mount_up' >/dev/null
	comes released-before 30 server '[ $(locks) = 0 ]'
done
on alice lock f
reboot alice
on alice 'cd /var/lib/nfs && printf "\001\000\000\000" >state && sync'
is set-back "$(on alice state_number)" 1
on alice client_up >/dev/null
comes released 60 server '[ $(locks) = 0 ]'
is free "$(try bob f)" granted
