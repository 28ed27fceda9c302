#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# nfsdcltrack is killed again and again, at any moment: whatever ended with 0 is
# recorded, and the database is sound.
set -eu
. "$(dirname "$0")/hosts.sh"
. "$(dirname "$0")/tracker.sh"
tracker_room "$@"
STORE=$ROOM/store
PROGRAM=$(track_program ours)
ROUNDS=200

track ours init
done_count=0
for i in $(seq 1 $ROUNDS); do
	id=$(printf '%04x' "$i")
	env -i "$PROGRAM" -f -s "$STORE" create "$id" 2>>"$ROOM/said" &
	pid=$!
	[ $((i % 4)) -eq 0 ] || sleep "0.00$((i % 10))"
	kill -9 $pid 2>/dev/null || true
	if wait $pid 2>/dev/null; then
		echo "$id" >>"$ROOM/acknowledged"
		done_count=$((done_count + 1))
	fi
done
say "$done_count of $ROUNDS came to their end"
track ours init
is "sound" "$(sqlite3 "$STORE/main.sqlite" 'PRAGMA integrity_check')" ok
touch "$ROOM/acknowledged"
while read -r id; do
	track ours check "$id" || die "$id was acknowledged and is not there"
done <"$ROOM/acknowledged"
say "ok: all of them are recorded"
