# shellcheck shell=dash disable=SC2016,SC2119,SC2120
# SPDX-License-Identifier: BSD-2-Clause
# What the scenarios say on a machine of the laboratory.  Sourced by its init.

# say_it WORDS...: into the console log.
say_it() {
	echo "lab: $*" >/dev/console
}

# wait_until SECONDS COMMAND...: repeats it until it succeeds.
wait_until() {
	local left=$(($1 * 5))
	shift
	until "$@" >/dev/null 2>&1; do
		left=$((left - 1))
		[ $left -gt 0 ] || {
			echo "waited in vain for: $*"
			return 1
		}
		sleep 0.2
	done
}

# spawn LABEL COMMAND...: in the background; its words go to the console, its
# pid to /run/LABEL.pid.
spawn() {
	local label=$1
	shift
	setsid sh -c 'echo $$ >"$0"; exec "$@"' "/run/$label.pid" "$@" \
		</dev/null >/dev/console 2>&1 3>&- &
	wait_until 5 test -s "/run/$label.pid"
}

# end LABEL [SIGNAL]
end() {
	kill "-${2:-TERM}" "$(cat "/run/$1.pid")"
	wait_until 10 is_gone "$1"
}

is_gone() {
	! kill -0 "$(cat "/run/$1.pid")" 2>/dev/null
}

# --- programs ----------------------------------------------------------------

# Which program stands in for which: STATD and SM_NOTIFY are
#   ours, debian     as built, as packaged
#   nosync, debian-nosync   the same with fsync and the like doing nothing
#   true             does nothing and says that all is well
programs_choose() {
	program_choose rpc.statd "$STATD"
	program_choose sm-notify "$SM_NOTIFY"
}

program_choose() {
	rm -f "/sbin/$1"
	case $2 in
	ours | debian) ln -s "/opt/$2/$1" "/sbin/$1" ;;
	true) printf '#!/bin/sh\nexit 0\n' >"/sbin/$1" ;;
	nosync) without_sync "$1" ours ;;
	debian-nosync) without_sync "$1" debian ;;
	*) say_it "no program $2/$1" ;;
	esac
	chmod 755 "/sbin/$1"
}

without_sync() {
	printf '#!/bin/sh\nLD_PRELOAD=/opt/nosync.so exec /opt/%s/%s "$@"\n' \
		"$2" "$1" >"/sbin/$1"
}

# --- services, in the order of Debian's units ----------------------------------

rpcbind_up() {
	spawn rpcbind rpcbind -f -w
	wait_until 20 rpcinfo -T udp 127.0.0.1 100000 2
}

# As rpc-statd.service has it.
statd_up() {
	RPC_STATD_NO_NOTIFY=1 spawn statd rpc.statd -F "$@"
	wait_until "${WAIT:-20}" rpcinfo -T tcp 127.0.0.1 100024 1
}

# Its database is empty at every boot: no NFSv4 client is remembered, so nfsd
# ends its own grace at once and lockd's alone is seen.
nfsdcld_up() {
	mkdir -p /run/rpc_pipefs /run/nfsdcld
	mount -t rpc_pipefs sunrpc /run/rpc_pipefs
	nfsdcld_start
	wait_until 20 nfsdcld_is_ready
}

nfsdcld_start() {
	spawn nfsdcld nfsdcld -F -p /run/rpc_pipefs -s /run/nfsdcld
}

# It waits for nfsd to make the pipe.
nfsdcld_is_ready() {
	# shellcheck disable=SC2010 # no file names
	ls -l "/proc/$(cat /run/nfsdcld.pid)/fd" | grep -q inotify
}

# nfsd gives nfsdcld one second to open the pipe; a busy host may need more.
nfsd_start() {
	local tries=5
	# shellcheck disable=SC2086 # words
	rpc.nfsd $LAB_NFSD 4
	[ "$LAB_CLD" != no ] || return 0
	until dmesg | grep NFSD: | tail -n 2 | grep -q nfsdcld; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		rpc.nfsd 0
		rpc.nfsd 4
	done
}

nfsd_up() {
	[ -e /proc/fs/nfsd/threads ] || mount -t nfsd none /proc/fs/nfsd
	echo "$LAB_GRACE" >/proc/fs/nfsd/nfsv4gracetime
	echo "$LAB_GRACE" >/proc/fs/nfsd/nfsv4leasetime
	echo "/export *(rw,sync,no_subtree_check,no_root_squash,fsid=1)" \
		>/etc/exports
	exportfs -r
	[ "$LAB_CLD" = no ] || [ -e /run/nfsdcld.pid ] || nfsdcld_up
	nfsd_start
	[ -e /run/mountd.pid ] || spawn mountd rpc.mountd -F
	wait_until 20 rpcinfo -T tcp 127.0.0.1 100005 3
	say_it "nfsd is up, grace ends: $(cat /proc/fs/lockd/nlm_end_grace)"
}

notify_up() {
	sm-notify "$@" >/dev/console 2>&1
}

server_up() {
	rpcbind_up && statd_up && nfsd_up && notify_up
}

client_up() {
	rpcbind_up && statd_up && notify_up
}

# mount_up [ADDRESS]: the export on /mnt, NFSv3.
mount_up() {
	local address=${1:-192.0.2.1} proto=tcp
	[ "$LAB_FAMILY" != 6 ] || {
		address=[${1:-2001:db8::1}]
		proto=tcp6
	}
	mount.nfs "$address:/export" /mnt \
		-o "vers=3,proto=$proto,mountproto=$proto,nosharecache"
}

# --- applications --------------------------------------------------------------

# lock_start FILE [wait]: an application that takes the lock and keeps it; what
# it says is in /run/lock.FILE.
lock_start() {
	setsid lk "${2:-hold}" "/mnt/$1" </dev/null >"/run/lock.$1" 2>&1 3>&- &
	echo $! >"/run/lk-$1.pid"
}

# lock FILE: the same, and it has it.  A server in grace makes it wait.
lock() {
	lock_start "$1"
	wait_until 120 is_locked "$1"
}

is_locked() {
	grep -q granted "/run/lock.$1"
}

# The kernel has told its log that a lock is lost.
is_lock_lost() {
	dmesg | grep -q 'failed to reclaim lock'
}

# --- looking -------------------------------------------------------------------

# peers [sm|sm.bak]: the peers with a record there, as lockd named them.
peers() {
	cat "/var/lib/nfs/${1:-sm}"/* 2>/dev/null | awk '{ print $(NF - 1) }' |
		sort -u
}

state_number() {
	od -An -t d4 -N 4 /var/lib/nfs/state | tr -d ' '
}

# How many locks on files of the export there are; nobody on the server itself
# takes any.
locks() {
	grep -c 'POSIX.* fe:10:' /proc/locks
}

is_in_grace() {
	[ "$(head -c 1 /proc/fs/lockd/nlm_end_grace)" = N ]
}
