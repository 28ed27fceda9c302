#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# rpc.statd is killed (-9) at random moments while SM_MONs pour in, and started
# again: every record that was acknowledged is there.
set -eu
. "$(dirname "$0")/hosts.sh"

ROUNDS=12
SEED=${SEED:-$RANDOM}
RANDOM=$SEED
say "SEED=$SEED"
COOKIE=abababababababababababababababab

# load ROUND: until statd dies under it; acknowledged names go to a file.
load() {
	lockd server load 5000 "2001:db8:$1::" >"$ROOM/acked.$1" \
		2>/dev/null || true
}

# acknowledged: all names, sorted.
acknowledged() {
	# The last line may have been cut by the pipe's end, never a name.
	sort -u "$ROOM"/acked.*
}

lost() {
	find "$ROOM/server/disk/sm" -maxdepth 1 -type f -printf '%f\n' |
		sort | comm -23 <(acknowledged) -
}

two_hosts 4
lockd_start server
statd_start server ours
lockd server mon 192.0.2.2 "$COOKIE"
for round in $(seq $ROUNDS); do
	load "$round" &
	loader=$!
	wait_for "the load" test -s "$ROOM/acked.$round"
	sleep "0.$((RANDOM % 40 + 10))"
	stop server statd KILL
	wait $loader
	is "lost after kill $round" "$(lost)" ""
	statd_start server ours
done
count=$(acknowledged | wc -l)
say "$count records acknowledged"
[ "$count" -ge $ROUNDS ] || die "the load did not work"
lockd client notify 192.0.2.1 client.example 7
wait_for "callback on server" heard server
is "the survivor calls back" "$(callbacks server)" \
	"callback mon_name=192.0.2.2 state=7 priv=$COOKIE"
