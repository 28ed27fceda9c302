#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Process 1 of one boot of a test host (hosts.sh starts it in fresh PID and
# mount namespaces): an empty /run, the host's own disk, its own files in /etc,
# its boot id.  When it is killed, everything that runs on the host dies and
# its /run is gone, as in a power failure.
#
#   boot.sh DIR     DIR is what hosts.sh keeps of the host
set -eu

# $1 over $2, where the machine has $2 at all.
cover() {
	[ ! -e "$2" ] || mount --bind "$1" "$2"
}

# SAFETY: the machine's own lockd must not hear of what happens in a test.
hide_kernel() {
	for knobs in /proc/sys/fs/nfs /proc/fs/lockd /proc/fs/nfsd; do
		[ ! -d "$knobs" ] || mount -t tmpfs none "$knobs"
	done
	modprobe=$(readlink -f /sbin/modprobe || true)
	[ ! -x "$modprobe" ] || mount --bind "$1/modprobe" "$modprobe"
}

dir=$1
for file in hosts nfs.conf resolv.conf; do
	cover "$dir/etc/$file" "/etc/$file"
done
[ ! -d /etc/nfs.conf.d ] || mount -t tmpfs none /etc/nfs.conf.d
mount -t tmpfs -o mode=755 none /run
mkdir -m 755 /run/rpcbind
! getent passwd _rpc >/dev/null || chown _rpc /run/rpcbind
mount --bind "$dir/disk" /var/lib/nfs
mount --bind "$dir/boot_id" /proc/sys/kernel/random/boot_id
hide_kernel "$dir"
: >"$dir/is-up"

# The wait reaps every daemon that ends; a zombie would pass for alive.
while :; do
	sleep 3600 &
	wait
done
