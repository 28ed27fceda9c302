# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Machines for the kernel scenarios; to be sourced by bash.  A machine is a
# qemu without KVM that runs Debian's kernel.  Its state directory is on a disk
# that outlives machine_kill; what was not on it then is gone.  The machines
# are joined by unix sockets and a hub process: the host's network is not
# touched.  Nothing outlives the script: a trap ends every process by its pid,
# and the kernel kills them where the script itself is killed.
#
# Wants BUILD, the build tree, and IMAGE and LAB_CACHE (run.sh makes both).
# Makes ROOM, a scratch directory; a scenario that fails keeps it, and says so:
# ROOM/NAME.console of each machine, ROOM/pcap, ROOM/steps.  doc/lab.md tells
# how to write a scenario.

# shellcheck disable=SC2034 # for scenarios
LAB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SCENARIO=$(basename "$0" .sh)
ROOM=$(mktemp -d "${LAB_ROOMS:-${TMPDIR:-/tmp}}/lab-$SCENARIO.XXXXXX")
WAIT_S=${WAIT_S:-300} # bound of every wait; nothing is asserted about time
# A scenario's bounds are for an idle host; any other gets so many times as much,
# but not for the checks in FAILS, of a negative control: they will not come.
PATIENCE=${PATIENCE:-3}
FAILS=${FAILS:-}
: "${BUILD:?}" "${IMAGE:?}" "${LAB_CACHE:?}"
cd "$ROOM" || exit 1

# The wire's ports, and so the addresses: 192.0.2.1 and so on.
declare -A NUMBER=([server]=1 [alice]=2 [bob]=3)
declare -A QEMU DISK_SERVER TO FROM
FAILED=()
# Two machines may have the export's disk; the scenario sees to it that one at
# a time uses it.
EXPORT_DRIVE=format=raw,cache=unsafe,file.locking=off

# --- saying ------------------------------------------------------------------

say() {
	printf '%3d s  %s\n' "$SECONDS" "$*" | tee -a "$ROOM/steps" >&2
}

# No check failed; the scenario could not be played to its end.
die() {
	say "FAILED: $*"
	exit 1
}

# --- checks: a scenario goes on after one that fails, and counts them ----------

# verdict CHECK STATUS WORDS: for all that follow.
verdict() {
	if [ "$2" -eq 0 ]; then
		say "ok $1${3:+: $3}"
	else
		FAILED+=("$1")
		say "FAILED $1${3:+: $3}"
	fi
}

# is CHECK HAVE WANT
is() {
	if [ "$2" = "$3" ]; then
		verdict "$1" 0 "$2"
	else
		verdict "$1" 1 "have '$2', want '$3'"
	fi
}

# holds CHECK MACHINE COMMAND: succeeds there.
holds() {
	local status=0 said
	said=$(run_on "$2" "${@:3}") || status=$?
	verdict "$1" "$status" "$said"
}

# bound CHECK SECONDS: how long it is waited for.
bound() {
	case " $FAILS " in
	*" $1 "*) echo "$2" ;;
	*) echo $(($2 * PATIENCE)) ;;
	esac
}

# comes CHECK SECONDS MACHINE COMMAND: succeeds there within SECONDS (times
# PATIENCE).
comes() {
	local end=$((SECONDS + $(bound "$1" "$2"))) status=0
	until run_on "$3" "${@:4}" >/dev/null; do
		[ $SECONDS -lt $end ] || { status=1 && break; }
		sleep 0.3
	done
	verdict "$1" "$status" "$3: ${*:4}"
}

# comes_here CHECK SECONDS COMMAND...: the same, outside of the machines.
comes_here() {
	local end=$((SECONDS + $(bound "$1" "$2"))) status=0
	until "${@:3}" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || { status=1 && break; }
		sleep 0.3
	done
	verdict "$1" "$status" "${*:3}"
}

# --- the life of a machine -----------------------------------------------------

# setting NAME MACHINE DEFAULT: $NAME_MACHINE, or $NAME, or DEFAULT.
setting() {
	local special=$1_$2
	echo "${!special:-${!1:-$3}}"
}

