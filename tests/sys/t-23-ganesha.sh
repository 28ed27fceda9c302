#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# NFS-Ganesha's dialogue, byte for byte (ganesha.py): one connection for all,
# the same zero cookie for every peer, NLM version 4.  The right peer's name
# comes back, as it was given; statd's restart and Ganesha's own leave nothing
# behind that is not theirs, nor touch the kernel's record.
#
# nfs-utils: takes two names that share an address for one peer, and, the
# cookies being equal, writes nothing for the second, which is then never told
# (contract.md 2.6, 2.9).
set -eu
. "$(dirname "$0")/hosts.sh"
need_python

COOKIE=23232323232323232323232323232323
ZERO=00000000000000000000000000000000

ganesha_said() {
	grep -qx "$1" "$ROOM/server/log/ganesha"
}

go() {
	in_host server touch "/run/go/$1"
	wait_for "Ganesha to be $2" ganesha_said "$2"
}

# is_called COOKIE LINES: all that was heard with that cookie, on one line.
is_called() {
	[ "$(callbacks server | grep "priv=$1" | paste -sd ' ')" = "$2" ]
}

# rebooted ADDRESS NAME NUMBER MON_NAME...: a notice, and for whom Ganesha is
# called back.
rebooted() {
	local name want=""
	: >"$ROOM/server/log/lockd"
	in_host client python3 -B "$SYS/notify.py" 192.0.2.1 "$1" "$2" "$3" ||
		die "the notice from $1 was not answered"
	for name in "${@:4}"; do
		want="$want${want:+ }callback mon_name=$name state=$3 priv=$ZERO"
	done
	# A lock manager that is slow may hear later than the sender is answered.
	wait_for "callbacks for $1: $want" is_called "$ZERO" "$want"
	say "ok: callbacks for $1: $want"
}

file_is_gone() {
	[ ! -e "$ROOM/server/disk/sm/$1" ]
}

# SM_UNMON is answered before its record is gone.
records_are() {
	[ "$(records server sm 192.0.2.2)" -eq "$1" ]
}

two_hosts 4
on_wire client ip address add 192.0.2.4/24 dev eth0
on_wire client ip address add 192.0.2.5/24 dev eth0
echo "192.0.2.5 other.example" >>"$ROOM/server/etc/hosts"
capture_start server "host 127.0.0.1"
lockd_start server
statd_start server ours -d
lockd server mon 192.0.2.2 "$COOKIE" kernel.example
in_host server mkdir /run/go
spawn server ganesha python3 -B "$SYS/ganesha.py" /run/go
wait_for "Ganesha to be monitored" ganesha_said monitored
is "records" "$(files server sm)" \
	"192.0.2.2 192.0.2.5 ::ffff:192.0.2.4 Other.Example"
is "record" "$(cut -d ' ' -f 2- "$ROOM/server/disk/sm/Other.Example")" \
	"000186b5 00000004 00000010 $ZERO Other.Example server.example"

rebooted 192.0.2.2 client.example 101 192.0.2.2
wait_for "callback for the kernel" is_called "$COOKIE" \
	"callback mon_name=192.0.2.2 state=101 priv=$COOKIE"
say "ok: callback for the kernel"
rebooted 192.0.2.4 client.example 103 ::ffff:192.0.2.4
rebooted 192.0.2.5 client.example 105 192.0.2.5 Other.Example

go 1 unmonitored
wait_for "the record to go, not the kernel's" records_are 1
stop server statd KILL
statd_start server ours -d
go 2 reconnected
is "records of 192.0.2.2" "$(records server sm 192.0.2.2)" 2
rebooted 192.0.2.4 client.example 107 ::ffff:192.0.2.4
go 3 restarted
for name in 192.0.2.5 ::ffff:192.0.2.4 Other.Example; do
	wait_for "record of $name to go" file_is_gone "$name"
done
wait_for "the record to go, not the kernel's" records_are 1
is "records" "$(files server sm)" 192.0.2.2
is "what is left" "$(cut -d ' ' -f 2- "$ROOM/server/disk/sm/192.0.2.2")" \
	"000186b5 00000003 00000010 $COOKIE 192.0.2.2 kernel.example"

# The callback's own bytes: version 4, procedure 16, name, number, cookie.
capture_stop server
callback="rpc.program == 100021 && rpc.procedure == 16 && rpc.msgtyp == 0"
is "versions and cookies of callbacks" "$(packets server "$callback" \
	rpc.programversion udp.payload |
	awk '{ print $1 "/" substr($2, length($2) - 31) }' | sort -u |
	paste -sd ' ')" "3/$COOKIE 4/$ZERO"
is "callback for ::ffff:192.0.2.4" "$(packets server \
	"$callback && udp contains \"::ffff\"" udp.payload | cut -c 9- |
	sort | head -n 1)" "$(tr -d ' \n' <<-END
		00000000 00000002 000186b5 00000004 00000010
		00000000 00000000 00000000 00000000
		00000010 3a3a6666 66663a31 39322e30 2e322e34
		00000067 $ZERO
	END
	)"
