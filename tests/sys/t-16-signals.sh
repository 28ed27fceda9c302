#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# SIGHUP with a good and with a bad nfs.conf, SIGUSR1, SIGTERM.
set -eu
. "$(dirname "$0")/hosts.sh"

COOKIE=16161616161616161616161616161616
LOG_FILE=$ROOM/server/log/statd
CONF=$ROOM/server/etc/nfs.conf

# conf LINE...: the host's nfs.conf from now on, in the same file.
conf() {
	printf '%s\n' "$@" >"$CONF"
}

tell() {
	in_host server kill -"$1" "$(pid_of server statd)"
}

# says COUNT TEXT: that many lines of the log have TEXT.
says() {
	[ "$(grep -c -- "$2" "$LOG_FILE")" -eq "$1" ]
}

# reload COUNT TEXT: SIGHUP, then a line that tells what came of it.
reload() {
	tell HUP
	wait_for "line $1 of: $2" says "$1" "$2"
	is_alive server statd || die "statd ended on SIGHUP"
}

mon_from_any_port() {
	lockd server -p mon 192.0.2.2 "$COOKIE" | cut -d ' ' -f 1
}

host_new server 1
conf "[statd]" "idle-timeout = 90"
host_boot server
statd_start server ours -d
is "from any port" "$(mon_from_any_port || true)" fail

conf "[statd]" "require-reserved-port = no" "idle-timeout = 90"
reload 1 "nfs.conf was read again"
is "after require-reserved-port = no" "$(mon_from_any_port)" success
! grep -q "has changed" "$LOG_FILE" || die "nothing else has changed"

conf "[statd]" "require-reserved-port = perhaps"
reload 1 "nothing was changed"
says 1 "nfs.conf:2: .statd. require-reserved-port = perhaps: not" ||
	die "the bad line is not named"
is "after a bad file" "$(mon_from_any_port)" success
conf "[statd]" "require-reserved-port = yes" "idle-timeout = 0"
reload 2 "nothing was changed"
says 1 "nfs.conf:3: .statd. idle-timeout = 0: not a number from 1 to 86400" ||
	die "the bad number is not named"
is "after another" "$(mon_from_any_port)" success

conf "[statd]" "require-reserved-port = yes" "idle-timeout = 91"
reload 2 "nfs.conf was read again"
says 1 ".statd. idle-timeout has changed" || die "idle-timeout was not named"
is "after require-reserved-port = yes" "$(mon_from_any_port || true)" fail
say "ok: SIGHUP"

# As under init: in the log, where nothing but the status was said.
: >"$LOG_FILE"
tell USR1
wait_for "the status" grep -q "callers who wait" "$LOG_FILE"
for text in "state number: $(number server)$" "peers monitored: 1$" \
	"peers written by this run: 1;" "calls: NULL .* MON 5, UNMON 0" \
	"calls refused: 2;" "connections: 0 open (0 of this host) of at most 4096"; do
	grep -q -- "$text" "$LOG_FILE" || die "the status does not say: $text"
done
[ "$(wc -l <"$LOG_FILE")" -le 30 ] || die "more than a page"
say "ok: SIGUSR1"

tell USR2
is "SM_STAT after SIGUSR2" "$(lockd server stat somebody)" \
	"success state=$(number server)"

stop server statd TERM
is "pid file after SIGTERM" \
	"$(cat "/proc/${INIT[server]}/root/run/rpc.statd.pid")" ""
is "record after SIGTERM" "$(files server sm)" 192.0.2.2

conf "[statd]" "max-connections = 15"
! in_host server "$(program statd ours)" -F 2>"$ROOM/said" || die "it started"
grep -q "nfs.conf:2: .statd. max-connections = 15: not a number from 16 to 65536" \
	"$ROOM/said" || die "said: $(cat "$ROOM/said")"
say "ok: a bad value at the start names its line"

# Nobody answers, so that it runs until it is stopped.
spawn server sm-notify "$(program sm-notify ours)" -d -f
# It has said the peer's name before it looks at signals.
wait_for "sm-notify to send" grep -q "sending from port" \
	"$ROOM/server/log/sm-notify"
for signal in USR1 USR2 TERM; do
	in_host server kill -"$signal" "$(pid_of server sm-notify)"
done
wait_for "the end of sm-notify" is_gone server sm-notify
grep -q "stopped; peers not notified yet: 1;.*: 192.0.2.2$" "$ROOM/server/log/sm-notify" ||
	die "it was not SIGTERM that ended sm-notify"
