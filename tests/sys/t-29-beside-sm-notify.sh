#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What sm-notify of nfs-utils and ours do otherwise on purpose, as seen from
# outside: both columns of doc/differences.md, each shown by its own program.
#
#   t-29-beside-sm-notify.sh ours|debian
set -eu
. "$(dirname "$0")/hosts.sh"
. "$(dirname "$0")/beside.sh"

WHOSE=$1
NOTIFY=$(program sm-notify "$WHOSE")
COOKIE=29292929292929292929292929292929
COOKIE2=92929292929292929292929292929292
DISK=$ROOM/server/disk
HOSTS=$ROOM/server/etc/hosts
NOTICE='rpc.program == 100024 && rpc.procedure == 6 && rpc.msgtyp == 0'

# status [OPTION...]: the exit status of sm-notify in the foreground; "runs"
# where it has none after 12 seconds, in which it tried its peers three times.
# shellcheck disable=SC2120,SC2119 # the options come through differs
status() {
	local status=0
	in_host server timeout 12 "$NOTIFY" -d "$@" </dev/null \
		>>"$ROOM/server/log/sm-notify" 2>&1 || status=$?
	[ $status -ne 124 ] || status=runs
	echo $status
}

run_once() {
	status >"$ROOM/status"
}

# fresh: the server boots and knows nobody.
fresh() {
	host_reboot server
	rm -f "$DISK"/sm/* "$DISK"/sm.bak/*
}

# record DIRECTORY FILE MON_NAME [MY_NAME [COOKIE]]: on the server's disk.
record() {
	echo "0100007f 000186b5 00000003 00000010 ${5:-$COOKIE} $3" \
		"${4:-server.example}" >"$DISK/$1/$2"
	! getent passwd statd >/dev/null ||
		chown statd:nogroup "$DISK/$1/$2"
}

lines() {
	cat "$DISK/$1"/* 2>/dev/null | wc -l
}

two_hosts 4
statd_start client ours

say "command line"
fresh
differs options "-p 70000, with nobody to tell" 0 1 status -p 70000
fresh
differs options "-m soon, with nobody to tell" 0 1 status -m soon

say "nobody to tell"
fresh
before=$(number server)
run_once
differs D-12 "the number is raised" no yes \
	yes_if test "$(number server)" != "$before"

say "records that cannot be read"
fresh
rmdir "$DISK/sm"
: >"$DISK/sm"
differs D-13 "exit status" 0 1 status
rm "$DISK/sm"
mkdir "$DISK/sm"
! getent passwd statd >/dev/null || chown statd:nogroup "$DISK/sm"

say "a peer that was not told in the boot before, and has two records"
fresh
record sm.bak 192.0.2.99 192.0.2.99 old-name.example
record sm 192.0.2.99 192.0.2.99 new-name.example "$COOKIE2"
run_once
differs D-5 "lines about it" 1 2 lines sm.bak

say "a record that is made after the boot and before sm-notify"
fresh
statd_start server "$WHOSE"
lockd server mon 192.0.2.2 "$COOKIE"
run_once
differs D-3 "lines of who is monitored" 0 1 lines sm

say "a file whose name does not resolve today"
fresh
record sm gone.example 192.0.2.2
differs B-9 "the peer's address is told" runs 0 status

say "-v with an address that has no name"
cp "$HOSTS" "$ROOM/hosts"
grep -v server "$ROOM/hosts" >"$HOSTS"
fresh
record sm 192.0.2.2 192.0.2.2
differs B-11 "exit status" 1 0 status -v 192.0.2.1
cat "$ROOM/hosts" >"$HOSTS"

say "-v with an address of the other family"
fresh
record sm 2001:db8::2 2001:db8::2
differs N-3 "the peer is told" runs 0 status -v 192.0.2.1

say "a lock manager that calls this host by its address"
fresh
record sm 192.0.2.2 192.0.2.2 192.0.2.1
capture_start client
differs N-2 "exit status" 0 0 status
capture_stop client
names() {
	packets client "$NOTICE" stat.mon_id.name | sort -u | paste -sd ' '
}
differs N-2 "names announced" "192 192.0.2.1" 192.0.2.1 names

say "a run that is killed, and another one"
fresh
record sm 192.0.2.99 192.0.2.99
spawn server killed "$NOTIFY" -d
wait_for "the peer to be retired" test -e "$DISK/sm.bak/192.0.2.99"
wait_for "the first try" in_host server test -s /run/sm-notify.pid
stop server killed KILL
differs B-12 "the next run of this boot" 0 runs status

say "-f beside a run that is at work"
fresh
record sm 192.0.2.99 192.0.2.99
spawn server first "$NOTIFY" -d
wait_for "the first to be at work" in_host server test -s /run/sm-notify.pid
wait_for "the peer to be retired" test -e "$DISK/sm.bak/192.0.2.99"
spawn server second "$NOTIFY" -d -f
both() {
	yes_if is_alive server first
}
becomes B-13 "the first one goes on" yes no both
