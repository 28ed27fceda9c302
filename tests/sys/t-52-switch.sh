#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# nfs-utils, ours, nfs-utils, ours, as often as anybody likes: within one boot,
# with locks taken between, and then over a reboot.  In one boot nobody is told
# two numbers, a change of programs tells nobody anything, and after the reboot
# everybody is told whom any of them remembered.
#
#   t-52-switch.sh FIRST SECOND     ours or debian
set -eu
. "$(dirname "$0")/hosts.sh"

FIRST=$1 SECOND=$2
COOKIE=52525252525252525252525252525252
NOTICES='rpc.program == 100024 && rpc.procedure == 6 && rpc.msgtyp == 0'
TAKEN=() # peers that locks were taken with in this boot

# run_with WHOSE: as an administrator changes the packages.
run_with() {
	say "with $1"
	[ -z "$RUNS" ] || stop server statd
	# ORDER: nfs-utils' sm-notify moves what its statd took before, and
	# tells it of a boot that was none.
	notify_run server "$1" || die "sm-notify failed"
	statd_start server "$1"
	RUNS=$1
}

# take_lock NUMBER: with the peer of this address.
take_lock() {
	lockd server mon "192.0.2.$1" "$COOKIE" >/dev/null
	TAKEN+=("192.0.2.$1")
	is "monitored" "$(monitored)" "$(taken)"
}

# monitored: the peers in the records, each once, on one line.
monitored() {
	cat "$ROOM"/server/disk/sm/* | awk '{ print $6 }' | sort -u |
		paste -sd ' '
}

taken() {
	printf '%s\n' "${TAKEN[@]}" | sort -u | paste -sd ' '
}

# several_peers: addresses of the client's host, which all are told.
several_peers() {
	local i
	for i in 11 12 13 14 15 16; do
		on_wire client ip address add "192.0.2.$i/24" dev eth0
	done
}

# boot_is_told PEERS: what was sent in this boot.
boot_is_told() {
	capture_stop server
	is "told" "$(packets server "$NOTICES && ip.src == 192.0.2.1" ip.dst |
		sort -u | paste -sd ' ')" "$1"
	[ -z "$1" ] || is "numbers announced" "$(packets server "$NOTICES" \
		stat.state | sort -u)" "$(number server)"
	is "untold" "$(files server sm.bak)" ""
}

# switch_and_lock FROM TO: there and back and there again.
switch_and_lock() {
	run_with "$2" && take_lock 12
	run_with "$1" && take_lock 13
	run_with "$2" && take_lock 14
	run_with "$1"
	run_with "$2" && take_lock 15
}

two_hosts 4
several_peers
statd_start client ours
RUNS=
run_with "$FIRST"
take_lock 11
before=$(number server)
capture_start server
switch_and_lock "$FIRST" "$SECOND"
boot_is_told ""
is "number" "$(number server)" "$before"

for whose in "$FIRST" "$SECOND"; do
	told=$(taken)
	TAKEN=() RUNS=
	before=$(number server)
	host_reboot server
	say "the server crashed and boots"
	capture_start server
	run_with "$whose"
	after=$(number server)
	[ "$after" -gt "$before" ] || die "number was not raised"
	take_lock 11
	[ "$whose" = ours ] && next=debian || next=ours
	switch_and_lock "$whose" "$next"
	boot_is_told "$told"
	is "number" "$(number server)" "$after"
done
