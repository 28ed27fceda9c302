#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A peer that is monitored again before it was told of our reboot: told before
# SM_MON is answered, or not in this boot, with a running sm-notify and without.
set -eu
. "$(dirname "$0")/hosts.sh"

COOKIE=30303030303030303030303030303030
PEER=192.0.2.1
SILENT=192.0.2.99
NOTICE='rpc.program == 100024 && rpc.procedure == 6'

# client_reboots [NAME...]: it has something to tell the server, which has no
# statd and goes by NAME, or its address.
client_reboots() {
	local name
	statd_start server ours
	for name in "${@:-$PEER}"; do
		lockd client mon "$name" $COOKIE
	done
	stop server statd
	host_reboot client
	statd_start client ours -d
}

parked() {
	local file=$ROOM/client/disk/sm/.reclaim/parked
	[ ! -e "$file" ] || paste -sd ';' "$file"
}

is_removed() {
	[ ! -e "$BAK/$PEER" ]
}

is_parked() {
	[ "$(parked)" = "park $PEER $PEER" ]
}

# notify_spawn: sm-notify stays; the server is silent.
notify_spawn() {
	: >"$ROOM/client/log/notify"
	spawn client notify "$(program sm-notify ours)" -d
	wait_for "socket of sm-notify" grep -q "sending from" \
		"$ROOM/client/log/notify"
}

# grace_begins: lockd's, as far as anybody can see, until the file says Y.
grace_begins() {
	in_host client mount -t tmpfs none /proc/fs
	in_host client mkdir /proc/fs/lockd
	echo N >"$ROOM/client/grace"
	in_host client touch /proc/fs/lockd/nlm_end_grace
	in_host client mount --bind "$ROOM/client/grace" \
		/proc/fs/lockd/nlm_end_grace
}

# mounts: the server serves the client an NFSv3 mount, says its statd's /proc.
mounts() {
	echo "36 25 0:32 / /mnt rw - nfs server:/x rw,vers=3,addr=$PEER" \
		>"$ROOM/client/mountinfo"
	in_host client mount --bind "$ROOM/client/mountinfo" \
		"/proc/$(pid_of client statd)/mountinfo"
}

# tell_in_time PREPARE: what SM_MON does where the peer can be told meanwhile.  It
# waits 2 s for that; where it took longer here and the peer was parked, as it
# must be then, it is another boot's turn.
tell_in_time() {
	local began took try
	for try in 1 2 3 4 5; do
		"$1"
		capture_start client "tcp or udp"
		began=${EPOCHREALTIME/[.,]/}
		lockd client mon $PEER $COOKIE
		took=$((${EPOCHREALTIME/[.,]/} - began))
		capture_stop client
		[ "$took" -ge 2000000 ] && is_parked || return 0
		say "(not told within 2 s in boot $try)"
		stop server statd
	done
	die "never told within 2 s"
}

# frames FILTER: the numbers of the frames on the client.
frames() {
	packets client "$1" frame.number
}

notices() {
	packets client "$NOTICE && rpc.msgtyp == 0" stat.state | sort -u |
		paste -sd ' '
}

