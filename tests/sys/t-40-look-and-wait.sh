#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# sm-notify beyond nfs-utils: --dry-run says what the next run does and touches
# nothing; --wait says who is told; skip and max-age set peers aside; and every
# exit status.
set -eu
. "$(dirname "$0")/hosts.sh"

COOKIE=40404040404040404040404040404040
NOTIFY=$(program sm-notify ours)

# exits STATUS [OPTION...]: sm-notify on the server; its words are in ROOM/said.
exits() {
	local status=0
	in_host server timeout 120 "$NOTIFY" "${@:2}" </dev/null \
		>"$ROOM/said" 2>"$ROOM/server/log/sm-notify" || status=$?
	is "exit status of sm-notify ${*:2}" "$status" "$1"
}

# says TEXT: a whole line of standard output.
says() {
	grep -qxF -e "$1" "$ROOM/said" ||
		die "want '$1'; it said: $(cat "$ROOM/said")"
	say "ok: $1"
}

# All there is on the server's disk and in its /run, with content and times.
snapshot() {
	# shellcheck disable=SC2016 # expanded inside
	in_host server sh -c 'find /var/lib/nfs /run -printf "%p %y %m %U %T@\n" |
		sort; find /var/lib/nfs -type f -exec md5sum {} + | sort'
}

# dry STATUS [OPTION...]: --dry-run changes nothing and sends nothing.
dry() {
	local before
	before=$(snapshot)
	exits "$1" --dry-run "${@:2}"
	is "what --dry-run changed" "$(diff <(echo "$before") <(snapshot))" ""
}

record() {
	echo "0100007f 000186b5 00000003 00000010 $COOKIE $1 server.example"
}

two_hosts 4
statd_start client ours
lockd_start client
lockd client mon 192.0.2.1 "$COOKIE"

say "nothing to do"
dry 0
says "nobody would be told"
exits 4 --wait
exits 0 -d

say "before the turn of a boot"
statd_start server ours
lockd server mon 192.0.2.2 "$COOKIE"
lockd server mon client.example "$COOKIE"
lockd server mon 192.0.2.77 "$COOKIE"
lockd server mon nowhere.example "$COOKIE"
host_reboot server
capture_start server
dry 0 --skip 192.0.2.77
for peer in 192.0.2.2 client.example; do
	says "$peer: would be told as server.example, server from 192.0.2.1 to\
 192.0.2.2, number 5"
done
says "192.0.2.77: would not be told: skipped"
says "nowhere.example: cannot be told: its name does not resolve (would be\
 announced as server.example, server)"
capture_stop server
is "calls of --dry-run" "$(packets server \
	'rpc.msgtyp == 0 && ip.src == 192.0.2.1' rpc.xid)" ""

say "and what the run did"
capture_start server
# The last --skip counts, as of any option.
# shellcheck disable=SC2016 # expanded inside
spawn server waiting sh -c '"$@" >/run/said; echo $? >/run/status' sh \
	"$NOTIFY" --wait --skip nowhere.example --skip 192.0.2.77
for peer in 192.0.2.2 client.example; do
	wait_for "$peer to be told" in_host server grep -q "^$peer told" /run/said
done
# shellcheck disable=SC2016 # expanded inside
in_host server sh -c 'kill -TERM "$(head -n 1 /run/sm-notify.pid)"'
wait_for "end of sm-notify" in_host server test -s /run/status
is "exit status with some untold" "$(in_host server cat /run/status)" 3
in_host server cat /run/said >"$ROOM/said"
capture_stop server
is "who was told where" "$(sed -n 's/, tries: [0-9]*$//p' "$ROOM/said" |
	sort | paste -sd ,)" "192.0.2.2 told at 192.0.2.2 over udp,\