hub_start() {
	mkfifo orders
	setpriv --pdeathsig KILL "$BUILD/tests/kernel/hub" 3 \
		<orders >>hub.said 2>&1 &
	HUB=$!
	disown $!
	# shellcheck disable=SC2034 # for scenarios
	exec {ORDERS}<>orders
}

# disk_new FILE FILE-SYSTEM: sparse; xfs wants at least 300 MB.
disk_new() {
	truncate -s 320M "$1"
	case $2 in
	ext4) mke2fs -q -t ext4 -O ^resize_inode "$1" ;;
	xfs) mkfs.xfs -q "$1" ;;
	esac
}

# disk_drive NAME: what qemu is to take as the state disk.  With
# DISK=writeback it is served by a process that keeps in its memory what the
# machine did not flush, and dies with it.
disk_drive() {
	local drive=file=$1.disk,format=raw,cache=unsafe
	if [ "$(setting DISK "$1" file)" = writeback ]; then
		rm -f "$1.nbd"
		setpriv --pdeathsig KILL nbdkit -f -U "$1.nbd" --filter=cache \
			file "$1.disk" cache=writeback >>"$1.nbd.log" 2>&1 &
		DISK_SERVER[$1]=$!
		disown $!
		until_here "disk of $1" test -S "$1.nbd"
		drive="file=nbd+unix:///?socket=$1.nbd,format=raw,cache=writeback"
	fi
	DRIVE=$drive
}

until_here() {
	local end=$((SECONDS + WAIT_S)) what=$1
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || die "waited in vain for $what"
		sleep 0.05
	done
}

# machine_start NAME [VARIABLE=VALUE...]: power on; does not wait.
machine_start() {
	local name=$1 number=${NUMBER[$1]} fs to from more=()
	fs=$(setting FS "$name" ext4)
	[ -e "$name.disk" ] || disk_new "$name.disk" "$fs"
	[[ " ${EXPORT_AT:-server} " != *" $name "* ]] || {
		[ -e export.disk ] || disk_new export.disk ext4
		more=(-device "virtio-blk-pci,drive=export" -drive
			"if=none,id=export,file=export.disk,$EXPORT_DRIVE")
	}
	disk_drive "$name"
	rm -f "$name.in" "$name.out"
	mkfifo "$name.in" "$name.out"
	echo "awake $number" >&"$ORDERS"
	setpriv --pdeathsig KILL qemu-system-x86_64 -accel tcg -smp 1 \
		-M pc,usb=off,vmport=off \
		-m "${LAB_MEMORY:-224}" -nodefaults -no-user-config \
		-display none -no-reboot -cpu max \
		-kernel "$LAB_CACHE/vmlinux" -initrd "$IMAGE" -append "$(
			machine_words "$name" "$fs" "${@:2}"
		)" \
		-chardev "file,id=console,path=$name.console,append=on" \
		-serial chardev:console \
		-chardev "pipe,id=lab,path=$name" \
		-device virtio-serial-pci \
		-device virtserialport,chardev=lab,name=lab \
		-netdev "dgram,id=net,local.type=unix,local.path=vm$number,remote.type=unix,remote.path=hub$number" \
		-device "virtio-net-pci,netdev=net,romfile=,mac=52:54:00:00:00:0$number" \
		-drive "if=none,id=state,$DRIVE" \
		-device "virtio-blk-pci,drive=state" \
		"${more[@]}" </dev/null >>"$name.qemu" 2>&1 &
	QEMU[$name]=$!
	disown $! # or bash tells of every one that is killed
	exec {to}<>"$name.in" {from}<>"$name.out"
	TO[$name]=$to FROM[$name]=$from
}

