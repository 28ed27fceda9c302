#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Back to nfs-utils while a peer is still untold (doc/migrating.md): its
# sm-notify tells nobody in this boot, and says so; ours, run once by hand
# beside its rpc.statd, tells the peer with the number of the boot; else the
# next boot does.
set -eu
. "$(dirname "$0")/hosts.sh"

COOKIE=72727272727272727272727272727272
DISK=$ROOM/server/disk

# left_untold: the server boots with ours, the peer is silent, and nfs-utils
# takes over.
left_untold() {
	host_reboot server
	statd_start server ours
	: >"$ROOM/server/log/notify" # that of the one before says the same
	spawn server notify "$(program sm-notify ours)" -d
	wait_for "the first try" grep -q "sending from" \
		"$ROOM/server/log/notify"
	stop server notify
	stop server statd
	statd_start server debian
	notify_run server debian
	is "untold" "$(files server sm.bak)" 192.0.2.2
	stop server statd
}

two_hosts 4
lockd_start client
statd_start client ours
statd_start server ours
lockd client mon 192.0.2.1 "$COOKIE"
lockd server mon 192.0.2.2 "$COOKIE"
stop client statd

left_untold
grep -q "Already notifying" "$ROOM/server/log/sm-notify" ||
	die "nfs-utils said: $(cat "$ROOM/server/log/sm-notify")"
say "ok: nfs-utils does not resume"
before=$(number server)

statd_start server debian
lockd server mon 192.0.2.3 "$COOKIE"
statd_start client ours
in_host server "$(program sm-notify ours)" --wait >"$ROOM/said"
is "ours by hand" "$(grep -c "^192.0.2.2 told at" "$ROOM/said")" 1
wait_for "callback on client" heard client
is "number" "$(number server)" "$before"
is "untold" "$(files server sm.bak)" ""
is "monitored" "$(files server sm)" 192.0.2.3

say "or the next boot"
stop client statd
stop server statd
host_reboot server
echo "0100007f 000186b5 00000003 00000010 $COOKIE 192.0.2.2 server.example" \
	>"$DISK/sm/192.0.2.2"
rm -f "$DISK/sm/192.0.2.3"
left_untold
host_reboot server
statd_start client ours
notify_run server debian
wait_for "the peer to be told" test ! -e "$DISK/sm.bak/192.0.2.2"
[ "$(number server)" -gt "$before" ] || die "the number was not raised"
say "ok: told by nfs-utils, number $(number server)"
