#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A directory that was copied half, that cannot be read, or that belongs to
# something else: those who can be told are told, what cannot be understood
# stays as it is and is reported, and nobody is forgotten.
set -eu
. "$(dirname "$0")/hosts.sh"

COOKIE=55555555555555555555555555555555
DISK=$ROOM/server/disk
LOG=$ROOM/server/log/sm-notify

line() {
	echo "0100007f 000186b5 00000003 00000010 $COOKIE $1 server.example"
}

# record FILE: what statd writes.
record() {
	line "$1" >"$DISK/sm/$1"
}

SHIM=$ROOM/server/shim

# boot STATUS: with what is in the directory, to the end of sm-notify, which
# leaves with STATUS.
boot() {
	local status=0
	host_reboot server
	: >"$LOG"
	in_host server timeout 120 env "DISKSHIM=$SHIM" \
		"LD_PRELOAD=$BUILD/tests/sys/diskshim.so" \
		"ASAN_OPTIONS=verify_asan_link_order=0" \
		"$(program sm-notify ours)" -d \
		</dev/null >>"$LOG" 2>&1 || status=$?
	rm -f "$SHIM"/bad-*
	is "exit status" $status "$1"
}

# said WORDS: in the log of sm-notify.
said() {
	grep -q "$1" "$LOG" || die "not in the log: $1"
	say "ok: said: $1"
}

# told PEER
told() {
	grep -q "notified $1\$" "$LOG" || die "$1 was not told"
	say "ok: told: $1"
}

two_hosts 4
mkdir -m 777 "$SHIM"
: >"$SHIM/log"
chmod 666 "$SHIM/log"
statd_start client ours
on_wire client ip address add 192.0.2.3/24 dev eth0

say "a copy that broke off: half a line, and a file without its last line feed"
record 192.0.2.2
line 192.0.2.3 | head -c 40 >"$DISK/sm/192.0.2.3"
boot 1
told 192.0.2.2
said "192.0.2.3"
is "kept" "$(files server sm.bak)" 192.0.2.3
is "its bytes" "$(cat "$DISK/sm.bak/192.0.2.3")" "$(line x | head -c 40)"

say "the rest of the copy arrives"
line 192.0.2.3 >"$DISK/sm.bak/192.0.2.3"
boot 0
told 192.0.2.3
is "untold" "$(files server sm.bak)" ""

say "a state that was copied half, or was none"
for bytes in '\x05\x00' 'not a number at all'; do
	before=$(number server)
	record 192.0.2.2
	# shellcheck disable=SC2059 # bytes
	printf "$bytes" >"$DISK/state"
	boot 0
	told 192.0.2.2
	[ "$(number server)" -gt "$before" ] || die "number was not raised"
	is "bytes of state" "$(stat -c %s "$DISK/state")" 4
	is "number is odd" $(($(number server) % 2)) 1
done

say "a record that the disk cannot read, in sm and in sm.bak"
record 192.0.2.2
line 192.0.2.3 >"$DISK/sm/192.0.2.3"
: >"$SHIM/bad-192.0.2.3"
boot 1
told 192.0.2.2
said "192.0.2.3 cannot be read: Input/output error"
! grep -q "notified 192.0.2.3" "$LOG" || die "it was told"
is "bytes of the record" "$(cat "$DISK"/sm*/192.0.2.3 "$DISK"/sm.bak/unm* \
	2>/dev/null)" "$(line 192.0.2.3)"
boot 0
told 192.0.2.3
is "untold" "$(files server sm)$(files server sm.bak)" ""

say "... and at the second try, while another peer is away"
record 192.0.2.98
line 192.0.2.3 >"$DISK/sm.bak/192.0.2.3"
: >"$SHIM/bad-192.0.2.3"
host_reboot server
LATE=$ROOM/server/log/late
spawn server late env "DISKSHIM=$SHIM" \
	"LD_PRELOAD=$BUILD/tests/sys/diskshim.so" \
	"ASAN_OPTIONS=verify_asan_link_order=0" \
	"$(program sm-notify ours)" -d
wait_for "the error" \
	grep -q "192.0.2.3 cannot be read: Input/output error" "$LATE"
wait_for "the first packet" grep -q "sending from port" "$LATE"
rm "$SHIM/bad-192.0.2.3"
wait_for "the notice" grep -q "notified 192.0.2.3\$" "$LATE"
say "ok: $(grep "can be read now" "$LATE")"
# It says so before it removes the record.
wait_for "its record to go" is_told server 192.0.2.3
is "untold" "$(files server sm.bak)" 192.0.2.98
stop server late
rm "$DISK/sm.bak/192.0.2.98"

say "a disk that reads nothing of state"
record 192.0.2.2
before=$(number server)
: >"$SHIM/bad-state"
: >"$SHIM/bad-state.boot"
boot 1
is "left" "$(files server sm)$(files server sm.bak)" 192.0.2.2
boot 0
told 192.0.2.2
[ "$(number server)" -gt "$before" ] || die "number was not raised"

say "things that are no records"
record 192.0.2.2
mkdir "$DISK/sm.bak/192.0.2.66"
mkfifo "$DISK/sm.bak/192.0.2.67"
ln -s /etc/passwd "$DISK/sm.bak/192.0.2.68"
echo "this is a note of the administrator" >"$DISK/sm/README"
head -c 70000 /dev/zero >"$DISK/sm/zeros"
boot 1
told 192.0.2.2
is "passwd" "$(in_host server test -s /etc/passwd && echo there)" there
for name in 192.0.2.66 192.0.2.67 192.0.2.68 README zeros; do
	[ -e "$DISK/sm/$name" ] || [ -L "$DISK/sm/$name" ] ||
		[ -e "$DISK/sm.bak/$name" ] || die "$name is gone"
	said "$name"
done
