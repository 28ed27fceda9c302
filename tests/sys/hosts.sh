# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Hosts for the system tests and the demo, made of namespaces; to be sourced
# by bash.  A host is
#   - a holder process, which keeps its network, its name and its mounts for as
#     long as the test runs, and
#   - a boot: process 1 of PID and mount namespaces of its own (boot.sh), with
#     an empty /run and a new boot id; host_crash kills it and all that runs.
# Nothing outlives the script: a trap ends every process by its pid, and the
# kernel kills them even where the script itself is killed.
#
# Wants BUILD, the directory with the built programs.  Makes ROOM, a scratch
# directory: ROOM/HOST/{disk,etc,log} are the host's /var/lib/nfs, some files of
# its /etc, and what its programs said.  A script may define at_end for what
# else there is to do at the end.

SYS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BUILD=$(cd "${BUILD:-${top_builddir:-$SYS/../..}}" && pwd)
ROOM=$(mktemp -d)
WAIT_S=${WAIT_S:-30} # bound of every wait; nothing is asserted about time

declare -A HOLDER INIT_PARENT INIT CAPTURE

# --- failing and waiting -----------------------------------------------------

say() {
	printf '%s\n' "$*"
}

die() {
	say "FAILED: $*" >&2
	exit 1
}

# wait_for WHAT COMMAND...: repeats COMMAND until it succeeds.
wait_for() {
	local what=$1 end=$((SECONDS + WAIT_S))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || die "waited in vain for $what"
		sleep 0.1
	done
}

# is WHAT HAVE WANT: the assertion of the tests.
is() {
	[ "$2" = "$3" ] || die "$1: have '$2', want '$3'"
	say "ok: $1: $2"
}

need_python() {
	command -v python3 >/dev/null || { say "needs python3" && exit 77; }
}

# --- the life of a host ------------------------------------------------------

# The one child of process $1.
child_of() {
	pgrep -P "$1" | head -n 1
}

# host_new NAME NUMBER: a host with the addresses 192.0.2.NUMBER and
# 2001:db8::NUMBER once host_link has connected it.
host_new() {
	local name=$1 dir=$ROOM/$1
	mkdir -p "$dir/disk" "$dir/etc" "$dir/log"
	echo "$2" >"$dir/number"
	disk_new "$dir/disk"
	: >"$dir/etc/nfs.conf"
	: >"$dir/etc/resolv.conf"
	echo "127.0.0.1 localhost" >"$dir/etc/hosts"
	printf '#!/bin/sh\nexit 1\n' >"$dir/modprobe"
	chmod 755 "$dir/modprobe"
	unshare -n -m -u --propagation private \
		setpriv --pdeathsig KILL sleep infinity &
	HOLDER[$name]=$!
	wait_for "namespaces of $name" test \
		"/proc/$!/ns/net" -ef "/proc/$!/ns/net" -a \
		! "/proc/$!/ns/uts" -ef /proc/$$/ns/uts
	on_wire "$name" hostname "$name.example"
	on_wire "$name" ip link set lo up
}

# Debian's nfs-common leaves /var/lib/nfs like this, an empty `state` included.
disk_new() {
	mkdir -p "$1/sm" "$1/sm.bak"
	: >"$1/state"
	chmod 755 "$ROOM" "$1" "$1/sm" "$1/sm.bak"
	! getent passwd statd >/dev/null ||
		chown statd:nogroup "$1/sm" "$1/sm.bak" "$1/state"
}

# host_boot NAME: power on.
host_boot() {
	local name=$1 dir=$ROOM/$1
	rm -f "$dir/is-up"
	cat /proc/sys/kernel/random/uuid >"$dir/boot_id"
	setpriv --pdeathsig KILL \
		nsenter -t "${HOLDER[$name]}" -n -m -u unshare -p -f -m \
		--mount-proc --kill-child --propagation private \
		sh "$SYS/boot.sh" "$dir" >>"$dir/log/boot" 2>&1 &
	INIT_PARENT[$name]=$!
	wait_for "$name to boot" test -e "$dir/is-up"
	INIT[$name]=$(child_of "$!")
	spawn "$name" rpcbind rpcbind -f -w
	wait_for "rpcbind on $name" in_host "$name" rpcinfo -T udp 127.0.0.1 \
		100000 2
}

# host_crash NAME: power off without a goodbye.
host_crash() {
	kill -KILL "${INIT[$1]}"
	wait "${INIT_PARENT[$1]}" 2>/dev/null || true
	unset "INIT[$1]" "INIT_PARENT[$1]"
}

host_reboot() {
	host_crash "$1"
	host_boot "$1"
}

