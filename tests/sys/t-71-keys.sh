#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The keys of [sm-notify] do what the options do, and an option wins over its
# key: seen in the notices that leave.
set -eu
. "$(dirname "$0")/hosts.sh"

COOKIE=71717171717171717171717171717171
NOTICE='rpc.program == 100024 && rpc.procedure == 6 && rpc.msgtyp == 0'

# notices WHAT WANT [OPTION...]: "ADDRESS PORT NAME" of those of a boot.
notices() {
	host_reboot server
	echo "0100007f 000186b5 00000003 00000010 $COOKIE 192.0.2.2 srv" \
		>"$ROOM/server/disk/sm/192.0.2.2"
	capture_start client
	notify_run server ours "${@:3}"
	wait_for "the peer to be told" is_told server 192.0.2.2
	capture_stop client
	is "$1" "$(packets client "$NOTICE" ip.src udp.srcport \
		stat.mon_id.name | tr '\t' ' ' | sort -u)" "$2"
}

two_hosts 4
on_wire server ip address add 192.0.2.11/24 dev eth0
statd_start client ours
echo "[sm-notify]
outgoing-port = 4001
outgoing-addr = 192.0.2.11" >"$ROOM/server/etc/nfs.conf"
notices "keys" "192.0.2.11 4001 192.0.2.11"
notices "options as well" "192.0.2.1 4002 192.0.2.1" -p 4002 -v 192.0.2.1
: >"$ROOM/server/etc/nfs.conf"
notices "options alone" "192.0.2.11 4003 192.0.2.11" -p 4003 -v 192.0.2.11

say "records in another directory"
mkdir -p "$ROOM/other/sm" "$ROOM/other/sm.bak"
echo "0100007f 000186b5 00000003 00000010 $COOKIE 192.0.2.2 srv" \
	>"$ROOM/other/sm/192.0.2.2"
echo "[statd]
state-directory-path = $ROOM/other" >"$ROOM/server/etc/nfs.conf"
is "exit status of --wait" "$(in_host server \
	"$(program sm-notify ours)" --wait >"$ROOM/said" && echo 0)" 0
grep -q "^192.0.2.2 told at 192.0.2.2 over udp" "$ROOM/said" ||
	die "it said: $(cat "$ROOM/said")"
is "untold there" "$(ls "$ROOM/other/sm.bak")" ""
