#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A peer with two addresses: lockd knows it by one, and its notices leave from
# the other, with its node name.  The name leads to the record, and the peer
# confirms.  A name that leads nowhere is a stranger's and acknowledged.
#
#   t-30-other-address.sh ours|debian   whose statd and sm-notify the peer has
set -eu
. "$(dirname "$0")/hosts.sh"

WHOSE=$1
COOKIE=30303030303030303030303030303030

knows_baseline() {
	grep -q "baseline of 192.0.2.2:" "$ROOM/server/log/statd"
}

two_hosts 4
on_wire client ip address add 192.0.2.22/32 dev eth0
on_wire client ip route replace 192.0.2.0/24 dev eth0 src 192.0.2.22
statd_start client "$WHOSE"
lockd client mon 192.0.2.1 "$COOKIE"
lockd_start server
statd_start server ours -d
lockd server mon 192.0.2.2 "$COOKIE"
wait_for "baseline of the peer" knows_baseline

host_reboot client
statd_start client "$WHOSE"
notify_run client "$WHOSE"
wait_for "callback on server" heard server
is "callback" "$(callbacks server)" \
	"callback mon_name=192.0.2.2 state=$(number client) priv=$COOKIE"
grep -q "notice from 192.0.2.22:" "$ROOM/server/log/statd" ||
	die "the notice came from the address that lockd knows"

wait_for "answer to a stranger" \
	lockd client notify 192.0.2.1 nowhere.example 7
