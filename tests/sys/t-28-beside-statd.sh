#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What rpc.statd of nfs-utils and ours do otherwise on purpose, as seen from
# outside: both columns of doc/differences.md, each shown by its own program.
#
#   t-28-beside-statd.sh ours|debian
set -eu
. "$(dirname "$0")/hosts.sh"
. "$(dirname "$0")/beside.sh"

WHOSE=$1
STATD=$(program statd "$WHOSE")
COOKIE=28282828282828282828282828282828
COOKIE2=82828282828282828282828282828282
DISK=$ROOM/server/disk
CONF=$ROOM/server/etc/nfs.conf
HOSTS=$ROOM/server/etc/hosts
need_python

# status COMMAND...: the exit status; "runs" where it has none after 10 seconds.
status() {
	local status=0
	in_host server timeout 10 "$@" </dev/null >"$ROOM/out" 2>"$ROOM/err" ||
		status=$?
	[ $status -ne 124 ] || status=runs
	echo $status
}

# result REQUEST...: the first word of the answer.
result() {
	lockd server "$@" | cut -d ' ' -f 1
}

# notify HOST NAME NUMBER: a notice from HOST, which may get no answer.
notify() {
	lockd "$1" notify 192.0.2.1 "${@:2}" >/dev/null 2>&1 || true
}

# heard_of NUMBER: whether the lock manager was told it.
heard_of() {
	yes_if grep -q "^callback.* state=$1 " "$ROOM/server/log/lockd"
}