# told_first: every notice was acknowledged before SM_MON was answered.
told_first() {
	local last first
	last=$(frames "$NOTICE && rpc.msgtyp == 1 && ip.src == $PEER" | tail -n 1)
	first=$(frames "rpc.program == 100024 && rpc.procedure == 2 &&
		rpc.msgtyp == 1" | head -n 1)
	[ "${last:-999999}" -lt "${first:-0}" ] ||
		die "acknowledged in frame '$last', answered in '$first'"
	say "ok: acknowledged in frame $last, answered in $first"
}

# told_next_boot: what was parked is told with the new number.
told_next_boot() {
	host_reboot client
	statd_start client ours -d
	capture_start client "udp"
	notify_run client ours
	capture_stop client
	is "number told in the next boot" "$(notices)" "$(number client)"
	is "untold then" "$(files client sm.bak)" ""
}

two_hosts 4
BAK=$ROOM/client/disk/sm.bak
statd_start client ours -d

say "--- nobody notifies, no grace: parked before the answer"
client_reboots
lockd client mon $PEER $COOKIE
is "what is parked" "$(parked)" "park $PEER $PEER"
statd_start server ours
capture_start client "udp"
! notify_run client ours || die "all were told"
capture_stop client
is "notices to a parked peer" "$(notices)" ""
grep -q "not notifying $PEER: untold, monitored again" \
	"$ROOM/client/log/sm-notify" || die "sm-notify does not say so"
is "its record" "$(files client sm.bak)" "$PEER"
in_host client kill -USR1 "$(pid_of client statd)"
wait_for "the status" grep -q "peers parked, untold and monitored again: 1" \
	"$ROOM/client/log/statd"
told_next_boot
stop server statd

say "--- told by name, monitored by address while nobody notifies: no notice"
client_reboots server.example
lockd client mon $PEER $COOKIE
is "what is parked" "$(parked)" ""
statd_start server ours
capture_start client "udp"
! notify_run client ours || die "all were told"
capture_stop client
is "notices to a peer that is monitored by address" "$(notices)" ""
grep -q "not notifying server.example: untold, monitored again" \
	"$ROOM/client/log/sm-notify" || die "sm-notify does not say so"
is "its record" "$(files client sm.bak)" "server.example"
told_next_boot
stop server statd

say "--- sm-notify runs: it is asked to park"
client_reboots
notify_spawn
lockd client mon $PEER $COOKIE
is "what is parked" "$(parked)" "park $PEER $PEER"
wait_for "the end of sm-notify" is_gone client notify
statd_start server ours
told_next_boot
stop server statd

say "--- sm-notify runs, the peer serves a mount: told before the answer"
beside_sm_notify() {
	client_reboots
	mounts
	notify_spawn
	statd_start server ours
}
tell_in_time beside_sm_notify
told_first
is "number told" "$(notices)" "$(number client)"
is "what is parked" "$(parked)" ""
wait_for "the end of sm-notify" is_gone client notify
is "untold" "$(files client sm.bak)" ""
stop server statd

say "--- told, but the disk keeps its record: as one that is untold"
client_reboots $PEER $SILENT
statd_start server ours
chmod a-w "$BAK"
notify_spawn
wait_for "the peer to be told" grep -q "its record stays" \
	"$ROOM/client/log/notify"
lockd client mon $PEER $COOKIE
is "what is parked" "$(parked)" "park $PEER $PEER"
chmod u+w "$BAK"
wait_for "the record to be removed" is_removed
is "untold" "$(files client sm.bak)" "$SILENT"
stop client notify
rm "$BAK/$SILENT"
stop server statd

say "--- nobody notifies, the peer serves a mount: rpc.statd tells it"
without_sm_notify() {
	client_reboots
	mounts
	statd_start server ours
}
tell_in_time without_sm_notify
told_first
is "number told" "$(notices)" "$(number client)"
is "what is noted" "$(parked)" \
	"told $(number client) $PEER client.example"
capture_start client "udp"
notify_run client ours
capture_stop client
is "notices by a later sm-notify" "$(notices)" ""
is "untold" "$(files client sm.bak)" ""
stop server statd

say "--- the same, but one of its records cannot be read: no second notice"
beside_unread() {
	rm -f "$BAK"/* # of a boot in which it took too long
	client_reboots
	mv "$BAK/$PEER" "$BAK/copy"
	truncate -s 70000 "$BAK/$PEER" # no record is so long
	mounts
	statd_start server ours
}
tell_in_time beside_unread
told_first
is "what is noted" "$(parked)" \
	"told $(number client) $PEER client.example;park $PEER $PEER"
cp "$BAK/copy" "$BAK/$PEER"
sed -i 's/client\.example$/alias.example/' "$BAK/$PEER"
capture_start client "udp"
! notify_run client ours || die "all were told"
capture_stop client
is "notices by a later sm-notify" "$(notices)" ""
is "its record" "$(files client sm.bak)" "$PEER"
rm "$BAK/$PEER"
stop server statd

say "--- the peer serves a mount and stays silent: parked"
client_reboots
mounts
notify_spawn
lockd client mon $PEER $COOKIE
is "what is parked" "$(parked)" "park $PEER $PEER"

say "--- a grace period runs: parked when it ends"
client_reboots
grace_begins
lockd client mon $PEER $COOKIE
is "what is parked in grace" "$(parked)" ""
echo Y >"$ROOM/client/grace"
wait_for "the peer to be parked" is_parked

say "--- sm-notify looks at the grace period itself"
client_reboots
grace_begins
notify_spawn
is "the answer after its end" \
	"$(in_host client python3 -B "$SYS/ctl.py" "tell-in-grace 7 $PEER $PEER" \
		"$ROOM/client/grace" Y)" "7 parked"
stop client notify

say "--- many silent peers are being told in grace: the next one is asked about"
CROWD=$(seq -f "192.0.2.1%02.0f" 0 39)
# shellcheck disable=SC2086 # a word each
client_reboots $CROWD $PEER
grace_begins
notify_spawn
for peer in $CROWD; do
	lockd client mon "$peer" $COOKIE
done
lockd client mon $PEER $COOKIE
is "what is parked in grace" "$(parked)" ""
