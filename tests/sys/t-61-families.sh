#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# -v with an address of one family, and peers of both.  Who is of the same
# family is told from that address, who is of the other from any of ours, and
# all of them the name that -v gives.  Where this host has no address of the
# other family, its peers stay, the exit status says so, and a run without -v
# tells them.  -v with an address that is not ours tells nobody.  Of two runs
# that start at once one tells them all.
#
#   t-61-families.sh FAMILY     of -v
set -eu
. "$(dirname "$0")/hosts.sh"

FAMILY=$1
OTHER=$((10 - FAMILY))
COOKIE=61616161616161616161616161616161
NOTIFY=$(program sm-notify ours)
DISK=$ROOM/server/disk
LOG=$ROOM/server/log/sm-notify
NOTICE='rpc.program == 100024 && rpc.procedure == 6'
declare -A FOREIGN=([4]=198.51.100.1 [6]=2001:db8:61::1)

# boot: the server has a peer of each family, by address.
boot() {
	local family peer
	host_reboot server
	: >"$LOG"
	for family in 4 6; do
		peer=$(address client $family)
		echo "0100007f 000186b5 00000003 00000010 $COOKIE $peer server" \
			>"$DISK/sm/$peer"
		chown --reference="$DISK/sm" "$DISK/sm/$peer"
	done
}

# status [OPTION...]: of sm-notify, that tries for as long as -m lets it.
status() {
	local status=0
	in_host server timeout 120 "$NOTIFY" "$@" </dev/null >>"$LOG" 2>&1 ||
		status=$?
	echo $status
}

# notices: from, to, and what, each once.
notices() {
	packets client "$NOTICE && rpc.msgtyp == 0" ip.src ipv6.src ip.dst \
		ipv6.dst stat.mon_id.name | tr -s '\t' ' ' | sed 's/^ //' |
		sort -u
}

# notice FROM TO NAME...
notice() {
	local name
	for name in "${@:3}"; do
		echo "$1 $2 $name"
	done
}

two_hosts 4
statd_start client ours
SOURCE=$(address server "$FAMILY")

say "both families"
boot
capture_start client
is "status" "$(status -d -v "$SOURCE")" 0
capture_stop client
is "notices" "$(notices)" "$(for family in 4 6; do
	notice "$(address server $family)" "$(address client $family)" \
		"$SOURCE"
done | sort)"
is "untold" "$(files server sm.bak)" ""

say "an address that is not ours"
boot
capture_start client
is "status" "$(status -d -v "${FOREIGN[$FAMILY]}")" 1
capture_stop client
is "notices" "$(notices)" ""
grep -q "cannot send from ${FOREIGN[$FAMILY]}" "$LOG" || die "it is not said"
is "untold" "$(files server sm.bak | wc -w)" 2

say "no address of the other family"
boot
peer=$(address client "$OTHER")
on_wire server ip "-$OTHER" address flush dev eth0
# shellcheck disable=SC2016 # expanded inside
spawn server sm-notify sh -c '"$@" & echo $! >/run/d.pid; wait $!
	echo $? >/run/status' sh "$NOTIFY" -d -v "$SOURCE"
wait_for "the one of the family to be told" \
	is_told server "$(address client "$FAMILY")"
wait_for "the other to be tried" grep -q "cannot send to $peer" \
	"$LOG"
wait_for "its pid" in_host server test -s /run/d.pid
in_host server test ! -e /run/status || die "sm-notify has ended"
# shellcheck disable=SC2016 # expanded inside
in_host server sh -c 'kill -TERM "$(cat /run/d.pid)"'
wait_for "the end of sm-notify" in_host server test -s /run/status
is "status" "$(in_host server cat /run/status)" 1
is "untold" "$(files server sm.bak)" "$peer"
grep -q "peers not notified yet: 1" "$LOG" || die "it is not said"

say "and a run without -v, when there is one"
case $OTHER in
4) on_wire server ip address add 192.0.2.1/24 dev eth0 ;;
6) on_wire server ip address add 2001:db8::1/64 dev eth0 nodad ;;
esac
is "status" "$(status -d)" 0
is "untold" "$(files server sm.bak)" ""

say "two runs at once"
boot
# As the other one, that looks for -n at the same time.
is "status while another one looks" "$(in_host server timeout 120 \
	flock -s /var/lib/nfs/sm.bak "$NOTIFY" -d </dev/null >>"$LOG" 2>&1
	echo $?)" 0
is "untold" "$(files server sm.bak)" ""
for round in 1 2 3 4 5; do
	boot
	before=$(number server)
	capture_start client
	# shellcheck disable=SC2016 # expanded inside
	in_host server timeout 120 sh -c '"$0" -d & one=$!; "$0" -d & two=$!
		wait $one; a=$?; wait $two; b=$?; echo $a $b >/run/status' \
		"$NOTIFY" </dev/null >>"$LOG" 2>&1
	capture_stop client
	is "statuses, round $round" "$(in_host server cat /run/status)" "0 0"
	is "untold" "$(files server sm.bak)" ""
	is "number" "$(number server)" $((before + 2))
	# Each tells over UDP from one port; a slow peer over TCP as well.
	is "runs that told somebody" "$(packets client \
		"udp && $NOTICE && rpc.msgtyp == 0" udp.srcport |
		sort -u | wc -l)" 1
done
