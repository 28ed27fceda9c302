#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# /run/nfs-reclaim/last-notify says what became of each peer, agrees with
# --dry-run before and with the packets, and is JSON whatever a name holds.
set -eu
. "$(dirname "$0")/hosts.sh"

COOKIE=41414141414141414141414141414141
FILE=/run/nfs-reclaim/last-notify
NOTIFY=$(program sm-notify ours)

record() {
	printf '0100007f 000186b5 00000003 00000010 %s %b server.example\n' \
		"$COOKIE" "$2" >"$ROOM/server/disk/sm/$1"
}

# last: the file, one line per peer: peer, names, address, transport, whether
# it is told, reason; the run first.
last() {
	in_host server cat "$FILE" | python3 -c '
import json, sys
lines = [json.loads(line) for line in sys.stdin.buffer]
run = lines.pop(0)
print(run["number"], run["state"], run["mode"], run["untold"], run["aside"])
for p in sorted(lines, key=lambda p: p["peer"]):
    assert (p["told"] is None) != (p["reason"] is None), p
    assert (p["tries"] > 0) == (p["transport"] is not None), p
    print(p["peer"], "+".join(p["names"]), p["address"], p["transport"],
          "told" if p["told"] else p["reason"])'
}

says() {
	last | grep -qxF -e "$1" || return 1
}

# silent PEER: after three tries over UDP it is called over TCP, too.
silent() {
	says "$1 server.example+server $1 udp silent" ||
		says "$1 server.example+server $1 udp, tcp silent"
}

need_python
two_hosts 4
statd_start client ours
lockd_start client
lockd client mon 192.0.2.1 "$COOKIE"
statd_start server ours
lockd server mon 192.0.2.2 "$COOKIE"
host_reboot server
record nowhere.example nowhere.example
record 192.0.2.77 192.0.2.77
record 192.0.2.78 192.0.2.78
record odd 'm\xff\x22\x5c\xc3'
record m 'm\xc3\xbc\x22'
in_host server test ! -e "$FILE" || die "$FILE is there before a run"
in_host server "$NOTIFY" --dry-run --skip 192.0.2.78 >"$ROOM/foretold"
capture_start server
spawn server sm-notify "$NOTIFY" --wait --skip 192.0.2.78
wait_for "the silent one" silent 192.0.2.77
wait_for "the one that is told" says \
	"192.0.2.2 server.example+server 192.0.2.2 udp told"
wait_for "a name that has no address" says \
	"nowhere.example server.example+server None None name does not resolve"
wait_for "a name that is no text" says \
	'm\xff\x22\x5c\xc3 server.example+server None None name does not resolve'
wait_for "a name beyond ASCII" says \
	'mü" server.example+server None None name does not resolve'
stop server sm-notify
capture_stop server

is "the run" "$(last | head -n 1)" "5 stopped boot 4 1"
is "the skipped one" "$(last | grep 78)" \
	"192.0.2.78 server.example+server 192.0.2.78 None skipped"
is "mode and owner of its directory" "$(in_host server \
	stat -c '%a %U' /run/nfs-reclaim "$(in_host server readlink -f "$FILE")" |
	paste -sd ' ')" "755 root 644 $(stat -c %U "$ROOM/server/disk/sm.bak")"
in_host server setpriv --reuid 65534 --clear-groups cat "$FILE" >/dev/null ||
	die "not everybody can read it"

notices='rpc.program == 100024 && rpc.procedure == 6 && rpc.msgtyp == 0'
is "told on the wire" "$(packets server "$notices" ip.src ip.dst stat.state |
	sort -u)" "192.0.2.1	192.0.2.2	5"
is "foretold" "$(grep -c 'would be told\|cannot be told' "$ROOM/foretold")" 5
is "foretold about the one" "$(grep ^192.0.2.2: "$ROOM/foretold")" \
	"192.0.2.2: would be told as server.example, server from 192.0.2.1 to\
 192.0.2.2, number 5"

say "a run with nobody to tell leaves it"
rm -f "$ROOM"/server/disk/sm.bak/*
in_host server "$NOTIFY" -d
is "the run" "$(last | head -n 1)" "5 stopped boot 4 1"