# host_link A B FAMILY: a cable between two hosts; their names have an address
# of FAMILY (4 or 6) alone in everybody's /etc/hosts.
host_link() {
	local host number
	on_wire "$1" ip link add eth0 type veth \
		peer name eth0 netns "${HOLDER[$2]}"
	for host in "$1" "$2"; do
		number=$(cat "$ROOM/$host/number")
		on_wire "$host" ip address add "192.0.2.$number/24" dev eth0
		on_wire "$host" ip address add "2001:db8::$number/64" \
			dev eth0 nodad
		on_wire "$host" ip link set eth0 up
		echo "$(address "$host" "$3") $host.example $host" |
			tee -a "$ROOM/$1/etc/hosts" >>"$ROOM/$2/etc/hosts"
	done
}

# address HOST FAMILY
address() {
	case $2 in
	4) echo "192.0.2.$(cat "$ROOM/$1/number")" ;;
	6) echo "2001:db8::$(cat "$ROOM/$1/number")" ;;
	esac
}

# The usual pair, booted: server (.1) and client (.2), names of FAMILY.
two_hosts() {
	host_new server 1
	host_new client 2
	host_link server client "$1"
	host_boot server
	host_boot client
}

# --- running things ----------------------------------------------------------

# on_wire HOST COMMAND...: in the host's network, outside of any boot.
on_wire() {
	nsenter -t "${HOLDER[$1]}" -n -u "${@:2}"
}

# in_host HOST COMMAND...
in_host() {
	nsenter -t "${INIT[$1]}" -n -m -u -p "${@:2}"
}

# spawn HOST LABEL COMMAND...: in the background; output in ROOM/HOST/log/LABEL.
spawn() {
	in_host "$1" rm -f "/run/test-$2.pid"
	# shellcheck disable=SC2016 # expanded inside
	in_host "$1" sh -c 'echo $$ >/run/test-'"$2"'.pid; exec "$@"' sh \
		"${@:3}" </dev/null >>"$ROOM/$1/log/$2" 2>&1 &
	disown $!
	wait_for "$2 on $1 to start" in_host "$1" test -s "/run/test-$2.pid"
}

# pid_of HOST LABEL: the process that spawn made, as the host numbers it.
pid_of() {
	in_host "$1" cat "/run/test-$2.pid"
}

is_alive() {
	in_host "$1" kill -0 "$(pid_of "$1" "$2")" 2>/dev/null
}

is_gone() {
	! is_alive "$1" "$2"
}

# stop HOST LABEL [SIGNAL]: ends what spawn started and waits until it is gone.
stop() {
	in_host "$1" kill -"${3:-TERM}" "$(pid_of "$1" "$2")" 2>/dev/null || true
	wait_for "end of $2 on $1" is_gone "$1" "$2"
}

# program statd|sm-notify ours|debian
program() {
	case $2/$1 in
	ours/statd) echo "$BUILD/statd/rpc.statd" ;;
	ours/sm-notify) echo "$BUILD/sm-notify/sm-notify" ;;
	debian/statd) echo /usr/sbin/rpc.statd ;;
	debian/sm-notify) echo /usr/sbin/sm-notify ;;
	*) die "no program $1 of $2" ;;
	esac
}

# answers HOST PROGRAM NETID...: NULL is answered over each of them.
answers() {
	local host=$1 program=$2 netid
	shift 2
	for netid in "$@"; do
		case $netid in
		*6) in_host "$host" rpcinfo -T "$netid" ::1 "$program" 1 ;;
		*) in_host "$host" rpcinfo -T "$netid" 127.0.0.1 "$program" 1 ;;
		esac || return 1
	done
}

# statd_start HOST ours|debian [OPTION...]: in the foreground, so that its words
# are kept; never starts sm-notify; returns when it is registered and answers.
statd_start() {
	local host=$1 whose=$2
	shift 2
	[ "$whose" = ours ] || set -- -d "$@"
	spawn "$host" statd "$(program statd "$whose")" -F -L "$@"
	wait_for "statd ($whose) on $host" statd_is_up "$host"
}

statd_is_up() {
	is_alive "$1" statd && answers "$1" 100024 udp tcp
}

# notify_run HOST ours|debian [OPTION...]: sm-notify to its end.
notify_run() {
	in_host "$1" timeout 120 "$(program sm-notify "$2")" -d "${@:3}" \
		</dev/null >>"$ROOM/$1/log/sm-notify" 2>&1
}

# lockd_start HOST: the stand-in for the lock manager; callbacks are printed to
# ROOM/HOST/log/lockd.
lockd_start() {
	: >"$ROOM/$1/log/lockd"
	spawn "$1" lockd "$BUILD/tests/sys/lockd-standin"
	wait_for "lock manager on $1" grep -q serving "$ROOM/$1/log/lockd"
}

