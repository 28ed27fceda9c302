#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Hostile names in SM_MON, SM_UNMON, SM_UNMON_ALL and SM_NOTIFY: paths, control
# bytes, formats, options, every length.  Afterwards sm/ holds exactly the good
# ones, each under exactly that name; no file anywhere else has changed, no line
# of the log was made up by a name, and no notice was taken for a peer's.
#
# nfs-utils: what it resolves a name to becomes the file name (contract.md B-9,
# D-6); a line feed in a name injects a line into the log (S-11); a deletion
# that does not find the exact string leaves the line for ever (M-7); and what
# the resolver takes for the peer's address, as "0300.0.2.2", is the peer (M-5).
set -eu
. "$(dirname "$0")/hosts.sh"
need_python

names() {
	in_host "$1" python3 -B "$SYS/names.py" "${@:2}"
}

# Everything that statd might write but sm/, and what names of the test mean.
snapshot() {
	in_host server find /run /var/lib/nfs /etc/passwd -xdev \
		-path /var/lib/nfs/sm -prune -o \
		! -type d -printf '%p %s %i %m %U %T@\n' | sort
}

unmonitored_is_gone() {
	[ -z "$(find "$disk/sm" -name 'gone*')" ]
}

two_hosts 4
disk=$ROOM/server/disk
statd_start server ours -d
lockd_start server
echo mine >"$disk/x"
echo mine >"$disk/sm/.hidden"
snapshot >"$ROOM/before"
names server mon
wait_for "unmonitored records to go" unmonitored_is_gone
rm "$disk/sm/.hidden"
names server check "$disk/sm"
is "other files that changed" "$(snapshot | diff "$ROOM/before" -)" ""

# From an address that is no peer's.
on_wire client ip address add 192.0.2.3/24 dev eth0
on_wire client ip route add 192.0.2.1/32 dev eth0 src 192.0.2.3
names client notify 192.0.2.1 192.0.2.2
is "callbacks" "$(callbacks server)" ""
grep -q "it is about nobody we monitor" "$ROOM/server/log/statd" ||
	die "strangers are not in the log"

# What a name puts into the log is printable and no line of its own.
is "bytes in the log that are not printable" \
	"$(LC_ALL=C tr -d '\n\040-\176' <"$ROOM/server/log/statd" | wc -c)" 0
is "lines in the log that are not statd's" \
	"$(grep -vc '^rpc.statd: ' "$ROOM/server/log/statd")" 0
is "lines that a name made up" \
	"$(grep -c '^rpc.statd: the lock manager knows' \
		"$ROOM/server/log/statd")" 0
is_alive server statd || die "statd has died"

# The files are read again as they were written.
stop server statd
statd_start server ours
names server check "$disk/sm"
