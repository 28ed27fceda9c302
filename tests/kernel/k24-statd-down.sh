#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# K24: no statd on the server at the first lock of a client.  Where it died,
# lockd refuses (ENOLCK), and the client is monitored once statd is there
# again, which rpc-statd.service sees to.  Where it was stopped in order, the
# kernel thinks for a minute, grants, and nobody remembers: facts about lockd,
# which no statd can change.
# shellcheck disable=SC2016 # expanded on the machine
. "$(dirname "$0")/lab.sh"

scene alice bob
on server 'end statd KILL'
is refused "$(try alice f)" ENOLCK
on server 'spawn keeper sh -c "while :; do RPC_STATD_NO_NOTIFY=1 rpc.statd -F; sleep 0.5; done"'
on server 'wait_until 20 rpcinfo -T tcp 127.0.0.1 100024 1'
on alice lock f
is monitored "$(on server peers)" 192.0.2.2
on server 'kill -9 $(pidof rpc.statd)'
on server 'sleep 3; wait_until 20 rpcinfo -T tcp 127.0.0.1 100024 1'
on server 'end keeper KILL; kill $(pidof rpc.statd)'
on server 'wait_until 20 eval "! pidof rpc.statd"'
on bob 'lock_start g'
comes kernel-grants 100 bob is_locked g
is kernel-forgets "$(on server peers)" 192.0.2.2
