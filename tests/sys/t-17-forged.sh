#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Notices that are not true: from another host that names a peer, and from a
# user of the peer's host.  The peer is asked and they are refused, without an
# answer; its real reboot is heard.  With notify-check = legacy a name is enough.
#
#   t-17-forged.sh ours|debian   whose statd and sm-notify the peer has
set -eu
. "$(dirname "$0")/hosts.sh"

WHOSE=$1
COOKIE=14141414141414141414141414141414

knows_baseline() {
	grep -q "baseline of 192.0.2.2:" "$ROOM/server/log/statd"
}

# server_start: and the peer has told its number.
server_start() {
	: >"$ROOM/server/log/statd"
	statd_start server ours -d
	lockd server mon 192.0.2.2 "$COOKIE"
}

# refused WHAT HOST REQUEST...: no answer, and a line in the log.
refused() {
	: >"$ROOM/server/log/statd"
	! lockd "${@:2}" 2>/dev/null || die "answered: $1"
	grep -q "not believed" "$ROOM/server/log/statd" ||
		die "not logged: $1"
	is "callbacks after $1" "$(callbacks server)" ""
}

two_hosts 4
statd_start client "$WHOSE"
lockd client mon 192.0.2.1 "$COOKIE"
lockd_start server
server_start
wait_for "baseline of the peer" knows_baseline
# From 192.0.2.1, which is no address of the peer.
refused "a forged name" server notify 192.0.2.1 192.0.2.2 999
refused "a user of the peer" client -p notify 192.0.2.1 client.example 999

host_reboot client
statd_start client "$WHOSE"
notify_run client "$WHOSE"
wait_for "callback on server" heard server
is "callback" "$(callbacks server)" \
	"callback mon_name=192.0.2.2 state=$(number client) priv=$COOKIE"

printf '[statd]\nnotify-check = legacy\n' >"$ROOM/server/etc/nfs.conf"
in_host server kill -HUP "$(pid_of server statd)"
wait_for "the new check" grep -q "was read again" "$ROOM/server/log/statd"
: >"$ROOM/server/log/lockd"
: >"$ROOM/server/log/statd"
lockd server notify 192.0.2.1 192.0.2.2 999
# A lock manager that is slow may hear later than the sender is answered.
wait_for "callback for a name with legacy" heard server
is "callback for a name with legacy" "$(callbacks server)" \
	"callback mon_name=192.0.2.2 state=999 priv=$COOKIE"
! knows_baseline || die "asked the peer"
