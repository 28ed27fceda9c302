#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A bad day of the disk.  Flushes that hang or fail (diskshim.c): who waits for
# the disk and who does not, and what is left after a kill and after a power
# failure.  Then a disk that is full, read-only, or has files in it that cannot
# be read.  The disk is a real one, a file with ext4; where there are no loop
# devices it is a tmpfs, and the power failure is left out.
set -eu
# The mounts of this test are its own.
[ -n "${IN_NAMESPACE:-}" ] || [ "$(id -u)" -ne 0 ] ||
	IN_NAMESPACE=1 exec unshare -m --propagation private bash "$0" "$@"
. "$(dirname "$0")/hosts.sh"

COOKIE=25252525252525252525252525252525
OTHER=26262626262626262626262626262626
DISK=$ROOM/server/disk
SHIM=$ROOM/server/shim
LOG=$ROOM/server/log/statd
IMAGE=$ROOM/image
MANY=24
DEVICES=()

at_end() {
	umount -l "$DISK" 2>/dev/null
	[ ${#DEVICES[@]} -eq 0 ] || losetup -d "${DEVICES[@]}" 2>/dev/null
}

# --- the disk ----------------------------------------------------------------

# disk_mount WHAT...: the same file system for us and for the server.
disk_mount() {
	umount -l "$DISK" 2>/dev/null || true
	mount "$@" "$DISK"
	# shellcheck disable=SC2016 # expanded inside
	nsenter -t "${HOLDER[server]}" -m sh -c 'umount -l "$0"; mount "$@"' \
		"$DISK" "$@" "$DISK" 2>/dev/null
}

# disk_insert IMAGE: as a device; returns 1 where there are none.
disk_insert() {
	DEVICE=$(losetup -f --show "$1" 2>/dev/null) || return 1
	DEVICES+=("$DEVICE")
}

# A disk of 4 MiB that keeps what was flushed, and else writes back late.
disk_make() {
	truncate -s 4M "$IMAGE"
	if mkfs.ext4 -q -F -m 0 -N 256 "$IMAGE" && disk_insert "$IMAGE"; then
		mkdir -p "$DISK"
		mount -o commit=600 "$DEVICE" "$DISK"
		has_device=yes
	else
		say "no loop device: on a tmpfs, and without a power failure"
		mkdir -p "$DISK"
		mount -t tmpfs -o size=4m none "$DISK"
		has_device=
	fi
}

# Power off: what the disk has now, no more, is what the next boot finds.
power_fail() {
	cp "$IMAGE" "$IMAGE.after"
	host_crash server
	disk_insert "$IMAGE.after"
	disk_mount "$DEVICE"
	host_boot server
}

disk_fill() {
	dd if=/dev/zero of="$DISK/fill" bs=4k 2>/dev/null || true
	sync "$DISK/fill"
	dd if=/dev/zero of="$DISK/fill.rest" bs=1k 2>/dev/null || true
}

# contents: the sum of every file of sm/ with its name and bytes.
contents() {
	(cd "$DISK/sm" && find . -type f -exec sha256sum {} + | sort) |
		sha256sum | cut -c 1-16
}

# --- the programs ------------------------------------------------------------

bad_statd_start() {
	: >"$SHIM/log"
	chmod 666 "$SHIM/log"
	spawn server statd env "DISKSHIM=$SHIM" \
		"LD_PRELOAD=$BUILD/tests/sys/diskshim.so" \
		"ASAN_OPTIONS=verify_asan_link_order=0" \
		"$(program statd ours)" -F -L -d
	wait_for "statd on server" statd_is_up server
}

hold() {
	: >"$SHIM/log"
	: >"$SHIM/hold-$1"
}

# let_go KIND
let_go() {
	rm "$SHIM/hold-$1"
}

# flushes WORDS: how often the log of the disk says so.
flushes() {
	grep -c "^$1\$" "$SHIM/log" || true
}

is_held() {
	[ "$(flushes "held $1")" -ge 1 ]
}

# mon_begin NAME: SM_MON in the background; its answer goes to a file.
mon_begin() {
	: >"$ROOM/answer.$1"
	lockd server mon "$1" "$COOKIE" >"$ROOM/answer.$1" 2>&1 &
	WAITING+=($!)
}

mon_end() {
	wait "${WAITING[@]}" || true
	WAITING=()
}

# How many of the SM_MONs begun have an answer.
answered() {
	grep -l state= "$ROOM"/answer.* | wc -l
}

# is_written COUNT: that many records are on their way to the disk.
is_written() {
	in_host server kill -USR1 "$(pid_of server statd)"
	sleep 0.1
	grep 'being written:' "$LOG" | tail -n 1 |
		grep -q "being written: $1;"
}

mon() {
	lockd server mon "$1" "${2:-$COOKIE}" | cut -d ' ' -f 1 || true
}

# complains WORDS: the log of statd has them.
complains() {
	grep -q -- "$1" "$LOG" || die "statd does not say '$1'"
	say "ok: statd says '$1'"
}

has_file() {
	[ -f "$DISK/sm/$1" ]
}

# asides: how many names were set aside in sm/.
asides() {
	find "$DISK/sm" -maxdepth 1 -name '.unreadable-*' | wc -l
}

WAITING=()
disk_make
two_hosts 4
mkdir -m 777 "$SHIM"
chmod 777 "$SHIM"
lockd_start server
bad_statd_start
is "before" "$(mon 192.0.2.2) $(mon 192.0.2.3)" "success success"

say "a flush that hangs: who needs no disk is answered"
hold file
mon_begin 198.51.100.1
wait_for "a flush to hang" is_held file
for i in $(seq 2 "$MANY"); do
	mon_begin "198.51.100.$i"
done
wait_for "all SM_MONs to come" is_written "$MANY"
answers server 100024 udp tcp || die "NULL was not answered"
is "SM_STAT" "$(lockd server stat somebody)" "success state=3"
is "SM_NOTIFY" "$(lockd client notify 192.0.2.1 client.example 7)" answered
is "its callback" "$(callbacks server)" \
	"callback mon_name=192.0.2.2 state=7 priv=$COOKIE"
is "SM_UNMON" "$(lockd server unmon 192.0.2.3)" "success state=3"
is "SM_MON of a peer that is on the disk" "$(mon 192.0.2.2)" success
is "flushed meanwhile" "$(flushes "done file")" 0
is "answered meanwhile" "$(answered)" 0
let_go file
mon_end
is "answered then" "$(grep -l success "$ROOM"/answer.* | wc -l)" "$MANY"
is "flushes of files" "$(flushes "done file")" "$MANY"
is "flushes of sm, of which one was for the first" \
	"$(flushes "done directory")" 2
wait_for "the file to go" [ ! -e "$DISK/sm/192.0.2.3" ]

say "the flush of the directory hangs: nobody is answered before it"
rm "$ROOM"/answer.*
hold directory
mon_begin 198.51.100.100
wait_for "a flush to hang" is_held directory
is "SM_STAT" "$(lockd server stat somebody)" "success state=3"
is "flushes of files" "$(flushes "done file")" 1
is "answered meanwhile" "$(answered)" 0
let_go directory
mon_end
is "answered then" "$(cat "$ROOM/answer.198.51.100.100")" "success state=3"

say "a flush that fails"
: >"$SHIM/fail-file"
is "SM_MON" "$(mon 198.51.100.101)" fail
complains 'cannot remember peer "198.51.100.101": Input/output error'
! has_file 198.51.100.101 || die "the file that was not flushed is there"
: >"$SHIM/log"
is "SM_MON again" "$(mon 198.51.100.101)" success
is "flushes, fresh ones" \
	"$(flushes "done file") $(flushes "done directory")" "1 1"
: >"$SHIM/fail-file"
before=$(contents)
is "SM_MON with another cookie" "$(mon 198.51.100.101 "$OTHER")" fail
is "files, as before" "$(contents)" "$before"
is "SM_MON again" "$(mon 198.51.100.101 "$OTHER")" success
: >"$SHIM/fail-directory"
is "SM_MON" "$(mon 198.51.100.102)" fail
: >"$SHIM/log"
is "SM_MON again" "$(mon 198.51.100.102)" success
is "flushes, fresh ones" \
	"$(flushes "done file") $(flushes "done directory")" "1 1"

say "SIGTERM while a flush hangs"
rm "$ROOM"/answer.*
hold file
mon_begin 198.51.100.103
wait_for "a flush to hang" is_held file
in_host server kill -TERM "$(pid_of server statd)"
wait_for "statd to leave rpcbind" bash -c "! nsenter -t ${INIT[server]} -n -m \
	rpcinfo 2>/dev/null | grep -q 100024"
is_alive server statd || die "statd did not wait for the disk"
let_go file
wait_for "statd to end" is_gone server statd
mon_end
has_file 198.51.100.103 || die "the record was not written"
is "the disk" "$(flushes "done file") $(flushes "done directory")" "1 1"

say "SIGKILL while a flush hangs"
bad_statd_start
is "SM_MON of all" "$(for i in $(seq "$MANY"); do
	mon "198.51.100.$i"
done | sort -u)" success
rm -f "$ROOM"/answer.*
hold file
mon_begin 198.51.100.104
wait_for "a flush to hang" is_held file
stop server statd KILL
mon_end
is "answered" "$(answered)" 0
rm "$SHIM/hold-file"
bad_statd_start
is "records after the kill" "$(for i in $(seq "$MANY"); do
	records server sm "198.51.100.$i"
done | sort -u)" 1

