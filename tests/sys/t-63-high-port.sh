#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A peer whose notices come from a port above 1023 (-p 4001, as behind a packet
# filter): it is asked back about the first, and the other name of the same
# reboot is no news: both are answered, over UDP, and the lock manager is called
# back once for all that.
#
#   t-63-high-port.sh SM-NOTIFY       the sender's: ours or debian
set -eu
. "$(dirname "$0")/hosts.sh"

COOKIE=42424242424242424242424242424242

two_hosts 4
statd_start client ours
lockd_start client
statd_start server "$1"
lockd client mon 192.0.2.1 "$COOKIE"
lockd server mon 192.0.2.2 "$COOKIE"

say "the server crashes and boots"
host_reboot server
statd_start server "$1"
capture_start client
in_host server timeout 60 "$(program sm-notify "$1")" -d -p 4001 </dev/null \
	>>"$ROOM/server/log/sm-notify" 2>&1 || die "sm-notify failed"
wait_for "the callback" heard client
capture_stop client
is "untold" "$(files server sm.bak)" ""
is "cookie" "$(callbacks client | sort -u)" "callback mon_name=192.0.2.1 \
state=$(number server) priv=$COOKIE"
is "notices over TCP" "$(packets client 'tcp && stat.procedure_v1 == 6' \
	rpc.xid | wc -l)" 0
