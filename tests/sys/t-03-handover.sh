#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The state directory changes hands at each boot, with the files in place: ours,
# nfs-utils, ours.  Each tells the peers that the other remembered, with a
# number above the other's.  The peer has two records, as a server with two
# names makes them.
#
#   t-03-handover.sh FAMILY
set -eu
. "$(dirname "$0")/hosts.sh"

FAMILY=$1
COOKIE1=11111111111111111111111111111111
COOKIE2=22222222222222222222222222222222
COOKIE3=33333333333333333333333333333333

# monitor: the server remembers the client under two names of its own.
monitor() {
	lockd server mon "$CLIENT" "$COOKIE1" server.example
	lockd server mon "$CLIENT" "$COOKIE2" other.example
	is "records of server" "$(records server sm "$CLIENT")" 2
}

# boot_with WHOSE: what its predecessor remembered is told.
boot_with() {
	local before
	before=$(number server)
	say "server crashes and boots with $1"
	: >"$ROOM/client/log/lockd"
	host_reboot server
	# ORDER: nfs-utils' statd, where it starts first, still has the records
	# that sm-notify moves away in memory, and then takes a new SM_MON for
	# one that is on disk.  Ours may start in any order.
	[ "$1" = ours ] || notify_run server "$1"
	statd_start server "$1"
	[ "$1" = debian ] || notify_run server "$1"
	wait_for "callback on client" heard client
	[ "$(number server)" -gt "$before" ] || die "number was not raised"
	is "client is told" "$(callbacks client)" "callback \
mon_name=$(address server "$FAMILY") state=$(number server) priv=$COOKIE3"
	is "untold" "$(files server sm.bak)" ""
	is "monitored" "$(files server sm)" ""
}

two_hosts "$FAMILY"
CLIENT=$(address client "$FAMILY")
statd_start client ours
lockd_start client
lockd client mon "$(address server "$FAMILY")" "$COOKIE3"

statd_start server ours
monitor
boot_with debian
monitor
boot_with ours
monitor
boot_with debian