if [ -n "$has_device" ]; then
	say "a power failure while a flush hangs"
	rm -f "$ROOM"/answer.*
	is "SM_MON" "$(mon 198.51.100.105)" success
	hold file
	mon_begin 198.51.100.106
	wait_for "a flush to hang" is_held file
	is "answered" "$(answered)" 0
	power_fail
	mon_end
	rm "$SHIM/hold-file"
	bad_statd_start
	is "records of the boot before" "$(for i in $(seq "$MANY") 100 101 \
		102 103 105; do
		records server sm.bak "198.51.100.$i"
	done | sort -u)" 1
	is "state number" "$(number server)" 5
	lockd_start server
	is "SM_MON" "$(mon 192.0.2.2) $(mon 198.51.100.101)" "success success"
fi

say "a disk that is full"
disk_fill
before=$(contents)
is "SM_MON" "$(mon 203.0.113.1)" fail
complains 'cannot remember peer "203.0.113.1": No space left on device'
is "SM_MON with another cookie" "$(mon 192.0.2.2 "$OTHER")" fail
is "files, as before" "$(contents)" "$before"
is "SM_STAT" "$(lockd server stat somebody | cut -d ' ' -f 1)" success
rm "$DISK"/fill*
is "SM_MON when there is room" \
	"$(mon 203.0.113.1) $(mon 192.0.2.2 "$OTHER")" "success success"

