#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A server with two addresses on one interface, and a client that recorded only
# the second one, by name alone: it is told from both.  A
# run that resumes, and one with -v, use one address; an address that nobody
# hears holds nobody up.
#
#   t-43-addresses.sh FAMILY
set -eu
. "$(dirname "$0")/hosts.sh"

FAMILY=$1
COOKIE=43434343434343434343434343434343
NOTIFY=$(program sm-notify ours)
case $FAMILY in
4) SECOND=192.0.2.101 BITS=24 SRC=ip.src ;;
6) SECOND=2001:db8::101 BITS=64 SRC=ipv6.src ;;
esac

# sources: the addresses that notices came from, each with its names.
sources() {
	packets client 'rpc.program == 100024 && rpc.procedure == 6 &&
		rpc.msgtyp == 0' "$SRC" stat.mon_id.name stat.state |
		sort -u | tr '\t\n' ' ,'
}

# told [OPTION...]: the server reboots and tells the client; who it came from.
told() {
	capture_start client
	: >"$ROOM/client/log/lockd"
	in_host server timeout 120 "$NOTIFY" --wait "$@" </dev/null \
		>"$ROOM/said" 2>>"$ROOM/server/log/sm-notify" || die "not told"
	capture_stop client
}

monitor() {
	statd_start server ours
	lockd server mon "$(address client "$FAMILY")" "$COOKIE" >"$ROOM/said"
}

two_hosts "$FAMILY"
FIRST=$(address server "$FAMILY")
# Which of the two the kernel sends from: of IPv6 ones the younger.
case $FAMILY in
4) USUAL=$FIRST OTHER=$SECOND ;;
6) USUAL=$SECOND OTHER=$FIRST ;;
esac
if [ "$FAMILY" = 6 ]; then
	on_wire server ip address add "$SECOND/$BITS" dev eth0 nodad
else
	on_wire server ip address add "$SECOND/$BITS" dev eth0
fi
on_wire server hostname server # one form: half as much to wait for
# It mounted the server's second address and recorded that; no name of the
# server leads there.
echo "$FIRST server.example server" >"$ROOM/client/etc/hosts"
statd_start client ours
lockd_start client
lockd client mon "$SECOND" "$COOKIE"
monitor

host_reboot server
in_host server "$NOTIFY" --dry-run >"$ROOM/foretold"
is "foretold" "$(cat "$ROOM/foretold")" "$(address client "$FAMILY"): would be\
 told as server from $USUAL, $OTHER to\
 $(address client "$FAMILY"), number 5"
told
is "first run of the boot" "$(sources)" "$FIRST server 5,$SECOND server 5,"
is "callback" "$(callbacks client)" \
	"callback mon_name=$SECOND state=5 priv=$COOKIE"

say "-v restricts it"
monitor
told -f -v "$SECOND"
is "-f -v" "$(sources)" "$SECOND $SECOND 7,"

say "-f, with an address that the client does not hear"
on_wire client ip route add blackhole "$OTHER"
told -f
is "-f" "$(sources)" "$FIRST server 9,$SECOND server 9,"
is "untold" "$(files server sm.bak)" ""
on_wire client ip route del blackhole "$OTHER"

say "a run that resumes"
stop server statd
monitor
cp -p "$ROOM/server/disk/sm/"* "$ROOM/server/disk/sm.bak/"
told
is "a later run" "$(sources)" "$USUAL server 9,"
