#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# As an init script runs them: rpc.statd goes to the background when it is
# ready and starts sm-notify itself, from where both are installed.
set -eu
. "$(dirname "$0")/hosts.sh"

COOKIE=99999999999999999999999999999999

# SBINDIR as configured: rpc.statd runs sm-notify from there.
sbindir() {
	# shellcheck disable=SC2016 # make expands it
	MAKEFLAGS='' make -s --no-print-directory -C "$BUILD" \
		--eval 'where: ; @echo $(sbindir)' where
}

# install_on HOST: until its next boot.
install_on() {
	in_host "$1" mount -t tmpfs none "$SBINDIR"
	in_host "$1" cp "$(program statd ours)" "$(program sm-notify ours)" \
		"$SBINDIR"
}

# slow_rpcbind HOST: each call over its socket waits, until the next boot.
slow_rpcbind() {
	spawn "$1" strace strace -o "$ROOM/strace" -p "$(pid_of "$1" rpcbind)" \
		-e inject=accept,accept4:delay_enter=400000
	wait_for "strace" grep -q attached "$ROOM/$1/log/strace"
}

command -v strace >/dev/null || { say "needs strace" && exit 77; }
SBINDIR=$(sbindir)
case $SBINDIR in
/usr/local/*) ;;
*) say "configured for $SBINDIR, which the hosts need themselves" && exit 77 ;;
esac
[ -d "$SBINDIR" ] || { say "no directory $SBINDIR here" && exit 77; }
two_hosts 4
statd_start client ours
lockd_start client
lockd client mon 192.0.2.1 "$COOKIE"

install_on server
slow_rpcbind server
# Without the module lockd there is a complaint, for the log.
in_host server "$SBINDIR/rpc.statd" -T 4045 </dev/null 2>"$ROOM/said"
is "said before the log was chosen" "$(cat "$ROOM/said")" ""
answers server 100024 udp tcp || die "the parent left before statd was ready"
say "ok: ready when the parent leaves"
lockd server mon 192.0.2.2 "$COOKIE"
before=$(number server)

host_reboot server
install_on server
in_host server "$SBINDIR/rpc.statd" </dev/null
wait_for "callback on client" heard client
[ "$(number server)" -gt "$before" ] || die "number was not raised"
is "client is told" "$(callbacks client)" \
	"callback mon_name=192.0.2.1 state=$(number server) priv=$COOKIE"

pid=$(in_host server cat /run/rpc.statd.pid)
is "pid file names" "$(in_host server cat "/proc/$pid/comm")" rpc.statd
in_host server kill "$pid"
wait_for "statd to end" [ ! -s "/proc/${INIT[server]}/root/run/rpc.statd.pid" ]
say "ok: pid file is empty after SIGTERM"

say "with a directory that is named as seen from where it is started"
mkdir "$ROOM/elsewhere"
# shellcheck disable=SC2016 # expanded inside
in_host server sh -c 'cd "$1" && exec "$2" -L -P elsewhere' sh "$ROOM" \
	"$SBINDIR/rpc.statd" </dev/null
is "numbers there" "$(cd "$ROOM/elsewhere" && echo state*)" "state state.boot"
lockd server mon 192.0.2.2 "$COOKIE"
is "remembered there" "$(ls "$ROOM/elsewhere/sm")" 192.0.2.2
