#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# sm-notify is killed (-9) at random moments and started again: in the end
# every peer was told, all with the same number, and nobody is left.
set -eu
. "$(dirname "$0")/hosts.sh"

KILLS=15
SEED=${SEED:-$RANDOM}
RANDOM=$SEED
say "SEED=$SEED"
NOTICES='rpc.program == 100024 && rpc.procedure == 6'

# The client host has the addresses of 200 peers.
peers_add() {
	local i
	for i in {0..99}; do
		echo "address add 192.0.2.1$i/24 dev eth0"
		echo "address add 2001:db8::1:$i/64 dev eth0 nodad"
	done | on_wire client ip -batch -
	lockd server load 100 192.0.2.1 >/dev/null
	lockd server load 100 2001:db8::1: >/dev/null
}

untold() {
	files server sm.bak | wc -w
}

two_hosts 4
statd_start client ours
statd_start server ours
peers_add
is "monitored peers" "$(files server sm | wc -w)" 200
before=$(number server)

host_reboot server
statd_start server ours
capture_start client
for kill in $(seq $KILLS); do
	in_host server timeout -s KILL "$(printf '0.%03d' $((RANDOM % 50 + 1)))" \
		"$(program sm-notify ours)" -d >>"$ROOM/server/log/sm-notify" \
		2>&1 || true
	say "untold after kill $kill: $(untold)"
done
notify_run server ours
capture_stop client

is "untold at the end" "$(untold)" 0
is "peers that acknowledged" "$(packets client \
	"$NOTICES && rpc.msgtyp == 1" ip.src ipv6.src | sort -u | wc -l)" 200
is "numbers announced" "$(packets client "$NOTICES && rpc.msgtyp == 0" \
	stat.state | sort -u)" "$(number server)"
is "number raised once" "$(number server)" $((before + 2))
