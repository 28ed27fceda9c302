#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# When sm-notify ends the lock manager's grace period: with nobody to tell, as
# the first run of the boot, without -f, -n and -P, and unless lift-grace
# forbids it.  A file stands for that of the kernel.
set -eu
. "$(dirname "$0")/hosts.sh"

KERNEL=$ROOM/server/grace
DISK=$ROOM/server/disk

# boots: and the lock manager's grace period begins.
boots() {
	host_reboot server
	echo N >"$KERNEL"
	in_host server mount -t tmpfs none /proc/fs
	in_host server mkdir /proc/fs/lockd
	in_host server touch /proc/fs/lockd/nlm_end_grace
	in_host server mount --bind "$KERNEL" /proc/fs/lockd/nlm_end_grace
}

# grace_after WHAT STATE [OPTION...]: of a run; Y where it has ended.
grace_after() {
	notify_run server ours "${@:3}"
	is "$1" "$(head -c 1 "$KERNEL")" "$2"
}

two_hosts 4

boots
grace_after "nobody to tell" Y

mkdir "$ROOM/copy"
for option in -f -n "-P $ROOM/copy"; do
	boots
	# shellcheck disable=SC2086 # an option and its value
	grace_after "nobody to tell, with $option" N $option
done

boots
echo "[sm-notify]
lift-grace = n" >"$ROOM/server/etc/nfs.conf"
grace_after "nobody to tell, lift-grace = n" N
: >"$ROOM/server/etc/nfs.conf"
grace_after "nobody to tell, not the first run" N

boots
echo "0100007f 000186b5 00000003 00000010" \
	"70707070707070707070707070707070 192.0.2.2 server.example" \
	>"$DISK/sm/192.0.2.2"
statd_start client ours
grace_after "somebody to tell" N
wait_for "the peer to be told" is_told server 192.0.2.2
is "when all are told" "$(head -c 1 "$KERNEL")" N
