#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Command line and nfs.conf: bad values are errors that say where they are; a
# second rpc.statd leaves with 1 and does not disturb the first.
set -eu
. "$(dirname "$0")/hosts.sh"

STATD=$(program statd ours)
NOTIFY=$(program sm-notify ours)

# exits STATUS TEXT COMMAND...: and says TEXT.
exits() {
	local status=0
	in_host server timeout 30 "${@:3}" </dev/null >"$ROOM/said" 2>&1 ||
		status=$?
	is "exit status of ${*:3}" "$status" "$1"
	grep -qF -e "$2" "$ROOM/said" ||
		die "want '$2' from ${*:3}; it said: $(cat "$ROOM/said")"
}

host_new server 1
host_boot server
for program in "$STATD" "$NOTIFY"; do
	exits 1 70000 "$program" -p 70000
	exits 1 12x "$program" -p 12x
	exits 1 no-such "$program" --no-such-option
	exits 1 stray "$program" stray
done
exits 0 0.1 "$STATD" --version
exits 0 rpc.statd "$STATD" --help
exits 1 soon "$NOTIFY" -m soon

printf '[statd]\nport = 70000\n' >"$ROOM/server/etc/nfs.conf"
exits 1 nfs.conf:2 "$STATD" -F -L
printf '# a comment\n[sm-notify]\nretry-time = soon\n' \
	>"$ROOM/server/etc/nfs.conf"
exits 1 nfs.conf:3 "$NOTIFY" -d
is "nothing was touched" "$(number server)" ""

printf '[statd]\nport = 4001\n' >"$ROOM/server/etc/nfs.conf"
statd_start server ours
is "port of nfs.conf" "$(in_host server rpcinfo -p 127.0.0.1 |
	awk '$1 == 100024 { print $4 }' | sort -u)" 4001
exits 1 running "$STATD" -F -L
statd_is_up server || die "the first statd was disturbed"
say "ok: the first statd still answers"
stop server statd

say "the directory of nfs.conf is the default one: nfs-utils turned this boot"
mkdir -p "$ROOM/other/sm" "$ROOM/other/sm.bak"
printf '\7\0\0\0' >"$ROOM/other/state"
echo "0100007f 000186b5 00000003 00000010" \
	"63636363636363636363636363636363 192.0.2.7 me" \
	>"$ROOM/other/sm/192.0.2.7"
printf '[statd]\nstate-directory-path = %s\n' "$ROOM/other" \
	>"$ROOM/server/etc/nfs.conf"
in_host server sh -c 'echo 99 >/run/sm-notify.pid'
statd_start server ours
is "still monitored" "$(ls "$ROOM/other/sm")" 192.0.2.7
is "untold" "$(ls "$ROOM/other/sm.bak")" ""
