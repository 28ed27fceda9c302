#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Debian's kernel and NFS server, downloaded with apt and unpacked into a
# directory of their own: nothing is installed, nothing here is booted.
#
#   fetch.sh DIR    makes DIR/vmlinux, DIR/modules/VERSION, DIR/root (the
#                   files of nfs-kernel-server); does nothing where DIR is
#                   complete
set -eu

KERNEL=linux-image-cloud-amd64
DIR=$1

# The package that the name without a version stands for today.
kernel_package() {
	apt-cache depends --important "$KERNEL" |
		awk '$1 == "Depends:" && $2 ~ /^linux-image-/ { print $2; exit }'
}

# download PACKAGE INTO: into an empty directory, so that there is one file.
download() {
	local room=$DIR.new/deb
	rm -rf "$room"
	mkdir -p "$room" "$2"
	(cd "$room" && apt-get -q download "$1" </dev/null) &&
		dpkg-deb -x "$room"/*.deb "$2" && rm -r "$room"
}

download_all() {
	download "$(kernel_package)" "$DIR.new/kernel" &&
		download nfs-kernel-server "$DIR.new/root"
}

# number FILE OFFSET SIZE: little endian.
number() {
	od -An -t "u$3" -j "$2" -N "$3" "$1" | tr -d ' '
}

# vmlinux_extract BZIMAGE: the ELF file inside, which qemu starts by itself
# (PVH): no boot loader, and no decompression by an emulated processor.
# Offsets: Documentation/arch/x86/boot.rst, setup_sects, payload_offset and
# payload_length; the last four bytes of the payload are its size.
vmlinux_extract() {
	local start length
	start=$((($(number "$1" 497 1) + 1) * 512 + $(number "$1" 584 4)))
	length=$(($(number "$1" 588 4) - 4))
	tail -c +$((start + 1)) "$1" | head -c "$length" | lz4 -dcq
}

[ ! -e "$DIR/complete" ] || exit 0
rm -rf "$DIR.new"
mkdir -p "$DIR.new"
# No lists of packages yet, or lists that name what is no longer there.
download_all || {
	apt-get -q update </dev/null
	download_all
}
vmlinux_extract "$DIR.new"/kernel/boot/vmlinuz-* >"$DIR.new/vmlinux"
mv "$DIR.new/kernel/lib/modules" "$DIR.new/modules"
rm -r "$DIR.new/kernel"
: >"$DIR.new/complete"
rm -rf "$DIR"
mv "$DIR.new" "$DIR"
