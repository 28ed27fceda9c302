#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Peers that answer late, or wrongly, or only to the short name, or never.  Who
# answers late is told.  What is no answer is not taken for one: the record
# stays, the notice is repeated, and the next run tells the peer once it
# answers, with the same number.  One that refuses at first, as a host without an
# rpcbind does, is told in the same run once it listens.  Meanwhile a second run leaves the work to the
# first, and nobody is in anybody's way.
set -eu
. "$(dirname "$0")/hosts.sh"
need_python

TOLD=(good late lateport unavail)
UNTOLD=(short xid garbage elsewhere silent noport)
REPEATED=(short xid garbage elsewhere silent)
declare -A ADDRESS

# peers_start LABEL [MANNER]: all of them, each in its manner or all in one.
peers_start() {
	local manner words=()
	for manner in "${!ADDRESS[@]}"; do
		words+=("${ADDRESS[$manner]}=${2:-$manner}")
	done
	spawn client "$1" python3 -B "$SYS/peers.py" "${words[@]}"
	wait_for "peers" grep -q serving "$ROOM/client/log/$1"
}

# addresses MANNER...: sorted as files are, on one line.
addresses() {
	local manner
	for manner in "$@"; do
		echo "${ADDRESS[$manner]}"
	done | LC_ALL=C sort | paste -sd ' '
}

# left: as addresses does; the one that refuses comes first.
left() {
	files server sm.bak | sed "s/^$CLOSED //"
}

# Those that sm-notify has not moved yet are not told.
only_untold_are_left() {
	[ -z "$(files server sm)" ] &&
		[ "$(left)" = "$(addresses "${UNTOLD[@]}")" ]
}

# refusals: how often the closed peer said that nobody is there.
refusals() {
	on_wire client nstat -az IcmpOutDestUnreachs |
		awk '/Unreach/ { print $2 }'
}

is_refused() {
	[ "$(refusals)" -ge 2 ]
}

# heard_by LABEL MANNER [NAME]: how many notices.
heard_by() {
	grep -c "^${ADDRESS[$2]} heard ${3:-}" "$ROOM/client/log/$1" || true
}

all_are_repeated() {
	local manner
	for manner in "${REPEATED[@]}"; do
		[ "$(heard_by peers "$manner")" -ge 3 ] || return 1
	done
}

two_hosts 4
stop client rpcbind
on_wire client ip address add 192.0.2.200/24 dev eth0
number=100
CLOSED=192.0.2.10
on_wire client ip address add $CLOSED/24 dev eth0
for manner in "${TOLD[@]}" "${UNTOLD[@]}"; do
	ADDRESS[$manner]=192.0.2.$number
	on_wire client ip address add "192.0.2.$number/24" dev eth0
	number=$((number + 1))
done
statd_start server ours
for peer in $CLOSED "${ADDRESS[@]}"; do
	lockd server mon "$peer" \
		53535353535353535353535353535353 >/dev/null
done
stop server statd
peers_start peers

host_reboot server
spawn server sm-notify "$(program sm-notify ours)" -d
wait_for "those who answer to be told" only_untold_are_left
say "ok: told: ${TOLD[*]}"
is "a second run" "$(notify_run server ours; echo $?)" 0
is_alive server sm-notify || die "the first run has ended"
wait_for "the others to be tried again" all_are_repeated
only_untold_are_left || die "untold: $(files server sm.bak)"
say "ok: untold: ${UNTOLD[*]}"
[ "$(heard_by peers short "server ")" -ge 1 ] || die "no short name"
is "notices to one without a statd" "$(heard_by peers noport)" 0

wait_for "the closed one to refuse" is_refused
[ -e "$ROOM/server/disk/sm.bak/$CLOSED" ] || die "the closed one is gone"
spawn client opened python3 -B "$SYS/peers.py" "$CLOSED=good"
wait_for "the closed one to be told" is_told server "$CLOSED"
is "the closed one heard" "$(awk '/heard/ { print $3 }' \
	"$ROOM/client/log/opened" | sort -u | paste -sd ' ')" \
	"server server.example"

stop server sm-notify
only_untold_are_left || die "untold: $(files server sm.bak)"
stop client peers
peers_start mended good
notify_run server ours || die "sm-notify failed"
is "untold when all answer" "$(files server sm.bak)" ""
is "told again" "$(heard_by mended good)" 0
is "numbers announced" "$(cat "$ROOM"/client/log/{peers,mended} |
	sed -n 's/.* heard .* //p' | sort -u)" "$(number server)"
