#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What Debian runs, in its words, with our programs in the place of its own:
# rpc-statd.service, rpc-statd-notify.service and start-statd of nfs-common.
set -eu
. "$(dirname "$0")/hosts.sh"

COOKIE=51515151515151515151515151515151
UNITS=/lib/systemd/system
for file in "$UNITS/rpc-statd.service" "$UNITS/rpc-statd-notify.service" \
	/usr/sbin/start-statd; do
	[ -r "$file" ] || { say "no $file here" && exit 77; }
done

# over_debian HOST: until its next boot.
over_debian() {
	in_host "$1" mount --bind "$(program statd ours)" /usr/sbin/rpc.statd
	in_host "$1" mount --bind "$(program sm-notify ours)" /usr/sbin/sm-notify
}

# unit NAME KEY: the value in the unit file.
unit() {
	sed -n "s/^$2=-\{0,1\}//p" "$UNITS/$1.service"
}

# start HOST UNIT: as systemd does; the status that the unit has.
start() {
	local environment command status=0
	environment=$(unit "$2" Environment)
	command=$(unit "$2" ExecStart)
	# shellcheck disable=SC2086 # words of the unit
	in_host "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin $environment \
		$command </dev/null >>"$ROOM/$1/log/$2" 2>&1 || status=$?
	echo $status
}

# main_pid HOST: what PIDFile= of the unit names.
main_pid() {
	in_host "$1" cat "$(unit rpc-statd PIDFile)"
}

# ended HOST PID
ended() {
	! in_host "$1" kill -0 "$2" 2>/dev/null
}

# unit_stop HOST: SIGTERM, as systemd does; the pid file is empty afterwards.
unit_stop() {
	local pid
	pid=$(main_pid "$1")
	in_host "$1" kill -TERM "$pid"
	wait_for "statd to end" ended "$1" "$pid"
	is "pid file afterwards" "$(main_pid "$1")" ""
	! in_host "$1" rpcinfo -T udp 127.0.0.1 100024 1 >/dev/null 2>&1 ||
		die "still registered"
}

# sm_notifies HOST: how many run.
sm_notifies() {
	in_host "$1" sh -c 'grep -lx sm-notify /proc/[0-9]*/comm' | wc -l
}

is_quiet() {
	[ "$(sm_notifies "$1")" -eq 0 ]
}

# is_up HOST WORDS
is_up() {
	answers "$1" 100024 udp tcp udp6 tcp6 || die "not served: $2"
	is "$2: the pid file names" \
		"$(in_host "$1" cat "/proc/$(main_pid "$1")/comm")" rpc.statd
}

start_statd() {
	local status=0
	in_host "$1" /usr/sbin/start-statd </dev/null \
		>>"$ROOM/$1/log/start-statd" 2>&1 || status=$?
	echo $status
}

two_hosts 4
statd_start client ours
lockd_start client
lockd client mon 192.0.2.1 "$COOKIE"
over_debian server

say "systemctl start"
is "rpc-statd.service starts" "$(start server rpc-statd)" 0
is_up server "start"
is "sm-notify of the unit of statd" "$(sm_notifies server)" 0
is "rpc-statd-notify.service" "$(start server rpc-statd-notify)" 0
lockd server mon 192.0.2.2 "$COOKIE"
before=$(number server)

say "systemctl start while it runs, and restart"
is "a second one" "$(start server rpc-statd)" 1
is_up server "after the second one"
unit_stop server
is "restart" "$(start server rpc-statd)" 0
is_up server "restart"
is "rpc-statd-notify.service again" "$(start server rpc-statd-notify)" 0
wait_for "sm-notify to end" is_quiet server
is "number" "$(number server)" "$before"
is "monitored" "$(files server sm)" 192.0.2.2
! heard client || die "told without a reboot"

say "the server crashes and boots"
host_reboot server
over_debian server
is "rpc-statd-notify.service" "$(start server rpc-statd-notify)" 0
is "rpc-statd.service" "$(start server rpc-statd)" 0
is_up server "after the boot"
wait_for "callback on client" heard client
is "client is told" "$(callbacks client)" \
	"callback mon_name=192.0.2.1 state=$((before + 2)) priv=$COOKIE"
wait_for "sm-notify to end" is_quiet server
is "untold" "$(files server sm.bak)" ""

say "start-statd, which mount.nfs runs"
is "while one runs" "$(start_statd server)" 0
pid=$(main_pid server)
unit_stop server
is "while none runs" "$(start_statd server)" 0
is_up server "start-statd"
[ "$(main_pid server)" != "$pid" ] || die "the same process"
is "sm-notify of start-statd" "$(sm_notifies server)" 0
pid=$(main_pid server)
is "again" "$(start_statd server)" 0
is "process" "$(main_pid server)" "$pid"
in_host server kill -KILL "$pid"
wait_for "statd to be gone" ended server "$pid"
is "after SIGKILL" "$(start_statd server)" 0
is_up server "after SIGKILL"
is "number" "$(number server)" $((before + 2))