# lockd HOST REQUEST...: what the lock manager asks its statd.
lockd() {
	in_host "$1" timeout 60 "$BUILD/tests/sys/lockd-standin" "${@:2}"
}

# --- what is left behind -----------------------------------------------------

# number HOST: the NSM state number on its disk.
number() {
	od -An -t d4 -N 4 "$ROOM/$1/disk/state" | tr -d ' '
}

# files HOST sm|sm.bak: the record files, sorted, on one line.
files() {
	find "$ROOM/$1/disk/$2" -maxdepth 1 -type f ! -name '.*' \
		-printf '%f\n' | LC_ALL=C sort | paste -sd ' '
}

# is_told HOST PEER: no record is left.  Asked in the order of its way, or one
# that sm-notify has not yet moved is taken for told.
is_told() {
	[ ! -e "$ROOM/$1/disk/sm/$2" ] && [ ! -e "$ROOM/$1/disk/sm.bak/$2" ]
}

# records HOST sm|sm.bak PEER: how many lines there are about PEER.
records() {
	find "$ROOM/$1/disk/$2" -maxdepth 1 -type f ! -name '.*' \
		-exec cat {} + | awk -v peer="$3" '$6 == peer' | wc -l
}

# callbacks HOST: what its lock manager heard, each thing once.
callbacks() {
	sort -u "$ROOM/$1/log/lockd" | grep '^callback' || true
}

heard() {
	grep -q '^callback' "$ROOM/$1/log/lockd"
}

# --- packets -----------------------------------------------------------------

# capture_start HOST [FILTER]: all that passes in its network, loopback too.
capture_start() {
	# What an earlier one left must not pass for this one's.
	rm -f "$ROOM/$1/pcap" "$ROOM/$1/log/tcpdump"
	setpriv --pdeathsig KILL nsenter -t "${HOLDER[$1]}" -n \
		tcpdump -i any -U --immediate-mode -B 65536 -s 4096 -Z root \
		-w "$ROOM/$1/pcap" ${2:+"($2) or udp port 9"} \
		2>"$ROOM/$1/log/tcpdump" &
	CAPTURE[$1]=$!
	wait_for "capture on $1" grep -q listening "$ROOM/$1/log/tcpdump"
}

# capture_stop HOST: all that was sent before is in the file afterwards.
capture_stop() {
	on_wire "$1" bash -c 'echo end-of-capture >/dev/udp/127.0.0.1/9'
	wait_for "packets of $1" grep -aq end-of-capture "$ROOM/$1/pcap"
	kill -INT "${CAPTURE[$1]}"
	wait "${CAPTURE[$1]}" || true
	unset "CAPTURE[$1]"
}

# packets HOST FILTER FIELD...: the fields (the first of each name) of the
# packets, tab separated.  Every port is RPC's here (-d): ours are random and
# may be known to tshark as some other protocol's.  A call that an ICMP error
# quotes is not the call of its sender.
packets() {
	local host=$1 filter=$2 field fields=()
	shift 2
	for field in "$@"; do
		fields+=(-e "$field")
	done
	tshark -n -d udp.port==1-65535,rpc -d tcp.port==1-65535,rpc \
		-r "$ROOM/$host/pcap" -Y "!icmp && !icmpv6 && ($filter)" \
		-T fields -E occurrence=f "${fields[@]}" \
		2>>"$ROOM/$host/log/tshark"
}

# --- the end -----------------------------------------------------------------

logs_show() {
	local log
	for log in "$ROOM"/*/log/*; do
		[ -s "$log" ] || continue
		say "--- ${log#"$ROOM"/}"
		tail -n 40 "$log"
	done
}

# Programs built with sanitizers need several times the memory.
is_sanitized() {
	grep -aq __asan_init "$BUILD/statd/rpc.statd"
}

# Programs built with sanitizers complain where nobody looks at their status.
logs_are_clean() {
	! grep -qE 'Sanitizer|runtime error:' "$ROOM"/*/log/* 2>/dev/null
}

cleanup() {
	local status=$?
	trap '' INT TERM
	set +e
	[ $status -ne 0 ] || logs_are_clean || status=1
	! declare -F at_end >/dev/null || at_end
	[ $status -eq 0 ] || [ $status -eq 77 ] || logs_show >&2
	kill -KILL "${INIT_PARENT[@]}" "${CAPTURE[@]}" "${HOLDER[@]}" 2>/dev/null
	wait "${INIT_PARENT[@]}" "${CAPTURE[@]}" "${HOLDER[@]}" 2>/dev/null
	rm -rf "$ROOM"
	exit $status
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

[ "$(id -u)" -eq 0 ] || {
	say "needs root, to make network namespaces"
	exit 77
}
