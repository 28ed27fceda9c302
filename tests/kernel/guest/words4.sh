# shellcheck shell=dash disable=SC2016,SC2034,SC2119,SC2120
# SPDX-License-Identifier: BSD-2-Clause
# Words for NFSv4, beside those of words.sh: an NFSv4 server has neither statd
# nor lockd, but a daemon or program that remembers its clients.

CLD_DIR=/var/lib/nfs/nfsdcld
CLTRACK_DIR=/var/lib/nfs/nfsdcltrack
LEGACY_DIR=/var/lib/nfs/v4recovery

# --- programs ----------------------------------------------------------------

# NFSDCLD and NFSDCLTRACK are ours, debian, nosync, debian-nosync (words.sh), or
#   none       there is no such program
#   forgets, debian-forgets   answers as it should, and keeps what it remembers
#              in memory
programs4_choose() {
	directories4
	program4_choose nfsdcld "$NFSDCLD"
	program4_choose nfsdcltrack "$NFSDCLTRACK"
}

# They belong to root, as packages make them: /var/lib/nfs belongs to statd, and
# root without its capabilities may not write there.
directories4() {
	[ ! -d $CLD_DIR ] || return 0
	mkdir -p $CLD_DIR $CLTRACK_DIR
	sync
}

program4_choose() {
	case $2 in
	none) rm -f "/sbin/$1" ;;
	forgets) forgetful "$1" ours ;;
	debian-forgets) forgetful "$1" debian ;;
	*) program_choose "$1" "$2" ;;
	esac
}

forgetful() {
	rm -f "/sbin/$1"
	printf '#!/bin/sh\nexec /opt/%s/%s -s /run/forgetful "$@"\n' \
		"$2" "$1" >"/sbin/$1"
	chmod 755 "/sbin/$1"
}

# --- the server ---------------------------------------------------------------

nfsd_files() {
	[ -e /proc/fs/nfsd/threads ] || mount -t nfsd none /proc/fs/nfsd
}

# As its unit: with nfsd's files mounted, from which it learns the directory of
# the legacy way.
cld_up() {
	nfsd_files
	[ -d /run/rpc_pipefs/nfsd ] ||
		mount -t rpc_pipefs sunrpc /run/rpc_pipefs
	spawn nfsdcld nfsdcld -F -p /run/rpc_pipefs
	wait_until 20 cld_is_ready
}

# It has opened the pipe, or waits for nfsd to make it.
cld_is_ready() {
	# shellcheck disable=SC2010 # no file names
	ls -l "/proc/$(cat /run/nfsdcld.pid)/fd" | grep -q 'inotify\|/cld'
}

# What nfsd uses since it was started last: nfsdcld, UMH, legacy; or nothing.
tracker() {
	dmesg | grep -o 'NFSD: \(Using .* client tracking\|Unable to init.*\)' |
		tail -n 1 | awk '{ print $2 == "Using" ? $3 : "none" }'
}

# nfsd gives nfsdcld one second to open the pipe; a busy host may need more.
nfsd4_start() {
	local tries=5
	rpc.nfsd -N 3 4
	[ -e /run/nfsdcld.pid ] && ! is_gone nfsdcld || return 0
	until [ "$(tracker)" = nfsdcld ]; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		say_it "nfsd has given up nfsdcld: again"
		rpc.nfsd 0
		rpc.nfsd -N 3 4
	done
}

# nfsd without NFSv3, and mountd, which knows the exports.
nfsd4_up() {
	nfsd_files
	echo "$LAB_GRACE" >/proc/fs/nfsd/nfsv4gracetime
	echo "$LAB_LEASE" >/proc/fs/nfsd/nfsv4leasetime
	echo "/export *(rw,sync,no_subtree_check,no_root_squash,fsid=1)" \
		>/etc/exports
	exportfs -r
	[ -e /run/mountd.pid ] || spawn mountd rpc.mountd -F -N 2 -N 3
	nfsd4_start
	say_it "nfsd is up, tracked by: $(tracker)"
}

server4_up() {
	[ ! -e /sbin/nfsdcld ] || cld_up
	nfsd4_up
}

# Once it has begun; where it is over already, the kernel says so.
grace4_end() {
	echo Y >/proc/fs/nfsd/v4_end_grace 2>/dev/null
	wait_until 20 eval '! is_in_grace4'
}

# --- a client -----------------------------------------------------------------

# ports_are PORT: of all connections from here.
ports_are() {
	echo "$1" >/proc/sys/sunrpc/max_resvport
	echo "$1" >/proc/sys/sunrpc/min_resvport
}

# mount4 VERSION [DIRECTORY]
mount4() {
	mkdir -p "${2:-/mnt}"
	mount.nfs 192.0.2.1:/export "${2:-/mnt}" -o "vers=$1,nosharecache"
}

# The kernel has told its log that it may not have a lock back.
is_lock4_lost() {
	dmesg | grep -q 'Lock reclaim failed\|lost [0-9]* locks'
}

# --- looking -------------------------------------------------------------------

is_in_grace4() {
	[ "$(head -c 1 /proc/fs/nfsd/v4_end_grace)" = N ]
}

# sql DIRECTORY WORDS: without changing anything; while somebody does, it waits.
sql() {
	sqlite3 -readonly -cmd '.timeout 20000' "$1/main.sqlite" "$2"
}

# records [current|recovery]: who may reclaim after the next reboot, or after
# the last: names of machines, from ids like "Linux NFSv4.1 alice.example" and
# "Linux NFSv4.0 192.0.2.2/192.0.2.1".
records() {
	sql "$CLD_DIR" "$(sql "$CLD_DIR" \
		"SELECT printf('SELECT CAST(id AS TEXT) FROM \"rec-%016x\"',
			${1:-current}) FROM grace")" | who
}

cltrack_records() {
	sql "$CLTRACK_DIR" 'SELECT CAST(id AS TEXT) FROM clients' | who
}

who() {
	sed -e 's/.*NFSv4.[0-9] //' -e 's/[/].*//' -e 's/[.]example.*//' \
		-e 's/192[.]0[.]2[.]2$/alice/' -e 's/192[.]0[.]2[.]3$/bob/' |
		sort | paste -s -d ' ' -
}