# fresh: the server boots, monitors nobody, and its statd runs.
fresh() {
	host_reboot server
	rm -f "$DISK"/sm/* "$DISK"/sm.bak/*
	: >"$ROOM/server/log/statd"
	statd_start server "$WHOSE" -d
	lockd_start server
}

# settled: what was asked before is on the disk.
settled() {
	lockd server mon 192.0.2.250 "$COOKIE" >/dev/null
	lockd server unmon 192.0.2.250 >/dev/null
}

# lines: of all records but that one.
lines() {
	settled
	cat "$DISK"/sm/* 2>/dev/null | grep -cv ' 192[.]0[.]2[.]250 ' || true
}

# knows_baseline COUNT: ours has had so many answers of the peer.
knows_baseline() {
	[ "$WHOSE" = debian ] || [ "$(grep -c "baseline of 192.0.2.2:" \
		"$ROOM/server/log/statd")" -ge "$1" ]
}

# transports: that rpcbind has of statd.
transports() {
	in_host server rpcinfo -p | awk '$1 == 100024' | wc -l
}

# own_pid_file: whether the pid file still names the first statd.
own_pid_file() {
	yes_if test "$(in_host server cat /run/rpc.statd.pid)" = \
		"$(pid_of server statd)"
}

# sbindir: as configured; our rpc.statd runs sm-notify from there.
sbindir() {
	# shellcheck disable=SC2016 # make expands it
	MAKEFLAGS='' make -s --no-print-directory -C "$BUILD" \
		--eval 'where: ; @echo $(sbindir)' where
}

# install_on HOST: until its next boot.
install_on() {
	in_host "$1" mount -t tmpfs none "$SBINDIR"
	in_host "$1" cp "$STATD" "$(program sm-notify ours)" "$SBINDIR"
}

# second_is_settled: it ended, or the pid file is its own.
second_is_settled() {
	is_gone server second || [ "$(own_pid_file)" = no ]
}

# lines_about PEER
lines_about() {
	settled
	records server sm "$1"
}

two_hosts 4
statd_start client ours

# --- the command line and nfs.conf -------------------------------------------

say "command line"
differs options "--no-such-option" 0 1 status "$STATD" --no-such-option
differs options "-p 12x" runs 1 status "$STATD" -F -L -p 12x
differs options "-p 0" 1 runs status "$STATD" -F -L -p 0
differs options "a stray argument" runs 1 status "$STATD" -F -L stray
status "$STATD" --help >/dev/null
differs options "--help is on stdout" no yes yes_if test -s "$ROOM/out"

mkdir "$ROOM/elsewhere"
in_elsewhere() {
	# shellcheck disable=SC2016 # expanded inside
	status sh -c 'cd "$1" && exec "$2" -F -L -P elsewhere' sh "$ROOM" \
		"$STATD"
}
differs options "-P with a name alone" 1 runs in_elsewhere
rm -rf "$ROOM/elsewhere"
mkdir "$ROOM/elsewhere"
differs options "-P with an empty directory" 1 runs \
	status "$STATD" -F -L -P "$ROOM/elsewhere"

mkdir "$ROOM/path"
printf '#!/bin/sh\n: >%s/was-run\nexit 1\n' "$ROOM" >"$ROOM/path/modprobe"
chmod 755 "$ROOM/path" "$ROOM/path/modprobe"
if [ ! -e /proc/sys/fs/nfs ]; then
	status env PATH="$ROOM/path:$PATH" "$STATD" -F -L -T 4001 >/dev/null
	differs S-9 "modprobe is searched for in PATH" yes no \
		yes_if test -e "$ROOM/was-run"
fi

say "nfs.conf"
printf '[statd]\nport = 70000\n' >"$CONF"
differs F-8 "port = 70000" runs 1 status "$STATD" -F -L
printf '[statd]\nport = 4003' >"$CONF"
fresh
served_there() {
	in_host server rpcinfo -p | awk '$1 == 100024 && $4 == 4003' | wc -l
}
becomes F-2 "sockets at a port in a last line without LF" 0 2 served_there
: >"$CONF"

# --- who may ask, what is remembered -----------------------------------------

say "who may ask"
fresh
differs S-1 "SM_MON from any port" success fail \
	result -p mon 192.0.2.2 "$COOKIE"
lockd server mon 192.0.2.2 "$COOKIE"
lockd server -p unmon 192.0.2.2
differs S-1 "lines after SM_UNMON from any port" 0 1 lines
differs N-4 "SM_MON over ::1" fail success \
	result -s ::1 mon 192.0.2.8 "$COOKIE"

say "hosts.deny"
if [ -e /etc/hosts.deny ]; then
	fresh
	echo "statd: 192.0.2.2" >"$ROOM/hosts.deny"
	in_host server mount --bind "$ROOM/hosts.deny" /etc/hosts.deny
	differs wrappers "a host that is denied is answered" no yes \
		yes_if in_host client rpcinfo -T udp 192.0.2.1 100024 1
fi

say "names"
fresh
differs B-1 "SM_MON of a name that does not resolve" fail success \
	result mon nowhere.example "$COOKIE"
differs B-3 "SM_STAT of a name that does not resolve" fail success \
	result stat nowhere.example
fresh
lockd server mon 192.0.2.2 "$COOKIE"
differs D-6 "file of 192.0.2.2" client.example 192.0.2.2 files server sm
lockd server mon 192.0.2.2 "$COOKIE" second.example
differs D-10 "mode of a file that was changed" 640 600 \
	find "$DISK/sm" -maxdepth 1 -type f ! -name '.*' -printf '%m\n'

say "a name that is another's now"
fresh
lockd server mon 192.0.2.2 "$COOKIE"
cp "$HOSTS" "$ROOM/hosts"
sed 's/client/renamed/g' "$ROOM/hosts" >"$HOSTS"
lockd server mon 192.0.2.2 "$COOKIE2"
differs D-6 "lines of a peer that has a new cookie" 2 1 lines
cat "$ROOM/hosts" >"$HOSTS"

say "SM_UNMON in other letters"
fresh
lockd server mon client.example "$COOKIE"
lockd server unmon Client.Example
differs M-7 "lines that are left" 1 0 lines

say "something else has the file's name"
fresh
mkdir -p "$DISK/sm/client.example" "$DISK/sm/192.0.2.2"
differs files "SM_MON of that peer" fail success \
	result mon 192.0.2.2 "$COOKIE"
lockd server unmon 192.0.2.2
rm -rf "$DISK"/sm/* "$DISK"/sm/.unreadable-*

say "a line that is none"
host_reboot server
rm -f "$DISK"/sm/* "$DISK"/sm.bak/* "$DISK/state.boot"
printf 'garbage\n0100007f 000186b5 00000003 00000010 %s %s\n' "$COOKIE" \
	"192.0.2.2 server.example" >"$DISK/sm/client.example"
! getent passwd statd >/dev/null || chown statd:nogroup "$DISK"/sm/*
# As if it was made in this boot, in which nfs-utils' sm-notify ran.
in_host server sh -c 'echo 99 >/run/sm-notify.pid'
statd_start server "$WHOSE"
lockd server unmon 192.0.2.2
differs D-7 "lines beside it after SM_UNMON" 1 0 lines_about 192.0.2.2

# --- notices -----------------------------------------------------------------

say "notices"
fresh
lockd server mon 192.0.2.2 "$COOKIE"
wait_for "baseline of the peer" knows_baseline 1
notify server 192.0.2.2 901
becomes M-5 "heard of a notice that only names the peer" yes no heard_of 901
notify client client.example 905
becomes M-4 "heard of an honest one" yes yes heard_of 905
wait_for "the baseline after it" knows_baseline 2
notify client client.example 903
becomes M-4 "heard of a lower number afterwards" yes no heard_of 903

say "a host whose reverse zone calls it by the peer's name"
on_wire client ip address add 192.0.2.3/24 dev eth0
on_wire client ip route replace 192.0.2.1/32 dev eth0 src 192.0.2.3
echo "192.0.2.3 client.example" >>"$HOSTS"
notify client nobody.example 907
becomes M-6 "heard of its notice" yes no heard_of 907
on_wire client ip route delete 192.0.2.1/32
cat "$ROOM/hosts" >"$HOSTS"

say "a notice while the lock manager is not registered"
host_reboot server
rm -f "$DISK"/sm/* "$DISK"/sm.bak/*
: >"$ROOM/server/log/statd"
statd_start server "$WHOSE" -d
lockd server mon 192.0.2.2 "$COOKIE"
notify client client.example 909
wait_for "the look-up of its port" \
	grep -q "not registered" "$ROOM/server/log/statd"
lockd_start server
notify client client.example 909
becomes M-2 "heard when it is there" no yes heard_of 909

say "no reserved port is left"
cat >"$ROOM/ports.py" <<'END_OF_PYTHON'
import socket, time
held = []
for port in range(1, 1024):
    try:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("127.0.0.1", port))
        held.append(s)
    except OSError:
        pass
print("held", flush=True)
time.sleep(3600)
END_OF_PYTHON
host_reboot server
spawn server ports python3 "$ROOM/ports.py"
wait_for "all reserved ports" grep -q held "$ROOM/server/log/ports"
differs S-6 "without a port for callbacks" runs 1 status "$STATD" -F -L

# --- the life of the daemon --------------------------------------------------

say "the number is raised under a running statd"
fresh
lockd server mon 192.0.2.2 "$COOKIE"
before=$(number server)
notify_run server "$WHOSE" -f
[ "$(number server)" -gt "$before" ] || die "the number was not raised"
differs D-3 "records of the monitored peer after sm-notify -f" 0 1 \
	records server sm 192.0.2.2
differs D-14 "SM_MON says the number that is on disk" no yes \
	yes_if test "$(lockd server mon 192.0.2.2 "$COOKIE2")" = \
	"success state=$(number server)"

say "sm-notify for another directory"
untold_there() {
	find "$ROOM/other/sm" "$ROOM/other/sm.bak" -type f | wc -l
}
has_sm_notify() {
	[ "$WHOSE" = debian ] || case $SBINDIR in
	/usr/local/*) [ -d "$SBINDIR" ] ;;
	*) false ;; # the host needs what is there itself
	esac
}
SBINDIR=$(sbindir)
if has_sm_notify; then
	host_reboot server
	[ "$WHOSE" = debian ] || install_on server
	mkdir -p "$ROOM/other/sm" "$ROOM/other/sm.bak"
	chmod 755 "$ROOM/other" "$ROOM/other"/*
	echo "0100007f 000186b5 00000003 00000010 $COOKIE 192.0.2.2 me" \
		>"$ROOM/other/sm/192.0.2.2"
	! getent passwd statd >/dev/null ||
		chown -R statd:nogroup "$ROOM/other"/sm*
	spawn server statd "$STATD" -F -d -P "$ROOM/other"
	wait_for "statd" statd_is_up server
	becomes options "peers there that were not told" 1 0 untold_there
	stop server statd
	fresh
fi

say "signals"
in_host server kill -HUP "$(pid_of server statd)"
becomes S-8 "runs after SIGHUP" no yes yes_if is_alive server statd

say "SM_SIMU_CRASH with 5 peers"
export MALLOC_PERTURB_=90 # what was freed is of no use any more
fresh
for i in 2 3 4 5 6; do
	lockd server mon "192.0.2.$i" "$COOKIE"
done
lockd server crash || true
becomes S-4 "runs after it" no yes yes_if is_alive server statd
unset MALLOC_PERTURB_

say "rpcbind has forgotten us"
fresh
stop server rpcbind KILL
spawn server rpcbind rpcbind -f
wait_for "rpcbind" in_host server rpcinfo -T udp 127.0.0.1 100000 2
becomes rpcbind "transports that it learns of again" 0 2 transports
spawn server second "$STATD" -F -L -d
wait_for "the second statd" second_is_settled
becomes S-13 "the pid file is that of the first statd" no yes own_pid_file

say "rpcbind comes later"
host_reboot server
stop server rpcbind KILL
in_host server rm -f /run/rpcbind.sock
spawn server statd "$STATD" -F -L -d
becomes rpcbind "statd waits for it" no yes yes_if is_alive server statd
