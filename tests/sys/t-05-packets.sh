#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What our programs put on the wire during a reboot, in the eyes of tshark: the
# port query, SM_NOTIFY with both names and the raised number, the callback;
# every call answered under its xid, nothing malformed.
#
#   t-05-packets.sh FAMILY
set -eu
. "$(dirname "$0")/hosts.sh"

FAMILY=$1
COOKIE=c0ffee00c0ffee00c0ffee00c0ffee00
SERVER_COOKIE=0123456789abcdef0123456789abcdef
CALL='rpc.msgtyp == 0'
case $FAMILY in
4) SRC=ip.src QUERY_VERSION=2 QUERY_PROC=3 ;;
6) SRC=ipv6.src QUERY_VERSION=3 QUERY_PROC=3 ;;
esac

one_line() {
	sort -u | paste -sd ' '
}

# knows_baseline HOST COUNT: its question was answered so often.
knows_baseline() {
	[ "$(grep -c "baseline of" "$ROOM/$1/log/statd")" -ge "$2" ]
}

two_hosts "$FAMILY"
SERVER=$(address server "$FAMILY")
CLIENT=$(address client "$FAMILY")
for host in server client; do
	capture_start "$host"
	statd_start "$host" ours -d
	lockd_start "$host"
done
lockd server mon "$CLIENT" "$SERVER_COOKIE"
lockd client mon "$SERVER" "$COOKIE"
# No question is open at the crash, nor at the end: each call has its reply.
wait_for "baseline of the client" knows_baseline server 1
wait_for "baseline of the server" knows_baseline client 1
host_reboot server
statd_start server ours
notify_run server ours
wait_for "callback on client" heard client
wait_for "baseline after the reboot" knows_baseline client 2
capture_stop server
capture_stop client

notice="rpc.program == 100024 && rpc.procedure == 6 && $CALL"
is "SM_NOTIFY goes from and to" "$(packets client "$notice" "$SRC" \
	"${SRC%src}dst" | one_line)" "$SERVER	$CLIENT"
is "names in SM_NOTIFY" "$(packets client "$notice" stat.mon_id.name |
	one_line)" "server server.example"
is "state in SM_NOTIFY" "$(packets client "$notice" stat.state | one_line)" \
	"$(number server)"
is "SM_NOTIFY from a reserved port" "$(packets client \
	"$notice && udp.srcport >= 1024" rpc.xid)" ""

query="$SRC == $SERVER && rpc.program == 100000 && $CALL"
is "port query: version and procedure" "$(packets client "$query" \
	rpc.programversion rpc.procedure | one_line)" \
	"$QUERY_VERSION	$QUERY_PROC"

callback="rpc.program == 100021 && rpc.procedure == 16 && $CALL"
is "callback: version, from, to" "$(packets client "$callback" \
	rpc.programversion ip.src ip.dst | one_line)" "3	127.0.0.1	127.0.0.1"
is "callback from a reserved port" "$(packets client \
	"$callback && udp.srcport >= 1024" rpc.xid)" ""
wanted=$(printf '%08x' "$(number server)")$COOKIE
is "callback: state and cookie" "$(packets client "$callback" udp.payload |
	tail -c $((${#wanted} + 1)) | one_line)" "$wanted"

# xids HOST FILTER: one for each message, however often it was sent.
xids() {
	packets "$1" "$2 && rpc.program >= 100021 && rpc.procedure != 0" \
		rpc.xid udp.payload tcp.payload | sort -u | cut -f 1
}

for host in server client; do
	is "malformed on $host" "$(packets "$host" _ws.malformed frame.number)" ""
	is "xids used twice on $host" "$(xids "$host" "$CALL" | uniq -d)" ""
	is "calls without a reply on $host" "$(comm -23 \
		<(xids "$host" "$CALL") <(xids "$host" "rpc.msgtyp == 1"))" ""
	say "($(xids "$host" "$CALL" | wc -l) calls)"
done
