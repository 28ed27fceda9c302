#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Builds the initramfs of the laboratory's machines: busybox, the modules, the
# NFS programs of Debian, ours, and the helpers.
#
#   image.sh BUILD CACHE FILE   BUILD: our build tree; CACHE: of fetch.sh
set -eu

HERE=$(cd "$(dirname "$0")" && pwd)
BUILD=$1 CACHE=$2 FILE=$3
MODULES="virtio_pci virtio_mmio virtio_blk virtio_net virtio_console
	ext4 xfs nfsv3 nfsd nfsv4"
VERSION=$(basename "$CACHE"/modules/*)
ROOT=$(mktemp -d)
trap 'rm -rf "$ROOT"' EXIT

# The libraries of a program, in the directories where it looks for them.
libraries_copy() {
	local library
	ldd "$1" 2>/dev/null | grep -o '/[^ ]*' | while read -r library; do
		[ -e "$ROOT$library" ] || {
			mkdir -p "$ROOT${library%/*}"
			cp -L "$library" "$ROOT$library"
		}
	done
}

# program FILE TO: with its libraries.
program() {
	mkdir -p "$ROOT${2%/*}"
	cp -L "$1" "$ROOT$2"
	libraries_copy "$1"
}

# A file /modules/list of what to load, in order.
modules_copy() {
	local module file
	for module in $MODULES; do
		modprobe -d "$ROOT/all" -S "$VERSION" --show-depends "$module"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' |
		while read -r file; do
			module=$(basename "$file")
			cp "$file" "$ROOT/modules/$module"
			echo "$module"
		done >"$ROOT/modules/list"
}

modules() {
	mkdir -p "$ROOT/all/lib/modules" "$ROOT/modules"
	cp -rs "$CACHE/modules/$VERSION" "$ROOT/all/lib/modules/"
	depmod -b "$ROOT/all" "$VERSION"
	modules_copy
	rm -r "$ROOT/all"
}

busybox_links() {
	local applet
	program /bin/busybox /bin/busybox
	for applet in $(/bin/busybox --list); do
		[ "$applet" = busybox ] ||
			ln -s busybox "$ROOT/bin/$applet"
	done
}

debian_programs() {
	local name
	program /sbin/rpcbind /sbin/rpcbind
	program /usr/sbin/rpcinfo /sbin/rpcinfo
	program /sbin/mount.nfs /sbin/mount.nfs
	ln -s mount.nfs "$ROOT/sbin/umount.nfs"
	program /usr/bin/setpriv /sbin/setpriv
	program /usr/bin/flock /bin/flock
	for name in exportfs rpc.mountd rpc.nfsd; do
		program "$CACHE/root/usr/sbin/$name" "/sbin/$name"
	done
	program /sbin/rpc.statd /opt/debian/rpc.statd
	program /sbin/sm-notify /opt/debian/sm-notify
}

# For NFSv4: who remembers its clients, and what looks into their memory.
programs4() {
	program "$CACHE/root/usr/sbin/nfsdcld" /opt/debian/nfsdcld
	program "$CACHE/root/sbin/nfsdcltrack" /opt/debian/nfsdcltrack
	program "$BUILD/cltrack/nfsdcld" /opt/ours/nfsdcld
	program "$BUILD/cltrack/nfsdcltrack" /opt/ours/nfsdcltrack
	program /usr/bin/sqlite3 /sbin/sqlite3
	cp "$HERE/guest/words4.sh" "$ROOT/words4.sh"
}

our_programs() {
	program "$BUILD/statd/rpc.statd" /opt/ours/rpc.statd
	program "$BUILD/sm-notify/sm-notify" /opt/ours/sm-notify
	program "$BUILD/tests/kernel/lk" /sbin/lk
	program "$BUILD/tests/kernel/nsmtool" /sbin/nsmtool
	program "$BUILD/tests/kernel/nosync.so" /opt/nosync.so
	cp "$HERE/guest/init" "$ROOT/init"
	cp "$HERE/guest/words.sh" "$ROOT/words.sh"
	chmod 755 "$ROOT/init"
}

# What the programs look for in /etc; names and addresses come at boot.
etc() {
	mkdir -p "$ROOT/etc"
	cp /etc/netconfig /etc/services /etc/protocols /etc/rpc "$ROOT/etc"
	cat >"$ROOT/etc/passwd" <<-END
		root:x:0:0::/root:/bin/sh
		statd:x:101:65534::/var/lib/nfs:/bin/false
		_rpc:x:102:65534::/run/rpcbind:/bin/false
		nobody:x:65534:65534::/:/bin/false
	END
	printf 'root:x:0:\nnogroup:x:65534:\n' >"$ROOT/etc/group"
	echo 'multi on' >"$ROOT/etc/host.conf"
	echo 'hosts: files dns' >"$ROOT/etc/nsswitch.conf"
	: >"$ROOT/etc/nfs.conf"
	ln -s /proc/mounts "$ROOT/etc/mtab"
}

# The root directory's mode counts: our daemons give up root.
chmod 755 "$ROOT"
(cd "$ROOT" && mkdir -p bin sbin usr dev proc sys run tmp root mnt export \
	var/lib/nfs && ln -s ../run var/run && ln -s ../sbin usr/sbin &&
	ln -s ../bin usr/bin && chmod 1777 tmp)
busybox_links
debian_programs
our_programs
programs4
modules
etc
(cd "$ROOT" && find . | cpio -o -H newc -R 0:0 --quiet) >"$FILE.new"
mv "$FILE.new" "$FILE"
