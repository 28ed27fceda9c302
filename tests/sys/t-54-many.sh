#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# 5000 peers, each recorded with a name of this host as long as names may be:
# all are told under it, once, and the memory for it is bounded.  A run that is
# killed in between loses nobody.
set -eu
. "$(dirname "$0")/hosts.sh"
need_python

PEERS=5000
MEMORY_KB_MAX=$((64 * 1024))
! is_sanitized || MEMORY_KB_MAX=$((4 * MEMORY_KB_MAX))
DISK=$ROOM/server/disk

# A host name of 255 bytes.
long_name() {
	printf 'server'
	printf '.%062d' 1 2 3
	printf '.%059d' 4
}

# peer NUMBER: its address.
peer() {
	printf -v PEER '10.54.%d.%d' $(($1 / 250)) $(($1 % 250 + 1))
}

# Behind one router, and of IPv4: with 5000 addresses of IPv6 on the peers' host
# the run did not end within a minute, and why was not found out.
peers_add() {
	local i
	for i in $(seq $PEERS); do
		peer "$i"
		echo "address add $PEER/32 dev lo"
	done | on_wire client ip -batch -
	on_wire server ip route add 10.54.0.0/16 via 192.0.2.2
}

# What statd would have written; its own way is in t-22.
records_add() {
	local i
	for i in $(seq $PEERS); do
		peer "$i"
		echo "0100007f 000186b5 00000003 00000010" \
			"54545454545454545454545454545454 $PEER $1" \
			>"$DISK/sm/$PEER"
	done
	chown -R --reference="$DISK/sm" "$DISK/sm"
}

untold() {
	find "$DISK/sm.bak" -maxdepth 1 -name '10.*' | wc -l
}

some_are_told() {
	[ "$(untold)" -lt $((PEERS - 100)) ]
}

# memory COMMAND...: what the largest process of it had at its height, in KB.
memory() {
	in_host server python3 -c 'import resource, subprocess, sys
status = subprocess.call(sys.argv[1:], stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)' "$@"
}

NAME=$(long_name)
is "length of the name" ${#NAME} 255
two_hosts 4
peers_add
statd_start client ours
records_add "$NAME"
statd_start server ours
is "retired" "$(untold)" $PEERS
capture_start client 'udp and not port 111'
spawn server killed "$(program sm-notify ours)" -d
wait_for "some to be told" some_are_told
stop server killed KILL
say "untold after SIGKILL: $(untold)"
kilobytes=$(memory "$(program sm-notify ours)" -d) || die "sm-notify failed"
capture_stop client
say "memory: $kilobytes KB"
[ "$kilobytes" -le $MEMORY_KB_MAX ] || die "more than $MEMORY_KB_MAX KB"
is "untold" "$(untold)" 0

told='rpc.program == 100024 && rpc.procedure == 6 && rpc.msgtyp == 1 && !icmp'
packets client "$told" ip.src >"$ROOM/told"
is "peers that acknowledged" "$(sort -u "$ROOM/told" | wc -l)" $PEERS
call='rpc.program == 100024 && rpc.procedure == 6 && rpc.msgtyp == 0 && !icmp'
is "names announced" "$(packets client "$call" stat.mon_id.name |
	sort -u | paste -sd ' ')" "server $NAME"
is "numbers announced" "$(packets client "$call" stat.state | sort -u)" \
	"$(number server)"
