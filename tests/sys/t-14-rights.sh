#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What every process of both programs may do and has open, as /proc tells it and
# rpc.statd(8) and sm-notify(8) promise it; and that what they have to do works
# with that.
set -eu
. "$(dirname "$0")/hosts.sh"

COOKIE=44444444444444444444444444444444
DISK=$ROOM/server/disk
NONE=0000000000000000
PORT=0000000000000400 # CAP_NET_BIND_SERVICE alone
KILL=0000000000000020 # CAP_KILL alone
LOOP="[eventpoll] [timerfd] pipe socket" # libevent's, and the network's
DAEMON="$(id -u daemon) $(id -g daemon)"

# rights PID: "UID GID [GROUPS] inheritable permitted effective bounding ambient
# no_new_privs" of a process of the server; every id and thread must agree.
rights() {
	in_host server sh -c "cat /proc/$1/task/*/status" | awk '
		/^[UG]id:/ { print $2 == $3 && $2 == $4 && $2 == $5 ? $2 : "?" }
		/^Groups:/ { $1 = ""; gsub(" ", ""); print "[" $0 "]" }
		/^(Cap|NoNewPrivs)/ { print $2 }
		/^NoNewPrivs/ { print "/" }' | tr '\n' ' ' | tr / '\n' |
		sed 's/^ *//; s/ *$//' | sort -u | sed '/^$/d'
}

# dropped UID GID: what rights says of a process that has given up root.
dropped() {
	echo "$1 $2 [] $NONE $PORT $PORT $NONE $NONE 1"
}

# descriptors PID: what is open above standard error, each kind once, but for a
# /dev/null that bash hands to what it starts.
descriptors() {
	# shellcheck disable=SC2016 # expanded inside
	in_host server sh -c 'for fd in /proc/$1/fd/*; do
		[ "${fd##*/}" -le 2 ] || readlink "$fd"; done' sh "$1" |
		sed 's/:\[[0-9]*\]//; s/anon_inode://' |
		grep -vx /dev/null | LC_ALL=C sort -u | paste -sd ' '
}

are_descriptors() {
	[ "$(descriptors "$1")" = "$2" ]
}

# keeps WHAT PID WANT: its descriptors, once a file that it is just reading or
# writing is closed.
keeps() {
	wait_for "descriptors of $1: $3, not $(descriptors "$2")" \
		are_descriptors "$2" "$3"
	say "ok: descriptors of $1: $3"
}

# children PID NAME: the children of a process of the server, resolver helpers
# or others, that are named NAME.
children() {
	in_host server pgrep -P "$1" -x "$2"
}

# child PID NAME: that child, once it has its name.
child() {
	wait_for "a child $2" children "$1" "$2"
	children "$1" "$2"
}

# As Pacemaker's nfsnotify looks for statd.
is_alone() {
	[ "$(in_host server pgrep rpc.statd)" = "$1" ]
}

has_no_child() {
	! children "$1" nsm-turn
}

is_no_process() {
	! in_host server test -e "/proc/$1"
}

# owner FILE: user id, group id and mode.
owner() {
	stat -c '%u %g %a' "$1"
}

# registered: who owns our entries in rpcbind.
registered() {
	in_host server rpcinfo | awk '$1 == 100024 { print $NF }' | sort -u
}

is_registered_by() {
	[ "$(registered)" = "$1" ]
}

# has_rights PID RIGHTS
has_rights() {
	[ "$(rights "$1")" = "$2" ]
}

# is_dropped LABEL UID GID
is_dropped() {
	[ "$(rights "$(pid_of server "$1")")" = "$(dropped "$2" "$3")" ]
}

# complains LABEL WORDS
complains() {
	grep -q "$2" "$ROOM/server/log/$1" || die "$1 does not say '$2'"
	say "ok: $1 says '$2'"
}

two_hosts 4
echo "$(address client 4) slow.example" >>"$ROOM/server/etc/hosts"

# launches UID GID: what rights says of the process that runs ha-callout.
launches() {
	echo "$1 $2 [] $NONE $KILL $KILL $(rights_of_root) $NONE 0"
}

# The bounding set that everything here began with.
rights_of_root() {
	awk '/^CapBnd/ { print $2 }' /proc/self/status
}

say "records that belong to root"
chown -R root:root "$DISK/sm" "$DISK/sm.bak"
statd_start server ours -d
is "rights of statd" "$(rights "$(pid_of server statd)")" "$(dropped 0 0)"
complains statd "belong to root"
lockd server mon 192.0.2.2 "$COOKIE"
is "a record" "$(owner "$DISK/sm/192.0.2.2")" "0 0 600"
wait_for "registration" is_registered_by superuser
stop server statd KILL

say "records that belong to a user; entries of root in rpcbind"
chown -R "${DAEMON/ /:}" "$DISK/sm" "$DISK/sm.bak"
statd_start server ours -d
pid=$(pid_of server statd)
# shellcheck disable=SC2086 # two words
is "rights of statd" "$(rights "$pid")" "$(dropped $DAEMON)"
wait_for "registration by the user" \
	is_registered_by "${DAEMON% *}"
