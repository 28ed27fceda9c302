#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Requests that only the local lock manager may make are refused to everybody
# else, and names that could become paths to everybody.
set -eu
. "$(dirname "$0")/hosts.sh"

COOKIE=77777777777777777777777777777777

# refused WHAT HOST REQUEST...
refused() {
	local answer
	answer=$(lockd "${@:2}" || true)
	case $answer in
	fail*) say "ok: refused: $1" ;;
	*) die "not refused: $1: $answer" ;;
	esac
}

two_hosts 4
statd_start server ours
refused "SM_MON from another host" client -s 192.0.2.1 mon 192.0.2.2 "$COOKIE"
refused "the same over UDP" client -u -s 192.0.2.1 mon 192.0.2.2 "$COOKIE"
refused "SM_MON from our address, not loopback" \
	server -s 192.0.2.1 mon 192.0.2.2 "$COOKIE"
refused "SM_MON from an unprivileged port" server -p mon 192.0.2.2 "$COOKIE"
refused "a name with a slash" server mon ../192.0.2.2 "$COOKIE"
refused "a name with a leading dot" server mon .hidden "$COOKIE"
refused "an empty name" server mon "" "$COOKIE"
refused "a name with a line feed" server mon "a
b" "$COOKIE"
refused "a name of 256 bytes" server mon "$(printf '%0256d' 0)" "$COOKIE"
is "records" "$(files server sm)" ""

lockd server -u mon 192.0.2.2 "$COOKIE"
is "records after an honest SM_MON over UDP" "$(files server sm)" 192.0.2.2
lockd client -s 192.0.2.1 unmon 192.0.2.2 server.example || true
lockd client -s 192.0.2.1 unmon-all server.example || true
lockd server -p unmon 192.0.2.2 || true
is "records after SM_UNMON by strangers" "$(files server sm)" 192.0.2.2
lockd server unmon 192.0.2.2
wait_for "record to go" [ ! -e "$ROOM/server/disk/sm/192.0.2.2" ]
say "ok: SM_UNMON by the lock manager"
