#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A state directory that cannot be used: statd serves and refuses SM_MON, since
# without a statd lockd would grant locks that nobody remembers; its helper ends
# with it, however it ends; and once the directory is mended, it remembers.
# An error is never "nobody to tell".
set -eu
. "$(dirname "$0")/hosts.sh"

COOKIE=99999999999999999999999999999999
DISK=$ROOM/server/disk

# Processes of the server that are statd's, or its children's.
statds() {
	in_host server sh -c 'grep -lxE "rpc.statd|nsm-.*" /proc/[0-9]*/comm' | wc -l
}

none_is_left() {
	[ "$(statds)" -eq 0 ]
}

remembers() {
	[ "$(lockd server mon 192.0.2.2 "$COOKIE")" = "success state=3" ]
}

two_hosts 4
rmdir "$DISK/sm"
: >"$DISK/sm"

for signal in TERM KILL; do
	statd_start server ours -d
	is "SM_MON" "$(lockd server mon 192.0.2.2 "$COOKIE" || true)" \
		"fail state=-1"
	is "statd and its helper" "$(statds)" 2
	stop server statd "$signal"
	wait_for "the helper to end after SIG$signal" none_is_left
done

if notify_run server ours; then
	die "sm-notify took a directory that it cannot read for an empty one"
fi
say "ok: sm-notify says that it cannot read the directory"

statd_start server ours -d
rm "$DISK/sm"
wait_for "SM_MON after the directory was mended" remembers
is "monitored" "$(files server sm)" 192.0.2.2
