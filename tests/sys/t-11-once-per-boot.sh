#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# When sm-notify raises the number: once per boot, also with nobody to tell;
# again with -f, which keeps sm/; never with -n; above everything with -P.
set -eu
. "$(dirname "$0")/hosts.sh"

COOKIE=88888888888888888888888888888888

# tells WHAT [OPTION...]: sm-notify tells the client, with the number it leaves.
tells() {
	: >"$ROOM/client/log/lockd"
	notify_run server ours "${@:2}"
	wait_for "callback on client ($1)" heard client
	say "ok: $1: $(callbacks client)"
}

two_hosts 4
statd_start client ours
lockd_start client
lockd client mon 192.0.2.1 "$COOKIE"

notify_run server ours
first=$(number server)
is "first number" "$first" 3
notify_run server ours
is "number after a second run" "$(number server)" "$first"
statd_start server ours
is "number after statd's start" "$(number server)" "$first"

lockd server mon 192.0.2.2 "$COOKIE"
notify_run server ours
is "number after a plain run with somebody monitored" "$(number server)" \
	"$first"
is "monitored" "$(files server sm)" 192.0.2.2

tells "-f" -f
is "number after -f" "$(number server)" $((first + 2))
is "monitored after -f" "$(files server sm)" 192.0.2.2
is "state in SM_MON's reply" "$(lockd server mon 192.0.2.2 "$COOKIE")" \
	"success state=$((first + 2))"

stop client statd
rm -r "$ROOM/client/disk/sm/.reclaim" # the number that it was told last
statd_start client ours
tells "-n" -n
is "number after -n" "$(number server)" $((first + 2))

say "a copy of the state directory, as failover scripts make it"
cp -a "$ROOM/server/disk" "$ROOM/copy"
rm -f "$ROOM"/copy/state.boot "$ROOM"/copy/.lock
tells "-P" -P "$ROOM/copy"
is "number in the copy" "$(od -An -t d4 -N 4 "$ROOM/copy/state" | tr -d ' ')" \
	$((first + 4))
is "untold in the copy" "$(find "$ROOM/copy/sm.bak" -type f ! -name '.*')" ""
host_reboot server
notify_run server ours
[ "$(number server)" -gt $((first + 4)) ] ||
	die "the next boot uses a number that the copy has announced"
say "ok: number after the next boot: $(number server)"
