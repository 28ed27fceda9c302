#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A name server that drops everything.  With 200 host names to look up, ours
# answers every request at once, says in the log which names it could not
# resolve, has a notice delivered and answers it at once, and finds the names
# when the name server is back.  One of them is the sender's: for that name, too,
# lockd hears of the notice then, though statd was killed (-9) meanwhile.
#
# nfs-utils: looks names up in its only thread, in the path of each request:
# one SM_MON of a name, and NULL waits until the resolver gives up (contract.md
# B-1, B-3).
#
#   t-18-resolver.sh ours|debian
set -eu
. "$(dirname "$0")/hosts.sh"
need_python

WHOSE=$1
COOKIE=18181818181818181818181818181818
NAMES=200

# served WHAT REQUEST...: over TCP and UDP.
served() {
	local answer transport
	for transport in "" -u; do
		# shellcheck disable=SC2086 # nothing, or an option
		answer=$(lockd server $transport "${@:2}") ||
			die "not served: $1 $transport: $answer"
	done
	say "ok: served: $1"
}

# status WORDS: the number behind these words in the page of SIGUSR1.
status() {
	before=$(wc -l <"$ROOM/server/log/statd")
	in_host server kill -USR1 "$(pid_of server statd)"
	wait_for "status" page_is_whole
	tail -n "+$((before + 1))" "$ROOM/server/log/statd" |
		sed -n "s/.*$1: \([0-9]*\).*/\1/p"
}

page_is_whole() {
	tail -n "+$((before + 1))" "$ROOM/server/log/statd" |
		grep -q "callers who wait"
}

# open_look_ups: most of them have not ended; four end in 3 seconds.
open_look_ups() {
	local open
	open=$(status "not answered yet")
	[ "$open" -gt 100 ] || die "only $open names were still looked up"
	say "ok: $open names were still looked up"
}

unresolved() {
	grep -c "does not resolve: notices" "$ROOM/server/log/statd" || true
}

has_unresolved() {
	[ "$(unresolved)" -ge "$1" ]
}

# callback_of NAME NUMBER: that line.
callback_of() {
	echo "callback mon_name=$1 state=$2 priv=$COOKIE"
}

has_callback_of() {
	callbacks server | grep -qx "$(callback_of "$1" "$2")"
}

# is_kept NUMBER: the notice is in sm/.reclaim.
is_kept() {
	grep -qrs "^notice 192.0.2.2 reserved $1 other" \
		"$ROOM/server/disk/sm/.reclaim"
}

two_hosts 4
echo "127.0.0.1 localhost" >"$ROOM/server/etc/hosts"
printf 'nameserver 127.0.0.53\noptions timeout:3 attempts:1\n' \
	>"$ROOM/server/etc/resolv.conf"
printf 'hosts: files dns\n' >"$ROOM/server/etc/nsswitch.conf"
in_host server mount --bind "$ROOM/server/etc/nsswitch.conf" /etc/nsswitch.conf
spawn server dns python3 -B "$SYS/dns.py" 127.0.0.53 /run/dns-works \
	last.example=192.0.2.2
wait_for "name server" grep -q serving "$ROOM/server/log/dns"

if [ "$WHOSE" = debian ]; then
	statd_start server debian
	is "answered first" "$(in_host server python3 -B "$SYS/order.py" \
		dead.example "$ROOM/server/log/dns" "asked dead.example")" SM_MON
	exit 0
fi

printf '[statd]\nresolver-timeout = 3\n' >"$ROOM/server/etc/nfs.conf"
statd_start client ours
lockd_start server
statd_start server ours -d
is "SM_MONs of names" "$(lockd server load "$NAMES" dead | wc -l)" "$NAMES"
lockd server mon last.example "$COOKIE"
wait_for "questions to the name server" \
	grep -q "asked dead0" "$ROOM/server/log/dns"

answers server 100024 udp tcp udp6 tcp6 || die "no NULL"
say "ok: served: NULL"
served "SM_STAT" stat somebody.example
served "SM_MON of an address" mon 192.0.2.2 "$COOKIE"
served "SM_MON of a name" mon more.example "$COOKIE"
served "SM_UNMON of a name" unmon more.example
is "notice" "$(lockd client notify 192.0.2.1 other 7)" answered
open_look_ups
is_kept 7 || die "the notice is not kept"
wait_for "callback" heard server
is "callback" "$(callbacks server)" "$(callback_of 192.0.2.2 7)"

# Two rounds of four names.
wait_for "names to be unresolved" has_unresolved 8
open_look_ups

in_host server touch /run/dns-works
wait_for "callback of the name" has_callback_of last.example 7
say "ok: last.example was found, and lockd heard for it"
wait_for "the end of all look-ups" has_unresolved "$NAMES"
is "names that do not resolve" "$(status "names that do not resolve")" "$NAMES"
is "lines about them" "$(unresolved)" "$NAMES"
lockd client notify 192.0.2.1 other 7
is "callbacks after it was repeated" "$(callbacks server | wc -l)" 2

# The same over two kills.
in_host server rm /run/dns-works
stop server statd KILL
statd_start server ours -d
is "notice" "$(lockd client notify 192.0.2.1 other 9)" answered
open_look_ups
stop server statd KILL
is_kept 9 || die "the notice is not kept"
in_host server touch /run/dns-works
statd_start server ours -d
wait_for "callback of the name" has_callback_of last.example 9
wait_for "callback of the address" has_callback_of 192.0.2.2 9
is "callbacks in all" "$(callbacks server | wc -l)" 4
