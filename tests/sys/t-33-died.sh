#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What rpc-statd.service does where rpc.statd has died: its entries leave
# rpcbind, so that the lock manager waits for the next one and does not refuse;
# but not those of another statd that lives, nor twice.  Why: kernel/k25.
set -eu
. "$(dirname "$0")/hosts.sh"

UNIT=$BUILD/systemd/rpc-statd.service

# stop_post END: as systemd does after an end of that kind.
stop_post() {
	local command
	command=$(sed -n 's/^ExecStopPost=-//p' "$UNIT" | sed 's/\$\$/$/g')
	in_host server env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		"EXIT_CODE=$1" sh -c "$command" >>"$ROOM/server/log/post" 2>&1
}

# registered: for how many transports.
registered() {
	in_host server rpcinfo -p 127.0.0.1 | grep -c '^ *100024 ' || true
}

two_hosts 4
statd_start server ours
is "while it lives" "$(registered)" 2
stop_post killed && die "done though one lives"
is "after another one has died beside it" "$(registered)" 2

stop server statd KILL
is "when it has died" "$(registered)" 2
stop_post exited
is "an end in order is none of its business" "$(registered)" 2
stop_post killed
is "afterwards" "$(registered)" 0

statd_start server ours
is "the next one" "$(registered)" 2
stop server statd TERM
is "when it was stopped" "$(registered)" 0