# machine_words NAME FS [VARIABLE=VALUE...]: the kernel's command line; init
# finds the words in capitals in its environment.
machine_words() {
	echo "console=ttyS0 quiet loglevel=6 panic=-1 rdinit=/init" \
		"mitigations=off" \
		"no_timer_check clocksource=hpet nolapic_timer" \
		"NAME=$1 NUMBER=${NUMBER[$1]} LAB_GRACE=${GRACE:-20}" \
		"LAB_FS=$2 LAB_COMMIT=${COMMIT:-5}" \
		"STATD=$(setting STATD "$1" ours)" \
		"SM_NOTIFY=$(setting SM_NOTIFY "$1" ours)" \
		"LAB_FAMILY=${LAB_FAMILY:-4} LAB_NAMES=${LAB_NAMES:-files}" \
		"NFSDCLD=$(setting NFSDCLD "$1" debian)" \
		"NFSDCLTRACK=$(setting NFSDCLTRACK "$1" debian)" \
		"LAB_LEASE=${LEASE:-10}" \
		"${@:3}"
}

# machine_wait NAME...: until each takes commands.
machine_wait() {
	local name
	for name; do
		machine_wait_one "$name"
		say "$name is up"
	done
}

# A loaded host can be too slow for what the kernel measures while it boots;
# it panics then, before it has seen a disk, and qemu ends.  It is started
# again.
machine_wait_one() {
	local end=$((SECONDS + WAIT_S))
	until answer_read "$1" $end && [ "$ANSWER" = "=up 0" ]; do
		[ $SECONDS -lt $end ] || die "$1 does not boot"
		kill -0 "${QEMU[$1]}" 2>/dev/null || {
			say "$1 ended while it booted: again"
			machine_forget "$1"
			machine_start "$1"
		}
	done
}

# boot NAME...: all at once.
boot() {
	local name
	for name; do
		machine_start "$name"
	done
	machine_wait "$@"
}

# power_cut NAME...: power off, without a goodbye.
power_cut() {
	local name pids=()
	for name; do
		pids+=("${QEMU[$name]}")
		[ -z "${DISK_SERVER[$name]:-}" ] || pids+=("${DISK_SERVER[$name]}")
	done
	kill -KILL "${pids[@]}" 2>/dev/null || true
	say "cut: $*"
	for name; do
		machine_forget "$name"
	done
}

machine_forget() {
	local to from
	until_here "end of $1" is_ended "${QEMU[$1]}" "${DISK_SERVER[$1]:-}"
	unset "QEMU[$1]" "DISK_SERVER[$1]"
	to=${TO[$1]} from=${FROM[$1]}
	exec {to}>&- {from}>&-
}

# is_ended PID...: where empty, there was none.
is_ended() {
	local pid
	for pid; do
		[ -z "$pid" ] || ! kill -0 "$pid" || return 1
	done
}

# --- commands ------------------------------------------------------------------

# run_on MACHINE COMMAND: prints what it says, returns its status.
run_on() {
	local name=$1 sequence=$EPOCHREALTIME said='' end
	shift
	end=$((SECONDS + WAIT_S))
	printf '%s %s\n' "$sequence" "$*" >&"${TO[$name]}"
	while :; do
		answer_read "$name" "$end" || die "$name does not answer: $*"
		case $ANSWER in
		"=$sequence "*) break ;;
		*) said+=$ANSWER$'\n' ;;
		esac
	done
	printf '%s' "${said%%+($'\n')}"
	return "${ANSWER##* }"
}
shopt -s extglob

# answer_read MACHINE END: one line into ANSWER, until SECONDS is END or the
# machine is gone.  In pieces of a second, for bash heeds a signal in between;
# the second can end within the line.
answer_read() {
	local piece
	ANSWER=
	until IFS= read -r -t 1 -u "${FROM[$1]}" piece; do
		ANSWER+=$piece
		[ $SECONDS -lt "$2" ] && kill -0 "${QEMU[$1]}" 2>/dev/null ||
			return 1
	done
	ANSWER+=$piece
}

# on MACHINE COMMAND: must succeed.
on() {
	local said status=0
	said=$(run_on "$@") || status=$?
	[ -z "$said" ] || printf '%s\n' "$said"
	[ $status -eq 0 ] || die "$1: '${*:2}' failed ($status): $said"
}

