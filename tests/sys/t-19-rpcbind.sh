#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# rpcbind absent, stopped, killed, and one that takes connections and never
# answers: rpc.statd with a port of its own starts and serves all the same,
# registers by itself when rpcbind is back, says each change once, and ends when
# it is told to, whatever rpcbind does.
#
# nfs-utils: registers by blocking calls, 120 s with a stopped rpcbind, at the
# start and in the signal handler (contract.md S-7), and never again after
# rpcbind was restarted.  Not shown here: it takes those 120 s.
set -eu
. "$(dirname "$0")/hosts.sh"
need_python

PORT=4000

statd_spawn() {
	spawn server statd "$(program statd ours)" -F -L -d -p "$PORT"
}

# served WHILE: SM_MONs and all, without rpcbind's help.
served() {
	wait_for "statd to serve: $1" in_host server \
		bash -c "exec 3<>/dev/tcp/127.0.0.1/$PORT"
	in_host server python3 -B "$SYS/served.py" "$PORT" 192.0.2.2 ||
		die "not served: $1"
	say "ok: served: $1"
}

# Not by spawn: nsenter stops itself beside a child that is stopped, and then
# nobody would reap that.
rpcbind_start() {
	# shellcheck disable=SC2016 # expanded inside
	in_host server sh -c 'rpcbind -f >/dev/null 2>&1 &
		echo $! >/run/test-rpcbind.pid'
}

rpcbind_kill() {
	stop server rpcbind KILL
	in_host server rm -f /run/rpcbind.sock
}

rpcbind_signal() {
	in_host server kill -"$1" "$(pid_of server rpcbind)"
}

rpcbind_is_stopped() {
	in_host server grep -q '^State:.T' \
		"/proc/$(pid_of server rpcbind)/status"
}

# said WORDS: how often the log has them.
said() {
	grep -c "$1" "$ROOM/server/log/statd" || true
}

lost() {
	said "rpcbind does not have our entries"
}

registered() {
	said "registered with rpcbind"
}

has_said() {
	[ "$(lost)/$(registered)" = "$1" ]
}

has_registered() {
	[ "$(registered)" -eq 1 ]
}

# log_is LOST/REGISTERED: waits for these numbers of lines.
log_is() {
	wait_for "$1 lost/registered in the log, not $(lost)/$(registered)" \
		has_said "$1"
	say "ok: lost/registered in the log: $1"
}

is_registered() {
	answers server 100024 udp tcp udp6 tcp6
}

# An rpcbind that takes connections and never answers.
hanging_start() {
	spawn server hanging python3 -u -c '
import os, socket
listener = socket.socket(socket.AF_UNIX)
listener.bind("/run/rpcbind.sock")
os.chmod("/run/rpcbind.sock", 0o666)
listener.listen()
held = []
while True:
    held.append(listener.accept())
    print("accepted")'
	wait_for "socket" in_host server test -S /run/rpcbind.sock
}

hanging_has_accepted() {
	grep -q accepted "$ROOM/server/log/hanging"
}

hanging_stop() {
	stop server hanging KILL
	in_host server rm -f /run/rpcbind.sock
	: >"$ROOM/server/log/hanging"
}

host_new server 1
host_boot server

rpcbind_kill
statd_spawn
served "no rpcbind at the start"
log_is 1/0
rpcbind_start
log_is 1/1
wait_for "four transports" is_registered

rpcbind_signal STOP
wait_for "rpcbind to be stopped" rpcbind_is_stopped
served "rpcbind is stopped"
rpcbind_signal CONT
wait_for "four transports" is_registered

rpcbind_kill
log_is 2/1
served "rpcbind was killed"
hanging_start
wait_for "statd to try the one that hangs" hanging_has_accepted
served "rpcbind hangs"
hanging_stop
rpcbind_start
log_is 2/2
wait_for "four transports" is_registered

rpcbind_signal STOP
wait_for "rpcbind to be stopped" rpcbind_is_stopped
stop server statd
rpcbind_is_stopped || die "rpcbind went on"
say "ok: SIGTERM beside a stopped rpcbind"

: >"$ROOM/server/log/statd"
statd_spawn
served "rpcbind is stopped at the start"
rpcbind_is_stopped || die "rpcbind went on"
rpcbind_signal CONT
wait_for "four transports" is_registered
# Whether the first try was given up depends on how long that took.
wait_for "registration in the log" has_registered
[ "$(lost)" -le 1 ] || die "the log says $(lost) times that rpcbind is lost"

rpcbind_kill
stop server statd
say "ok: SIGTERM without rpcbind"

hanging_start
: >"$ROOM/server/log/statd"
statd_spawn
served "rpcbind hangs at the start"
wait_for "statd to ask the one that hangs" hanging_has_accepted
stop server statd
is_alive server hanging || die "the one that hangs has ended"
say "ok: SIGTERM beside an rpcbind that hangs"
