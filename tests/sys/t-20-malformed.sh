#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Malformed RPC of every procedure, and TCP records that are none, from the
# lock manager's place and from another host: each gets the error that RFC 5531
# has for it, or silence.  Nobody else waits beside half a record, or replies
# that nobody takes; nothing is stored, and the log stays a few lines.
#
# nfs-utils (measured on libtirpc 1.3.3): a datagram that is cut short is filled
# up with what an earlier caller's left in the buffer, and carried out; half a
# record stops every caller, over UDP too, for up to 35 s (beside contract.md
# B-5); a version of RPC that is none gets no answer.
set -eu
. "$(dirname "$0")/hosts.sh"

COOKIE=20202020202020202020202020202020
need_python

two_hosts 4
statd_start server ours -d
in_host server python3 -B "$SYS/malform.py" 127.0.0.1
in_host client python3 -B "$SYS/malform.py" 192.0.2.1
is_alive server statd || die "statd has died"
is "records after all that" "$(files server sm)" ""
is "SM_MON afterwards" "$(lockd server mon 192.0.2.2 "$COOKIE" |
	cut -d ' ' -f 1)" success
is "records" "$(files server sm)" 192.0.2.2
# But what -d says of each call that could be read.
lines=$(grep -vcE ', xid [0-9a-f]{8}$' "$ROOM/server/log/statd")
[ "$lines" -lt 60 ] || die "$lines lines in the log"
say "ok: $lines lines in the log"
