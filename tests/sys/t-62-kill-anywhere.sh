#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# sm-notify is killed (-9) before each of its system calls that leave a trace
# in the world, one by one, and resumed.  After each kill, whoever has no line
# left has heard of the reboot, under both names; the run after it tells all
# others, and nobody is left.  (The boot turn is killed at every call in
# os/test_bootcrash; t-07 kills at random moments.)
set -eu
. "$(dirname "$0")/hosts.sh"
need_python
command -v strace >/dev/null || { say "needs strace" && exit 77; }

COOKIE=62626262626262626262626262626262
CALLS=openat,unlinkat,unlink,rename,renameat,renameat2,write,fsync,fdatasync
CALLS=$CALLS,sendmsg,sendto,recvmsg,recvmmsg
PEERS=(192.0.2.101 192.0.2.102 192.0.2.103)
BAK=$ROOM/server/disk/sm.bak
HEARD=$ROOM/client/log/peers
# A leak cannot be looked for by a program that strace looks at.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"
KILLED_MAX=400 # or it never ends by itself

# Two peers in one file, as an administrator may have put them, and a line that
# is no record, so that it is rewritten and never removed.
records_put() {
	local peer
	rm -f "$BAK"/[a-z0-9]*
	for peer in "${PEERS[@]}"; do
		echo "0100007f 000186b5 00000003 00000010 $COOKIE" \
			"$peer server.example"
	done >"$ROOM/lines"
	head -n 1 "$ROOM/lines" >"$BAK/${PEERS[0]}"
	{ tail -n 2 "$ROOM/lines" && echo "a note"; } >"$BAK/shared"
	chown --reference="$BAK" "$BAK/${PEERS[0]}" "$BAK/shared"
}

# has_line PEER
has_line() {
	[ "$(records server sm.bak "$1")" -eq 1 ]
}

# heard PEER NAME: since the mark.
heard() {
	tail -n "+$((mark + 1))" "$HEARD" | grep -q "^$1 heard $2 "
}

# nobody_is_forgotten: not told, and without a line.
nobody_is_forgotten() {
	local peer
	for peer in "${PEERS[@]}"; do
		has_line "$peer" ||
			{ heard "$peer" server.example && heard "$peer" server; } ||
			die "kill before call $at: $peer is deleted, untold"
	done
}

# killed_at NUMBER: tells whether it was killed.
killed_at() {
	local status=0
	in_host server timeout 60 strace -qq -f -o /dev/null \
		-e "trace=$CALLS" -e "inject=$CALLS:signal=KILL:when=$1" \
		"$NOTIFY" -d </dev/null >>"$ROOM/server/log/sm-notify" 2>&1 ||
		status=$?
	[ $status -eq 137 ] || [ $status -eq 9 ]
}

NOTIFY=$(program sm-notify ours)
two_hosts 4
stop client rpcbind
words=()
for peer in "${PEERS[@]}"; do
	on_wire client ip address add "$peer/24" dev eth0
	words+=("$peer=good")
done
spawn client peers python3 -B "$SYS/peers.py" "${words[@]}"
wait_for "peers" grep -q serving "$HEARD"
notify_run server ours || die "sm-notify failed"

at=1 some=0
while :; do
	[ $at -le $KILLED_MAX ] || die "killed $at times, and no end"
	mark=$(wc -l <"$HEARD")
	records_put
	killed_at $at || break
	nobody_is_forgotten
	[ "$(cat "$BAK"/[a-z0-9]* | wc -l)" -gt ${#PEERS[@]} ] ||
		some=$((some + 1))
	in_host server timeout 60 "$NOTIFY" -d </dev/null \
		>>"$ROOM/server/log/sm-notify" 2>&1 || true
	is "left after kill $at" "$(cat "$BAK"/[a-z0-9]*)" "a note"
	nobody_is_forgotten
	at=$((at + 1))
done
say "killed before each of $((at - 1)) calls, after some were told $some times"
[ $at -gt 20 ] || die "it was hardly killed at all"
[ $some -gt 0 ] || die "it was never killed after some were told"
is "numbers announced" "$(sed -n 's/.* heard .* //p' "$HEARD" | sort -u)" \
	"$(number server)"
