#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The main job, both ways.  Both lock managers share locks and are remembered.
# The server crashes and boots: the client's lock manager is called back with
# its own cookie and the server's raised number.  Then the client crashes and
# boots, and the server's lock manager hears of it.
#
#   t-01-reboot.sh SERVER CLIENT FAMILY
# SERVER and CLIENT say whose statd/sm-notify run there (ours/debian ...).
set -eu
. "$(dirname "$0")/hosts.sh"

declare -A WHOSE=([server]=$1 [client]=$2)
FAMILY=$3
declare -A COOKIE=(
	[server]=00112233445566778899aabbccddeeff
	[client]=ffeeddccbbaa99887766554433221100)

start() {
	statd_start "$1" "${WHOSE[$1]%/*}"
	lockd_start "$1"
}

# reboot HOST PEER
reboot() {
	local host=$1 peer=$2 before
	before=$(number "$host")
	say "$host crashes and boots"
	host_reboot "$host"
	start "$host"
	notify_run "$host" "${WHOSE[$host]#*/}" || die "sm-notify failed"
	wait_for "callback on $peer" heard "$peer"
	[ "$(number "$host")" -gt "$before" ] || die "number was not raised"
	is "$peer is told about $host" "$(callbacks "$peer")" "callback \
mon_name=$(address "$host" "$FAMILY") state=$(number "$host") \
priv=${COOKIE[$peer]}"
	is "untold peers of $host" "$(files "$host" sm.bak)" ""
}

two_hosts "$FAMILY"
start server
start client
lockd server mon "$(address client "$FAMILY")" "${COOKIE[server]}"
lockd client mon "$(address server "$FAMILY")" "${COOKIE[client]}"
is "records of server" "$(records server sm "$(address client "$FAMILY")")" 1
is "records of client" "$(records client sm "$(address server "$FAMILY")")" 1

reboot server client
# What lockd does when the lock is reclaimed.
lockd server mon "$(address client "$FAMILY")" "${COOKIE[server]}"
reboot client server
