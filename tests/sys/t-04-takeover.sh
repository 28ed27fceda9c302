#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# To change from one implementation to the other within one boot, or to start
# the same one again, is not a reboot: nobody is told, the number stays, the
# records are in force.  The next real reboot is told.
#
#   t-04-takeover.sh FROM TO        ours or debian
set -eu
. "$(dirname "$0")/hosts.sh"

FROM=$1 TO=$2
COOKIE=0f0e0d0c0b0a09080706050403020100
NOTICES='rpc.program == 100024 && rpc.procedure == 6 && rpc.msgtyp == 0'

two_hosts 4
statd_start server "$FROM"
notify_run server "$FROM"
lockd_start server
lockd server mon 192.0.2.2 "$COOKIE"
statd_start client ours
lockd_start client
lockd client mon 192.0.2.1 "$COOKIE"
before=$(number server)

capture_start server
say "$TO takes over from $FROM"
stop server statd
statd_start server "$TO"
notify_run server "$TO"
capture_stop server
is "notices sent" "$(packets server "$NOTICES" rpc.xid | wc -l)" 0
is "number" "$(number server)" "$before"
is "monitored" "$(records server sm 192.0.2.2)" 1
is "untold" "$(files server sm.bak)" ""

say "the client says that it rebooted"
lockd client notify 192.0.2.1 client.example 99
wait_for "callback on server" heard server
is "server is told" "$(callbacks server)" \
	"callback mon_name=192.0.2.2 state=99 priv=$COOKIE"

say "the server crashes and boots"
host_reboot server
statd_start server "$TO"
notify_run server "$TO"
wait_for "callback on client" heard client
[ "$(number server)" -gt "$before" ] || die "number was not raised"
is "client is told" "$(callbacks client)" \
	"callback mon_name=192.0.2.1 state=$(number server) priv=$COOKIE"
