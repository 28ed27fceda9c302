#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The program for high availability, as a cluster has it: it becomes root by
# sudo.  What it is run with and for, one that hangs, one that fails, a new one
# at SIGHUP, a statd that is killed meanwhile, and a launcher that is gone.
set -eu
. "$(dirname "$0")/hosts.sh"

command -v sudo >/dev/null || {
	say "needs sudo"
	exit 77
}
COOKIE=26262626262626262626262626262626
OTHER=26262626262626262626262626262627
LOG_FILE=$ROOM/server/log/statd
CONF=$ROOM/server/etc/nfs.conf
SAID=$ROOM/said
STARTED=$ROOM/started # by programs that do not end
export HA_TEST=kept

# conf PROGRAM [SECONDS]: that one from now on, and its limit; one that is to
# end by itself is not near it.
conf() {
	printf '[statd]\nha-callout = %s\nha-callout-timeout = %d\n' \
		"$1" "${2:-60}" >"$CONF"
}

# callout NAME: its text is the standard input.
callout() {
	cat >"$ROOM/$1"
	chmod 755 "$ROOM/$1"
}

callout sudo.sh <<-END
	#!/bin/sh
	[ "\$(id -u)" -eq 0 ] || exec sudo -n "\$0" "\$@"
	echo "\$(id -u) \$# \$*" >>$SAID
END
callout plain.sh <<-END
	#!/bin/sh
	exec >>$SAID
	echo "\$(id -un) \$# \$*"
	echo "\$PWD \$HA_TEST \$(readlink /proc/self/fd/0)"
	sh -c 'for fd in /proc/\$\$/fd/*; do
		[ ! -e "\$fd" ] || printf "fd %s\n" "\${fd##*/}"
	done'
END
callout hang.sh <<-END
	#!/bin/sh
	[ "\$(id -u)" -eq 0 ] || exec sudo -n "\$0" "\$@"
	trap '' TERM HUP
	echo \$\$ >>$STARTED
	setsid sh -c 'echo \$\$ >>$STARTED; exec sleep 1000' &
	while :; do sleep 1000; done
END
callout fail.sh <<-END
	#!/bin/sh
	exit 3
END

# Somebody else's sudoers, and no other rule of the machine's.
make_sudoers() {
	printf 'Defaults use_pty\ndaemon ALL=(root) NOPASSWD: %s, %s\n' \
		"$ROOM/sudo.sh" "$ROOM/hang.sh" >"$ROOM/sudoers"
	chmod 440 "$ROOM/sudoers"
	in_host server mount --bind "$ROOM/sudoers" /etc/sudoers
}

# said WHAT LINE...: exactly that was said since the last time.
said() {
	local what=$1 want
	shift
	want=$(printf '%s\n' "$@")
	wait_for "callouts of $what: $*" has_said "$want"
	say "ok: callouts of $what: $*"
	: >"$SAID"
}

has_said() {
	[ "$(cat "$SAID")" = "$1" ]
}

# logs COUNT TEXT: that many lines of the log have TEXT.
logs() {
	[ "$(grep -c -- "$2" "$LOG_FILE")" -eq "$1" ]
}

reload() {
	local before
	before=$(grep -c "nfs.conf was read again" "$LOG_FILE" || true)
	in_host server kill -HUP "$(pid_of server statd)"
	wait_for "SIGHUP" logs $((before + 1)) "nfs.conf was read again"
}

launcher() {
	in_host server pgrep -P "$(pid_of server statd)" -x nsm-callouts
}

are_gone() {
	local pid
	while read -r pid; do
		! in_host server kill -0 "$pid" 2>/dev/null || return 1
	done <"$STARTED"
}

has_lines() {
	[ "$(wc -l <"$1")" -eq "$2" ]
}

no_record() {
	[ ! -e "$ROOM/server/disk/sm/$1" ]
}

# Nothing in sm/.reclaim names a pair that the cluster may be wrong about.
knows_all() {
	! grep -rq '^callout ' "$ROOM/server/disk/sm/.reclaim"
}

two_hosts 4
chown -R daemon:daemon "$ROOM/server/disk/sm" "$ROOM/server/disk/sm.bak"
for file in "$SAID" "$STARTED"; do
	: >"$file"
	chmod 666 "$file"
