#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# 5000 peers, each recorded with a name of this host as long as names may be:
# all are told under it, once, and the memory for it is bounded.  A run that is
# killed in between loses nobody.
#
#   t-54-many.sh FAMILY
set -eu
. "$(dirname "$0")/hosts.sh"
need_python

FAMILY=$1
PEERS=5000
SRC=ip.src
[ "$FAMILY" = 4 ] || SRC=ipv6.src
NOTICE='rpc.program == 100024 && rpc.procedure == 6'
MEMORY_KB_MAX=$((64 * 1024))
! is_sanitized || MEMORY_KB_MAX=$((4 * MEMORY_KB_MAX))
DISK=$ROOM/server/disk

# A host name of 255 bytes.
long_name() {
	printf 'server'
	printf '.%062d' 1 2 3
	printf '.%059d' 4
}

# peer NUMBER: its address, in PEER.
peer() {
	case $FAMILY in
	4) printf -v PEER '10.54.%d.%d' $(($1 / 250)) $(($1 % 250 + 1)) ;;
	6) printf -v PEER '2001:db8:54::%x' "$1" ;;
	esac
}

# Behind one router, as one route and not as 5000 addresses: for every question
# of version 3 and up, rpcbind goes through all addresses that its host has,
# which took 35 ms there and made a run of three seconds one of more than thirty.
peers_add() {
	local net gateway
	gateway=$(address client "$FAMILY")
	case $FAMILY in
	4) net=10.54.0.0/16 ;;
	6) net=2001:db8:54::/64 ;;
	esac
	# What is asked at such an address answers from it.
	on_wire client sysctl -qw net.ipv4.ip_nonlocal_bind=1 \
		net.ipv6.ip_nonlocal_bind=1
	on_wire client ip route add local "$net" dev lo
	on_wire server ip route add "$net" via "$gateway"
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
	find "$DISK/sm.bak" -maxdepth 1 -type f ! -name '.*' | wc -l
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
two_hosts "$FAMILY"
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

is "peers that acknowledged" "$(packets client "$NOTICE && rpc.msgtyp == 1" \
	"$SRC" | sort -u | wc -l)" $PEERS
call="$NOTICE && rpc.msgtyp == 0"
is "names announced" "$(packets client "$call" stat.mon_id.name |
	sort -u | paste -sd ' ')" "server $NAME"
is "numbers announced" "$(packets client "$call" stat.state | sort -u)" \
	"$(number server)"
