#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# nfsd starts without anybody who remembers its clients.  Started again with
# nfsdcld, within the grace period, it lets them reclaim.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab4.sh"

scene4 alice
on alice lock f
settle server
asleep alice
reboot server
on server 'rm -f /sbin/nfsdcltrack; rmdir $LEGACY_DIR; nfsd4_up'
is nobody-remembers "$(on server tracker)" none
on server 'rpc.nfsd 0; cld_up; nfsd4_up'
is now-it-does "$(on server tracker)" nfsdcld
awake alice
comes reclaimed 30 server '[ $(locks) = 1 ]'
comes grace-ends 60 server '! is_in_grace4'
holds nothing-lost alice '! is_lock4_lost'
is recorded "$(on server records)" alice
