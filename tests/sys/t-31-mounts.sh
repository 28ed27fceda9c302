#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A first notice that carries the number which the peer had when lockd asked for
# it: a late copy of before, as long as we are the server.  Where the peer is the
# server of a mount of ours, locks may have been lost: lockd hears of it.  The
# kernel here has no NFS; its table of mounts is covered by another.
set -eu
. "$(dirname "$0")/hosts.sh"

MONITORED=0
TRIES=0

knows_baseline() {
	grep -q "baseline of 192.0.2.2:" "$ROOM/server/log/statd"
}

# monitored_promptly: the peer's answer came so soon after SM_MON that it cannot
# be of after a reboot; else lockd asks for it again, under another cookie.
monitored_promptly() {
	local began=$EPOCHREALTIME
	: >"$ROOM/server/log/statd"
	MONITORED=$((MONITORED + 1))
	COOKIE=$(printf '%032x' $MONITORED)
	lockd server mon 192.0.2.2 "$COOKIE"
	wait_for "baseline of the peer" knows_baseline
	[ $((${EPOCHREALTIME/[.,]/} - ${began/[.,]/})) -lt 2000000 ]
}

# told: a notice under a name that was not used before.
told() {
	TRIES=$((TRIES + 1))
	lockd client notify 192.0.2.1 "name$TRIES" "$1"
}

told_and_heard() {
	told "$1" && heard server
}

two_hosts 4
statd_start client ours
lockd_start server
statd_start server ours -d
until monitored_promptly; do
	[ "$MONITORED" -lt 10 ] || die "the peer never answered within 2 s"
done
! told "$(number client)" 2>/dev/null || die "answered before the peer was asked"
TRIES=0
wait_for "answer to a late copy" told "$(number client)"
is "callbacks for a late copy" "$(callbacks server)" ""

echo "40 1 0:45 / /mnt rw - nfs client:/e rw,vers=3,addr=192.0.2.2" \
	>"$ROOM/server/mountinfo"
in_host server mount --bind "$ROOM/server/mountinfo" \
	"/proc/$(pid_of server statd)/mountinfo"
wait_for "callback for a server of ours" told_and_heard "$(number client)"
is "callback" "$(callbacks server)" \
	"callback mon_name=192.0.2.2 state=$(number client) priv=$COOKIE"