# on_all MACHINE... -- COMMAND: at the same time.
on_all() {
	local name names=() pids=()
	while [ "$1" != -- ]; do
		names+=("$1")
		shift
	done
	for name in "${names[@]}"; do
		on "$name" "${*:2}" &
		pids+=($!)
	done
	for name in "${pids[@]}"; do
		wait "$name" || die "on ${names[*]}: ${*:2}"
	done
}

# tell MACHINE COMMAND: does not wait for its end; for one that may not live to
# see it.
tell() {
	printf 'tell %s\n' "${*:2}" >&"${TO[$1]}"
}

# --- power failures at a frame -------------------------------------------------

# cut_at grant|notice MACHINE VICTIM...: the first of these that MACHINE sends
# is the last thing that the VICTIMs do.
cut_at() {
	local name pids=()
	for name in "${@:3}"; do
		pids+=("${QEMU[$name]}")
		[ -z "${DISK_SERVER[$name]:-}" ] || pids+=("${DISK_SERVER[$name]}")
	done
	: >hub.said
	echo "kill-at $1 ${NUMBER[$2]} ${pids[*]}" >&"$ORDERS"
	until_here "the hub" grep -q armed hub.said
}

# was_cut VICTIM...: waits for it; prints the announced number, if any.
was_cut() {
	local name
	until_here "the frame that kills $*" grep -q killed hub.said
	say "cut: $* ($(tail -n 1 hub.said))"
	for name; do
		machine_forget "$name"
	done
}

announced() {
	awk '/killed at notice/ { print $4 }' hub.said
}

# --- packets -------------------------------------------------------------------

# frames FILTER: how many there were.  Every port is RPC's here (-d): a client's
# is random, and may be known to tshark as some other protocol's.  The last
# frame of a file that grows may not be whole: tshark fails then, and is asked
# again.
frames() {
	local tries=10 found
	until found=$(tshark -n -d tcp.port==1-65535,rpc \
		-d udp.port==1-65535,rpc -r pcap -Y "$1" \
		-T fields -e frame.number 2>>tshark.said); do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || die "tshark cannot read the frames"
		sleep 0.3
	done
	grep -c . <<<"$found" || true
}

# notices [FROM [TO]]: how many SM_NOTIFY calls there were between these
# addresses.
notices() {
	local filter='rpc.program == 100024 && rpc.procedure == 6'
	filter="$filter && rpc.msgtyp == 0${1:+ && ip.src == $1}"
	frames "$filter${2:+ && ip.dst == $2}"
}

# --- the usual scene -----------------------------------------------------------

# scene [CLIENT...]: server and clients (alice and bob), all services up, the
# export mounted on /mnt.
scene() {
	[ $# -gt 0 ] || set -- alice bob
	boot server "$@"
	on server server_up >/dev/null
	on_all "$@" -- "client_up && mount_up ${MOUNT:-}" >/dev/null
	say "mounted by $*"
}

# reboot NAME...: hard.
reboot() {
	power_cut "$@"
	boot "$@"
}

# try MACHINE FILE: what an application there hears that wants the lock.
try() {
	run_on "$1" "lk try /mnt/$2" || true
}

# --- the end -------------------------------------------------------------------

cleanup() {
	local status=$?
	trap '' INT TERM
	set +e
	[ $status -eq 0 ] || [ $status -eq 77 ] || FAILED+=(broken-off)
	[ $status -ne 0 ] || [ ${#FAILED[@]} -eq 0 ] || status=1
	kill -KILL "${QEMU[@]}" "${DISK_SERVER[@]}" "$HUB" 2>/dev/null
	printf '%s\n' "${FAILED[@]}" | sort -u | paste -sd ' ' \
		>"${FAILED_TO:-failed}"
	rm -f ./*.disk ./*.in ./*.out ./hub[1-9] ./vm[1-9] orders
	if [ $status -eq 0 ] && [ -z "${KEEP:-}" ]; then
		cd / && rm -rf "$ROOM"
	else
		say "logs: $ROOM"
	fi
	exit $status
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
set -eu
hub_start
