#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The edge conditions of RFC 7530 9.6.3.4.  WHICH=e1: a client is cut off,
# another gets its lock and gives it back; after a reboot the first may not
# reclaim.
# WHICH=e2: a client misses a whole grace period, another has had the lock
# since; after the next reboot the first may not reclaim.
#
# With FORGETS=no the server comes up with the database of the time when the
# first client had its lock: nobody was ever forgotten.
#
# The clients' port is one that tshark takes for another protocol's, unless it
# is told.
# shellcheck disable=SC2016 # expanded on the machine
export GRACE=20 PORT=925
. "$(dirname "$0")/lab4.sh"

scene4 alice bob
on alice lock f
on server 'cp -r $CLD_DIR /var/lib/nfs/kept'
settle server
asleep alice
if [ "${WHICH:-e1}" = e2 ]; then
	reboot4
	comes missed-grace 60 server '! is_in_grace4'
fi
comes taken-over 60 bob 'lk try /mnt/f | grep -q granted'
settle server

# Alice is back within the next grace period, which bob's absence keeps open
# for as long as she may need on a slow host.
asleep bob
reboot server
[ "${FORGETS:-}" != no ] ||
	on server 'rm -r $CLD_DIR; mv /var/lib/nfs/kept $CLD_DIR'
on server 'LAB_GRACE=300 server4_up'
tracked
awake alice
comes_here refused 30 is_refused_since 0
holds in-grace server is_in_grace4
holds not-reclaimed server '[ $(locks) = 0 ]'
awake bob
comes grace-ends 60 server '! is_in_grace4'
comes told 40 alice is_lock4_lost
is free "$(try bob f)" granted
