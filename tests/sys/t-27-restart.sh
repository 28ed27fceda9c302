#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# rpc.statd is killed (-9) at every moment between a notice's arrival and its
# callback, and started again: the callback happens all the same, whether the
# notice was answered or its sender has to repeat it; and a notice that was
# delivered is a duplicate in the next life, too.
set -eu
. "$(dirname "$0")/hosts.sh"

ROUNDS=24
SEED=${SEED:-$RANDOM}
RANDOM=$SEED
say "SEED=$SEED"
COOKIE=27272727272727272727272727272727

# heard_number NUMBER: how often the lock manager was told.
heard_number() {
	grep -c "state=$1 " "$ROOM/server/log/lockd" || true
}

was_heard() {
	[ "$(heard_number "$1")" -gt 0 ]
}

# is_marked NUMBER: the event is in sm/.reclaim.
is_marked() {
	grep -qrs "^event $1 " "$ROOM/server/disk/sm/.reclaim"
}

# A file is written beside the one that it replaces.
is_unmarked() {
	! is_marked "$1"
}

# has_line TEXT: in some file of sm/.reclaim.
has_line() {
	grep -qrsx "$1" "$ROOM/server/disk/sm/.reclaim"
}

notify() {
	lockd client notify 192.0.2.1 client.example "$1" 2>/dev/null
}

# lockd_again: what it heard before stays in its log.
lockd_again() {
	is_gone server lockd || return 0
	spawn server lockd "$BUILD/tests/sys/lockd-standin"
	wait_for "lock manager" in_host server rpcinfo -T udp 127.0.0.1 100021 3
}

# statd_again: killed, and another life of it.
statd_again() {
	stop server statd KILL
	lockd_again
	statd_start server ours
}

two_hosts 4
lockd_start server
statd_start server ours
lockd server mon 192.0.2.2 "$COOKIE"

# There is no lock manager: whoever repeats the notice for some seconds is
# answered, and from then on it is statd's word.
stop server lockd
wait_for "answer, since nothing is lost by a restart" notify 101
is_marked 101 || die "answered before it was safe"
is "callbacks without a lock manager" "$(heard_number 101)" 0
statd_again
wait_for "callback after the restart" was_heard 101
wait_for "note of the callback" has_line "delivered 101 client.example"
wait_for "the end of the event" is_unmarked 101

# M-3: the same notice again, in this life and in the next.
notify 101 || die "a duplicate is not answered"
statd_again
notify 101 || die "a duplicate is not answered after a restart"
is "callbacks for 101 and its replays" "$(callbacks server | wc -l)" 1

# At random moments; whoever has no answer repeats the notice once.
number=101
answered=0
for round in $(seq $ROUNDS); do
	number=$((number + 2))
	[ $((round % 2)) -eq 0 ] || stop server lockd
	{ notify $number && : >"$ROOM/answered"; } &
	sender=$!
	sleep "0.00$((RANDOM % 10))"
	stop server statd KILL
	kill $sender 2>/dev/null || true
	wait $sender || true
	lockd_again
	statd_start server ours
	if [ -e "$ROOM/answered" ]; then
		rm "$ROOM/answered"
		answered=$((answered + 1))
	else
		notify $number || die "no answer"
	fi
	wait_for "callback of round $round" was_heard $number
done
say "ok: $ROUNDS callbacks after as many kills, $answered of them answered for"

# The turn of the next boot leaves nothing of this one.
stop server statd
host_reboot server
lockd_start server
statd_start server ours
is "files in sm/.reclaim after a reboot" \
	"$(find "$ROOM/server/disk/sm/.reclaim" -type f | wc -l)" 0