done
make_sudoers
lockd_start server
conf "$ROOM/sudo.sh"
statd_start server ours -d

lockd server mon 192.0.2.2 "$COOKIE"
said "SM_MON" "0 3 add-client 192.0.2.2 server.example"
lockd server mon 192.0.2.2 "$COOKIE"
lockd server mon 192.0.2.2 "$OTHER"
said "a new cookie" "0 3 add-client 192.0.2.2 server.example"
lockd server -- mon -rf "$COOKIE"
wait_for "a name that looks like an option" logs 1 "might misread the name"
lockd server -- unmon -rf

# Nobody in the network can have the program run by what is not believed.
! lockd server notify 192.0.2.1 192.0.2.2 99 2>/dev/null || die "answered"
wait_for "answer about a stranger" lockd server notify 192.0.2.1 \
	stranger.example 99
lockd client notify 192.0.2.1 client.example 7
lockd client notify 192.0.2.1 client.example 7
said "a reboot" "0 4 sm-notify client.example 192.0.2.2 7"

conf "$ROOM/plain.sh"
reload
lockd server unmon 192.0.2.2
said "SM_UNMON, not as root" "daemon 3 del-client 192.0.2.2 server.example" \
	"/var/lib/nfs kept /dev/null" "fd 0" "fd 1" "fd 2"

# Time enough for sudo.
conf "$ROOM/hang.sh" 8
reload
lockd server mon 192.0.2.2 "$COOKIE"
wait_for "the one that hangs" test -s "$STARTED"
lockd server mon 192.0.2.3 "$COOKIE"
answers server 100024 udp tcp || die "statd waits for its callout"
wait_for "the end of both" logs 2 "killed after ha-callout-timeout"
wait_for "the end of all that it started" are_gone
say "ok: one that hangs as root is killed"

conf "$ROOM/fail.sh"
reload
lockd server unmon 192.0.2.3
wait_for "one that fails" logs 1 'del-client "192.0.2.3": exit status 3'

# What ran and what waited is run by the next statd, as the records are then.
: >"$STARTED"
conf "$ROOM/hang.sh" 3600
reload
lockd server mon 192.0.2.5 "$COOKIE"
wait_for "one that hangs" has_lines "$STARTED" 2
lockd server mon 192.0.2.6 "$COOKIE"
wait_for "another one" has_lines "$STARTED" 4
lockd server unmon 192.0.2.5
wait_for "the record to go" no_record 192.0.2.5
stop server statd KILL
wait_for "the end of all that ran" are_gone
conf "$ROOM/sudo.sh"
statd_start server ours -d
wait_for "what was left" has_lines "$SAID" 2
is "run after a kill" "$(sort "$SAID" | paste -sd ';')" \
	"0 3 add-client 192.0.2.6 server.example;$(
	)0 3 del-client 192.0.2.5 server.example"
: >"$SAID"
wait_for "an end of what is under way" knows_all

conf "bin/relative"
reload
logs 1 "nfs.conf:2: .statd. ha-callout = bin/relative: not an absolute path" ||
	die "the line is not named"
conf "$ROOM/sudo.sh"
reload
in_host server kill -KILL "$(launcher)"
wait_for "the end of the launcher" logs 1 "process that runs ha-callout has"
lockd server unmon 192.0.2.2
in_host server kill -USR1 "$(pid_of server statd)"
wait_for "the status" logs 1 "nobody is left who could run ha-callout"
answers server 100024 udp tcp || die "statd does not answer"
stop server statd

say "an option wins over nfs.conf, at SIGHUP too"
: >"$SAID"
statd_start server ours -d -H "$ROOM/plain.sh"
wait_for "what no launcher ran" grep -q "del-client 192.0.2.2" "$SAID"
conf "$ROOM/fail.sh"
reload
lockd server mon 192.0.2.4 "$COOKIE"
wait_for "the one of the option" grep -q "add-client 192.0.2.4" "$SAID"
stop server statd

: >"$CONF"
statd_start server ours -d
is "processes beside statd without ha-callout" "$(launcher)" ""
conf "$ROOM/sudo.sh"
reload
wait_for "a word about the next start" logs 1 "run from the next start on"
stop server statd
