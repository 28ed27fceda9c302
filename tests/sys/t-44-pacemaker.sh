#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What Pacemaker's agent nfsnotify does on the node that took floating addresses
# over, step by step: a copy of sm, sm.bak and state, owned by the user of the
# records; sm-notify -f -v ADDRESS on the directory itself for the first address
# and on a copy for each other one, all in the background and at once; killall
# at the end; and everything from copies when it starts again with the same
# rpc.statd.
set -eu
. "$(dirname "$0")/hosts.sh"

COOKIE=44444444444444444444444444444444
FLOATING="192.0.2.101 192.0.2.102 192.0.2.103"
STATE=/var/lib/nfs
NOTIFY=$(program sm-notify ours)

# copy FROM TO: never over what is there.
copy() {
	in_host server mkdir -p "$2"
	in_host server cp -rpfn "$1/sm" "$1/sm.bak" "$1/state" "$2"
	in_host server chown --reference="$STATE/sm" "$2"
}

# agent_start first|again: notifies for each address.
agent_start() {
	local ip dir=$STATE
	[ "$1" = first ] || dir=
	copy $STATE $STATE/nfsnotify.bu
	for ip in $FLOATING; do
		if [ -z "$dir" ]; then
			dir=$STATE/nfsnotify_r0_$ip
			copy $STATE/nfsnotify.bu "$dir"
		fi
		in_host server timeout 60 "$NOTIFY" -f -v "$ip" -P "$dir" \
			2>>"$ROOM/server/log/sm-notify" ||
			die "sm-notify for $ip failed"
		dir=
	done
}

# The agent runs killall, which this test must not do on its machine.
agent_stop() {
	local pid
	for pid in $(in_host server pgrep -x sm-notify); do
		in_host server kill -TERM "$pid" || true
	done
	wait_for "end of sm-notify" no_notifier
}

no_notifier() {
	! in_host server pgrep -x sm-notify
}

# heard_all: a callback for each floating address.
heard_all() {
	local ip
	for ip in $FLOATING; do
		grep -q "^callback mon_name=$ip " "$ROOM/client/log/lockd" ||
			return 1
	done
}

# numbers: of the callbacks, in the order of the addresses.
numbers() {
	callbacks client | sed 's/.* state=\([0-9]*\) .*/\1/'
}

two_hosts 4
for ip in $FLOATING; do
	on_wire server ip address add "$ip/24" dev eth0
done
statd_start client ours
lockd_start client
statd_start server ours
for ip in $FLOATING; do
	lockd client mon "$ip" "$COOKIE" >"$ROOM/said"
done
lockd server mon 192.0.2.2 "$COOKIE" >"$ROOM/said"
lockd server mon 192.0.2.77 "$COOKIE" >"$ROOM/said" # is gone
before=$(number server)

agent_start first
wait_for "callbacks for every address" heard_all
numbers >"$ROOM/first"
[ "$(head -n 1 "$ROOM/first")" -gt "$before" ] ||
	die "the number did not rise: $(cat "$ROOM/first")"
is "each address has a number of its own" \
	"$(sort -un "$ROOM/first" | wc -l)" 3
is "in the order of the addresses" "$(sort -n "$ROOM/first")" \
	"$(cat "$ROOM/first")"
is "monitored" "$(files server sm)" "192.0.2.2 192.0.2.77"
wait_for "the told record" test ! -e "$ROOM/server/disk/sm.bak/192.0.2.2"
is "untold, in the directory itself" "$(files server sm.bak)" 192.0.2.77
is "owner of a copy" "$(stat -c %U \
	"$ROOM/server/disk/nfsnotify_r0_192.0.2.102")" \
	"$(stat -c %U "$ROOM/server/disk/sm")"

say "stopped while a peer is silent, and started again"
agent_stop
: >"$ROOM/client/log/lockd"
agent_start again
wait_for "callbacks for every address" heard_all
numbers >"$ROOM/second"
[ "$(head -n 1 "$ROOM/second")" -gt "$(tail -n 1 "$ROOM/first")" ] ||
	die "the numbers do not go on rising: $(cat "$ROOM/second")"
is "monitored" "$(files server sm)" "192.0.2.2 192.0.2.77"
is "state in SM_MON's reply" \
	"$(lockd server mon 192.0.2.2 "$COOKIE")" \
	"success state=$(number server)"
agent_stop
host_reboot server
in_host server "$NOTIFY" -d --skip 192.0.2.77 2>>"$ROOM/server/log/sm-notify"
[ "$(number server)" -gt "$(tail -n 1 "$ROOM/second")" ] ||
	die "the next boot's number $(number server) was announced before"
say "ok: number of the next boot: $(number server)"