say "a disk that becomes read-only"
before=$(contents)
mount -o remount,ro "$DISK"
is "SM_MON" "$(mon 203.0.113.2)" fail
complains 'cannot remember peer "203.0.113.2": Read-only file system'
is "SM_MON of a peer that is on the disk" "$(mon 192.0.2.2 "$OTHER")" success
mount -o remount,rw "$DISK"
is "files, as before" "$(contents)" "$before"
is "SM_MON when it can be written" "$(mon 203.0.113.2)" success

say "a state that is no number"
cp -p "$DISK/state" "$DISK/state.saved"
: >"$DISK/state"
is "SM_MON" "$(mon 203.0.113.7)" fail
is "SM_STAT" "$(lockd server stat somebody)" "success state=0"
complains "state: it is missing or empty; every SM_MON fails until it is"
cp "$DISK/state.saved" "$DISK/state"
is "SM_MON when it is one" "$(mon 203.0.113.7)" success
complains "state can be used again: it is $(number server)"

say "files in sm that cannot be read"
echo secret >"$DISK/sm/203.0.113.3"
chmod 600 "$DISK/sm/203.0.113.3"
mkdir "$DISK/sm/203.0.113.4"
ln -s /etc/passwd "$DISK/sm/203.0.113.5"
if [ "$(stat -c %u "$DISK/sm")" -eq 0 ]; then
	chmod 644 "$DISK/sm/203.0.113.3"
	set_aside=2