lockd server mon slow.example "$COOKIE"
lockd server mon 192.0.2.99 "$COOKIE"
lockd server mon 192.0.2.2 "$COOKIE" server.example
is "a new record" "$(owner "$DISK/sm/slow.example")" "$DAEMON 600"
is "a changed record" "$(owner "$DISK/sm/192.0.2.2")" "$DAEMON 600"
helper=$(child "$pid" nsm-lookup)
wait_for "statd to be the only one of its name" is_alone "$pid"
# shellcheck disable=SC2086
is "rights of statd's helper" "$(rights "$helper")" "$(dropped $DAEMON)"
keeps "statd's helper" "$helper" socket
keeps statd "$pid" \
	"/proc/$pid/mountinfo /run/rpc.statd.pid /var/lib/nfs$(printf ' /var/lib/nfs/%s' sm \
		sm.bak sm/.reclaim) [eventfd] $LOOP"
stop server statd
is "registered after SIGTERM" "$(registered)" ""

say "a record with a host name is there at the start: it is looked up, too"
statd_start server ours -d
helper=$(child "$(pid_of server statd)" nsm-lookup)
# shellcheck disable=SC2086
is "rights of a helper of the start" "$(rights "$helper")" "$(dropped $DAEMON)"
stop server statd
is "size of the pid file" "$(in_host server stat -c %s /run/rpc.statd.pid)" 0
is "the pid file" "$(in_host server stat -c '%u %g %a' /run/rpc.statd.pid)" \
	"0 0 644"

say "sm-notify, with one peer that answers and one that does not"
host_reboot server
statd_start client ours
spawn server sm-notify "$(program sm-notify ours)" -d
pid=$(pid_of server sm-notify)
wait_for "the address to be told" is_told server 192.0.2.2
wait_for "the name to be told" is_told server slow.example
is "untold" "$(files server sm.bak)" 192.0.2.99
# shellcheck disable=SC2086
is "rights of sm-notify" "$(rights "$pid")" "$(dropped $DAEMON)"
keeps sm-notify "$pid" \
	"/run/nfs-reclaim/notify /run/sm-notify.pid $(printf '/var/lib/nfs/%s ' \
		sm sm.bak)$LOOP"
helper=$(child "$pid" nsm-lookup)
# shellcheck disable=SC2086
is "rights of its helper" "$(rights "$helper")" "$(dropped $DAEMON)"
keeps "its helper" "$helper" socket
stop server sm-notify

say "sm-notify, where sm.bak is another user's than sm"
chown root:root "$DISK/sm"
spawn server sm-notify "$(program sm-notify ours)" -d
# shellcheck disable=SC2086
wait_for "sm-notify to give up root" is_dropped sm-notify $DAEMON
complains sm-notify "but sm to uid 0"
stop server sm-notify
chown root:root "$DISK/sm.bak"
spawn server sm-notify "$(program sm-notify ours)" -d
wait_for "sm-notify to give up capabilities" is_dropped sm-notify 0 0
stop server sm-notify

say "sm-notify -P, in a directory that only root can enter"
mkdir -m 700 "$ROOM/private"
chown root:root "$ROOM/private"
mkdir -m 700 "$ROOM/private/sm" "$ROOM/private/sm.bak"
sed 's/192.0.2.99/192.0.2.2/' "$DISK/sm.bak/192.0.2.99" \
	>"$ROOM/private/sm/192.0.2.2"
cp "$DISK/sm.bak/192.0.2.99" "$ROOM/private/sm"
chown -R "${DAEMON/ /:}" "$ROOM/private/sm" "$ROOM/private/sm.bak"
spawn server sm-notify "$(program sm-notify ours)" -d -P "$ROOM/private"
wait_for "the peer to be told" [ ! -e "$ROOM/private/sm/192.0.2.2" -a \
	! -e "$ROOM/private/sm.bak/192.0.2.2" ]
# shellcheck disable=SC2086
is "rights of sm-notify" "$(rights "$(pid_of server sm-notify)")" \
	"$(dropped $DAEMON)"
stop server sm-notify

say "with ha-callout: a process that can start sudo, and statd as before"
chown "${DAEMON/ /:}" "$DISK/sm" "$DISK/sm.bak"
rm -f "$DISK/sm/slow.example"
statd_start server ours -d -H /bin/true
pid=$(pid_of server statd)
# shellcheck disable=SC2086
is "rights of statd" "$(rights "$pid")" "$(dropped $DAEMON)"
child=$(child "$pid" nsm-callouts)
wait_for "statd to be the only one of its name" is_alone "$pid"
# shellcheck disable=SC2086
wait_for "the launcher to give up rights" has_rights "$child" \
	"$(launches $DAEMON)"
say "ok: rights of the launcher: $(rights "$child")"
keeps "the launcher" "$child" socket
stop server statd
wait_for "the launcher to end" is_no_process "$child"

say "a directory that cannot be used"
chown "${DAEMON/ /:}" "$DISK/sm.bak"
rm -rf "$DISK/sm"
: >"$DISK/sm"
statd_start server ours -d
pid=$(pid_of server statd)
# shellcheck disable=SC2086
is "rights of statd" "$(rights "$pid")" "$(dropped $DAEMON)"
child=$(child "$pid" nsm-turn)
is "user of the child that repeats the turn" \
	"$(in_host server stat -c %u "/proc/$child")" 0
keeps "the child that repeats the turn" "$child" socket
rm "$DISK/sm"
wait_for "SM_MON after the directory was mended" \
	lockd server mon 192.0.2.2 "$COOKIE"
is "a record" "$(owner "$DISK/sm/192.0.2.2")" "$DAEMON 600"
# shellcheck disable=SC2086
is "rights of statd" "$(rights "$pid")" "$(dropped $DAEMON)"
wait_for "the child to end" has_no_child "$pid"
stop server statd
