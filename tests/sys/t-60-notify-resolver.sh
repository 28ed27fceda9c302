#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# sm-notify beside a name server that is dead, slow or wrong.  Who is recorded
# by an address is told while the names of 200 others are looked up in vain.
# When the name server is back, in the same run, a name is found and its peer is
# told.  A wrong answer removes no record: the next run, with the right one,
# tells the peer, with the same number.
set -eu
. "$(dirname "$0")/hosts.sh"
need_python

COOKIE=60606060606060606060606060606060
NAMES=200
DISK=$ROOM/server/disk
LOG=$ROOM/server/log
# Nobody lives at 192.0.2.99.  0.0.0.0 and 127.0.0.1, which name servers say of
# what they block, are where our own statd listens; see peers.py for the others.
declare -A WRONG=(
	[blocked.example]=0.0.0.0
	[sunk.example]=127.0.0.1
	[nobody.example]=192.0.2.99
	[noport.example]=192.0.2.101
	[xid.example]=192.0.2.102
	[silent.example]=192.0.2.103)

# record PEER...: on the server's disk, as its statd left them.
record() {
	local peer
	for peer in "$@"; do
		echo "0100007f 000186b5 00000003 00000010 $COOKIE $peer server" \
			>"$DISK/sm/$peer"
		chown --reference="$DISK/sm" "$DISK/sm/$peer"
	done
}

# dns_start LABEL NAME=ADDRESS...: knows them once /run/dns-works is there.
dns_start() {
	spawn server "$1" python3 -B "$SYS/dns.py" 127.0.0.53 \
		/run/dns-works "${@:2}"
	wait_for "name server" grep -q serving "$LOG/$1"
}

names_left() {
	find "$DISK/sm.bak" -name 'dead*' | wc -l
}

# not_found: how many names sm-notify has said it cannot find.
not_found() {
	grep -c "cannot find the address of" "$LOG/sm-notify" || true
}

# is_tried NAME ADDRESS: as last-notify has it.
is_tried() {
	in_host server grep "^{\"peer\":\"$1\"" /run/nfs-reclaim/last-notify |
		grep -q "\"address\":\"$2\""
}

# boot: the server, with a name server alone.
boot() {
	host_reboot server
	in_host server mount --bind "$ROOM/server/etc/nsswitch.conf" \
		/etc/nsswitch.conf
}

two_hosts 4
on_wire server hostname server
echo "127.0.0.1 localhost" >"$ROOM/server/etc/hosts"
printf 'nameserver 127.0.0.53\noptions timeout:1 attempts:1\n' \
	>"$ROOM/server/etc/resolv.conf"
printf 'hosts: files dns\n' >"$ROOM/server/etc/nsswitch.conf"
statd_start client ours
on_wire client ip address add 192.0.2.22/24 dev eth0

say "a name server that is dead"
for i in $(seq "$NAMES"); do
	record "dead$i.example"
done
record 192.0.2.2 last.example
boot
dns_start dns last.example=192.0.2.22
spawn server sm-notify "$(program sm-notify ours)" -d
wait_for "the address to be told" is_told server 192.0.2.2
[ "$(not_found)" -lt "$NAMES" ] || die "all names were looked up before"
say "ok: told while $((NAMES - $(not_found))) names are looked up"
is "names left" "$(names_left)" "$NAMES"
is_told server last.example && die "a name without an address was told"

say "and is back"
in_host server touch /run/dns-works
wait_for "last.example to be told" is_told server last.example
is_alive server sm-notify || die "sm-notify has ended"
is "names left" "$(names_left)" "$NAMES"
stop server sm-notify
rm -f "$DISK"/sm.bak/dead*

say "a name server that is wrong"
stop client statd
stop client rpcbind
on_wire client ip -batch - <<END
address add 192.0.2.101/24 dev eth0
address add 192.0.2.102/24 dev eth0
address add 192.0.2.103/24 dev eth0
END
spawn client peers python3 -B "$SYS/peers.py" 192.0.2.2=good \
	192.0.2.101=noport 192.0.2.102=xid 192.0.2.103=silent
wait_for "peers" grep -q serving "$ROOM/client/log/peers"
record 192.0.2.2 "${!WRONG[@]}"
boot
in_host server touch /run/dns-works
answers=() right=()
for name in "${!WRONG[@]}"; do
	answers+=("$name=${WRONG[$name]}")
	right+=("$name=192.0.2.2")
done
dns_start wrong "${answers[@]}"
statd_start server ours
spawn server sm-notify "$(program sm-notify ours)" -d
wait_for "the address to be told" is_told server 192.0.2.2
for name in "${!WRONG[@]}"; do
	case ${WRONG[$name]} in
	0.0.0.0 | 127.*)
		wait_for "$name to be found wanting" grep -q \
			"cannot find the address of $name" "$LOG/sm-notify"
		;;
	*) wait_for "$name to be tried" is_tried "$name" "${WRONG[$name]}" ;;
	esac
done
stop server sm-notify KILL
is "left" "$(files server sm.bak | wc -w)" ${#WRONG[@]}
stop server wrong
dns_start right "${right[@]}"
notify_run server ours || die "sm-notify failed"
is "left when the answers are right" "$(files server sm.bak)" ""
is "numbers announced" "$(sed -n 's/.* heard .* //p' \
	"$ROOM/client/log/peers" | sort -u)" "$(number server)"
is "notices to one without a statd" \
	"$(grep -c "^192.0.2.101 heard" "$ROOM/client/log/peers" || true)" 0