else
	complains_of_3=yes
	set_aside=3
fi
is "SM_MON" "$(for i in 3 4 5; do
	mon "203.0.113.$i"
done | sort -u)" success
is "records" "$(for i in 3 4 5; do
	records server sm "203.0.113.$i"
done | sort -u)" 1
is "set aside" "$(asides)" "$set_aside"
[ -z "${complains_of_3:-}" ] ||
	complains "sm/203.0.113.3: Permission denied; it is kept as sm/.unread"
complains "sm/203.0.113.4: it is no regular file; it is kept as sm/.unreadable"
is "SM_UNMON" "$(lockd server unmon 203.0.113.4 | cut -d ' ' -f 1)" success
wait_for "the record to go" [ ! -e "$DISK/sm/203.0.113.4" ]
is "still set aside" "$(asides)" "$set_aside"
before=$(contents)
chmod 0 "$DISK/sm"
if [ "$set_aside" -eq 3 ]; then
	say "a directory that nobody may enter"
	is "SM_MON" "$(mon 203.0.113.6)" fail
	complains 'cannot remember peer "203.0.113.6": Permission denied'
fi
chmod 700 "$DISK/sm"
is "SM_MON when it may" "$(mon 203.0.113.6)" success
stop server statd

# not_told WORDS: sm-notify fails, says so, and finds that nobody is to be told.
not_told() {
	local log=$ROOM/server/log/sm-notify
	: >"$log"
	if notify_run server ours; then
		die "sm-notify: an error is taken for nobody to tell"
	fi
	grep -q -- "$1" "$log" || die "sm-notify does not say '$1'"
	! grep -q "nobody to notify" "$log" || die "sm-notify lifts grace"
	say "ok: sm-notify says '$1'"
}

say "sm-notify, with an sm.bak that cannot be read"
rm -rf "$DISK/sm" "$DISK/sm.bak"
mkdir -m 700 "$DISK/sm"
: >"$DISK/sm.bak"
host_reboot server
not_told "Not a directory"
rm "$DISK/sm.bak"
mkdir -p "$DISK/sm.bak/192.0.2.9"
host_reboot server
not_told "192.0.2.9 cannot be read: it is no regular file"
rmdir "$DISK/sm.bak/192.0.2.9"
dd if=/dev/zero of="$DISK/sm.bak/192.0.2.9" bs=1k count=65 2>/dev/null
host_reboot server
not_told "192.0.2.9 cannot be read: File too large"
is "left" "$(files server sm.bak)" 192.0.2.9
rm -r "$DISK/sm.bak"
host_reboot server
notify_run server ours || die "sm-notify fails without an sm.bak"
is "sm.bak was made" "$(stat -c %a "$DISK/sm.bak")" 700

say "a record whose name is taken in sm.bak"
statd_start server ours
is "SM_MON" "$(mon 192.0.2.2)" success
stop server statd
mkdir "$DISK/sm.bak/192.0.2.2"
statd_start client ours -d
host_reboot server
not_told "192.0.2.2 cannot be read: it is no regular file"
grep -q "it is sm.bak/unmerged-" "$ROOM/server/log/sm-notify" ||
	die "sm-notify does not say where the record is"
grep -q SM_NOTIFY "$ROOM/client/log/statd" || die "the peer was not told"
is "left in sm and sm.bak" "$(files server sm)$(files server sm.bak)" ""
