#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# nfsdcld dies and is started again: within the grace period, which goes on and
# ends when all are back; and while a client asks to be remembered, who is.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab4.sh"

scene4 alice bob
on alice lock f
on bob lock g
settle server
asleep bob
reboot4
comes alice-reclaimed 30 server '[ $(locks) = 1 ]'
on server 'end nfsdcld KILL; cld_up'
holds grace-goes-on server is_in_grace4
awake bob
comes bob-reclaimed 30 server '[ $(locks) = 2 ]'
comes grace-ends 60 server '! is_in_grace4'
is both-recorded "$(on server records)" 'alice bob'

on server 'end nfsdcld KILL'
tell bob 'mount4 4.0 /mnt2 && lk hold /mnt2/h >/run/lock.h 2>&1 &'
sleep 3
on server cld_up
comes granted 40 bob is_locked h
is new-one-recorded "$(on server records)" 'alice bob bob'
settle server
reboot4
comes all-reclaimed 30 server '[ $(locks) = 3 ]'
