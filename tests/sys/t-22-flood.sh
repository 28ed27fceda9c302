#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A flood of forged notices, half of which name a peer, from an address of
# nobody and from a user of its host.  Meanwhile every SM_MON succeeds; the lock
# manager hears of nothing, the log and the memory stay small, and the peer is
# asked at a pace that the flood does not set.  Then the peer reboots in the
# flood: the lock manager hears its number, and no other.
#
# nfs-utils: each notice costs several look-ups for each record (contract.md
# B-2), each that names a peer with another number drops its locks (M-4, M-5),
# and what it says goes to the log as often as it is sent (S-11).
set -eu
. "$(dirname "$0")/hosts.sh"
need_python

COOKIE=22222222222222222222222222222222
STRANGER=198.51.100.1
FORGED=120000
# 140 bytes kept of each forged notice would pass it; buffers and the records
# that are added meanwhile do not.
MEMORY_KB_MAX=16384
# AddressSanitizer keeps freed memory; less of it here.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=1"

knows_baseline() {
	grep -q "baseline of 192.0.2.2:" "$ROOM/server/log/statd"
}

memory_kb() {
	in_host server cat "/proc/$(pid_of server statd)/status" |
		awk '/^VmRSS:/ { print $2 }'
}

forged() {
	awk '$1 == "forged" { n = $2 } END { print n + 0 }' \
		"$ROOM/client/log/flood"
}

flood_is_on() {
	[ "$(forged)" -gt "$1" ]
}

flood_is_over() {
	grep -q end "$ROOM/client/log/flood"
}

flood_is_on_or_over() {
	flood_is_on "$1" || flood_is_over
}

# flood_end: waits as long as it goes on; what is left of it may be much.
flood_end() {
	until flood_is_over; do
		wait_for "the flood to go on, or its end" \
			flood_is_on_or_over "$(forged)"
	done
}

heard_twice() {
	[ "$(callbacks server | wc -l)" -ge 2 ]
}

two_hosts 4
on_wire client ip address add "$STRANGER/32" dev eth0
on_wire server ip route add "$STRANGER/32" dev eth0
statd_start client ours
lockd client mon 192.0.2.1 "$COOKIE"
lockd_start server
statd_start server ours -d
lockd server mon 192.0.2.2 "$COOKIE"
lockd server mon client.example "$COOKIE"
wait_for "baseline of the peer" knows_baseline

capture_start client "udp and src host 192.0.2.1 and dst host 192.0.2.2"
memory=$(memory_kb)
began=$SECONDS
spawn client flood python3 -B "$SYS/flood.py" 192.0.2.1 "$STRANGER" \
	192.0.2.2 "$FORGED" /run/flood-stop user
wait_for "the flood" flood_is_on 1000
for i in 1 2 3 4; do
	before=$(forged)
	# Over one connection, then over one for each, as lockd does.
	# Peers at loopback are not asked for a baseline.
	is "SM_MONs in the flood" \
		"$(lockd server load 50 "127.0.$i." | wc -l)" 50
	lockd server mon "127.1.0.$i" "$COOKIE" >/dev/null ||
		die "SM_MON in the flood"
	answers server 100024 tcp >/dev/null || die "no NULL over TCP"
	wait_for "the flood to go on" flood_is_on "$before"
done
in_host client touch /run/flood-stop
flood_end
took=$((SECONDS - began))
say "($(forged) forged, $(grep -c 'SM_NOTIFY, xid' \
	"$ROOM/server/log/statd") read)"

is "callbacks" "$(callbacks server)" ""
is "records" "$(find "$ROOM/server/disk/sm" -maxdepth 1 -type f | wc -l)" 206
grown=$(($(memory_kb) - memory))
[ "$grown" -le "$MEMORY_KB_MAX" ] || die "statd grew by $grown KiB"
say "ok: statd grew by $grown KiB"
# But what -d says of each call and question.
lines=$(grep -vcE ', xid [0-9a-f]{8}$|: baseline of ' "$ROOM/server/log/statd")
[ "$lines" -le $((100 + took)) ] || die "$lines lines in the log"
say "ok: $lines lines in the log"

capture_stop client
asked=$(packets client "rpc.program == 100024 && rpc.procedure == 1 && \
	rpc.msgtyp == 0" rpc.xid | wc -l)
# Two records, one question each in two seconds, and the first ones.
[ "$asked" -ge 1 ] || die "the peer was never asked"
[ "$asked" -le $((took + 6)) ] || die "the peer was asked $asked times"
say "ok: the peer was asked $asked times in $took s"

# The flood goes on outside of the peer's boot, by the stranger alone.
: >"$ROOM/client/log/flood"
on_wire client setpriv --pdeathsig KILL python3 -B "$SYS/flood.py" 192.0.2.1 \
	"$STRANGER" 192.0.2.2 0 "$ROOM/stop" >"$ROOM/client/log/flood" 2>&1 &
wait_for "the flood" flood_is_on 1000
host_reboot client
statd_start client ours
before=$(forged)
wait_for "the flood to go on" flood_is_on $((before + 10000))
notify_run client ours
wait_for "both callbacks" heard_twice
touch "$ROOM/stop"
wait_for "the end of the flood" grep -q end "$ROOM/client/log/flood"
is "callbacks for the honest notice" "$(callbacks server | paste -sd ' ')" \
	"callback mon_name=192.0.2.2 state=$(number client) priv=$COOKIE \
callback mon_name=client.example state=$(number client) priv=$COOKIE"
