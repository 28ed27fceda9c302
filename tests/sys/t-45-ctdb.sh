#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What CTDB's callout does when a node takes addresses over: it empties sm and
# sm.bak, and for each address makes a directory with a record per client and
# the seconds of the clock as the number, all of them the record owner's; then
# "sm-notify -d -f -m 0 -n -P DIRECTORY -v ADDRESS" for at most ten seconds.
set -eu
. "$(dirname "$0")/hosts.sh"

COOKIE=45454545454545454545454545454545
FLOATING="192.0.2.101 192.0.2.102"
NOTIFY=$(program sm-notify ours)
NOTIFY_DIR=/var/lib/nfs/ctdb/sm-notify

# What CTDB's helper writes: a record with an empty cookie, and a number.
record() {
	printf '0100007f 000186b5 00000003 00000010 %032d %s %s\n' 0 "$1" "$2"
}

state() {
	python3 -c 'import struct, sys
sys.stdout.buffer.write(struct.pack("=I", int(sys.argv[1])))' "$1"
}

# takeover NUMBER CLIENT...: the callout's "notify".
takeover() {
	local number=$1 ip client dir status
	shift
	in_host server sh -c 'rm -f /var/lib/nfs/sm/* /var/lib/nfs/sm.bak/*'
	for ip in $FLOATING; do
		dir=$ROOM/server/disk/ctdb/sm-notify/$ip
		mkdir -p "$dir/sm" "$dir/sm.bak"
		for client in "$@"; do
			record "$client" "$ip" >"$dir/sm/$client"
		done
		state "$number" >"$dir/state"
		chown -R --reference="$ROOM/server/disk/sm" "$dir"
	done
	for ip in $FLOATING; do
		status=0
		in_host server timeout "$LIMIT" "$NOTIFY" -d -f -m 0 -n \
			-P "$NOTIFY_DIR/$ip" -v "$ip" </dev/null \
			2>>"$ROOM/server/log/sm-notify" || status=$?
		is "exit status for $ip" "$status" "$STATUS"
		rm -rf "$ROOM/server/disk/ctdb/sm-notify/$ip"
	done
}

need_python
two_hosts 4
printf '[sm-notify]\nlift-grace = n\n' >"$ROOM/server/etc/nfs.conf"
for ip in $FLOATING; do
	on_wire server ip address add "$ip/24" dev eth0
done
statd_start client ours
lockd_start client
statd_start server ours
for ip in $FLOATING; do
	lockd client mon "$ip" "$COOKIE" >"$ROOM/said"
done
own=$(number server)

STATUS=0 LIMIT=120 # it ends by itself
capture_start client
takeover 1790000000 192.0.2.2
capture_stop client
is "callbacks" "$(callbacks client)" "$(for ip in $FLOATING; do
	echo "callback mon_name=$ip state=1790000001 priv=$COOKIE"
done)"
is "from, name, number" "$(packets client 'rpc.program == 100024 &&
	rpc.procedure == 6 && rpc.msgtyp == 0' ip.src stat.mon_id.name \
	stat.state | sort -u | tr '\t\n' ' ,')" "192.0.2.101 192.0.2.101\
 1790000001,192.0.2.102 192.0.2.102 1790000001,"
is "number of the node itself" "$(number server)" "$own"
in_host server test ! -e /run/sm-notify.pid || die "it left a mark of the boot"

say "later, with a client that is gone: the callout's ten seconds end it"
: >"$ROOM/client/log/lockd"
STATUS=124 LIMIT=10
takeover 1790000100 192.0.2.77 192.0.2.2
is "callbacks" "$(callbacks client)" "$(for ip in $FLOATING; do
	echo "callback mon_name=$ip state=1790000101 priv=$COOKIE"
done)"
