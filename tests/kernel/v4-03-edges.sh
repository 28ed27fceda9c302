#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The edge conditions of RFC 7530 9.6.3.4.  E1: a client is cut off, another gets
# its lock and gives it back; after a reboot the first may not reclaim.  E2: a
# client misses a whole grace period, another has had the lock since; after the
# next reboot the first may not reclaim.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab4.sh"

# One more reboot; alice is back in its grace period, which bob's absence keeps
# open, and hears that she may not have it.
alice_is_refused() {
	settle server
	asleep bob
	reboot4
	awake alice
	comes "$1-told" 30 alice is_lock4_lost
	is "$1-refused" "$(on server locks)" 0
	awake bob
	comes "$1-grace-ends" 60 server '! is_in_grace4'
	is "$1-free" "$(try bob f)" granted
}

scene4 alice bob
on alice lock f
asleep alice
comes e1-taken-over 60 bob 'lk try /mnt/f | grep -q granted'
alice_is_refused e1

on alice 'end lk-f KILL; umount /mnt; dmesg -c' >/dev/null
on alice "mount4 $VERS && lock f"
settle server
asleep alice
reboot4
comes e2-grace-ends 60 server '! is_in_grace4'
comes e2-taken-over 60 bob 'lk try /mnt/f | grep -q granted'
alice_is_refused e2