client.example told at 192.0.2.2 over udp"
is "tries, all told" "$(sed -n 's/.*told.*, tries: //p' "$ROOM/said" |
	paste -sd + | bc)" "$(packets server 'rpc.msgtyp == 0 &&
	ip.src == 192.0.2.1 && ip.dst == 192.0.2.2' rpc.xid | wc -l)"
is "names, to, number" "$(packets server \
	'rpc.program == 100024 && rpc.procedure == 6 && rpc.msgtyp == 0' \
	ip.src ip.dst stat.mon_id.name stat.state | sort -u | tr '\t\n' ' ,')" \
	"192.0.2.1 192.0.2.2 server 5,192.0.2.1 192.0.2.2 server.example 5,"
is "records left" "$(files server sm.bak)" "192.0.2.77 nowhere.example"

say "-d, stopped while some are untold"
# shellcheck disable=SC2016 # expanded inside
spawn server debugging sh -c '"$@" & echo $! >/run/d.pid; wait $!
	echo $? >/run/d.status' sh "$NOTIFY" -d
wait_for "the run with -d" grep -q "unable to notify\|cannot find" \
	"$ROOM/server/log/debugging"
wait_for "its pid" in_host server test -s /run/d.pid
# shellcheck disable=SC2016 # expanded inside
in_host server sh -c 'kill -TERM "$(cat /run/d.pid)"'
wait_for "end of the run with -d" in_host server test -s /run/d.status
is "exit status of -d" "$(in_host server cat /run/d.status)" 1

say "an ordinary user, the owner of the records and another"
# as USER: --dry-run without root; its exit status.
as() {
	local status=0
	in_host server setpriv --reuid "$1" --clear-groups "$NOTIFY" \
		--dry-run >"$ROOM/said" 2>&1 || status=$?
	is "exit status of --dry-run as $1" "$status" "$2"
}
as "$(stat -c %u "$ROOM/server/disk/sm.bak")" 0
says "nowhere.example: cannot be told: its name does not resolve (would be\
 announced as server.example, server)"
notes=$ROOM/server/disk/sm/.reclaim
echo "park 192.0.2.77 192.0.2.77" >"$notes/parked"
dry 0
says "192.0.2.77: would not be told: untold, monitored again"
says "nowhere.example: cannot be told: its name does not resolve (would be\
 announced as server.example, server)"
rm "$notes/parked"
as 65534 1
grep -q "nowhere.example cannot be read: Permission denied" "$ROOM/said" ||
	die "it said: $(cat "$ROOM/said")"

say "set aside, nobody is left"
exits 4 --wait --skip 192.0.2.77,nowhere.example
exits 0 -d --skip 192.0.2.77,nowhere.example
is "records left" "$(files server sm.bak)" "192.0.2.77 nowhere.example"

say "max-age counts boots: one run too many, then left alone"
printf '[sm-notify]\nmax-age = 2\nskip = nowhere.example\n' \
	>"$ROOM/server/etc/nfs.conf"
for boot in 1 2; do
	host_reboot server
	spawn server waiting "$NOTIFY" --wait
	wait_for "count of boot $boot" grep -qs " $boot\$" \
		"$ROOM/server/disk/sm.bak/.reclaim/192.0.2.77"
	stop server waiting
	exits 0 # beside nothing; goes to the background
done
host_reboot server
exits 4 --wait
dry 0
says "192.0.2.77: would not be told: too old (max-age)"
record 192.0.2.77 >"$ROOM/server/disk/sm/192.0.2.77"
host_reboot server
dry 0
says "192.0.2.77: would be told as server.example, server from 192.0.2.1 to\
 192.0.2.77, number $(($(number server) + 2))"
# The shell in between keeps nsenter from stopping with it.
spawn server waiting sh -c '"$@"; :' sh "$NOTIFY" --wait
wait_for "age of a fresh record" grep -qs " 1\$" \
	"$ROOM/server/disk/sm.bak/.reclaim/192.0.2.77"

say "beside a running one"
exits 0
exits 4 --wait
# Held, or what it writes about its tries passes for what --dry-run changed.
pid=$(in_host server head -n 1 /run/sm-notify.pid)
in_host server kill -STOP "$pid"
wait_for "the running one to stand still" \
	in_host server grep -q '^State:.T' "/proc/$pid/status"
dry 0
in_host server kill -CONT "$pid"
in_host server kill -TERM "$pid"
wait_for "its end" is_gone server waiting
