#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The matrix: whose statd and sm-notify are on the host that reboots, whose
# statd is on its peer, the role in which they know each other, the family of
# addresses, and whose directory it is.  Each cell: the peer's lock manager is
# called back with its cookie and the number, the record is gone from sm.bak,
# and the number is odd, raised once, and the only one on the wire.
#
# One reboot does four cells: both families, and both roles.  As a server the
# host knows its peer by the address, as a client of it by the name.  The
# peer's own sm-notify has no part in the reboot of the other, so whose it is
# makes no cell.
#
#   t-50-matrix.sh STATD/NOTIFY     ours or debian, on the host that reboots
set -eu
. "$(dirname "$0")/hosts.sh"

STATD=${1%/*} NOTIFY=${1#*/}
CELLS=0
NAMELESS=2001:db8::22 # of the client; it has no name
declare -A COOKIE=(
	[192.0.2.1]=40000000000000000000000000000004
	[2001:db8::1]=60000000000000000000000000000006
	[server.example]=c400000000000000000000000000004c
	[server6.example]=c600000000000000000000000000006c)

other() {
	[ "$1" = ours ] && echo debian || echo ours
}

# fresh HOST: it boots with a directory as Debian's package leaves it.
fresh() {
	host_crash "$1"
	rm -rf "$ROOM/$1/disk"
	mkdir "$ROOM/$1/disk"
	disk_new "$ROOM/$1/disk"
	host_boot "$1"
}

# peer_start WHOSE: the client knows the server in all four ways.  The second
# name of its own keeps nfs-utils from taking name and address for one record.
peer_start() {
	fresh client
	statd_start client "$1"
	lockd_start client
	for name in "${!COOKIE[@]}"; do
		case $name in
		server*) lockd client mon "$name" "${COOKIE[$name]}" \
			mount.example ;;
		*) lockd client mon "$name" "${COOKIE[$name]}" ;;
		esac >/dev/null
	done
}

# boot_before WHOSE: the boot in which the server comes to know its peer.
boot_before() {
	local cookie=99999999999999999999999999999999
	fresh server
	# ORDER: nfs-utils' sm-notify moves what its statd took before.
	notify_run server "$1"
	statd_start server "$1"
	lockd server mon 192.0.2.2 $cookie server.example >/dev/null
	lockd server mon 2001:db8::2 $cookie server6.example >/dev/null
	lockd server mon client.example $cookie mount.example >/dev/null
	lockd server mon client6.example $cookie mount6.example >/dev/null
	lockd server mon "$NAMELESS" $cookie server6.example >/dev/null
	is "records" "$(cat "$ROOM"/server/disk/sm/* | wc -l)" 5
}

wanted() {
	for name in "${!COOKIE[@]}"; do
		echo "callback mon_name=$name state=$(number server)" \
			"priv=${COOKIE[$name]}"
	done | sort
}

all_heard() {
	[ "$(callbacks client | wc -l)" -ge ${#COOKIE[@]} ]
}

# announced FIELD: of all notices that left this host.
announced() {
	packets server 'rpc.program == 100024 && rpc.procedure == 6 &&
		rpc.msgtyp == 0' "$1" | sort -u
}

# raise_of DIRECTORY: how much higher the only number that is announced is.
#  - Ours leaves out one number where the directory was last nfs-utils', which
#    may have announced one that never reached the disk.
#  - Our statd raises it when it starts, and nfs-utils' sm-notify beside it once
#    more, since the mark that it was done is not one of nfs-utils'.
raise_of() {
	case $STATD/$NOTIFY/$1 in
	debian/debian/*) echo 2 ;;
	*/ours/ours) echo 2 ;;
	*/ours/debian) echo 4 ;;
	ours/debian/ours) echo 4 ;;
	ours/debian/debian) echo 6 ;;
	esac
}

# nothing_monitored: beside nfs-utils' statd, which has them in memory, our
# sm-notify copies the records and does not move them.
nothing_monitored() {
	[ "$STATD/$NOTIFY" = debian/ours ] ||
		is "monitored" "$(files server sm)" ""
}

# cells PEER DIRECTORY: whose statd the peer has, whose the directory is.
cells() {
	local before
	say "$STATD/$NOTIFY reboots, peer $1, directory of $2"
	boot_before "$2"
	peer_start "$1"
	before=$(number server)
	host_reboot server
	capture_start server
	statd_start server "$STATD"
	notify_run server "$NOTIFY" || die "sm-notify failed"
	wait_for "callbacks" all_heard
	capture_stop server
	is "numbers announced" "$(announced stat.state)" \
		$((before + $(raise_of "$2")))
	is "number on the disk" "$(number server)" "$(announced stat.state)"
	is "told by an address without a name" "$(announced ipv6.dst |
		grep -cx "$NAMELESS")" 1
	is "callbacks" "$(callbacks client)" "$(wanted)"
	is "untold" "$(files server sm.bak)" ""
	nothing_monitored
	is "number is odd" $(($(number server) % 2)) 1
	CELLS=$((CELLS + 4))
}

two_hosts 4
on_wire client ip address add "$NAMELESS/64" dev eth0 nodad
for host in server client; do
	for peer in server client; do
		echo "$(address $peer 6) ${peer}6.example ${peer}6" \
			>>"$ROOM/$host/etc/hosts"
	done
done
for peer in ours debian; do
	cells $peer "$STATD"
	cells $peer "$(other "$STATD")"
done
is "cells" $CELLS 16
